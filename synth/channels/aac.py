"""AAC-LC by FFmpeg's own encoder: phone recordings, video tracks, messengers."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_ffmpeg

_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Aac(Channel):
    bit_rate: int = 48_000
    """Bit rate, bit/s (mono)."""
    inner_rate: int | None = None
    """Rate the encoder runs at, Hz; None: the nearest AAC rate not below the signal's."""

    family: ClassVar[str] = "aac"

    @property
    def name(self) -> str:
        return f"aac-{self.bit_rate // 1000}k"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        inner = self.inner_rate or min((r for r in _RATES if r >= rate), default=48000)
        decoded = through_ffmpeg(
            at_rate(samples, rate, inner), inner, "aac", "aac", sample_format="fltp", bit_rate=self.bit_rate
        )
        return convert(decoded, inner, rate)
