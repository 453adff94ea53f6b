"""Rows on disk: what is written is read, in slices and in parts with margins."""

import numpy as np
import pytest

from forensics.methods._rows import Rows

WRITTEN = np.arange(34, dtype=np.float32).reshape(17, 2)


@pytest.fixture
def rows() -> Rows:
    return Rows(iter([WRITTEN[:5], WRITTEN[5:5], WRITTEN[5:]]), 2, np.float32)


def test_slices_are_those_of_the_array(rows: Rows) -> None:
    with rows:
        assert len(rows) == 17
        for wanted in (slice(0, 17), slice(3, 9), slice(15, 40), slice(9, 3), slice(-4, None)):
            assert np.array_equal(rows[wanted], WRITTEN[wanted])
            assert rows[wanted].dtype == np.float32


def test_a_column_is_that_of_all_rows(rows: Rows) -> None:
    with rows:
        assert [rows.column(n).tolist() for n in (0, 1)] == WRITTEN.T.tolist()
    long = np.arange(100_000.0).reshape(-1, 2)
    with Rows([long], 2, np.float64) as many:
        assert np.array_equal(many.column(1), long[:, 1])


@pytest.mark.parametrize(("size", "margin"), [(4, 0), (4, 2), (17, 3), (50, 1), (1, 9)])
def test_parts_hold_every_row_once_between_their_margins(rows: Rows, size: int, margin: int) -> None:
    with rows:
        parts = list(rows.parts(size, margin))
    assert np.array_equal(np.concatenate([part[inner] for inner, part in parts]), WRITTEN)
    for number, (inner, part) in enumerate(parts):
        assert inner.start == min(margin, number * size)
        assert len(part) - inner.stop == min(margin, 17 - (number * size + inner.stop - inner.start))


def test_none_written_is_none_read_and_the_end_closes_the_file() -> None:
    with Rows([], 3, np.float64) as none:
        assert len(none) == 0
        assert none[:5].shape == (0, 3)
        assert list(none.parts(4, 1)) == []
    with pytest.raises(ValueError, match="closed"):
        none[:1]
