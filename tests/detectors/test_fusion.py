"""One bounded LR from several lines, by hand, and errors for what was never learnt."""

from pathlib import Path

import pytest

from detectors.card import Bounds
from detectors.fusion import Fit, Fusion, load_fusion, write_fusion
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
    assert fusion.lines == {"detector.speech", "detector.spectral"}
    assert {frozenset(fit.weights) for fit in fusion.fits} == {
        frozenset({"detector.speech"}),
        frozenset({"detector.spectral"}),
        fusion.lines,
    }
    assert all(weight >= 0 for fit in fusion.fits for weight in fit.weights.values())
    assert len(fusion.sha256) == 64
    assert fusion.threshold_human < 0 < fusion.threshold_machine
    assert -1.3 < fusion.bounds.lower < fusion.threshold_human
    assert fusion.threshold_machine <= fusion.bounds.upper < 1.3
    assert fusion.fuse({"detector.speech": 1.0}).log10_lr > fusion.fuse({"detector.speech": -1.0}).log10_lr
    assert any(figure.condition == "original" and figure.human > 500 for figure in fusion.figures)


def test_two_lines_that_share_what_they_see_do_not_count_twice() -> None:
    """Both at the same value say less than the sum of what each says alone."""
    fusion = load_fusion()
    alone = sum(fusion.fuse({name: 0.5}).log10_lr for name in fusion.lines)
    assert fusion.fuse(dict.fromkeys(fusion.lines, 0.5)).log10_lr < alone


def test_written_constants_are_read_back(tmp_path: Path) -> None:
    write_fusion(TWO, tmp_path / "fusion.yaml")
    again = load_fusion(tmp_path / "fusion.yaml")
    assert again.model_copy(update={"sha256": ""}) == TWO


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="missing"):
        load_fusion(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("- 1\n", "utf-8")
    with pytest.raises(VoxproofError, match="not valid fusion constants"):
        load_fusion(tmp_path / "bad.yaml")
