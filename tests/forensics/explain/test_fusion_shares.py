"""Shares of the fused log10 LR: by hand, and adding up to the verdict's."""

import pytest

from detectors.card import Bounds
from detectors.fusion import Fit, Fusion, load_fusion
from forensics.explain.fusion_shares import fusion_shares
from forensics.fusion import WATERMARK, judge_origin
from forensics.records import Finding

TWO = Fusion(
    summary="a test",
    fits=(
        Fit(weights={"a": 0.6, "b": 0.3}, intercept=0.1, covariance=((0.0, 0, 0), (0, 0, 0), (0, 0, 0))),
        Fit(weights={"a": 0.8}, intercept=0.0, covariance=((0.0, 0.0), (0.0, 0.0))),
        Fit(weights={"b": 0.5}, intercept=-0.1, covariance=((0.0, 0.0), (0.0, 0.0))),
    ),
    bounds=Bounds(lower=-1.0, upper=1.2),
    threshold_machine=0.5,
    threshold_human=-0.5,
    sources=16,
)


def found(method: str, log10_lr: float | None, **more: object) -> Finding:
    outcome = "could_not_test" if log10_lr is None else "inconclusive"
    return Finding(
        method=method, version="1", outcome=outcome, in_domain=log10_lr is not None, log10_lr=log10_lr,
        reasons=("none",), **more,
    )  # fmt: skip


def test_two_lines_by_hand() -> None:
    shares = fusion_shares([found("a", 1.0), found("b", -0.4)], TWO)
    by_line = {one.line: one for one in shares.lines}
    together, a, b = 0.6 - 0.12 + 0.1, 0.8, -0.2 - 0.1
    assert shares.total == pytest.approx(together)
    assert by_line["a"].bans == pytest.approx((a + (together - b)) / 2)
    assert by_line["b"].bans == pytest.approx((b + (together - a)) / 2)
    assert (by_line["a"].alone, by_line["b"].alone) == (pytest.approx(a), pytest.approx(b))
    assert [one.line for one in shares.lines] == ["a", "b"]


def test_equal_lines_share_equally_and_a_mark_keeps_its_own() -> None:
    even = TWO.model_copy(
        update={
            "fits": (
                Fit(weights={"a": 0.5, "b": 0.5}, intercept=0.0, covariance=TWO.fits[0].covariance),
                Fit(weights={"a": 0.8}, intercept=0.0, covariance=TWO.fits[1].covariance),
                Fit(weights={"b": 0.8}, intercept=0.0, covariance=TWO.fits[1].covariance),
            )
        }
    )
    shares = fusion_shares([found("a", 0.5), found("b", 0.5), found(WATERMARK, 2.0)], even)
    by_line = {one.line: one.bans for one in shares.lines}
    assert by_line["a"] == pytest.approx(by_line["b"]) == pytest.approx(0.25)
    assert by_line[WATERMARK] == pytest.approx(2.0)
    assert sum(by_line.values()) == pytest.approx(shares.total)


@pytest.mark.parametrize("values", [(1.3, -0.7), (-2.0, -2.0), (3.0, 3.0), (0.4, None), (None, 0.9)])
def test_shares_add_up_to_the_verdict(values: tuple[float | None, float | None]) -> None:
    findings = [found("detector.speech", values[0]), found("detector.spectral", values[1])]
    fusion = load_fusion()
    shares = fusion_shares(findings, fusion)
    assert sum(one.bans for one in shares.lines) == pytest.approx(shares.total)
    assert shares.total == pytest.approx(judge_origin(findings, fusion).log10_lr)
    assert len(shares.lines) == sum(value is not None for value in values)


def test_what_could_not_be_tested_has_no_share() -> None:
    shares = fusion_shares([found("a", None), found("signal.enf", 0.3)], TWO)
    assert shares.lines == ()
    assert shares.told() == {"method": "shares", "log10_lr": None, "lines": {}}
