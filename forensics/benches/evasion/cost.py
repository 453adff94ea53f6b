"""What a manipulation costs in quality: signal-to-noise ratio, log-spectral distance, PESQ, STOI, DNSMOS.

Log-spectral distance: root mean square over the bins of the difference of the log power spectra, averaged over the
frames of speech (A. Gray, J. Markel, "Distance Measures for Speech Processing", 1976), in dB; the level is made equal
first, and everything 50 dB below the loudest bin of its frame counts as that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.speech import own_speech
from forensics.benches.watermark.quality import dnsmos, likeness
from synth.channels.base import FloatArray

SIZE, HOP = 512, 320
"""Samples of a frame (32 ms) and between frames (20 ms)."""
FLOOR_DB = 50.0


@dataclass(frozen=True)
class Cost:
    """Against the clip before the manipulation; nan where it could not be measured."""

    snr_db: float
    """Signal over difference, after the gain that makes it largest; says nothing of sound that was built anew."""
    lsd_db: float
    """Log-spectral distance."""
    pesq: float
    """PESQ-WB, 1 to 4.6; nan without the package pesq."""
    stoi: float
    """0 to 1; nan without the package pystoi."""
    dnsmos: float
    """By how much DNSMOS rises; nan without the package speechmos."""


def cost(before: FloatArray, after: FloatArray) -> Cost:
    """Two sounds [time] at 16 kHz of the same length and timing."""
    pesq, stoi = likeness(before, after)
    return Cost(snr(before, after), distance(before, after), pesq, stoi, dnsmos(after) - dnsmos(before))


def snr(before: FloatArray, after: FloatArray) -> float:
    """Signal over difference in dB, 120 at most, with the gain on `after` that makes it largest."""
    a, b = before.astype(np.float64), after.astype(np.float64)
    gain = float(a @ b) / max(float(b @ b), 1e-20)
    ratio = float(a @ a) / max(float(np.sum((a - gain * b) ** 2)), 1e-20)
    return float(min(10 * np.log10(max(ratio, 1e-12)), 120.0))


def distance(before: FloatArray, after: FloatArray) -> float:
    """Log-spectral distance in dB over the frames that hold speech before."""
    spoken = own_speech(before)
    a, b = (_levels(sound)[: spoken.size] for sound in (before, after))
    spoken = spoken[: len(a)]
    a, b = a[spoken], b[spoken]
    b = b + (a.mean() - b.mean())
    floor = a.max(1, keepdims=True) - FLOOR_DB
    return float(np.sqrt(np.mean((np.maximum(a, floor) - np.maximum(b, floor)) ** 2, axis=1)).mean())


def _levels(sound: FloatArray) -> FloatArray:
    """Log power in dB: [frames, bins]."""
    padded = np.pad(sound, (0, SIZE))
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(SIZE), axis=1)) ** 2
    return np.asarray(10 * np.log10(power + 1e-12), np.float32)
