"""What upsampling without a good filter leaves: mirrored replicas of the low band in the high one.

A generator raises its rate by transposed convolutions or by repeating values; both are zero insertion and a short
filter, and what the filter lets through is copies of the spectrum (J. Pons et al., "Upsampling Artifacts in Neural
Audio Synthesis", 2021). The recording's own low band is raised so, and only the replicas are added to it.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import soxr

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from synth.channels.base import FloatArray, fit


class Replicas(Method):
    name: ClassVar[str] = "replicas"
    family: ClassVar[Family] = Family.GENERATOR_TRACE

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "stride": int(rng.choice([2, 2, 4, 5, 8])),
            "filter": str(rng.choice(["repeat", "linear", "learnt"])),
            "below_db": round(float(rng.uniform(0, 18)), 1),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        stride = int(settings["stride"])
        low = soxr.resample(samples, stride, 1, quality="HQ").astype(np.float32)
        raised = fit(np.repeat(low, stride) * (np.arange(low.size * stride) % stride == 0), samples.size)
        taps = _filter(str(settings["filter"]), stride, rng)
        coarse = np.convolve(raised, taps, "full")[taps.size // 2 :][: samples.size]
        smooth = fit(soxr.resample(low, 1, stride, quality="HQ").astype(np.float32), samples.size)
        band = np.fft.rfftfreq(samples.size, 1 / rate) > 0.5 * rate / stride  # above what the low band holds
        images = np.fft.irfft(np.fft.rfft(coarse) * band, samples.size)
        strength = 10 ** (-float(settings["below_db"]) / 20)
        above = samples - smooth
        return np.asarray(smooth + (1 - 0.5 * strength) * above + strength * images, np.float32)


def _filter(kind: str, stride: int, rng: Rng) -> FloatArray:
    """Taps [n] whose sum is the stride."""
    if kind == "repeat":
        taps = np.ones(stride)
    elif kind == "linear":
        taps = np.convolve(np.ones(stride), np.ones(stride)) / stride
    else:  # a transposed convolution of twice the stride, as training leaves it: smooth, but not quite
        taps = np.hanning(2 * stride + 2)[1:-1] * (1 + 0.3 * rng.standard_normal(2 * stride))
        taps *= stride / taps.sum()
    return taps.astype(np.float32)
