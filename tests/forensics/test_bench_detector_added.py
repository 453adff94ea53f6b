"""What a line of evidence adds to the verdict, by hand."""

import math
from pathlib import Path

import numpy as np
import pytest

from detectors.card import Bounds
from detectors.fusion import Fit, Fusion
from forensics.benches.detector.added import added
from forensics.benches.detector.clips import Clip
from forensics.benches.detector.run import VERDICT, Answer, Scored

ZERO2, ZERO3 = ((0.0,) * 2,) * 2, ((0.0,) * 3,) * 3
FUSION = Fusion(
    summary="for this test",
    fits=(
        Fit(weights={"a": 1.0, "b": 1.0}, intercept=0.0, covariance=ZERO3),
        Fit(weights={"a": 1.0}, intercept=0.0, covariance=ZERO2),
        Fit(weights={"b": 1.0}, intercept=0.0, covariance=ZERO2),
    ),
    bounds=Bounds(lower=-9, upper=9), threshold_machine=1.0, threshold_human=-1.0, sources=5,
)  # fmt: skip
LINES = {"m1": (2.0, -1.0), "m2": (1.0, 1.0), "h1": (-2.0, 1.0), "h2": (-1.0, -1.0), "m3": (5.0, None)}
"""What a and b say of each clip: a alone tells the classes apart, b says the same of both."""


def scored(name: str, a: float, b: float | None) -> Scored:
    lines = {"a": a} | ({} if b is None else {"b": b})
    answers = {line: Answer("neither", value, value) for line, value in lines.items()}
    total = sum(lines.values())
    return Scored(name, name, "original", 3.0, answers | {VERDICT: Answer("neither", total, total)}, ())


ROWS = [scored(name, *values) for name, values in LINES.items()]
CLIPS = {name: Clip(name, Path(name), "machine" if "m" in name else "human") for name in LINES}


def cost(machine: list[float], human: list[float]) -> float:
    """Cllr in bits, written out."""
    one = sum(math.log2(1 + 10**-value) for value in machine) / len(machine)
    return (one + sum(math.log2(1 + 10**value) for value in human) / len(human)) / 2


def test_a_line_that_tells_and_one_that_does_not() -> None:
    one, other = added("original", ROWS, CLIPS, {name: name for name in LINES}, FUSION, 1)
    assert (one.line, other.line, one.human, one.machine) == ("a", "b", 2, 2)  # m3 has no b and is left out
    assert (one.eer, other.eer) == (0.5, 0.0)
    whole = cost([1, 2], [-1, -2])
    assert one.cllr == pytest.approx(cost([-1, 1], [1, -1]) - whole)
    assert other.cllr == pytest.approx(cost([2, 1], [-2, -1]) - whole)
    assert one.cllr > 0.4
    assert other.cllr == pytest.approx(0.0)
    assert one.eer_interval[0] <= 0.5 <= one.eer_interval[1]
    assert other.eer_interval == (0.0, 0.0)


def test_one_source_has_no_interval_and_one_class_no_row() -> None:
    (one, _) = added("original", ROWS, CLIPS, dict.fromkeys(LINES, "page"), FUSION, 1)
    assert np.isnan(one.eer_interval[0])
    assert added("original", ROWS[:2], CLIPS, {name: name for name in LINES}, FUSION, 1) == []
    alone = FUSION.model_copy(update={"fits": FUSION.fits[1:2]})
    assert added("original", ROWS, CLIPS, {name: name for name in LINES}, alone, 1) == []
