"""One inconsistent method is reported; consistent needs three that could test."""

from __future__ import annotations

from forensics.integrity import judge_integrity
from forensics.records import Finding, Outcome, Segment


def finding(name: str, outcome: Outcome, *segments: Segment, in_domain: bool = True) -> Finding:
    return Finding(
        method=name, version="1", outcome=outcome, in_domain=in_domain, segments=segments, reasons=(f"{name} says so.",)
    )


def test_one_inconsistent_method_is_enough_and_named() -> None:
    findings = [finding(f"m.{i}", "consistent") for i in range(5)]
    findings.append(finding("signal.splice", "inconsistent", Segment(start_s=1.0, end_s=1.02)))
    result = judge_integrity(findings, 3.0)
    assert result.outcome == "inconsistent"
    assert [(s.start_s, s.end_s) for s in result.segments] == [(1.0, 1.02)]
    assert "signal.splice" in result.reasons[0]


def test_segments_of_consistent_methods_are_not_edits() -> None:
    findings = [finding(f"m.{i}", "consistent", Segment(start_s=0.0, end_s=1.0)) for i in range(3)]
    assert judge_integrity(findings, 3.0).segments == ()


def test_too_few_methods_make_it_inconclusive_and_none_could_not_test() -> None:
    untested = finding("m.x", "could_not_test", in_domain=False)
    assert judge_integrity([finding("m.1", "consistent"), untested], 3.0).outcome == "inconclusive"
    assert judge_integrity([untested], 3.0).outcome == "could_not_test"


def test_an_inconsistent_finding_outside_its_domain_does_not_count() -> None:
    findings = [finding(f"m.{i}", "consistent") for i in range(3)]
    findings.append(finding("m.out", "inconsistent", in_domain=False))
    assert judge_integrity(findings, 3.0).outcome == "consistent"
