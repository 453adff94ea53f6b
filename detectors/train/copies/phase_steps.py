"""Phases rounded to few values, magnitudes as they were: what is left when a model describes phase coarsely."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import istft, stft
from synth.channels.base import FloatArray


class PhaseSteps(Method):
    name: ClassVar[str] = "phase-steps"
    family: ClassVar[Family] = Family.GENERATOR_TRACE

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "window": int(rng.choice([400, 512, 1024, 1280])),
            "overlap": int(rng.choice([2, 4])),
            "steps": int(rng.choice([2, 3, 4, 6, 8])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        size, step = int(settings["window"]), 2 * np.pi / int(settings["steps"])
        hop = size // int(settings["overlap"])
        spectra = stft(samples, size, hop)
        coarse = np.rint((np.angle(spectra) - step / 4) / step) * step + step / 4  # a quarter on: never all real
        return istft(np.abs(spectra) * np.exp(1j * coarse), size, hop, samples.size)
