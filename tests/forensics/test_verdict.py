"""The verdict: words only beyond the threshold with the whole interval, abstention with reasons, sign and bounds."""

from __future__ import annotations

import pytest

from detectors.card import Bounds, Figure
from detectors.fusion import Fit, Fusion
from forensics.fusion import judge_origin
from forensics.records import Finding

FUSION = Fusion(
    summary="constructed",
    fits=(
        Fit(weights={"detector.speech": 1.0}, intercept=0.0, covariance=((0.01, 0.0), (0.0, 0.01))),
        Fit(
            weights={"detector.speech": 0.6, "codes.statistics": 0.6},
            intercept=0.1,
            covariance=((0.01, 0.0, 0.0), (0.0, 0.01, 0.0), (0.0, 0.0, 0.01)),
        ),
    ),
    bounds=Bounds(lower=-1.0, upper=1.5),
    threshold_machine=0.5,
    threshold_human=-0.5,
    sources=30,
    figures=(
        Figure(
            condition="original", human=500, human_sources=10, machine=800, generators=40, eer=0.2, auc=0.9, cllr=0.6,
            cllr_min=0.5, min_dcf=0.4, act_dcf=0.5, false_positive_rate=0.004, false_positive_interval=(0.0, 0.01),
            true_positive_rate=0.3, true_positive_interval=(0.2, 0.4), false_human_rate=0.105, inconclusive_rate=0.6,
        ),
    ),
)  # fmt: skip


def line(method: str, log10_lr: float | None) -> Finding:
    if log10_lr is None:
        return Finding(
            method=method, version="1", outcome="could_not_test", in_domain=False, reasons=("Too short.",), title=method
        )
    return Finding(
        method=method, version="1", outcome="inconclusive", in_domain=True, log10_lr=log10_lr, reasons=("A caution.",)
    )


@pytest.mark.parametrize(
    ("log10_lr", "outcome"),
    [(1.2, "supports_machine"), (-0.95, "supports_human"), (0.6, "inconclusive"), (0.0, "inconclusive")],
)
def test_words_need_the_whole_interval_beyond_the_threshold(log10_lr: float, outcome: str) -> None:
    verdict = judge_origin([line("detector.speech", log10_lr)], FUSION)
    assert verdict.outcome == outcome
    assert verdict.log10_lr == pytest.approx(log10_lr)
    assert verdict.log10_lr_bounds is not None
    half = 1.959964 * (0.01 * log10_lr**2 + 0.01) ** 0.5
    assert verdict.log10_lr_bounds == pytest.approx((max(log10_lr - half, -1.0), min(log10_lr + half, 1.5)))
    said = " ".join(verdict.reasons)
    assert ("0.4 % of 500 recordings of people were answered like this" in said) == (outcome == "supports_machine")
    assert ("10.5 % of 800 machine-made clips were answered like this" in said) == (outcome == "supports_human")


def test_the_cap_holds() -> None:
    verdict = judge_origin([line("detector.speech", 7.0)], FUSION)
    assert verdict.log10_lr == 1.5
    assert verdict.words.startswith("moderate support for the proposition that at least part")


def test_two_lines_are_fused_jointly_not_added() -> None:
    verdict = judge_origin([line("detector.speech", 0.8), line("codes.statistics", 0.8)], FUSION)
    assert verdict.log10_lr == pytest.approx(0.6 * 0.8 + 0.6 * 0.8 + 0.1)


def test_nothing_tested_is_could_not_test_with_the_reason() -> None:
    verdict = judge_origin([line("detector.speech", None)], FUSION)
    assert verdict.outcome == "could_not_test"
    assert verdict.log10_lr is None
    assert "Too short." in verdict.reasons[0]


def test_a_line_that_was_never_fitted_takes_no_part() -> None:
    verdict = judge_origin([line("detector.speech", 1.2), line("plugin.other", -5.0)], FUSION)
    assert verdict.log10_lr == pytest.approx(1.2)


def mark(log10_lr: float | None) -> Finding:
    return Finding(
        method="watermark.voiceprint", version="1", outcome="inconclusive", in_domain=True, log10_lr=log10_lr,
        log10_lr_bounds=None if log10_lr is None else (log10_lr, log10_lr),
    )  # fmt: skip


def test_a_mark_of_synthesis_adds_its_bounded_lr_and_stands_alone_where_no_trained_line_could_answer() -> None:
    plain = judge_origin([line("detector.speech", -0.2)], FUSION)
    both = judge_origin([line("detector.speech", -0.2), mark(3.0)], FUSION)
    assert plain.log10_lr is not None
    assert plain.log10_lr_bounds is not None
    assert both.log10_lr == pytest.approx(plain.log10_lr + 3.0)
    assert both.log10_lr_bounds == pytest.approx([bound + 3.0 for bound in plain.log10_lr_bounds])
    assert both.outcome == "supports_machine"
    alone = judge_origin([line("detector.speech", None), mark(3.0)], FUSION)
    assert (alone.outcome, alone.log10_lr, alone.log10_lr_bounds) == ("supports_machine", 3.0, (3.0, 3.0))
    assert "of 500 recordings" not in " ".join(alone.reasons)
    assert "adds +3.00" in " ".join(alone.reasons)


@pytest.mark.parametrize("absent", [0.0, None])
def test_an_absent_mark_changes_nothing(absent: float | None) -> None:
    plain = judge_origin([line("detector.speech", 1.2)], FUSION)
    assert judge_origin([line("detector.speech", 1.2), mark(absent)], FUSION) == plain
    assert judge_origin([mark(absent)], FUSION).outcome == "could_not_test"
