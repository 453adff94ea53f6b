"""Whether the partials of a sound go on in phase across an instant.

Every partial of a steady or gliding tone advances in phase by its frequency: between a frame before and a frame after
an instant, by the mean of the frequencies in both, times the time between them. A join puts the partials at another
phase. Frequencies are read from the phase itself (reassignment: F. Auger and P. Flandrin, "Improving the readability of
time-frequency and time-scale representations by the reassignment method", IEEE Trans. Signal Processing 43(5), 1995);
the deviation from the predicted phase is known from the detection of note onsets (J. P. Bello, C. Duxbury, M. Davies
and M. Sandler, "On the use of phase and energy for musical onset detection in the complex domain", IEEE Signal
Processing Letters 11(6), 2004). Here both frames lie clear of the instant, so that a fade does not hide the jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import rfft

from forensics.methods._grid import HOP_S, Floats, shifted

RATE = 4000
"""Rate at which the partials are measured, Hz."""
WINDOW = 96
"""Length of a frame, samples: 24 ms."""
FFT = 192
BAND_HZ = (70.0, 1700.0)
FREQUENCY_HZ = 25.0
"""A bin counts the less the more its frequency differs between the two frames (standard deviation of the weight)."""

HOP = round(HOP_S * RATE)


@dataclass(frozen=True)
class PhaseJumps:
    """Phase continuity at every instant, each [instants]."""

    jump: Floats
    """Mean of 1 - cos(phase error) over the partials that go on, weighted by amplitude: 0 continuous, 1 unrelated."""
    kept: Floats
    """Share of the amplitude that goes on at the same frequency, 0 to 1."""
    any_jump: Floats
    """The same over all partials, whether they go on at the same frequency or not."""
    around: Floats
    """The larger jump of the frame pairs that end and begin at the instant, without regard to frequency."""
    kept_around: Floats
    """The smaller share of those two pairs."""


def phase_jumps(samples: Floats, gaps: tuple[int, ...]) -> list[PhaseJumps]:
    """Phase continuity of samples at 4 kHz, for frame centres this many steps of 5 ms before and after the instant."""
    count = len(samples) // HOP
    spectrum, frequency = _frames(samples, count)
    size = np.abs(spectrum)
    unit = spectrum / (size + 1e-9)
    return [_jumps(size, unit, frequency, gap) for gap in gaps]


def _jumps(size: Floats, unit: NDArray[np.complexfloating], frequency: Floats, gap: int) -> PhaseJumps:
    before, after = shifted(frequency, gap), shifted(frequency, -gap)
    advance = np.exp(-1j * (before + after) * (gap * HOP)).astype(np.complex64)
    turned = shifted(unit, -gap) * np.conj(shifted(unit, gap)) * advance
    error = 1.0 - turned.real
    small, large = (
        np.minimum(shifted(size, gap), shifted(size, -gap)),
        np.maximum(shifted(size, gap), shifted(size, -gap)),
    )
    same = small * np.exp(-0.5 * np.square((before - after) * (RATE / (2.0 * np.pi * FREQUENCY_HZ))))
    total = same.sum(axis=1)
    jump = (same * error).sum(axis=1) / (total + 1e-6)
    any_frequency = (small * error).sum(axis=1) / (small.sum(axis=1) + 1e-6)
    kept = total / (large.sum(axis=1) + 1e-6)
    clear = 2 * gap + 1
    return PhaseJumps(
        jump=jump,
        kept=kept,
        any_jump=any_frequency,
        around=np.maximum(shifted(any_frequency, clear), shifted(any_frequency, -clear)),
        kept_around=np.minimum(shifted(kept, clear), shifted(kept, -clear)),
    )


def _frames(samples: Floats, count: int) -> tuple[NDArray[np.complex64], Floats]:
    """Spectrum with the phase of the frame's middle, and frequency of each bin in rad/sample, both [instants, bins]."""
    window = np.hanning(WINDOW + 2)[1:-1]
    padded = np.pad(np.asarray(samples, dtype=np.float32), (WINDOW // 2, WINDOW))
    frames = sliding_window_view(padded, WINDOW)[::HOP][:count]
    bins = np.arange(int(BAND_HZ[0] / RATE * FFT), int(BAND_HZ[1] / RATE * FFT))
    middle = np.exp(2j * np.pi * bins * (WINDOW // 2) / FFT).astype(np.complex64)
    spectrum = rfft(frames * window.astype(np.float32), FFT, axis=1)[:, bins] * middle
    slope = rfft(frames * np.gradient(window).astype(np.float32), FFT, axis=1)[:, bins] * middle
    frequency = 2.0 * np.pi * bins / FFT - np.imag(slope / (spectrum + 1e-9))
    return spectrum, np.asarray(frequency, dtype=np.float32)
