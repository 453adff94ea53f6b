"""Cepstral vocoder: a smooth envelope from few cepstral or mel-cepstral coefficients, minimum phase, pulses or noise.

A. Oppenheim, "Speech Analysis-Synthesis System Based on Homomorphic Filtering" (1969); on the mel axis:
S. Imai, "Cepstral Analysis Synthesis on the Mel Frequency Scale" (1983); here by interpolation, not by an MLSA filter.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.fft

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import excitation, filtered, minimum_phase, pitch_track, stft
from synth.channels.base import FloatArray

SIZE = 1024


class Cepstrum(Method):
    name: ClassVar[str] = "cepstrum"
    family: ClassVar[Family] = Family.VOCODER

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "coefficients": int(rng.choice([24, 32, 40])),
            "axis": str(rng.choice(["mel", "mel", "linear"])),
            "hop_ms": int(rng.choice([5, 8, 10])),
            "noise_above_hz": int(rng.choice([3000, 4500, 6000, 48_000])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        hop = int(settings["hop_ms"]) * rate // 1000
        magnitude = np.abs(stft(samples, SIZE, hop))
        log = np.log(magnitude + 1e-5)
        bins = np.arange(log.shape[1])
        axis = bins.astype(np.float64)
        if settings["axis"] == "mel":
            mel = 2595 * np.log10(1 + np.linspace(0, rate / 2, bins.size) / 700)
            axis = mel / mel[-1] * bins[-1]  # where each bin lies on the bent axis
        places = np.interp(bins, axis, bins)  # and which bin lies at each place of it
        bent = _between(log, places)
        cepstra = scipy.fft.dct(bent, type=1, axis=1, orthogonalize=False)
        cepstra[:, int(settings["coefficients"]) :] = 0
        smooth = _between(scipy.fft.idct(cepstra, type=1, axis=1, orthogonalize=False), axis)
        # as strong as the frame was: pulses have their energy in few peaks, which the mean of logarithms passes over
        power = (magnitude**2).mean(1) / (0.375 * SIZE)
        smooth += 0.5 * np.log((power + 1e-12) / (np.exp(2 * smooth).mean(1) + 1e-12))[:, None]
        source = excitation(pitch_track(samples, rate), rate, float(settings["noise_above_hz"]), rng)
        return filtered(source, minimum_phase(smooth), hop)


def _between(rows: FloatArray, places: np.ndarray) -> FloatArray:
    """Rows [frames, bins] at fractional bins [n] -> [frames, n]."""
    below = np.minimum(places.astype(int), rows.shape[1] - 2)
    share = (places - below).astype(rows.dtype)
    return np.asarray(rows[:, below] * (1 - share) + rows[:, below + 1] * share)
