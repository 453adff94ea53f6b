"""Another level, clipped at full scale; with a negative factor the polarity is turned."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Gain(Channel):
    factor: float = 10.0
    """Every sample is multiplied by it and then limited to -1 to 1."""

    family: ClassVar[str] = "gain"

    @property
    def name(self) -> str:
        return f"gain-x{self.factor:g}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        out: FloatArray = np.clip(np.float32(self.factor) * samples, -1.0, 1.0).astype(np.float32)
        return out
