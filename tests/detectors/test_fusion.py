"""One bounded LR from several lines, by hand, and errors for what was never learnt."""

from pathlib import Path

import pytest

from detectors.card import Bounds
from detectors.fusion import Fit, Fusion, fuse, load_fusion
from synth.errors import VoxproofError

TWO = Fusion(
    summary="a test",
    fits=(
        Fit(weights={"a": 0.6, "b": 0.3}, intercept=0.1, covariance=((0.0, 0, 0), (0, 0.01, 0), (0, 0, 0))),
        Fit(weights={"a": 0.8}, intercept=0.0, covariance=((0.04, 0.0), (0.0, 0.0))),
    ),
    bounds=Bounds(lower=-1.0, upper=1.2),
    threshold_machine=0.5,
    threshold_human=-0.5,
    sources=16,
)


def test_two_lines_by_hand() -> None:
    fused = TWO.fuse({"b": 1.0, "a": 0.5})
    assert fused.log10_lr == pytest.approx(0.1 + 0.3 + 0.3)
    assert fused.log10_lr_bounds == (pytest.approx(0.7 - 0.196, abs=1e-3), pytest.approx(0.7 + 0.196, abs=1e-3))


def test_each_set_of_lines_has_its_own_fit() -> None:
    assert TWO.fuse({"a": 1.0}).log10_lr == pytest.approx(0.8)
    assert TWO.lines == {"a", "b"}


def test_bounded() -> None:
    fused = TWO.fuse({"a": 100.0})
    assert (fused.log10_lr, fused.log10_lr_bounds[1]) == (1.2, 1.2)
    assert TWO.fuse({"a": -100.0}).log10_lr == -1.0


def test_unknown_lines_are_an_error() -> None:
    with pytest.raises(VoxproofError, match="no fusion was learnt for the lines b"):
        TWO.fuse({"b": 1.0})


def test_shipped_constants() -> None:
    fusion = load_fusion()
    assert fusion.lines == {"detector.speech"}
    assert len(fusion.sha256) == 64
    assert fusion.threshold_human < 0 < fusion.threshold_machine
    assert -1.3 < fusion.bounds.lower < fusion.threshold_human
    assert fusion.threshold_machine <= fusion.bounds.upper < 1.3
    assert fuse({"detector.speech": 1.0})[0] > fuse({"detector.speech": -1.0})[0]


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="missing"):
        load_fusion(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("- 1\n", "utf-8")
    with pytest.raises(VoxproofError, match="not valid fusion constants"):
        load_fusion(tmp_path / "bad.yaml")
