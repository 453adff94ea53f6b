"""What a channel is: something sound passes on its way to us, with frozen parameters and a seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import soxr

from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
"""Samples, float32, full scale 1.0."""


class Channel(ABC):
    """One transmission, storage or acoustic step. Frozen parameters; the same seed gives the same samples.

    Subclasses are frozen dataclasses and implement `transmit`. What comes out has the length, the rate and the timing
    of what went in (an encoder's delay is taken out), so that labels on the time axis stay true.
    """

    family: ClassVar[str]
    """Key in the registry `CHANNELS`."""

    @property
    def name(self) -> str:
        """Family and parameters, for tables: `mp3-32k`, `noise-15dB`."""
        return self.family

    @abstractmethod
    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        """Samples [time] at `rate` Hz -> samples [about time] at `rate` Hz, aligned."""

    def __call__(self, samples: FloatArray, rate: int, seed: int = 0) -> tuple[FloatArray, int]:
        """Samples [time] at `rate` Hz -> (samples [time] at the same rate, the rate)."""
        if samples.ndim != 1:
            raise VoxproofError(f"channel {self.name} takes mono samples [time], not shape {samples.shape}")
        if samples.size == 0:
            return np.zeros(0, np.float32), rate
        out = self.transmit(np.ascontiguousarray(samples, np.float32), rate, seed)
        return fit(out, samples.size), rate


def fit(samples: FloatArray, length: int) -> FloatArray:
    """Cut or zero-pad at the end: samples [time] -> [length]."""
    if samples.size >= length:
        return np.ascontiguousarray(samples[:length], np.float32)
    return np.concatenate([samples, np.zeros(length - samples.size, np.float32)]).astype(np.float32)


def convert(samples: FloatArray, rate: int, to: int) -> FloatArray:
    """Sample-rate conversion by soxr (linear phase, no delay): [time] at `rate` -> [about time * to / rate]."""
    if rate == to:
        return samples
    out: FloatArray = soxr.resample(samples, rate, to, quality="HQ").astype(np.float32)
    return out


def at_rate(samples: FloatArray, rate: int, inner: int) -> FloatArray:
    """Into a codec that runs at `inner` Hz: converted and kept below full scale (codecs clip)."""
    return np.clip(convert(samples, rate, inner), -1.0, 1.0).astype(np.float32)
