"""Where in its text a recording is: the likeliest path, and what blanks belong to."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.train.forced_alignment import UNALIGNED, forced_alignment

BLANK = 4


def certain(row: str) -> np.ndarray:
    """Log-probabilities of a row of classes, "." the blank."""
    scores = np.full((len(row), BLANK + 1), -8.0, np.float32)
    for frame, name in enumerate(row):
        scores[frame, BLANK if name == "." else int(name)] = -0.01
    return scores


@pytest.mark.parametrize(
    ("row", "phones", "places"),
    [
        (".11..2.3.", [1, 2, 3], [0, 0, 0, 0, 1, 1, 1, 2, 2]),
        ("1.1", [1, 1], [0, 0, 1]),
        ("2222", [2], [0, 0, 0, 0]),
        ("...3...", [3], [0] * 7),
        ("11.23.", [1, 0, 3], [0, 0, 0, 1, 2, 2]),  # a phone that was heard as another
    ],
)
def test_every_frame_belongs_to_the_phone_that_is_said(row: str, phones: list[int], places: list[int]) -> None:
    assert forced_alignment(certain(row), np.array(phones), BLANK).tolist() == places


def test_too_few_frames_have_no_place() -> None:
    assert forced_alignment(certain("12"), np.array([1, 2, 3]), BLANK).tolist() == [UNALIGNED] * 2
    assert forced_alignment(certain("11"), np.array([1, 1]), BLANK).tolist() == [UNALIGNED] * 2
    assert forced_alignment(certain("11"), np.array([], np.int64), BLANK).tolist() == [UNALIGNED] * 2


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(4, 6))
def test_no_other_path_is_likelier(seed: int, count: int, frames: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.ones(BLANK + 1), frames)).astype(np.float32)
    phones = rng.integers(0, BLANK, count)

    def collapsed(row: tuple[int, ...]) -> list[int]:
        return [one for one, _ in itertools.groupby(row) if one != BLANK]

    rows = [row for row in itertools.product(range(BLANK + 1), repeat=frames) if collapsed(row) == phones.tolist()]
    found = forced_alignment(scores, phones, BLANK)
    if not rows:
        assert (found == UNALIGNED).all()
        return
    best = max(rows, key=lambda row: sum(scores[np.arange(frames), row]))
    spoken = [frame for frame in range(frames) if best[frame] != BLANK]
    numbers = np.cumsum([best[f] != (best[f - 1] if f else BLANK) for f in spoken]) - 1
    assert found[spoken].tolist() == numbers.tolist()
    assert (np.diff(found) >= 0).all()
