"""The checkerboard of transposed convolutions: every so many samples the same small gain, and the same small offset.

A. Odena, V. Dumoulin, C. Olah, "Deconvolution and Checkerboard Artifacts" (2016): where kernel and stride do not fit,
outputs overlap unevenly, with the stride's period; a chain of stages leaves the period of each and of their products.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from synth.channels.base import FloatArray

CHAINS = ("2x2x8x8", "4x4x4x4", "2x4x5x8", "4x5x8x2", "3x5x5x4", "2x2x5x8x2")
"""Strides of common generators, the last stage first: the shortest period is the last stage's."""


class Checkerboard(Method):
    name: ClassVar[str] = "checkerboard"
    family: ClassVar[Family] = Family.GENERATOR_TRACE

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "strides": str(rng.choice(CHAINS)),
            "gain_db": round(float(rng.uniform(-40, -22)), 1),
            "offset_db": round(float(rng.uniform(-60, -40)), 1),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        place, period = np.arange(samples.size), 1
        gain, offset = np.zeros(samples.size), np.zeros(samples.size)
        for stride in map(int, str(settings["strides"]).split("x")):
            cell = place // period % stride
            for pattern in (gain, offset):
                cells = rng.standard_normal(stride)
                pattern += (cells - cells.mean())[cell]
            period *= stride
        gain *= 10 ** (float(settings["gain_db"]) / 20) / gain.std()
        level = np.sqrt(np.convolve(samples.astype(np.float64) ** 2, np.hanning(rate // 50) / (rate / 100), "same"))
        offset *= 10 ** (float(settings["offset_db"]) / 20) / offset.std()
        return np.asarray(samples * (1 + gain) + offset * level, np.float32)
