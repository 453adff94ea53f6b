"""Clips and signals for the tests of the methods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from forensics.records import Finding

DATA = Path(__file__).parents[2] / "data"
HUMAN = (
    "001.wav", "002.wav", "003.wav", "004.wav", "005.wav", "vm-intro.wav",
    "sense_and_sensibility_01_austen_64kb-0870.wav", "sense_and_sensibility_01_austen_64kb-0880.wav",
    "sense_and_sensibility_01_austen_64kb-0890.wav", "sense_and_sensibility_01_austen_64kb-0930.wav",
)  # fmt: skip
"""Unedited human recordings of tests/data: spoken cards, a LibriVox reader, a telephone prompt."""
READING = "sense_and_sensibility_01_austen_64kb-0870.wav"
OTHER_READING = "sense_and_sensibility_01_austen_64kb-0890.wav"

Samples = NDArray[np.float64]
Examine = Callable[..., Finding]


def clip(name: str) -> tuple[Samples, int]:
    """Samples [time] (±1) and rate of a clip of tests/data."""
    samples, rate = soundfile.read(next(DATA.rglob(name)), dtype="float64")
    return samples, rate


def room_noise(seconds: float, rate: int, level_db: float, seed: int) -> Samples:
    """White noise at an RMS level in dBFS."""
    rng = np.random.default_rng(seed)
    noise: Samples = rng.normal(0.0, 10 ** (level_db / 20), round(seconds * rate))
    return noise
