"""Integrity from constructed findings: budget, agreement of families, abstention, normal processing only."""

from __future__ import annotations

import pytest

from forensics.integrity import BUDGET, false_alarm_rate, family, judge_integrity
from forensics.records import ErrorRate, Finding, Outcome, Segment


def finding(
    name: str,
    outcome: Outcome,
    *places: tuple[float, float],
    alarms: tuple[int, int] | None = (0, 787),
    in_domain: bool = True,
    traces: tuple[str, ...] = (),
) -> Finding:
    """A finding of a method with (false alarms, negatives) as its known error rate."""
    rates = () if alarms is None else (
        ErrorRate(condition="c", positives=50, hits=40, negatives=alarms[1], false_alarms=alarms[0]),
    )  # fmt: skip
    return Finding(
        method=name, version="1", outcome=outcome, in_domain=in_domain, title=name.upper(),
        segments=tuple(Segment(start_s=a, end_s=b) for a, b in places), reasons=(f"{name} says so.",),
        error_rates=rates, traces=traces,
    )  # fmt: skip


CLEAR = [finding(name, "consistent") for name in ("container.structure", "signal.dc-offset", "signal.band-edge")]
WEAK = (30, 787)
"""About 3.9 % false alarms: too many to speak alone."""


def test_a_method_within_the_budget_speaks_alone_and_is_named() -> None:
    result = judge_integrity([*CLEAR, finding("signal.splice", "inconsistent", (1.0, 1.02))], 3.0)
    assert result.outcome == "inconsistent"
    assert [(s.start_s, s.end_s, s.note) for s in result.segments] == [(1.0, 1.02, "signal.splice")]
    assert "one family of methods speaks against" in result.reasons[0]
    assert "0.063 %" in result.reasons[0]
    assert result.reasons[1] == "SIGNAL.SPLICE (signal.splice): signal.splice says so."


@pytest.mark.parametrize("alarms", [WEAK, (0, 40), None])
def test_a_lone_method_beyond_the_budget_or_unmeasured_is_inconclusive(alarms: tuple[int, int] | None) -> None:
    result = judge_integrity([*CLEAR, finding("signal.splice", "inconsistent", (1.0, 1.02), alarms=alarms)], 3.0)
    assert result.outcome == "inconclusive"
    assert [(s.start_s, s.end_s) for s in result.segments] == [(1.0, 1.02)]
    assert "false-alarm rate" in result.reasons[0]


def test_two_weak_methods_of_two_families_count_at_the_place_they_share() -> None:
    splice = finding("signal.splice", "inconsistent", (1.0, 1.02), (2.5, 2.52), alarms=WEAK)
    level = finding("signal.level-step", "inconsistent", (1.2, 1.22), alarms=WEAK)
    result = judge_integrity([*CLEAR, splice, level], 3.0)
    assert result.outcome == "inconsistent"
    assert [s.start_s for s in result.segments] == [1.0, 1.2]
    assert result.segments[0].note == "signal.splice with signal.level-step"
    assert "2 independent families" in result.reasons[0]


def test_two_weak_methods_of_one_family_or_at_two_places_do_not_count() -> None:
    splice = finding("signal.splice", "inconsistent", (1.0, 1.02), alarms=WEAK)
    far = finding("signal.level-step", "inconsistent", (2.0, 2.02), alarms=WEAK)
    sister = finding("signal.copy-move", "inconsistent", (1.0, 1.02), alarms=WEAK)
    unmeasured = finding("signal.level-step", "inconsistent", (1.0, 1.02), alarms=None)
    assert family(splice.method) == family(sister.method) != family(far.method)
    for other in (far, sister, unmeasured):
        assert judge_integrity([*CLEAR, splice, other], 3.0).outcome == "inconclusive"


def test_a_passage_agrees_at_its_ends_not_inside() -> None:
    passage = finding("signal.resampling", "inconsistent", (4.0, 8.0), alarms=WEAK)
    for at, outcome in ((4.1, "inconsistent"), (7.9, "inconsistent"), (6.0, "inconclusive")):
        joint = finding("signal.splice", "inconsistent", (at, at + 0.02), alarms=WEAK)
        assert judge_integrity([*CLEAR, passage, joint], 10.0).outcome == outcome


def test_a_finding_about_the_whole_file_agrees_with_a_place() -> None:
    whole = finding("container.duration", "inconsistent", alarms=WEAK)
    place = finding("signal.splice", "inconsistent", (1.0, 1.02), alarms=WEAK)
    assert judge_integrity([*CLEAR, whole], 3.0).outcome == "inconclusive"
    assert judge_integrity([*CLEAR, whole, place], 3.0).outcome == "inconsistent"


def test_a_weak_method_beside_a_strong_one_is_told_but_not_counted() -> None:
    strong = finding("signal.splice", "inconsistent", (1.0, 1.02))
    weak = finding("signal.level-step", "inconsistent", (2.0, 2.02), alarms=WEAK)
    result = judge_integrity([*CLEAR, weak, strong], 3.0)
    assert [s.start_s for s in result.segments] == [1.0]
    assert result.reasons[-1].startswith("Not counted")
    assert "about 3.9 %" in result.reasons[-1]


def test_the_rates_of_all_who_speak_alone_stay_within_the_budget() -> None:
    # 17 methods with 5 false alarms in 787 each (0.7 %) would add up to 11.9 %: seven are let in.
    names = [f"m.{index:02d}" for index in range(17)]
    outcomes = []
    for name in names:
        rows = [finding(n, "inconsistent" if n == name else "consistent", alarms=(5, 787)) for n in names]
        outcomes.append(judge_integrity(rows, 3.0).outcome)
    rate = false_alarm_rate(finding("m", "consistent", alarms=(5, 787)))
    assert rate == pytest.approx(5.5 / 788)
    assert outcomes == ["inconsistent"] * 7 + ["inconclusive"] * 10
    assert 7 * rate <= BUDGET < 8 * rate


def test_the_highest_rate_of_the_conditions_counts_and_none_is_never_zero() -> None:
    one = finding("m", "consistent", alarms=(0, 99))
    rows = (*one.error_rates, ErrorRate(condition="d", positives=1, hits=1, negatives=99, false_alarms=2))
    assert false_alarm_rate(one) == pytest.approx(0.005)
    assert false_alarm_rate(one.model_copy(update={"error_rates": rows})) == pytest.approx(0.025)
    assert false_alarm_rate(finding("m", "consistent", alarms=None)) is None
    assert false_alarm_rate(finding("m", "consistent", alarms=(0, 0))) is None


def test_methods_outside_their_domain_abstain() -> None:
    outside = finding("signal.splice", "inconsistent", (1.0, 1.02), in_domain=False)
    untested = finding("signal.enf", "could_not_test", in_domain=False)
    assert judge_integrity([*CLEAR, outside, untested], 3.0).outcome == "consistent"
    assert judge_integrity([CLEAR[0], untested], 3.0).outcome == "inconclusive"
    assert judge_integrity([untested], 3.0).outcome == "could_not_test"


def test_normal_processing_alone_is_consistent_and_listed_once_container_first() -> None:
    traces = ("coded as MP3 earlier",)
    coded = finding("signal.compression", "consistent", traces=(*traces, "Opus voice note"))
    path = finding("container.delivery-path", "consistent", traces=("opus voice note", "start trimmed"))
    result = judge_integrity([coded, *CLEAR, path], 3.0)
    assert result.outcome == "consistent"
    assert result.processing == ("opus voice note", "start trimmed", "coded as MP3 earlier")
    assert result.segments == ()


def test_methods_that_only_name_do_not_make_it_consistent() -> None:
    naming = [finding("container.delivery-path", "consistent"), finding("container.exemplar", "consistent")]
    assert judge_integrity([*CLEAR[:2], *naming], 3.0).outcome == "inconclusive"
    assert judge_integrity([*CLEAR, *naming], 3.0).outcome == "consistent"


def test_a_doubtful_place_makes_it_inconclusive() -> None:
    doubtful = finding("signal.level-step", "inconclusive", (1.0, 1.5))
    result = judge_integrity([*CLEAR, doubtful], 3.0)
    assert result.outcome == "inconclusive"
    assert [(s.start_s, s.end_s) for s in result.segments] == [(1.0, 1.5)]
    assert judge_integrity([*CLEAR, finding("signal.enf", "inconclusive")], 3.0).outcome == "consistent"


def test_segments_of_consistent_methods_are_not_edits() -> None:
    rows = [finding(f"m.{i}", "consistent", (0.0, 1.0)) for i in range(3)]
    assert judge_integrity(rows, 3.0).segments == ()


def test_the_likelihood_ratio_of_a_place_is_kept() -> None:
    place = Segment(start_s=1.0, end_s=1.02, log10_lr=0.7, note="step of 8 sigma")
    joint = finding("signal.splice", "inconsistent").model_copy(update={"segments": (place,)})
    (kept,) = judge_integrity([*CLEAR, joint], 3.0).segments
    assert (kept.log10_lr, kept.note) == (0.7, "signal.splice: step of 8 sigma")
