"""Through another sample rate and back, or under a low-pass: what editing and uploading do to the band."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, convert


@dataclass(frozen=True)
class Resample(Channel):
    inner_rate: int = 8000
    """Rate in between, Hz; the band ends near 0.46 of it."""

    family: ClassVar[str] = "resample"

    @property
    def name(self) -> str:
        return f"resample-{self.inner_rate / 1000:g}k"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        return convert(convert(samples, rate, self.inner_rate), self.inner_rate, rate)
