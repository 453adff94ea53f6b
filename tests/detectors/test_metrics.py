"""Figures worked out by hand, and what must hold for any scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.metrics import (
    act_dcf,
    asvspoof,
    auc,
    cllr,
    cllr_min,
    eer,
    min_dcf,
    pool_adjacent_violators,
    wilson_interval,
)

MACHINE = np.array([2.0, 1.0, 0.5, -1.0])
HUMAN = np.array([-2.0, -1.5, -0.5, 0.7])


def test_eer_by_hand() -> None:
    """At a threshold between 0.5 and 0.7 one of four machine clips lies below and one of four human clips above."""
    assert eer(MACHINE, HUMAN) == pytest.approx(0.25)
    assert eer(np.array([1.0, 2.0]), np.array([-1.0, 0.0])) == 0.0
    assert eer(np.array([-1.0, 0.0]), np.array([1.0, 2.0])) == 1.0
    assert eer(np.zeros(10), np.zeros(20)) == pytest.approx(0.5)


def test_auc_by_hand() -> None:
    """Pairs won: 2.0: 4, 1.0: 4, 0.5: 3, -1.0: 2 of 4 each; a tie is half."""
    assert auc(MACHINE, HUMAN) == pytest.approx(13 / 16)
    assert auc(np.array([1.0]), np.array([1.0])) == 0.5


def test_cllr_by_hand() -> None:
    """LR 10 for a machine clip and 1/10 for a human one: log2(1.1) each; LR 1 throughout: 1 bit."""
    assert cllr(np.array([1.0]), np.array([-1.0])) == pytest.approx(math.log2(1.1))
    assert cllr(np.zeros(5), np.zeros(7)) == pytest.approx(1.0)
    assert cllr(np.array([-1.0]), np.array([1.0])) == pytest.approx(math.log2(11))


def test_cllr_min_by_hand() -> None:
    """PAV of human, machine, human, machine: posteriors 0, 1/2, 1/2, 1; half of each class costs 1 bit, half none."""
    machine, human = np.array([0.2, 0.9]), np.array([0.1, 0.5])
    best_machine, best_human = pool_adjacent_violators(machine, human)
    assert best_machine.tolist() == [0.0, math.inf]
    assert best_human.tolist() == [-math.inf, 0.0]
    assert cllr_min(machine, human) == pytest.approx(0.5)


def test_ties_say_nothing() -> None:
    assert cllr_min(np.ones(3), np.ones(9)) == pytest.approx(1.0)


def test_dcf_by_hand() -> None:
    """Threshold -0.642 in nats is +0.279 for machine in log10: 3 of 4 machine clips and 1 of 4 human clips above it."""
    spoof_accepted, human_rejected = 1 / 4, 1 / 4
    expected = (0.95 * human_rejected + 10 * 0.05 * spoof_accepted) / 0.5
    assert act_dcf(MACHINE, HUMAN) == pytest.approx(expected)
    assert min_dcf(MACHINE, HUMAN) == pytest.approx(0.5 * 0.5 / 0.5)  # reject from 1.0 on: half the spoofs pass
    assert min_dcf(np.array([1.0, 2.0]), np.array([-1.0])) == 0.0


def test_the_sign_is_turned_once() -> None:
    assert asvspoof(np.array([1.0])).tolist() == pytest.approx([-math.log(10)])


def test_wilson_by_hand() -> None:
    """Textbook value for 2 of 100."""
    low, high = wilson_interval(2, 100)
    assert (low, high) == (pytest.approx(0.00550, abs=1e-4), pytest.approx(0.07001, abs=1e-4))
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 50)[0] == 0.0


scores = st.lists(st.integers(-20, 20), min_size=1, max_size=30).map(lambda v: np.array(v) / 4)


@given(scores, scores)
def test_what_must_hold(machine: np.ndarray, human: np.ndarray) -> None:  # type: ignore[type-arg]
    assert 0 <= eer(machine, human) <= 1
    assert auc(machine, human) == pytest.approx(1 - auc(human, machine))
    assert cllr_min(machine, human) <= cllr(machine, human) + 1e-9
    assert min_dcf(machine, human) <= act_dcf(machine, human) + 1e-9
    assert min_dcf(machine, human) <= 1 + 1e-9
    assert cllr_min(3 * machine + 1, 3 * human + 1) == pytest.approx(cllr_min(machine, human))
