"""ITU-T G.722 at 64 kbit/s: wide-band telephony (7 kHz), office phones, broadcast lines."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_ffmpeg


@dataclass(frozen=True)
class G722(Channel):
    family: ClassVar[str] = "g722"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        decoded = through_ffmpeg(at_rate(samples, rate, 16000), 16000, "g722", "g722", sample_format="s16")
        return convert(decoded, 16000, rate)
