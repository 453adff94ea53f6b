"""Harmonics plus noise: a sum of sinusoids at the multiples of the pitch, and shaped noise for the rest.

J. Laroche, Y. Stylianou, E. Moulines, "HNS: Speech Modification Based on a Harmonic + Noise Model" (1993);
sinusoids of speech: R. McAulay, T. Quatieri, "Speech Analysis/Synthesis Based on a Sinusoidal Representation" (1986).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from detectors.train.copies.base import Doubles, Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import istft, pitch_track, stft
from synth.channels.base import FloatArray

SIZE = 1024
WINDOW_SUM = SIZE / 2
"""Of the Hann window: a sinusoid of amplitude a has a peak of a / 2 times this."""


class Harmonics(Method):
    name: ClassVar[str] = "harmonics"
    family: ClassVar[Family] = Family.VOCODER

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {
            "hop_ms": int(rng.choice([5, 8, 10])),
            "voiced_to_hz": int(rng.choice([3000, 4000, 5500, 7000])),
            "phases": str(rng.choice(["zero", "random", "dispersed"])),
            "smoothing": int(rng.choice([1, 3, 7])),
        }

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        hop = int(settings["hop_ms"]) * rate // 1000
        hertz = pitch_track(samples, rate)
        magnitude = np.abs(stft(samples, SIZE, hop))
        top = min(float(settings["voiced_to_hz"]), 0.48 * rate)
        tone = self._tones(magnitude, hertz, rate, hop, top, str(settings["phases"]), rng)
        width = int(settings["smoothing"])
        kernel = np.ones(width) / width
        shaped = np.apply_along_axis(np.convolve, 1, magnitude, kernel, "same") if width > 1 else magnitude
        voiced = hertz[np.minimum(np.arange(len(magnitude)) * hop, hertz.size - 1)] > 0
        low = np.fft.rfftfreq(SIZE, 1 / rate) <= top
        shaped = np.where(voiced[:, None] & low[None], 0.0, shaped)
        noise = istft(shaped * np.exp(2j * np.pi * rng.random(shaped.shape)), SIZE, hop, samples.size)
        # random phases overlap incoherently: bring the noise back to the power of its magnitudes
        lost = np.sum(shaped**2) / max(float(np.sum(np.abs(stft(noise, SIZE, hop)) ** 2)), 1e-12)
        return np.asarray(tone + noise * np.sqrt(min(lost, 16.0)), np.float32)

    def _tones(
        self, magnitude: FloatArray, hertz: Doubles, rate: int, hop: int, top: float, phases: str, rng: Rng
    ) -> Doubles:  # fmt: skip
        """The sinusoids below `top` Hz, amplitudes gliding from frame to frame: [time]."""
        turns = np.cumsum(hertz / rate)
        at = np.arange(len(magnitude)) * hop
        pitch = hertz[np.minimum(at, hertz.size - 1)]
        out = np.zeros(hertz.size)
        lowest = float(pitch[pitch > 0].min()) if (pitch > 0).any() else top
        for number in range(1, int(top / lowest) + 1):
            place = number * pitch
            inside = (pitch > 0) & (place < top)
            bins = np.clip(np.rint(place * SIZE / rate).astype(int), 1, magnitude.shape[1] - 2)
            rows = np.arange(len(bins))
            peak = np.max([magnitude[rows, bins + step] for step in (-1, 0, 1)], axis=0)
            amplitude = np.where(inside, peak / (WINDOW_SUM / 2), 0.0)
            start = {"zero": 0.0, "random": float(rng.random()), "dispersed": 0.01 * number**2}[phases]
            glide = np.interp(np.arange(hertz.size), at, amplitude) * (hertz > 0)
            out += glide * np.cos(2 * np.pi * (number * turns + start))
        return out
