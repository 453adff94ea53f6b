"""Stationary background noise with a chosen spectrum at a stated ratio to the whole signal's power."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Noise(Channel):
    snr_db: float = 20.0
    """Power of the signal over power of the noise, dB, both over the whole length."""
    slope_db: float = 0.0
    """Tilt of the noise spectrum, dB per octave above 50 Hz: 0 white, -3 pink, -6 brown."""

    family: ClassVar[str] = "noise"

    @property
    def name(self) -> str:
        return f"noise-{self.snr_db:g}dB"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        rng = np.random.default_rng(seed)
        spectrum = np.fft.rfft(rng.standard_normal(samples.size))
        hz = np.maximum(np.fft.rfftfreq(samples.size, 1 / rate), 50.0)
        noise = np.fft.irfft(spectrum * (hz / 50.0) ** (self.slope_db / 6.0206), samples.size)
        power = float(np.mean(samples.astype(np.float64) ** 2))
        gain = np.sqrt(power / 10 ** (self.snr_db / 10) / max(float(np.mean(noise**2)), 1e-30))
        out: FloatArray = (samples + gain * noise).astype(np.float32)
        return out
