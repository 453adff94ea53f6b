"""The listener's filters, found on a little speech: a tile counts for itself, and its neighbours against it."""

from pathlib import Path

import numpy as np
import pytest

from synth.audio import read
from synth.channels import Gain
from synth.train import watermark
from synth.watermark.listening import REACH_BANDS, REACH_FRAMES

DATA = Path(__file__).parents[2] / "data"


def test_a_tile_counts_for_itself_and_its_neighbours_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "CHANNELS", (Gain(1.0),))
    sound = read(DATA / "sense_and_sensibility_01_austen_64kb-0870.wav", 16_000).mono
    found = watermark.filters([sound, sound], seed=3)
    assert found.shape == (4, 5, 15)
    for part in found[1:]:
        assert np.unravel_index(part.argmax(), part.shape) == (REACH_BANDS, REACH_FRAMES)
        assert part[REACH_BANDS - 1, REACH_FRAMES] < 0
        assert part[REACH_BANDS + 1, REACH_FRAMES] < 0
