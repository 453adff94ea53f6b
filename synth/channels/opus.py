"""Opus by libopus: WhatsApp and Telegram voice notes, calls over the internet, WebM."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_ffmpeg


@dataclass(frozen=True)
class Opus(Channel):
    bit_rate: int = 24_000
    """Target bit rate, bit/s (mono). 12 kbit/s is about a medium-band call, 24 a voice note."""
    application: str = "voip"
    """libopus application: voip, audio or lowdelay."""

    family: ClassVar[str] = "opus"

    @property
    def name(self) -> str:
        return f"opus-{self.bit_rate // 1000}k"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        decoded = through_ffmpeg(
            at_rate(samples, rate, 48000),
            48000,
            "libopus",
            "libopus",
            sample_format="flt",
            bit_rate=self.bit_rate,
            options=(("application", self.application),),
        )
        return convert(decoded, 48000, rate)
