"""Flat tops: runs of samples that stand still at a peak with steep flanks, as clipping leaves them.

A band-limited peak that stays within two steps for three samples falls by a few steps only beside them; where the sound
falls by far more, the top was cut off. The measure is our own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.methods._frames import runs

TOLERANCE = 2
"""Steps within which a top is flat: dither after a later attenuation moves it by one or two."""
LEAST_RUN = 3
"""Shortest flat top, samples."""
LEAST_DROP = 12
"""Least fall beside a top on either side, steps."""
LEAST_DROPS = 48
"""Least fall of both sides together, steps."""
LEAST_LEVEL = 0.02
"""Lowest level of a top, parts of full scale."""
CHUNK_S = 5.0
BLOCK_S = 0.05
MOST_TOPS = 200_000
"""Tops that are kept; a recording with more is clipped throughout."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tops:
    """The flat tops of one polarity of one channel, and the peaks around them."""

    at_s: Floats
    """First sample, seconds, [tops]."""
    level: Floats
    """Level of the top as a positive number, in steps of 16 bits, [tops]."""
    samples: NDArray[np.int64]
    """Length, [tops]."""
    peaks: Floats
    """Highest sample of every block of 50 ms, in steps of 16 bits, [blocks]."""


def flat_tops(exhibit: Exhibit, channel: int, step: float) -> tuple[Tops, Tops]:
    """Flat tops of a channel, upper and lower; `step` is the quantisation step in steps of 16 bits."""
    rate = exhibit.facts.sample_rate
    chunk, block = round(CHUNK_S * rate), max(round(BLOCK_S * rate), 1)
    chunk -= chunk % block
    margin = round(0.01 * rate)
    rows: tuple[list[Floats], list[Floats]] = ([], [])
    peaks: tuple[list[Floats], list[Floats]] = ([], [])
    for start in range(0, exhibit.recording.frames, chunk):
        first = max(start - margin, 0)
        samples = exhibit.recording.samples(first, start + chunk + margin)[:, channel].astype(np.float64) * 32768.0
        own = samples[start - first : start - first + chunk]
        for side, sign in enumerate((1.0, -1.0)):
            tops = _tops(sign * samples, step)
            begin = tops[:, 0] + first
            mine = (begin >= start) & (begin < start + chunk)
            tops = tops[mine]
            tops[:, 0] = begin[mine] / rate
            if sum(len(row) for row in rows[side]) < MOST_TOPS:
                rows[side].append(tops)
            peaks[side].append(np.maximum.reduceat(sign * own, np.arange(0, len(own), block)))
    upper, lower = (
        Tops(table[:, 0], table[:, 1], table[:, 2].astype(np.int64), np.concatenate(peaks[side]))
        for side, table in enumerate(np.concatenate(row) for row in rows)
    )
    return upper, lower


def _tops(samples: Floats, step: float) -> Floats:
    """Flat tops as rows of (first sample, level, length)."""
    still = np.abs(np.diff(samples)) <= TOLERANCE * step
    still &= samples[1:] >= LEAST_LEVEL * 32768.0
    begins, ends = runs(still)  # samples begins..ends inclusive are close to their neighbours
    long = (ends - begins + 1 >= LEAST_RUN) & (begins >= 1) & (ends + 1 < len(samples))
    begins, ends = begins[long], ends[long]
    if not len(begins):
        return np.zeros((0, 3))
    bounds = np.stack([begins, ends + 1], axis=1).ravel()
    high, low = np.maximum.reduceat(samples, bounds)[::2], np.minimum.reduceat(samples, bounds)[::2]
    before, after = low - samples[begins - 1], low - samples[ends + 1]
    flat = (high - low <= TOLERANCE * step) & (np.minimum(before, after) >= LEAST_DROP * step)
    flat &= before + after >= LEAST_DROPS * step
    return np.stack([begins, (high + low) / 2.0, ends - begins + 1], axis=1)[flat].astype(np.float64)
