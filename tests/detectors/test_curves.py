"""Curves worked out by hand: cross-entropy, reliability, risk and coverage, and intervals over whole sources."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure as Canvas
from scipy.special import ndtr

from detectors import plots
from detectors.card import Figure
from detectors.curves import cross_entropy, reliability, risk_at, risk_coverage
from detectors.figure_table import HEADER, line
from detectors.judged import Judged, bootstrap, over_sources
from detectors.metrics import auc, cllr, eer, hits_at

MACHINE = np.array([2.0, 1.0, 0.5, -1.0])
HUMAN = np.array([-2.0, -1.5, -0.5, 0.7])
LRS = st.lists(st.floats(-3, 3), min_size=1, max_size=20).map(np.array)


def test_hits_at_a_rate_of_false_alarms() -> None:
    """Above 0.7 lie two of four machine clips; allowing one false alarm of four, 0.5 is found too."""
    assert hits_at(MACHINE, HUMAN, 0.02) == 0.5
    assert hits_at(MACHINE, HUMAN, 0.25) == 0.75
    assert hits_at(MACHINE, HUMAN, 1.0) == 1.0


def test_cross_entropy_by_hand() -> None:
    """At prior odds of 1 it is Cllr; LR 1 costs the entropy of the prior, here of 1 in 11."""
    assert cross_entropy(MACHINE, HUMAN, np.zeros(1))[0] == pytest.approx(cllr(MACHINE, HUMAN))
    entropy = -(math.log2(1 / 11) / 11 + 10 * math.log2(10 / 11) / 11)
    assert cross_entropy(np.zeros(3), np.zeros(2), np.array([-1.0]))[0] == pytest.approx(entropy)
    assert cross_entropy(np.array([math.inf]), np.array([-math.inf]), np.array([1.0]))[0] == 0.0


def test_reliability_by_hand() -> None:
    """Eight LRs in two bins: below (-2, -1.5, -1, -0.5) one machine and three human clips, above the other way."""
    below, above = reliability(MACHINE, HUMAN, 2)
    assert (below.machine, below.human, above.machine, above.human) == (1, 3, 3, 1)
    assert below.reported == pytest.approx(-1.25)
    assert below.observed == pytest.approx(math.log10(1.5 / 3.5))
    assert above.observed == pytest.approx(-below.observed)


def test_equal_lrs_share_a_bin() -> None:
    bins = reliability(np.full(30, 1.0), np.r_[np.full(30, -1.0), 1.0], 10)
    assert [(b.reported, b.machine, b.human) for b in bins] == [(-1.0, 0, 30), (1.0, 30, 1)]


@settings(max_examples=20)
@given(LRS, LRS)
def test_every_clip_is_in_one_bin(machine: np.ndarray, human: np.ndarray) -> None:  # type: ignore[type-arg]
    bins = reliability(machine, human)
    assert (sum(b.machine for b in bins), sum(b.human for b in bins)) == (machine.size, human.size)


def test_risk_and_coverage_by_hand() -> None:
    """Kept first: 2 and -2 (together), -1.5, then 1 and -1 (one wrong), 0.7 (wrong), 0.5 and -0.5."""
    coverage, wrong = risk_coverage(MACHINE, HUMAN)
    assert coverage.tolist() == pytest.approx([2 / 8, 3 / 8, 5 / 8, 6 / 8, 1])
    assert wrong.tolist() == pytest.approx([0, 0, 1 / 5, 2 / 6, 2 / 8])
    assert risk_at(MACHINE, HUMAN, 0.7) == pytest.approx(2 / 6)
    assert risk_at(MACHINE, HUMAN, 1.0) == pytest.approx(0.25)


def test_classes_weigh_the_same_and_nothing_said_is_half_an_error() -> None:
    assert risk_at(np.array([1.0, -1.0]), np.full(98, -1.0), 1.0) == pytest.approx(0.25)
    assert risk_at(np.zeros(3), np.zeros(5), 1.0) == pytest.approx(0.5)


@settings(max_examples=20)
@given(LRS, LRS)
def test_coverage_rises_to_all(machine: np.ndarray, human: np.ndarray) -> None:  # type: ignore[type-arg]
    coverage, wrong = risk_coverage(machine, human)
    assert (np.diff(coverage) > 0).all()
    assert coverage[-1] == pytest.approx(1)
    assert ((wrong > -1e-12) & (wrong < 1 + 1e-12)).all()


def _judged() -> Judged:
    rng = np.random.default_rng(3)
    labels = ["machine"] * 60 + ["human"] * 40
    rows = [{"label": label, "source": f"{label}{i % 5}", "generator": ""} for i, label in enumerate(labels)]
    score = rng.standard_normal(100) + np.repeat([1.0, 0.0], [60, 40])
    return Judged(rows, score, score, score > 1, score < -1)


def test_bootstrap_draws_whole_sources() -> None:
    """Every draw holds as many sources as there are, each whole: sizes 1, 2 and 4 give no other sums."""
    machine = np.array([True] * 7 + [False] * 2)
    cluster = np.array(["a", "b", "b", "c", "c", "c", "c", "h", "h"])
    drawn = []

    def seen(of_machine: np.ndarray, of_human: np.ndarray) -> tuple[float]:  # type: ignore[type-arg]
        counts = np.bincount(of_machine, minlength=9)
        assert len({*counts[1:3]}) == 1
        assert len({*counts[3:7]}) == 1
        assert counts[0] + counts[1] + counts[3] == 3
        assert of_human.tolist() == [7, 8]
        drawn.append(of_machine.size)
        return (float(of_machine.size),)

    (low, high) = bootstrap(machine, cluster, seen, rounds=200)[0]
    assert {*drawn} == {3, 4, 5, 6, 7, 8, 9, 10, 12}
    assert 3 <= low < high <= 12


def test_intervals_over_sources_contain_the_figure() -> None:
    judged = _judged()
    scores = judged.score[judged.machine], judged.score[~judged.machine]
    (eer_low, eer_high), (auc_low, auc_high) = over_sources(judged, 200)
    assert eer_low < eer(*scores) < eer_high
    assert auc_low < auc(*scores) < auc_high


def test_a_row_has_the_columns_of_the_header() -> None:
    figure: Figure = _judged().figure("original")
    head, rule = HEADER.splitlines()
    assert head.count("|") == rule.count("|") == line(figure).count("|")
    assert f"| {figure.cllr - figure.cllr_min:.3f} |" in line(figure)


def test_pictures_show_the_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is drawn are the curves of the scores; the axes are looked at, not the pixels."""
    seen: dict[str, list[tuple[list[float], list[float]]]] = {}

    @contextmanager
    def axes(path: Path, *size: float) -> Iterator[Any]:
        figure = Canvas()
        drawn = figure.subplots()
        yield drawn
        seen[path.stem] = [tuple(np.asarray(one).tolist() for one in curve.get_data()) for curve in drawn.get_lines()]  # type: ignore[misc]

    monkeypatch.setattr(plots, "_drawn", axes)
    plots.det({"ours": (MACHINE, HUMAN)}, tmp_path / "det.png")
    plots.tippett(MACHINE, HUMAN, tmp_path / "tippett.png")
    plots.ece(MACHINE, HUMAN, tmp_path / "ece.png")
    plots.reliable(MACHINE, HUMAN, tmp_path / "reliability.png")
    plots.risk({"ours": (MACHINE, HUMAN)}, tmp_path / "risk.png")
    assert seen["tippett"][0] == ([-1.0, 0.5, 1.0, 2.0], [1.0, 0.75, 0.5, 0.25])
    assert seen["tippett"][1][0] == [-2.0, -1.5, -0.5, 0.7]
    reported, best, nothing = (np.array(curve[1]) for curve in seen["ece"])
    assert reported[50] == pytest.approx(cllr(MACHINE, HUMAN))
    assert (best <= reported + 1e-9).all()
    assert nothing[50] == pytest.approx(1.0)
    assert seen["risk"][0][1] == pytest.approx([0, 0, 20, 100 / 3, 25])
    alarms = [0.999, 0.999, 0.75, 0.5, 0.5, 0.25, 0.25, 0.001, 0.001, 0.001]
    assert ndtr(seen["det"][0][0]) == pytest.approx(alarms)
    assert len(seen["reliability"][1][0]) == len(reliability(MACHINE, HUMAN, 2))


def test_a_picture_is_the_same_twice(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        plots.tippett(MACHINE, HUMAN, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
