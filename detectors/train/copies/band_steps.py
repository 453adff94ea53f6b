"""Coarse magnitudes band by band: a transform codec with few bits, empty bands filled with noise or left empty.

The transform: J. Princen, A. Johnson, A. Bradley, "Subband/Transform Coding Using Filter Bank Designs Based on Time
Domain Aliasing Cancellation" (1987). Not a codec anybody uses: those are in synth.channels.
"""

from __future__ import annotations

import itertools
from typing import ClassVar

import numpy as np

from detectors.train.copies.base import Doubles, Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import added
from synth.channels.base import FloatArray

BANDS = 24


class BandSteps(Method):
    name: ClassVar[str] = "band-steps"
    family: ClassVar[Family] = Family.PROCESSED

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "hop": int(rng.choice([160, 256, 320, 480])),
            "levels": round(float(rng.uniform(0.7, 2.5)), 2),
            "fill": str(rng.choice(["noise", "noise", "none"])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        hop = int(settings["hop"])
        basis = cosines(hop)
        frames = -(-samples.size // hop) + 1
        padded = np.pad(samples, (hop, frames * hop - samples.size))
        pieces = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
        coefficients = pieces @ basis
        edges = np.unique(np.rint(np.geomspace(1, hop + 1, BANDS + 1)).astype(int)) - 1
        for low, high in itertools.pairwise(edges):
            band = coefficients[:, low:high]
            strength = np.sqrt((band**2).mean(1, keepdims=True))
            # a falling share of bits: the same steps for all bands would sound like telephony, not like a codec
            step = 2 * strength / (float(settings["levels"]) * (1.6 - low / hop)) + 1e-9
            rounded = np.rint(band / step) * step
            if settings["fill"] == "noise":
                empty = (rounded == 0).all(1, keepdims=True)
                rounded = np.where(empty, 0.7 * strength * rng.choice([-1.0, 1.0], band.shape), rounded)
            coefficients[:, low:high] = rounded
        return added(coefficients @ basis.T, hop)[hop : hop + samples.size].astype(np.float32)


def cosines(hop: int) -> Doubles:
    """Windowed basis [2 * hop, hop]; analysis, synthesis and overlap-add with it give the sound back."""
    n, k = np.arange(2 * hop)[:, None], np.arange(hop)[None]
    window = np.sin(np.pi * (n + 0.5) / (2 * hop))
    basis: Doubles = window * np.sqrt(2 / hop) * np.cos(np.pi / hop * (n + 0.5 + hop / 2) * (k + 0.5))
    return basis
