"""Fewer bits per sample, without dither: old sound cards, games, answering machines."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Quantise(Channel):
    bits: int = 8
    """Of a sample; full scale is 1."""

    family: ClassVar[str] = "quantise"

    @property
    def name(self) -> str:
        return f"quantise-{self.bits}bit"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        steps = 2.0 ** (self.bits - 1)
        return (np.clip(np.round(samples * steps), -steps, steps - 1) / steps).astype(np.float32)
