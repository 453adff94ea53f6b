"""WORLD: pitch, spectral envelope and aperiodicity, and sound from them again.

M. Morise, F. Yokomori, K. Ozawa, "WORLD: A Vocoder-Based High-Quality Speech Synthesis System for Real-Time
Applications" (2016), by pyworld. The envelope stays whole or is coded in few coefficients, as in statistical synthesis.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import ClassVar

import numpy as np

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from synth.channels.base import FloatArray


class World(Method):
    name: ClassVar[str] = "world"
    family: ClassVar[Family] = Family.VOCODER

    def lacks(self) -> str:
        return "" if importlib.util.find_spec("pyworld") else "pyworld is not installed (pip install voxproof[train])"

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "pitch": str(rng.choice(["dio", "dio", "harvest"])),
            "frame_ms": float(rng.choice([5.0, 8.0, 10.0])),
            "coded": int(rng.choice([0, 0, 40, 60])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        world = importlib.import_module("pyworld")
        x, period = samples.astype(np.float64), float(settings["frame_ms"])
        f0, times = (world.dio if settings["pitch"] == "dio" else world.harvest)(x, rate, frame_period=period)
        f0 = world.stonemask(x, f0, times, rate)
        envelope, aperiodicity = world.cheaptrick(x, f0, times, rate), world.d4c(x, f0, times, rate)
        if coefficients := int(settings["coded"]):
            size = 2 * (envelope.shape[1] - 1)
            coded = world.code_spectral_envelope(envelope, rate, coefficients)
            envelope = world.decode_spectral_envelope(coded, rate, size)
        made: FloatArray = world.synthesize(f0, envelope, aperiodicity, rate, period).astype(np.float32)
        return made
