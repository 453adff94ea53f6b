"""Another pitch at the same duration: voice changers, video editors."""

from dataclasses import dataclass
from typing import ClassVar

import soxr

from synth.channels.base import Channel, FloatArray
from synth.channels.tempo import at_tempo


@dataclass(frozen=True)
class Pitch(Channel):
    semitones: float = 1.0
    """Up, or with a minus down."""

    family: ClassVar[str] = "pitch"

    @property
    def name(self) -> str:
        return f"pitch{self.semitones:+g}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        factor = 2 ** (self.semitones / 12)
        longer = at_tempo(samples, rate, 1 / factor)
        out: FloatArray = soxr.resample(longer, factor, 1.0, quality="HQ").astype("float32")
        return out
