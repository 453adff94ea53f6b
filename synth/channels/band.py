"""A band-pass, high-pass or low-pass filter without delay: telephone bands, rumble filters, a loudspeaker in a wall."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.signal

from synth.channels.base import Channel, FloatArray
from synth.errors import VoxproofError


@dataclass(frozen=True)
class Band(Channel):
    low_hz: float | None = 300.0
    """Lower border, Hz; None: a low-pass."""
    high_hz: float | None = 3400.0
    """Upper border, Hz; None, or not below half of the rate: a high-pass."""

    family: ClassVar[str] = "band"

    @property
    def name(self) -> str:
        return f"band-{self.low_hz or 0:g}-{'up' if self.high_hz is None else f'{self.high_hz:g}'}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        high = self.high_hz if self.high_hz is not None and self.high_hz < 0.49 * rate else None
        if self.low_hz is not None and not 0 < self.low_hz < min(high or rate / 2, rate / 2):
            raise VoxproofError(f"{self.name} leaves nothing of a sound at {rate} Hz")
        if self.low_hz is None and high is None:
            return samples
        if self.low_hz is None:
            sos = scipy.signal.butter(4, high, "lowpass", fs=rate, output="sos")
        elif high is None:
            sos = scipy.signal.butter(4, self.low_hz, "highpass", fs=rate, output="sos")
        else:
            sos = scipy.signal.butter(4, (self.low_hz, high), "bandpass", fs=rate, output="sos")
        padding = min(samples.size - 1, rate // 10)
        out: FloatArray = scipy.signal.sosfiltfilt(sos, samples, padlen=padding).astype(np.float32)
        return out
