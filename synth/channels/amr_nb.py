"""3GPP AMR narrow band, 4.75 to 12.2 kbit/s at 8 kHz, by opencore-amr: mobile calls and voice notes of older phones."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_ffmpeg


@dataclass(frozen=True)
class AmrNb(Channel):
    bit_rate: int = 12_200
    """One of 4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200 bit/s."""

    family: ClassVar[str] = "amr_nb"

    @property
    def name(self) -> str:
        return f"amr-nb-{self.bit_rate / 1000:g}k"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        decoded = through_ffmpeg(
            at_rate(samples, rate, 8000),
            8000,
            "libopencore_amrnb",
            "amrnb",
            sample_format="s16",
            bit_rate=self.bit_rate,
        )
        return convert(decoded, 8000, rate)
