"""Pairs of peaks that occur again: what is planted is found, whatever the parts in which it is looked for."""

import numpy as np
import pytest

from forensics.methods import _peak_pairs
from forensics.methods._peak_pairs import SPAN, Peaks, Repeats, repeats_of


def peaks_with_a_copy(start: int, distance: int, frames: int = 4000, seed: int = 0) -> Peaks:
    """Peaks at random, two every three frames, and 60 frames of them once more `distance` later."""
    rng = np.random.default_rng(seed)
    at, bins = rng.integers(0, frames, 2 * frames // 3), rng.integers(0, 220, 2 * frames // 3)
    copied = (at >= start) & (at < start + 60)
    hidden = (at >= start + distance) & (at < start + distance + 60)
    at = np.concatenate([at[~hidden], at[copied] + distance])
    bins = np.concatenate([bins[~hidden], bins[copied]])
    return np.unique((at << 8 | bins).astype(np.uint32))


def told(repeats: Repeats) -> tuple[np.ndarray, np.ndarray]:
    return repeats >> 32, repeats & 0xFFFFFFFF


def test_a_copy_repeats_its_pairs_at_one_distance() -> None:
    (repeats,) = repeats_of(peaks_with_a_copy(500, 2000), least=25)
    first, gap = told(repeats)
    there = (first >= 500) & (first < 560)
    assert (gap[there] == 2000).sum() > 100
    assert np.bincount(gap).argmax() == 2000
    assert (np.bincount(gap[~there]) <= 5).all()
    assert gap.min() > 25


def test_the_parts_do_not_change_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    peaks = peaks_with_a_copy(SPAN - 100, 3000, frames=SPAN + 6000)
    whole = [np.sort(repeats) for repeats in repeats_of(peaks, least=25)]
    monkeypatch.setattr(_peak_pairs, "AT_ONCE", 7001)
    parts = [np.sort(repeats) for repeats in repeats_of(peaks, least=25)]
    assert len(whole) == len(parts) == 2
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))


def test_what_lies_in_the_overlap_of_two_spans_counts_in_both() -> None:
    copy_in_overlap = peaks_with_a_copy(SPAN + 50, 3000, frames=SPAN + 6000)
    for repeats in repeats_of(copy_in_overlap, least=25):
        first, gap = told(repeats)
        assert ((first >= SPAN + 50) & (first < SPAN + 110) & (gap == 3000)).sum() > 100


@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_few_peaks_have_no_repeats(count: int) -> None:
    peaks = (np.arange(count) * 40 << 8 | np.arange(count)).astype(np.uint32)
    assert sum(len(repeats) for repeats in repeats_of(peaks, least=25)) == 0
