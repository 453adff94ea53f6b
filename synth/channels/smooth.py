"""A moving average over some samples: the crudest low-pass, with deep notches at multiples of rate / width."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.ndimage

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Smooth(Channel):
    width: int = 40
    """Samples that are averaged."""

    family: ClassVar[str] = "smooth"

    @property
    def name(self) -> str:
        return f"smooth-{self.width}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        out = scipy.ndimage.uniform_filter1d(samples.astype(np.float64), self.width, mode="constant")
        smooth: FloatArray = out.astype(np.float32)
        return smooth
