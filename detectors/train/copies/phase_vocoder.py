"""Slower or faster and back again by a phase vocoder: the same length and pitch, with its smeared phases.

J. Flanagan, R. Golden, "Phase Vocoder" (1966); with peaks that lead their neighbours: J. Laroche, M. Dolson, "Improved
Phase Vocoder Time-Scale Modification of Audio" (1999).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import Spectra, istft, stft
from synth.channels.base import FloatArray


class PhaseVocoder(Method):
    name: ClassVar[str] = "phase-vocoder"
    family: ClassVar[Family] = Family.PROCESSED

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "window": int(rng.choice([512, 1024])),
            "tempo": round(float(rng.choice([rng.uniform(0.8, 0.95), rng.uniform(1.05, 1.25)])), 3),
            "locked": int(rng.choice([0, 1])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        size, tempo, locked = int(settings["window"]), float(settings["tempo"]), bool(settings["locked"])
        there = stretched(samples, round(samples.size / tempo), size, locked)
        return stretched(there, samples.size, size, locked)


def stretched(samples: FloatArray, length: int, size: int, locked: bool) -> FloatArray:
    """Samples [time] -> [length] at the same pitch."""
    hop = size // 8
    spectra = stft(samples, size, hop)
    magnitude, phase = np.abs(spectra), np.angle(spectra)
    frames = 1 + length // hop
    places = np.minimum(np.arange(frames) * (samples.size / length), len(spectra) - 1.001)
    expected = 2 * np.pi * hop * np.arange(size // 2 + 1) / size
    turned = phase[0].copy()
    out: Spectra = np.empty((frames, size // 2 + 1), np.complex64)
    for number, place in enumerate(places):
        before = int(place)
        share = place - before
        level = (1 - share) * magnitude[before] + share * magnitude[before + 1]
        if locked and number:
            led = _led(level)
            turned = (turned + _advance(phase[before], phase[before + 1], expected))[led]
            turned = turned + phase[before + 1] - phase[before + 1][led]
        elif number:
            turned = turned + _advance(phase[before], phase[before + 1], expected)
        out[number] = level * np.exp(1j * turned)
    return istft(out, size, hop, length)


def _advance(now: FloatArray, then: FloatArray, expected: np.ndarray) -> np.ndarray:
    """How far each bin turns in one hop, by its own frequency."""
    off = then - now - expected
    return np.asarray(expected + off - 2 * np.pi * np.rint(off / (2 * np.pi)))


def _led(level: FloatArray) -> np.ndarray:
    """The peak that each bin belongs to: the nearest."""
    inner = level[1:-1]
    peaks = 1 + np.flatnonzero((inner >= level[:-2]) & (inner > level[2:]))
    if not peaks.size:
        return np.arange(level.size)
    borders = (peaks[:-1] + peaks[1:] + 1) // 2
    return peaks[np.searchsorted(borders, np.arange(level.size), "right")]
