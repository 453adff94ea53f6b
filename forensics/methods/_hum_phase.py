"""Jumps of the phase of mains hum, with the slow wander of the frequency taken out.

Sources: D. P. Nicolalde Rodriguez, J. A. Apolinario and L. W. P. Biscainho, "Audio authenticity: detecting ENF
discontinuity with high precision phase analysis", IEEE Trans. Information Forensics and Security 5(3), 2010, for the
trace; the test is a generalised likelihood ratio over all lines together instead of a phase read from one line.

At every quarter of a second, the 4 s before and the 4 s after are described twice by one common frequency and drift
(both searched over a grid): once with one phase for both sides of each line, once with a phase of its own for each
side. The amplitude is free on each side either way, so that a change of the gain is no jump. The gain in energy by
the second phase is what is judged, and in which lines the phase jumps within the 1 s before and after: a cut moves all
lines, a load that is switched may turn one harmonic alone, and a grid whose frequency bends faster than the drift
allows turns the phase over 4 s but not from one second to the next.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.methods._hum import HOP_S, Combs, Complex, Floats, Lines, combs

SIDE = 32
"""Frames on either side of an instant: 4 s."""
NEAR = 8
"""Frames on either side in which a line's own phase is compared: 1 s."""
STEP = 2
"""Frames from one instant to the next."""
OFFSETS_HZ = np.linspace(-0.072, 0.072, 37)
DRIFTS_HZ_S = np.linspace(-0.004, 0.004, 5)
HIGHEST_HARMONIC = 10


@dataclass(frozen=True)
class Phases:
    """The comparison at each instant."""

    at_s: NDArray[np.float64]
    """Instants, seconds, [instants]."""
    gain: Floats
    """Energy gained by a phase of its own for each side, in units of the decoys' mean, [instants]."""
    energy: Floats
    """Energy of the lines with a phase for each side, [instants]."""
    weaker: Floats
    """Energy on the weaker side, [instants]."""
    offset_hz: Floats
    """Frequency of the fundamental over its nominal value, Hz, [instants]."""
    line_gain: Floats
    """Energy of each line that one phase for the 1 s before and after loses, same unit, [instants, lines]."""
    line_energy: Floats
    """Energy of each line in those 2 s, [instants, lines]."""


def phases(lines: Lines, nominal_hz: int, offset_hz: float, used: NDArray[np.int64], floor: Floats) -> Phases:
    """Compare the two descriptions along a stretch, for the lines `used` (indices) of a nominal frequency."""
    both = combs(lines, nominal_hz)
    count = len(both.weighted)
    starts = np.arange(0, max(count - 2 * SIDE + 1, 0), STEP)
    grid = np.stack(np.meshgrid(offset_hz + OFFSETS_HZ, DRIFTS_HZ_S, indexing="ij")).reshape(2, -1)
    times = (np.arange(2 * SIDE) - SIDE + 0.5) * HOP_S
    turns = times[:, None] * grid[0] + 0.5 * np.square(times)[:, None] * grid[1]
    one = np.zeros((len(starts), grid.shape[1]), dtype=np.float32)
    two, left_sum, right_sum = np.zeros_like(one), np.zeros_like(one), np.zeros_like(one)
    for index in used:
        turned = np.exp(-2j * np.pi * both.harmonics[index] * turns).astype(np.complex64)
        line, weight = both.weighted[:, 0, index], both.weights[:, 0, index]
        left = _side(line, weight, starts, turned[:SIDE])
        right = _side(line, weight, starts + SIDE, turned[SIDE:])
        a, b = np.square(np.abs(left)) / floor[index], np.square(np.abs(right)) / floor[index]
        square = (left * left + right * right) / floor[index]
        opposed = (left * right.conj()).real < 0
        one += np.where(opposed, np.maximum(a, b), 0.5 * (a + b + np.abs(square)))
        two += a + b
        left_sum += a
        right_sum += b
    rows = np.arange(len(starts))
    best = two.argmax(axis=1) if len(starts) else np.zeros(0, dtype=np.int64)
    line_gain, line_energy = _near(both, used, floor, starts, turns[:, best])
    return Phases(
        at_s=np.asarray((lines.first + starts + SIDE + 0.5) * HOP_S, dtype=np.float64),
        gain=two[rows, best] - one.max(axis=1, initial=0.0),
        energy=two[rows, best],
        weaker=np.minimum(left_sum[rows, best], right_sum[rows, best]),
        offset_hz=grid[0][best].astype(np.float32),
        line_gain=line_gain,
        line_energy=line_energy,
    )


def _near(
    both: Combs, used: NDArray[np.int64], floor: Floats, starts: NDArray[np.int64], turns: NDArray[np.float64]
) -> tuple[Floats, Floats]:
    """What one phase loses in each line from one second to the next, and its energy there, [starts, lines].

    `turns` are those of the fundamental at the frequency found about each start, [frames, starts].
    """
    frames = np.arange(SIDE - NEAR, SIDE + NEAR)
    gain = np.zeros((len(starts), max(len(used), 1)), dtype=np.float32)
    energy = np.zeros_like(gain)
    at = starts[:, None] + frames
    for column, index in enumerate(used):
        stopped = both.weighted[at, 0, index] * np.exp(-2j * np.pi * both.harmonics[index] * turns[frames].T)
        weight = both.weights[at, 0, index]
        left, right = (
            stopped[:, part].sum(axis=1) / np.sqrt(weight[:, part].sum(axis=1) * floor[index])
            for part in (slice(None, NEAR), slice(NEAR, None))
        )
        a, b = np.square(np.abs(left)), np.square(np.abs(right))
        together = np.where(
            (left * right.conj()).real < 0, np.maximum(a, b), 0.5 * (a + b + np.abs(left * left + right * right))
        )
        gain[:, column], energy[:, column] = a + b - together, a + b
    return gain, energy


def _side(line: Complex, weight: Floats, starts: NDArray[np.int64], turned: Complex) -> Complex:
    """Coherent sums of `SIDE` frames from each start over the root of the summed weights, [starts, grid]."""
    views = np.lib.stride_tricks.sliding_window_view(line, SIDE)[starts]
    total = np.lib.stride_tricks.sliding_window_view(weight, SIDE)[starts].sum(axis=1)
    return np.asarray(np.ascontiguousarray(views) @ turned / np.sqrt(total)[:, None], dtype=np.complex64)
