"""Which phone of its text is said in each frame of a recording: what guides the attention of the lite SoVITS.

The likeliest path through the phones and the blanks between them, as connectionist temporal classification scores them
(A. Graves et al., 2006), found as in A. Viterbi (1967). Frames of a blank belong to the phone nearest to them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNALIGNED = -1
"""Of frames that are given no phone."""


def forced_alignment(scores: NDArray[np.float32], phones: NDArray[np.int64], blank: int) -> NDArray[np.int16]:
    """Log-probabilities [frames, classes] and the phones of the text [phones] -> a place in the text [frames].

    UNALIGNED in all frames where they are too few for the phones.
    """
    frames, count = len(scores), len(phones)
    labels = np.full(2 * count + 1, blank)
    labels[1::2] = phones
    doubled = np.zeros(len(labels), bool)
    doubled[3::2] = phones[1:] == phones[:-1]  # one phone twice needs a blank between
    if not count or frames < count + int(doubled.sum()):
        return np.full(frames, UNALIGNED, np.int16)
    said = scores[:, labels]
    came = np.zeros((frames, len(labels)), np.int8)
    skips = (labels != blank) & ~doubled
    best = np.full(len(labels), -np.inf, np.float32)
    best[:2] = said[0, :2]
    ways = np.full((3, len(labels)), -np.inf, np.float32)
    everywhere = np.arange(len(labels))
    for frame in range(1, frames):
        ways[0] = best
        ways[1, 1:] = best[:-1]
        ways[2, 2:] = np.where(skips[2:], best[:-2], -np.inf)
        came[frame] = ways.argmax(0)
        best = ways[came[frame], everywhere] + said[frame]
    state = len(labels) - 1 - int(best[-1] < best[-2])
    path = np.zeros(frames, np.int64)
    for frame in range(frames - 1, -1, -1):
        path[frame] = state
        state -= int(came[frame, state])
    return (path[nearest(path % 2 == 1)] // 2).astype(np.int16)  # the odd states are phones


def nearest(marked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Number of the marked frame that is nearest to each [frames], the earlier of two; at least one is marked."""
    numbers, at = np.flatnonzero(marked), np.arange(len(marked))
    after = np.searchsorted(numbers, at).clip(max=len(numbers) - 1)
    before = (after - 1).clip(min=0)
    earlier = np.abs(numbers[before] - at) <= np.abs(numbers[after] - at)
    return numbers[np.where(earlier, before, after)]
