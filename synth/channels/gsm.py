"""GSM 06.10 full rate, 13 kbit/s at 8 kHz, by libgsm inside libsndfile: calls of the 1990s, old recorders."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_libsndfile


@dataclass(frozen=True)
class Gsm(Channel):
    family: ClassVar[str] = "gsm"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        return convert(through_libsndfile(at_rate(samples, rate, 8000), 8000, "WAV", "GSM610"), 8000, rate)
