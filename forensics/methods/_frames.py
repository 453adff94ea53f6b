"""Helpers that several methods share: frames without gaps from the streamed blocks, and curves thin enough to draw."""

from __future__ import annotations

import itertools
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
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(x) > CURVE_POINTS:
        edges = np.linspace(0, len(x), CURVE_POINTS // 2 + 1).astype(int)
        keep: list[int] = []
        for start, end in itertools.pairwise(edges):
            part = np.nan_to_num(y[start:end])
            keep.extend(sorted({start + int(part.argmin()), start + int(part.argmax())}))
        x, y = x[keep], y[keep]
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
