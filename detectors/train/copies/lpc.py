"""Linear-prediction vocoder: an all-pole filter a frame, driven by pulses or noise.

B. Atal, S. Hanauer, "Speech Analysis and Synthesis by Linear Prediction of the Speech Wave" (1971).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import scipy.fft

from detectors.train.copies.base import Doubles, Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import excitation, filtered, framed, hann, pitch_track
from synth.channels.base import FloatArray

FILTER = 1024
"""Points of the filters' spectra: how long they may ring."""


class Lpc(Method):
    name: ClassVar[str] = "lpc"
    family: ClassVar[Family] = Family.VOCODER

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "order": int(rng.choice([16, 20, 24, 32])),
            "window_ms": int(rng.choice([20, 25, 32])),
            "hop_ms": int(rng.choice([5, 8, 10])),
            "noise_above_hz": int(rng.choice([3000, 4500, 6000, 48_000])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        size, hop = int(settings["window_ms"]) * rate // 1000, int(settings["hop_ms"]) * rate // 1000
        poles, gain = predictors(framed(samples, size, hop) * hann(size), int(settings["order"]))
        filters = gain[:, None] / scipy.fft.rfft(poles, FILTER, axis=1)
        source = excitation(pitch_track(samples, rate), rate, float(settings["noise_above_hz"]), rng)
        return filtered(source, filters, hop)


def predictors(pieces: FloatArray, order: int) -> tuple[Doubles, Doubles]:
    """Windowed pieces [frames, size] -> prediction-error filters [frames, 1 + order], gains [frames]."""
    size = pieces.shape[1]
    length = scipy.fft.next_fast_len(size + order + 1, real=True)
    spectrum = scipy.fft.rfft(pieces.astype(np.float64), length, axis=1)
    lags = scipy.fft.irfft(np.abs(spectrum) ** 2, length, axis=1)[:, : order + 1] / (0.375 * size)
    lags[:, 0] = lags[:, 0] * (1 + 1e-5) + 1e-10  # a floor 50 dB below, or the filters ring for ever
    apart = np.abs(np.subtract.outer(np.arange(order), np.arange(order)))
    solved = np.linalg.solve(lags[:, apart], lags[:, 1:, None])[:, :, 0]
    error = np.maximum(lags[:, 0] - (solved * lags[:, 1:]).sum(1), 1e-12)
    return np.concatenate([np.ones((len(solved), 1)), -solved], axis=1), np.sqrt(error)
