"""ITU-T G.711: the fixed telephone network, 8 kHz, A-law (Europe) or µ-law (North America, Japan).

The band of a telephone line, 300 to 3400 Hz, is cut first, as the network's input filter does.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.signal

from synth.channels.base import Channel, FloatArray, at_rate, convert
from synth.channels.codec import through_libsndfile


@dataclass(frozen=True)
class G711(Channel):
    law: str = "a"
    """"a" or "mu"."""

    family: ClassVar[str] = "g711"

    @property
    def name(self) -> str:
        return f"g711-{self.law}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        line = scipy.signal.sosfiltfilt(_LINE, np.pad(at_rate(samples, rate, 8000), 400))[400:-400]
        coded = through_libsndfile(
            np.clip(line, -1, 1).astype(np.float32), 8000, "WAV", {"a": "ALAW", "mu": "ULAW"}[self.law]
        )
        return convert(coded, 8000, rate)


_LINE = scipy.signal.butter(3, (300, 3400), "bandpass", fs=8000, output="sos")
