"""Helpers that several methods share: frames without gaps from the streamed blocks, and curves thin enough to draw."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.records import Series

CURVE_POINTS = 1200
"""Most points of one drawn curve."""

Floats = NDArray[np.floating]


def frames(exhibit: Exhibit, seconds: float, batch_s: float = 5.0) -> Iterator[NDArray[np.float32]]:
    """Whole frames of the native stream, in batches [frames, samples, channels]; a last incomplete frame is left out.

    A frame holds `frame_length(exhibit, seconds)` samples, so that frame i starts at i × length / rate.
    """
    length = frame_length(exhibit, seconds)
    rest: NDArray[np.float32] | None = None
    for block in exhibit.recording.blocks(seconds=batch_s):
        joined = block if rest is None else np.concatenate([rest, block])
        count = len(joined) // length
        if count:
            yield joined[: count * length].reshape(count, length, joined.shape[1])
        rest = joined[count * length :]


def frame_length(exhibit: Exhibit, seconds: float) -> int:
    """Samples in a frame of about `seconds`, at the native rate."""
    return max(round(seconds * exhibit.facts.sample_rate), 1)


def runs(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and past-the-last index of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def decibels(power: Floats | float, floor_db: float = -120.0) -> NDArray[np.float64]:
    """10 log10 of a mean square, dB relative to full scale, not below the floor."""
    bounded: NDArray[np.float64] = np.maximum(np.asarray(power, dtype=np.float64), 10.0 ** (floor_db / 10.0))
    return np.asarray(10.0 * np.log10(bounded))


def curve(label: str, x: Floats, y: Floats, style: str = "line", digits: int = 4) -> Series:
    """A drawable curve: at most `CURVE_POINTS` points that keep the smallest and largest value of every stretch."""
    x, y = np.asarray(x), np.asarray(y)
    if len(x) > CURVE_POINTS:
        keep: list[int] = []
        for start, end in _stretches(len(x)):
            keep.extend(start + place for place in _extremes(y[start:end]))
        x, y = x[keep], y[keep]
    return _series(label, x, y, style, digits)


def even_curve(
    label: str,
    y: NDArray[np.floating],
    step: float,
    *,
    offset: float = 0.0,
    kept: NDArray[np.bool_] | None = None,
    least: float = -math.inf,
    style: str = "line",
    digits: int = 4,
) -> Series:
    """`curve` of values `step` apart, the first at `offset` steps: the same, in memory that hardly grows with them.

    Only the values that are `kept` are drawn, and none below `least`.
    """
    until = None if kept is None else np.cumsum(kept, dtype=np.int32)
    count = len(y) if until is None else int(until[-1]) if len(until) else 0

    def places(start: int, end: int) -> NDArray[np.int64]:
        """Of the kept values from the one of number `start` to before that of number `end`."""
        if kept is None or until is None:
            return np.arange(start, end)
        first, last = np.searchsorted(until, (start + 1, end))
        return np.asarray(first + np.flatnonzero(kept[first : last + 1]))

    chosen = places(0, count) if count <= CURVE_POINTS else np.zeros(0, np.int64)
    if count > CURVE_POINTS:
        each = []
        for start, end in _stretches(count):
            here = places(start, end)
            each.append(here[_extremes(np.maximum(y[here], least))])
        chosen = np.concatenate(each)
    return _series(label, (chosen + offset) * step, np.maximum(y[chosen], least), style, digits)


def _extremes(values: Floats) -> list[int]:
    """Places of the smallest and the largest, in their order."""
    part = np.nan_to_num(values)
    return sorted({int(part.argmin()), int(part.argmax())})


def _stretches(count: int) -> Iterator[tuple[int, int]]:
    """Beginnings and ends of as many stretches as a curve has pairs of points."""
    return itertools.pairwise(np.linspace(0, count, CURVE_POINTS // 2 + 1).astype(int).tolist())


def _series(label: str, x: Floats, y: Floats, style: str, digits: int) -> Series:
    return Series(
        label=label,
        x=tuple(round(float(value), 4) for value in x),
        y=tuple(round(float(value), digits) if np.isfinite(value) else None for value in y),
        style=style,  # type: ignore[arg-type]
    )


def instants(times: list[float], limit: int = 5) -> str:
    """Instants in words, e.g. "1.20 s, 3.44 s and 2 more"."""
    shown = ", ".join(f"{time:.2f} s" for time in times[:limit])
    return f"{shown} and {len(times) - limit} more" if len(times) > limit else shown
