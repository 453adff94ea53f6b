"""Risk and coverage with and without abstention, on answers made up."""

import numpy as np
import pytest

from detectors.train.domain_page import error, figures, kept


def test_error_weighs_classes_alike_and_counts_no_answer_half() -> None:
    machine = np.array([True] * 3 + [False])
    assert error(np.array([1.0, 1.0, -1.0, -1.0]), machine) == pytest.approx(1 / 6)
    assert error(np.array([1.0, 1.0, 0.0, 1.0]), machine) == pytest.approx((1 / 6 + 1) / 2)


def test_the_surest_are_kept() -> None:
    machine = np.arange(10) % 2 == 0
    inside = kept(np.arange(10.0), machine, 0.8)
    assert inside.tolist() == [False, False, *[True] * 8]


def test_abstention_helps_where_distance_tells_errors_and_only_there() -> None:
    rng = np.random.default_rng(1)
    machine = np.arange(1000) % 2 == 0
    wrong = np.arange(1000) % 10 < 2
    llr = np.where(machine != wrong, 1.0, -1.0) * rng.uniform(0.5, 1.5, 1000)
    share = np.where(wrong, 99.5, 50.0)
    found = figures(llr, machine, share, share < 99)
    assert found[0] == pytest.approx(0.2, abs=0.001)
    assert found[1] == pytest.approx(0.2, abs=0.03)
    assert found[2] == found[3] == found[4] == pytest.approx(0.0, abs=1e-9)
    blind = figures(llr, machine, rng.uniform(0, 100, 1000), np.ones(1000, bool))
    assert blind[2] == pytest.approx(0.2, abs=0.03)
    assert blind[3] == blind[1]
