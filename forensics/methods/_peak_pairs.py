"""Pairs of spectral peaks that occur again, which a copied passage leaves: found in memory that no long file fills.

Landmarks after A. L.-C. Wang, "An industrial-strength audio search algorithm" (ISMIR 2003). All peaks of the recording
are kept, 4 bytes each; their pairs are made, sorted and matched one part of all keys at a time, and what matched waits
on disk until the ten minutes it belongs to are counted.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from typing import IO

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from synth.audio import Recording

RATE = 16000
SIZE, HOP = 512, 128
FRAME_S = HOP / RATE
REACH = (9, 15)
"""Frames and bins around a peak in which nothing is stronger."""
PARTNERS = 5
"""Later peaks that one peak is paired with."""
LONGEST = 48
"""Frames between the peaks of a pair."""
FOLLOWERS = 6
"""Later occurrences of a pair that one is matched with: keeps the cost linear."""
SPAN, OVERLAP = 75_000, 250
"""Frames (10 min, 2 s) whose repetitions are counted at a time: bounds the memory."""
AT_ONCE = 250_000
"""Pairs that are sorted at a time, about."""

Peaks = NDArray[np.uint32]
"""Frame (of 8 ms, 24 bits: 37 hours) and bin (8 bits) of each peak, in order of time."""
Repeats = NDArray[np.int64]
"""Frame of a pair (upper 32 bits) and frames until it occurs again (lower 32)."""


def peaks_of(recording: Recording) -> Peaks:
    """The peaks of the spectrogram between 125 Hz and 7 kHz, [peaks], in order of time."""
    hann = np.hanning(SIZE + 1)[:-1].astype(np.float32)
    rest = np.zeros(0, np.float32)
    found: list[Peaks] = []
    done = 0
    for block in recording.resampled(RATE, seconds=20.0):
        rest = np.concatenate([rest, block])
        count = (len(rest) - SIZE) // HOP + 1
        if count < 2 * REACH[0]:
            continue
        found.append(_peaks_in(rest, count, hann, done))
        done += count - REACH[0]
        rest = rest[(count - REACH[0]) * HOP :]  # neighbours of the next block's first frames
    count = (len(rest) - SIZE) // HOP + 1
    if count > 0:
        found.append(_peaks_in(rest, count, hann, done))
    return np.unique(np.concatenate([np.zeros(0, np.uint32), *found]))


def _peaks_in(samples: NDArray[np.float32], count: int, hann: NDArray[np.float32], offset: int) -> Peaks:
    """Those of the first `count` frames of samples [time] at 16 kHz, of which the first has the number `offset`."""
    cut = np.lib.stride_tricks.sliding_window_view(samples, SIZE)[::HOP][:count]
    power = np.abs(np.fft.rfft(cut * hann, axis=1)[:, 4:224]).astype(np.float32)
    loudest = maximum_filter(power, size=REACH)
    floor = np.maximum(power.max(axis=1, keepdims=True) * 0.03, 1e-3)
    at, place = np.nonzero((power >= loudest) & (power > floor))
    return ((at + offset) << 8 | place).astype(np.uint32)


def repeats_of(peaks: Peaks, least: float) -> Iterator[Repeats]:
    """For every ten minutes, and a little of the next, the pairs in them that occur again after `least` frames."""
    parts = 1 + PARTNERS * len(peaks) // AT_ONCE
    where: dict[int, list[tuple[int, int]]] = defaultdict(list)
    with tempfile.TemporaryFile(prefix="voxproof-") as store:
        for part in range(parts):
            for span, repeats in _by_span(_matched(_pairs(peaks, part, parts), least)):
                where[span].append((store.tell(), len(repeats)))
                store.write(repeats.tobytes())
        for span in sorted(where):
            yield np.concatenate([_read(store, *piece) for piece in where.pop(span)])


def _pairs(peaks: Peaks, part: int, parts: int) -> NDArray[np.int64]:
    """Neighbouring peaks: both bins and their distance (upper 32 bits) and the frame of the first, sorted."""
    chunks = []
    for begin in range(0, len(peaks), AT_ONCE):
        some = peaks[begin : begin + AT_ONCE + PARTNERS].astype(np.int64)
        at, bins = some >> 8, some & 255
        for step in range(1, PARTNERS + 1):
            firsts = slice(0, min(AT_ONCE, max(len(some) - step, 0)))
            seconds = slice(step, firsts.stop + step)
            gap = at[seconds] - at[firsts]
            keys = (bins[firsts] * 256 + bins[seconds]) * 64 + gap
            chosen = (gap <= LONGEST) & (keys % parts == part)
            chunks.append(keys[chosen] << 32 | at[firsts][chosen])
    pairs = np.concatenate(chunks) if chunks else np.zeros(0, np.int64)
    pairs.sort()
    return pairs


def _matched(pairs: NDArray[np.int64], least: float) -> Repeats:
    """Each pair with its next occurrences, of at least `least` frames later."""
    found = [np.zeros(0, np.int64)]
    for step in range(1, min(FOLLOWERS, len(pairs) - 1) + 1):
        distance = pairs[step:] - pairs[:-step]  # of equal keys: frames; of different ones: more than any file has
        same = (distance > least) & (pairs[step:] >> 32 == pairs[:-step] >> 32)
        found.append((pairs[:-step][same] & 0xFFFFFFFF) << 32 | distance[same])
    return np.concatenate(found)


def _by_span(repeats: Repeats) -> Iterator[tuple[int, Repeats]]:
    """What lies in each span; what lies in the overlap of two belongs to both."""
    repeats.sort()
    at = repeats >> 32
    for span in range(int(at[-1]) // SPAN + 1 if len(at) else 0):
        low, high = np.searchsorted(at, [span * SPAN, (span + 1) * SPAN + OVERLAP])
        if high > low:
            yield span, repeats[low:high]


def _read(store: IO[bytes], offset: int, count: int) -> Repeats:
    store.seek(offset)
    return np.frombuffer(store.read(8 * count), np.int64)
