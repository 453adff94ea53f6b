"""Ogg Vorbis by libvorbis inside libsndfile: games, older Android recorders, Wikimedia."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate
from synth.channels.codec import through_libsndfile


@dataclass(frozen=True)
class Vorbis(Channel):
    quality: float = 0.3
    """0 (smallest) to 1 (best)."""

    family: ClassVar[str] = "vorbis"

    @property
    def name(self) -> str:
        return f"vorbis-q{self.quality:g}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        return through_libsndfile(at_rate(samples, rate, rate), rate, "OGG", "VORBIS", compression=1.0 - self.quality)
