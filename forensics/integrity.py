"""Continuous or edited: what the methods that bear on continuity say together.

In three sentences. A method whose measured false-alarm rate fits into the budget speaks alone: what it calls
*inconsistent* is reported and named with it, and the methods are let in from the lowest rate on, as long as their
rates add up to at most 5 % of unedited recordings. A method beyond the budget counts where a method of another family
(container, coding history, background, waveform, speech) names the same place; alone, or without a measured rate, it
makes the answer *inconclusive*. A method outside its domain, or one that could not test, has no say, and traces of
ordinary processing are listed, never counted.

The rates are those of `forensics/error_rates.yaml` as each finding carries them, half a false alarm added to the count
so that none of a hundred is not taken for never. *Consistent* needs three methods that could test and found nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from forensics.records import Finding, Integrity, Segment, on_grid

MIN_TESTED = 3
"""Fewest methods that must have tested the exhibit before it is called consistent with a continuous recording."""
BUDGET = 0.05
"""Share of unedited recordings on which all methods that speak alone may raise a false alarm, added up."""
MOST_ALONE = 0.01
"""Highest false-alarm rate of a method that speaks alone."""
MOST_TOGETHER = 0.05
"""Highest false-alarm rate of a method that counts where another family agrees."""
NEAR_S = 0.25
"""Places of two methods that lie no further apart are the same place, seconds."""
POINT_S = 1.0
"""A longer segment is a passage: its two ends are the places, not what lies between them, seconds."""
NAMING = ("container.delivery-path", "container.exemplar")
"""Methods that name processing and writers: finding nothing, they say nothing about continuity."""
FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("container", ("container.", "provenance.")),
    ("coding history", ("signal.compression", "signal.coding", "signal.codec", "signal.double", "signal.frame",
                        "signal.band-edge", "signal.resampling", "signal.quantisation", "codes.")),
    ("background", ("signal.dc-offset", "signal.enf", "signal.hum", "signal.noise", "signal.level", "signal.reverb",
                    "signal.digital-silence")),
    ("waveform", ("signal.splice", "signal.phase", "signal.copy", "signal.clipping")),
    ("speech", ("speech.", "speaker.")),
)  # fmt: skip
"""What methods look at, by the beginning of their ids: only different families are independent of each other."""


def family(method: str) -> str:
    """The family of a method id; a method that is in none is a family of its own."""
    return next((name for name, starts in FAMILIES if method.startswith(starts)), method)


def false_alarm_rate(finding: Finding) -> float | None:
    """The method's false-alarm rate on unedited recordings, the highest of its conditions; None if not measured."""
    rates = [(row.false_alarms + 0.5) / (row.negatives + 1) for row in finding.error_rates if row.negatives]
    return max(rates, default=None)


def judge_integrity(findings: Sequence[Finding], seconds: float) -> Integrity:
    """Integrity from the findings of the methods that bear on it; `seconds` is the length of the recording."""
    tested = [f for f in findings if f.outcome != "could_not_test" and f.in_domain]
    if not tested:
        return Integrity(outcome="could_not_test", reasons=("No method of the battery could test the exhibit.",))
    processing = _processing(tested)
    against = sorted((f for f in tested if f.outcome == "inconsistent"), key=_by_rate)
    alone = _speak_alone(tested)
    counted = {f.method: _partners(f, against) for f in against if f.method in alone or _partners(f, against)}
    weak = [f for f in against if f.method not in counted]
    if counted:
        reasons = [_summary(against, counted, alone, len(tested))]
        reasons += [_said(f) for f in against if f.method in counted]
        reasons += [f"Not counted, since no other family agrees and {_rate_words(f)}: {_said(f)}" for f in weak]
        return Integrity(
            outcome="inconsistent",
            segments=on_grid(_places((f for f in against if f.method in counted), against, alone), seconds),
            processing=processing,
            reasons=tuple(reasons),
        )
    doubtful = [f for f in tested if f.outcome == "inconclusive" and f.segments]
    if weak or doubtful:
        said = [f"{_said(f)} It speaks alone and {_rate_words(f)}, so the answer stays open." for f in weak]
        return Integrity(
            outcome="inconclusive",
            segments=on_grid(_places([*weak, *doubtful], against, alone), seconds),
            processing=processing,
            reasons=(*said, *(_said(f) for f in doubtful)),
        )
    clear = [f for f in tested if f.outcome == "consistent" and f.method not in NAMING]
    if len(clear) < MIN_TESTED:
        text = f"{len(clear)} methods gave a clear answer; at least {MIN_TESTED} are needed."
        return Integrity(
            outcome="inconclusive", processing=processing, reasons=(text, *(r for f in tested for r in f.reasons))
        )
    names = ", ".join(f.method for f in clear)
    text = f"No sign of editing was found by {len(clear)} methods ({names}); edits without such traces remain possible."
    return Integrity(outcome="consistent", processing=processing, reasons=(text,))


def _speak_alone(tested: Sequence[Finding]) -> set[str]:
    """Methods that may speak alone: from the lowest measured rate on, as long as the rates add up to the budget."""
    let_in, spent = set(), 0.0
    for finding in sorted(tested, key=_by_rate):
        rate = false_alarm_rate(finding)
        if rate is None or rate > MOST_ALONE or spent + rate > BUDGET:
            break
        let_in.add(finding.method)
        spent += rate
    return let_in


def _by_rate(finding: Finding) -> tuple[float, str]:
    rate = false_alarm_rate(finding)
    return (1.0 if rate is None else rate), finding.method


def _partners(finding: Finding, against: Sequence[Finding]) -> tuple[str, ...]:
    """Methods of other families that name one of the same places, both measured well enough to count together."""
    if not _counts_together(finding):
        return ()
    return tuple(
        other.method
        for other in against
        if family(other.method) != family(finding.method)
        and _counts_together(other)
        # A finding about the file as a whole has no place to disagree about.
        and (not finding.segments or not other.segments or any(_agree(s, other) for s in finding.segments))
    )


def _counts_together(finding: Finding) -> bool:
    rate = false_alarm_rate(finding)
    return rate is not None and rate <= MOST_TOGETHER


def _agree(segment: Segment, other: Finding) -> bool:
    return any(_apart(segment, place) <= NEAR_S for place in other.segments)


def _apart(one: Segment, other: Segment) -> float:
    """Seconds between two places: their gap, or, of passages, the distance of the nearest ends."""
    return min(max(a[0] - b[1], b[0] - a[1], 0.0) for a in _ends(one) for b in _ends(other))


def _ends(segment: Segment) -> tuple[tuple[float, float], ...]:
    if segment.end_s - segment.start_s <= POINT_S:
        return ((segment.start_s, segment.end_s),)
    return ((segment.start_s, segment.start_s), (segment.end_s, segment.end_s))


def _places(named: Iterable[Finding], against: Sequence[Finding], alone: set[str]) -> list[Segment]:
    """The segments with notes that name the methods; of a method that cannot speak alone, only places agreed upon.

    Where nothing is agreed upon (the answer stays open), all its places.
    """
    places = []
    for finding in named:
        agreed = {
            segment: [
                other.method
                for other in against
                if other.method in _partners(finding, against) and _agree(segment, other)
            ]
            for segment in finding.segments
        }
        partial = finding.method not in alone and any(agreed.values())
        for segment, others in agreed.items():
            if partial and not others:
                continue
            text = f"{finding.method}{' with ' + ', '.join(others) if others else ''}"
            note = f"{text}: {segment.note}" if segment.note else text
            places.append(segment.model_copy(update={"note": note}))
    return places


def _summary(against: Sequence[Finding], counted: dict[str, tuple[str, ...]], alone: set[str], tested: int) -> str:
    """Who speaks against continuity, how strong, in one sentence."""
    parts = []
    for finding in against:
        if finding.method in counted:
            how = _rate_words(finding) if finding.method in alone else "counted because another family agrees"
            partners = counted[finding.method]
            agreeing = f"; the same place is named by {', '.join(partners)}" if partners else ""
            parts.append(f"{finding.method} ({family(finding.method)}; {how}{agreeing})")
    families = len({family(method) for method in counted})
    strength = (
        f"{families} independent families of methods speak against a continuous recording"
        if families > 1
        else "one family of methods speaks against a continuous recording"
    )
    return f"Of {tested} methods that could test the exhibit, {strength}: {'; '.join(parts)}."


def _rate_words(finding: Finding) -> str:
    rate = false_alarm_rate(finding)
    if rate is None:
        return "its false-alarm rate was not measured"
    return f"its false-alarm rate on unedited recordings is about {100 * rate:.2g} %"


def _said(finding: Finding) -> str:
    return f"{finding.title} ({finding.method}): {' '.join(finding.reasons)}"


def _processing(tested: Sequence[Finding]) -> tuple[str, ...]:
    """Traces of all findings, what the container says first, each once."""
    ordered = sorted(tested, key=lambda f: family(f.method) != "container")
    rows = {trace.casefold(): trace for f in reversed(ordered) for trace in reversed(f.traces)}
    return tuple(rows[key] for key in dict.fromkeys(t.casefold() for f in ordered for t in f.traces))
