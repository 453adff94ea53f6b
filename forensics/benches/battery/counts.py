"""What counts as a hit and as a false alarm, and the rates that the findings carry."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from detectors.metrics import wilson_interval
from forensics.benches.battery.run import Row
from forensics.benches.edits import POSITIVES
from forensics.benches.edits.base import Positive
from forensics.integrity import judge_integrity
from forensics.records import ErrorRate, Finding, Segment

REACH_S = 0.25
"""A located edit must lie this near to the truth to count as found, seconds."""

KNOWN_ABSENT = ("signal.compression-history", "signal.frame-grid", "signal.copy-move", "speech.speaker-change")
"""Methods whose traces cannot rightly be named on a never-lossy recording of one person."""


def conditions(positives: Sequence[Positive] = POSITIVES) -> dict[tuple[str, str], Positive]:
    """The record of each (method, condition)."""
    return {(positive.method, positive.condition): positive for positive in positives}


def sound(rows: Iterable[Row], *kinds: str) -> list[Row]:
    """Rows that could be made and examined, of these kinds (all where none is named)."""
    return [row for row in rows if "error" not in row and (not kinds or row["kind"] in kinds)]


def grouped(rows: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    """Positives by method and condition, in the order of the plan."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["method"], row["condition"]].append(row)
    return groups


def tested(rows: Iterable[Row], method: str) -> list[Row]:
    """Rows that a method could test."""
    return [row for row in rows if row["findings"].get(method, {}).get("outcome", "could_not_test") != "could_not_test"]


def false_alarm(row: Row, method: str) -> bool:
    """Whether a method holds something against an unedited recording, or names a trace where there is none.

    A named trace counts where it is known not to be there: earlier coding, a second voice or a generator's grid on a
    never-lossy recording of one person. Who wrote the file, clipping, hum, gain or a narrow band may truly be there:
    those traces are listed, and only *inconsistent* counts.
    """
    finding = row["findings"].get(method, {})
    named = row["kind"] == "never lossy" and method in KNOWN_ABSENT and bool(finding.get("traces"))
    return finding.get("outcome") == "inconsistent" or named


def distance(places: Iterable[Sequence[float]], truth: Iterable[float]) -> float:
    """Seconds from the nearest edit to the nearest place (start, end), 0 inside it; infinite without either."""
    instants = list(truth)
    return min((max(a - at, at - b, 0.0) for a, b in places for at in instants), default=float("inf"))


def hit(row: Row, positive: Positive) -> bool:
    """Whether the method that an edit is meant for found it: named it, or was *inconsistent* where it was edited."""
    finding = row["findings"].get(positive.method, {"outcome": "could_not_test"})
    if positive.trace:
        return any(positive.trace.casefold() in trace.casefold() for trace in finding.get("traces", ()))
    if finding["outcome"] != positive.expects:
        return False
    located = positive.expects == "inconsistent" and bool(row["truth_s"])
    return not located or distance(finding.get("places", ()), row["truth_s"]) <= REACH_S


def error_rates(rows: Sequence[Row], positives: Sequence[Positive] = POSITIVES) -> dict[str, list[dict[str, Any]]]:
    """Rows of `ErrorRate` for each method: its conditions, against all unedited recordings inside its domain."""
    known = conditions(positives)
    negatives = sound(rows, "never lossy", "coded")
    table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (method, condition), found in grouped(sound(rows, "positive")).items():
        inside = tested(negatives, method)
        table[method].append(
            {
                "condition": condition,
                "positives": len(found),
                "hits": sum(hit(row, known[method, condition]) for row in found),
                "negatives": len(inside),
                "false_alarms": sum(false_alarm(row, method) for row in inside),
            }
        )
    return dict(table)


def judged(rows: Sequence[Row], methods: Sequence[str], positives: Sequence[Positive] = POSITIVES) -> list[Row]:
    """The rows with the integrity that `methods` (those that bear on it) give together.

    Integrity weighs a method by its error rates, which this very run measures: so each half of the rows is judged with
    the rates of the other half.
    """
    halves: tuple[list[Row], list[Row]] = ([], [])
    for row in rows:
        halves[_half(row)].append(row)
    rates = [error_rates(half, positives) for half in halves]
    made = []
    for row in rows:
        known = rates[1 - _half(row)]
        if "error" not in row and row["whole"]:
            findings = [
                _finding(method, row["findings"][method], known) for method in methods if method in row["findings"]
            ]
            row = row | {"integrity": judge_integrity(findings, row["seconds"]).outcome}
        made.append(row)
    return made


def _half(row: Row) -> int:
    return zlib.crc32(f"half/{row['name']}".encode()) % 2


def _finding(method: str, short: Row, rates: dict[str, list[dict[str, Any]]]) -> Finding:
    return Finding(
        method=method,
        version="",
        outcome=short["outcome"],
        in_domain="outside" not in short,
        segments=tuple(Segment(start_s=start, end_s=end) for start, end in short.get("places", ())),
        traces=tuple(short.get("traces", ())),
        reasons=(short.get("reason") or "–",),
        error_rates=tuple(ErrorRate(**rate) for rate in rates.get(method, ())),
    )


def interval(hits: int, count: int) -> str:
    """A rate with its 95 % Wilson interval, e.g. "12.0 % (7.0 to 19.8)"."""
    if not count:
        return "–"
    low, high = wilson_interval(hits, count)
    return f"{100 * hits / count:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def minutes(rows: Iterable[Row]) -> float:
    """Length of the recordings, minutes."""
    return float(sum(row["seconds"] for row in rows)) / 60.0


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile of values, nan without any."""
    return float(np.percentile(values, share)) if values else float("nan")
