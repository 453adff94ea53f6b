"""Narrow lines of the long-term spectrum, and whether they lie on the grid of a generator's frames.

Transposed convolutions leave tones at multiples of the sample rate divided by their strides, as they leave
checkerboards in images. Sources: A. Odena, V. Dumoulin and C. Olah, "Deconvolution and checkerboard artifacts",
Distill, 2016; J. Pons, S. Pascual, G. Cengarle and J. Serrà, "Upsampling artifacts in neural audio synthesis", ICASSP
2021.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.stats import binom

from forensics.exhibit import Exhibit
from forensics.methods._frames import frames

HOPS = (8, 16, 32, 64, 80, 100, 120, 128, 150, 160, 200, 240, 256, 300, 320, 480, 512)
"""Strides and hops of generators, samples."""
SIZE_S = 0.186
"""Length of a spectrum, seconds (4096 samples at 22.05 kHz)."""
LOWEST_HZ = 300.0
HIGHEST = 0.47
"""Highest frequency of a line, share of the sample rate."""
NEAR, FAR = 4, 20
"""Bins beside a line that are left out, and that make up its surroundings."""
TOLERANCE = 0.3
"""Distance of a line from the grid, bins."""
MAINS_HZ = (50.0, 60.0)
MAINS_TO_HZ = 3000.0
USB_HZ = 1000.0
"""Frames of USB converters leave lines at multiples of this."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Lines:
    """The lines of a recording's long-term spectrum."""

    hertz: Floats
    """Their frequencies, [lines]."""
    height_db: Floats
    """Their mean heights above the surroundings, [lines]."""
    explained: NDArray[np.bool_]
    """Which are multiples of a mains frequency or of 1 kHz, [lines]."""
    bin_hz: float
    frequencies: Floats
    """Of `contrast_db`, [bins]."""
    contrast_db: Floats
    """Mean level of every bin above its surroundings, [bins]."""
    frames: int


@dataclass(frozen=True)
class OnGrid:
    """The grid that the lines fit best."""

    hop: int
    spacing_hz: float
    fitting: int
    lines: int
    """Lines that are not explained otherwise."""
    chance: float
    """Probability that so many of so many lines fit one of the grids by chance."""


def find_lines(exhibit: Exhibit, least_z: float, least_db: float) -> Lines:
    """Lines that stand out by `least_z` standard errors and `least_db`, in the mean of the channels."""
    rate = exhibit.facts.sample_rate
    size = 2 * int(SIZE_S * rate / 2)
    window = np.hanning(size).astype(np.float32)
    total = np.zeros(size // 2 + 1)
    squares = np.zeros(size // 2 + 1)
    level = np.zeros(size // 2 + 1)
    count = 0
    for batch in frames(exhibit, size / rate):
        sound = batch.mean(axis=2)
        sound = sound[sound.std(axis=1) > 1e-5]
        if not len(sound):
            continue
        spectrum = np.fft.rfft(sound * window, axis=1)
        power = 10.0 * np.log10(np.square(np.abs(spectrum)) + 1e-12)
        wide = uniform_filter1d(power, 2 * FAR + 1, axis=1) * (2 * FAR + 1)
        close = uniform_filter1d(power, 2 * NEAR + 1, axis=1) * (2 * NEAR + 1)
        contrast = power - (wide - close) / (2 * (FAR - NEAR))
        total += contrast.sum(axis=0)
        squares += np.square(contrast).sum(axis=0)
        level += power.sum(axis=0)
        count += len(sound)
    frequencies = np.arange(size // 2 + 1) * rate / size
    mean = total / max(count, 1)
    error = np.sqrt(np.maximum(squares / max(count, 1) - np.square(mean), 1.0) / max(count, 1))
    peak = (mean == maximum_filter1d(mean, 2 * NEAR + 1)) & (mean >= least_db) & (mean >= least_z * error)
    peak &= (frequencies > LOWEST_HZ) & (frequencies < HIGHEST * rate)
    at = np.flatnonzero(peak) if count >= 8 else np.zeros(0, dtype=np.int64)
    left, middle, right = mean[at - 1], mean[at], mean[at + 1]
    shift = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-9)
    hertz = (at + np.clip(shift, -0.5, 0.5)) * rate / size
    bin_hz = rate / size
    explained = _multiple(hertz, USB_HZ, bin_hz)
    for mains in MAINS_HZ:
        explained |= _multiple(hertz, mains, bin_hz) & (hertz < MAINS_TO_HZ)
    return Lines(hertz, middle, explained, bin_hz, frequencies, mean, count)


def _multiple(hertz: Floats, of: float, bin_hz: float) -> NDArray[np.bool_]:
    return np.asarray(np.abs(hertz - of * np.round(hertz / of)) <= 0.5 * bin_hz, dtype=np.bool_)


def on_grid(found: Lines, rate: int) -> OnGrid | None:
    """The grid that fits the lines least by chance; None without lines."""
    hertz = found.hertz[~found.explained]
    best: OnGrid | None = None
    for hop in HOPS:
        spacing = rate / hop
        share = 2 * TOLERANCE * found.bin_hz / spacing
        if share > 0.2 or not len(hertz):
            continue
        fitting = int(np.count_nonzero(np.abs(hertz - spacing * np.round(hertz / spacing)) <= TOLERANCE * found.bin_hz))
        chance = min(float(binom.sf(fitting - 1, len(hertz), share)) * len(HOPS), 1.0)
        if best is None or chance < best.chance:
            best = OnGrid(hop, spacing, fitting, len(hertz), chance)
    return best
