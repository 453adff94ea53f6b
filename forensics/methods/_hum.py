"""Mains hum in a recording: the lines at the harmonics of 50 or 60 Hz, frame by frame, and how far they stand out.

Sources: C. Grigoras, "Digital audio recording analysis: the electric network frequency (ENF) criterion", Int. J. Speech
Language and the Law 12(1), 2005; the combination of several harmonics follows A. Hajj-Ahmad, R. Garg and M. Wu,
"Spectrum combining for ENF signal estimation", IEEE Signal Processing Letters 20(9), 2013.

The recording is taken down to 2 kHz. Every 125 ms, Hann windows of 0.25 s give one complex value per line, with the
phase referred to the start of the recording. Each value counts by the inverse of the sound beside its line, and no
value counts by more than half again the line's usual level in the pauses, so that voices add little. The lines of a
comb that is shifted sideways by a few hertz ("decoys") go through the same arithmetic: they say what the recording
gives where no hum can be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit

RATE = 2000
WINDOW = 500
HOP = 250
HOP_S = HOP / RATE
HIGHEST_HZ = 800
MARGIN_HZ = 48
NOMINAL_HZ = (50, 60)
SEARCH_HZ = 0.15
"""Half width of the search for the fundamental around its nominal value, Hz."""
OFFSETS_HZ = np.linspace(-SEARCH_HZ, SEARCH_HZ, 61)
"""Offsets of the fundamental that are tried, Hz, [offsets]."""
DECOYS_HZ = (-19, -17, -14, -13, -11, -8, -7, 7, 8, 11, 13, 14, 17, 19)
"""Sideways shifts of the comb, Hz; those that fall on a harmonic of either nominal count for nothing there."""
BESIDE_HZ = (-24, -21, -18, -15, -12, 12, 15, 18, 21, 24)
"""Where the sound beside a line is taken, Hz from the line."""
CEILING = 60.0
"""Most that one line adds to a comb's score."""

Complex = NDArray[np.complex64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lines:
    """Frames of a stretch of the recording at whole frequencies."""

    first: int
    """Index of the first frame; frame i is centred at 0.125 × (i + 1) s."""
    values: Complex
    """Complex amplitude per frame and hertz, [frames, hertz], phase referred to the start of the recording."""


@dataclass(frozen=True)
class Combs:
    """One line per harmonic of a nominal frequency, over a stretch; and the same shifted sideways."""

    harmonics: NDArray[np.int64]
    """Harmonic numbers, [lines]."""
    weighted: Complex
    """Limited complex amplitude over the power of the sound beside the line, [frames, combs, lines]."""
    weights: Floats
    """Inverse power of the sound beside the line, [frames, combs, lines]."""


@dataclass(frozen=True)
class Standing:
    """How far a comb stands out in a stretch."""

    score: float
    """Sum over the harmonics of what their lines have above the decoys' mean."""
    decoy: float
    """Largest score of a decoy."""
    offset_hz: float
    """Offset of the fundamental from its nominal value at the best score."""
    floor: Floats
    """Mean energy of the decoys at each line: the unit of `lines`, [lines]."""
    lines: Floats
    """Energy of each line at that offset over the decoys' mean, [lines]."""
    level_dbfs: Floats
    """Level of each line, dBFS (mean square), [lines]."""


def stretches(exhibit: Exhibit, seconds: float, context_s: float = 0.0) -> Iterator[Lines]:
    """The recording in stretches of about `seconds`; each starts `context_s` before the end of the one before.

    A rest shorter than half a stretch belongs to the last one.
    """
    size, context = round(seconds / HOP_S), round(context_s / HOP_S)
    kept: list[Complex] = []
    first = held = 0
    for values in _frames(exhibit):
        kept.append(values)
        held += len(values)
        if held >= context + size + size // 2 + 1:
            joined = np.concatenate(kept)
            yield Lines(first, joined[: context + size])
            first += size
            kept = [joined[size:]]
            held = len(kept[0])
    if held:
        yield Lines(first, np.concatenate(kept))


def _frames(exhibit: Exhibit) -> Iterator[Complex]:
    window = np.hanning(WINDOW).astype(np.float32)
    window *= np.float32(1.0 / np.sqrt(0.5) / window.sum())  # a sine of mean square p gives |value|² = p
    turns = np.exp(-2j * np.pi * np.arange(8)[:, None] * np.arange(HIGHEST_HZ + MARGIN_HZ)[None, :] / 8).astype(
        np.complex64
    )
    rest = np.zeros(0, dtype=np.float32)
    index = 0
    for block in exhibit.recording.resampled(RATE, seconds=4.0):
        rest = np.concatenate([rest, block])
        if len(rest) < WINDOW:
            continue
        framed = np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::HOP]
        values = np.fft.rfft(framed * window, RATE, axis=1)[:, : HIGHEST_HZ + MARGIN_HZ].astype(np.complex64)
        values *= turns[(index + np.arange(len(values))) % 8]  # whole hertz: the phase of a hop repeats after 1 s
        index += len(values)
        rest = rest[len(framed) * HOP :]
        yield values


def combs(lines: Lines, nominal_hz: int, shifts_hz: tuple[int, ...] = (0,)) -> Combs:
    """The lines at the harmonics of a nominal frequency, as they are and shifted sideways (decoys)."""
    hertz = np.arange(nominal_hz, HIGHEST_HZ + 1, nominal_hz)
    at = (hertz + np.array(shifts_hz)[:, None]).ravel()
    flanks = np.clip(at[:, None] + np.array(BESIDE_HZ), 4, HIGHEST_HZ + MARGIN_HZ - 1)
    used, where = np.unique(np.concatenate([at[:, None], flanks], axis=1), return_inverse=True)
    power = np.square(np.abs(lines.values[:, used]))
    beside = np.zeros((len(power), len(at)), dtype=np.float32)
    for column in where.reshape(len(at), -1)[:, 1:].T:
        beside += power[:, column]
    beside /= len(BESIDE_HZ)
    size = np.sqrt(power[:, where.reshape(len(at), -1)[:, 0]])
    tenth = len(power) // 10
    beside = np.maximum(beside, 0.5 * np.partition(beside, tenth, axis=0)[tenth] + 1e-14)
    quarter = len(power) // 4
    usual = 1.5 * np.partition(size, quarter, axis=0)[quarter] + 1e-12
    weights = 1.0 / beside
    limited = lines.values[:, at] * (np.minimum(1.0, usual / np.maximum(size, 1e-12)) * weights)
    near = np.min([np.abs(at[:, None] - n * np.arange(1, 20)).min(axis=1) for n in NOMINAL_HZ], axis=0)
    limited[:, (near < 3) & (np.repeat(shifts_hz, len(hertz)) != 0)] = 0.0
    shape = (len(power), len(shifts_hz), len(hertz))
    return Combs(hertz // nominal_hz, limited.reshape(shape), weights.reshape(shape))


@lru_cache(maxsize=64)
def _turning(frames: int, harmonic: int) -> Complex:
    """Factors that stop a line at each of the offsets, [frames, offsets]."""
    times = (np.arange(frames) - 0.5 * frames) * HOP_S
    return np.asarray(np.exp(-2j * np.pi * harmonic * times[:, None] * OFFSETS_HZ), dtype=np.complex64)


def standing(lines: Lines, nominal_hz: int) -> Standing:
    """Score of a nominal frequency's comb and of its decoys in one stretch."""
    both = combs(lines, nominal_hz, (0, *DECOYS_HZ))
    totals = both.weights.sum(axis=0)
    sums = np.empty((*totals.shape, len(OFFSETS_HZ)), dtype=np.complex64)
    for index, harmonic in enumerate(both.harmonics):
        sums[:, index] = np.ascontiguousarray(both.weighted[:, :, index].T) @ _turning(
            len(both.weighted), int(harmonic)
        )
    energies = np.square(np.abs(sums)) / totals[:, :, None]
    counted = energies[1:].max(axis=2) > 0
    floor = np.maximum(energies[1:].mean(axis=2).sum(axis=0) / np.maximum(counted.sum(axis=0), 1), 0.2)
    energies /= floor[:, None]
    scores = np.maximum(np.minimum(energies, CEILING) - 4.0, 0.0).sum(axis=1).max(axis=1)
    best = int(energies[0].sum(axis=0).argmax())
    level = 20.0 * np.log10(np.maximum(np.abs(sums[0, :, best]) / totals[0], 1e-7))
    return Standing(
        score=float(scores[0]),
        decoy=float(scores[1:].max()),
        offset_hz=float(OFFSETS_HZ[best]),
        floor=floor,
        lines=energies[0, :, best].copy(),  # no view that would keep all energies
        level_dbfs=level.astype(np.float32),
    )
