"""MPEG-1/2 Layer III by LAME: voice notes, downloads, podcast rips."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_ffmpeg

_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Mp3(Channel):
    bit_rate: int = 64_000
    """Constant bit rate, bit/s (mono)."""
    inner_rate: int | None = None
    """Rate the encoder runs at, Hz; None: the nearest MP3 rate not below the signal's."""

    family: ClassVar[str] = "mp3"

    @property
    def name(self) -> str:
        return f"mp3-{self.bit_rate // 1000}k"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        inner = self.inner_rate or min((r for r in _RATES if r >= rate), default=48000)
        sound = at_rate(samples, rate, inner)
        decoded = through_ffmpeg(sound, inner, "libmp3lame", "mp3float", sample_format="fltp", bit_rate=self.bit_rate)
        return convert(decoded, inner, rate)
