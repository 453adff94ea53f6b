"""A room: direct sound, then noise that decays exponentially.

Source of the model: J.-D. Polack, "La transmission de l'énergie sonore dans les salles", thesis, 1988.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import scipy.signal

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Room(Channel):
    t60_s: float = 0.4
    """Time in which the reverberant sound falls by 60 dB, seconds."""
    direct_db: float = 3.0
    """Energy of the direct sound over the energy of the reverberation, dB."""

    family: ClassVar[str] = "room"

    @property
    def name(self) -> str:
        return f"room-{self.t60_s:g}s"

    def response(self, rate: int, seed: int) -> FloatArray:
        """Impulse response [time]; the direct sound is sample 0 with gain 1."""
        rng = np.random.default_rng(seed)
        t = np.arange(int(self.t60_s * rate)) / rate
        tail = rng.standard_normal(t.size) * 10 ** (-3 * t / self.t60_s) * (t > 0.0025)
        tail *= 10 ** (-self.direct_db / 20) / max(float(np.sqrt(np.sum(tail**2))), 1e-12)
        tail[0] = 1.0
        return tail.astype(np.float32)

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        wet = scipy.signal.fftconvolve(samples, self.response(rate, seed))[: samples.size]
        level = np.sqrt(np.mean(samples**2) / max(float(np.mean(wet**2)), 1e-20))
        out: FloatArray = (wet * level).astype(np.float32)
        return out
