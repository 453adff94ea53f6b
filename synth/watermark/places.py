"""Where in a sound a mark is: evidence per chip, the stretches that it speaks for, and the curve for the time axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from synth.watermark.carrier import Array

FRAME_S = 0.02
"""The common time axis."""
_WINDOW_CHIPS = 21
"""The curve is a score over 0.5 s."""
LEAST = 12.0
"""Natural log of the likelihood ratio from which a further stretch counts."""


@dataclass(frozen=True)
class Segment:
    """A marked stretch."""

    start_s: float
    end_s: float
    score: float
    """As the score of the whole, over this stretch."""


@dataclass(frozen=True)
class Evidence:
    """What each chip says; all [chips]."""

    sums: Array
    """Sign times answer, over the tiles whose sign is known."""
    squares: Array
    """What `sums` varies by if the signs were random: the sum of squared answers."""
    room: Array
    """Sum of the trust in these tiles: how much a mark could say here."""

    def score(self, start: int = 0, end: int | None = None) -> float:
        """Sum over its standard deviation, chips `start` to `end`."""
        total = float(self.squares[start:end].sum())
        return float(self.sums[start:end].sum() / np.sqrt(total + 1e-12))


def stretches(evidence: Evidence, start: int, end: int) -> list[tuple[int, int]]:
    """Marked stretches [start, end) in chips, in order, given that the mark is surely in `start` to `end`.

    The stretch of the largest sum of log likelihood ratios, then the same to both sides of it.
    """
    room = float(evidence.room[start:end].sum()) + 1e-9
    strength = max(float(evidence.sums[start:end].sum()) / room, 1e-6)
    variance = float(evidence.squares.sum()) / (float(evidence.room.sum()) + 1e-9) + 1e-9
    expected = strength * evidence.room
    ratio = strength * (evidence.sums - expected / 2) / variance
    found: list[tuple[int, int]] = []
    parts = [(0, ratio.size)]
    while parts:
        low, high = parts.pop()
        if high <= low:
            continue
        first, last, gain = _largest(ratio[low:high])
        if found and gain < LEAST:
            continue
        found.append((low + first, low + last))
        parts += [(low, low + first), (low + last, high)]
    return sorted(found)


def _largest(values: npt.NDArray[np.floating]) -> tuple[int, int, float]:
    """The stretch with the largest sum: start, end, sum."""
    total = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    before = np.minimum.accumulate(total)
    end = int(np.argmax(total - before))
    start = int(np.argmin(total[: end + 1]))
    return start, end, float(total[end] - total[start])


def curve(evidence: Evidence, chip_s: float, start_s: float, seconds: float) -> Array:
    """Score of the half second around each 20 ms -> [frames of 20 ms]; `chip_s` and `start_s` place the chips."""
    sums = scipy.ndimage.uniform_filter1d(evidence.sums, _WINDOW_CHIPS, mode="constant") * _WINDOW_CHIPS
    squares = scipy.ndimage.uniform_filter1d(evidence.squares, _WINDOW_CHIPS, mode="constant") * _WINDOW_CHIPS
    local = sums / np.sqrt(np.maximum(squares, 0) + 1.0)
    axis = (np.arange(int(np.ceil(seconds / FRAME_S))) + 0.5) * FRAME_S
    out: Array = np.interp(axis, start_s + (np.arange(local.size) + 0.5) * chip_s, local).astype(np.float32)
    return out
