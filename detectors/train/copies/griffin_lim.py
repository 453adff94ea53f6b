"""Griffin-Lim: phases sought for magnitudes, all of them or those that mel bands leave.

D. Griffin, J. Lim, "Signal Estimation from Modified Short-Time Fourier Transform" (1984); the fast version with
momentum: N. Perraudin, P. Balazs, P. Søndergaard, "A Fast Griffin-Lim Algorithm" (2013).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.inference import mel_filters
from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import istft, stft
from synth.channels.base import FloatArray

FASTER = 0.99
"""Momentum of the fast version, as its authors recommend."""


class GriffinLim(Method):
    """The classic projections."""

    name: ClassVar[str] = "griffin-lim"
    family: ClassVar[Family] = Family.VOCODER
    momentum: ClassVar[float] = 0.0

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "window": int(rng.choice([512, 800, 1024, 2048])),
            "overlap": int(rng.choice([4, 4, 8])),
            "mels": int(rng.choice([0, 80, 100, 128])),
            "rounds": int(rng.integers(8, 61)),
            "phases": str(rng.choice(["random", "random", "zero"])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        size = int(settings["window"])
        hop, mels = size // int(settings["overlap"]), int(settings["mels"])
        magnitude = np.abs(stft(samples, size, hop))
        if mels:
            filters = mel_filters(mels, size, rate)
            inverse = np.linalg.pinv(filters).astype(np.float32)
            magnitude = np.maximum(magnitude @ filters.T @ inverse.T, 0)
        turns = np.zeros(magnitude.shape, np.float32)
        if settings["phases"] != "zero":
            turns = rng.random(magnitude.shape, dtype=np.float32)
        spectra = magnitude * np.exp(2j * np.pi * turns)
        before = np.zeros_like(spectra)
        for _ in range(int(settings["rounds"])):
            consistent = stft(istft(spectra, size, hop, samples.size), size, hop)
            ahead = consistent + self.momentum * (consistent - before)
            before = consistent
            spectra = magnitude * ahead / np.maximum(np.abs(ahead), 1e-9)
        return istft(spectra, size, hop, samples.size)


class FastGriffinLim(GriffinLim):
    """With momentum: the same distance in fewer rounds, and other residues."""

    name: ClassVar[str] = "fast-griffin-lim"
    momentum: ClassVar[float] = FASTER
