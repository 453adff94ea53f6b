"""The table of splices: recall by fade and channel, false alarms per ten minutes, and how well the place is named.

Two working points: the thresholds that ship, and the thresholds of all methods multiplied by one factor so that
unedited recordings give one false place per ten minutes. The second uses the scores that a method's time figure shows
against its threshold; methods without such a figure take part with the places they name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from forensics.benches.battery.counts import REACH_S, grouped, interval, minutes, percentile, sound
from forensics.benches.battery.run import Row
from forensics.benches.edits import POSITIVES
from forensics.benches.edits.base import Positive

FACTORS = tuple(round(1.5 - 0.05 * step, 2) for step in range(25))
"""Factors on the thresholds that are tried, from strict to loose: 1.5 to 0.3."""
Place = tuple[float, float]


@runtime_checkable
class Join(Protocol):
    """A recipe that joins sound (`forensics.benches.edits.splices`)."""

    fade_ms: float
    """Length of the fade, 0 for a butt join."""
    channel: str
    """What the joined sound went through afterwards."""
    voiced: bool
    """Whether the join lies inside loud speech."""
    out_and_in: bool
    """Whether the sound fades out and in again, instead of across."""


def cell(positive: Positive) -> tuple[str, str] | None:
    """Fade and channel of a condition that joins sound, None for other edits."""
    join = positive.recipe
    if not isinstance(join, Join):
        return None
    fade = f"{join.fade_ms:g} ms{' out and in' if join.out_and_in else ''}" if join.fade_ms else "none"
    return fade + (", in loud speech" if join.voiced else ""), join.channel


def places(row: Row, methods: Sequence[str], factor: float | None = None) -> list[Place]:
    """Places that the methods hold against a recording, nearer than REACH_S merged; `factor` as the module says."""
    spans: list[Place] = []
    for method in methods:
        finding = row["findings"].get(method, {})
        if factor is not None and "candidates" in finding:
            spans += [(at, at) for at, height in finding["candidates"] if height >= factor]
        elif finding.get("outcome") == "inconsistent":
            spans += [(start, end) for start, end in finding.get("places", ())]
    merged: list[Place] = []
    for start, end in sorted(spans):
        if merged and start - merged[-1][1] <= REACH_S:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def error_s(row: Row, methods: Sequence[str], factor: float | None = None) -> float | None:
    """Seconds from the edit to the start, middle or end of a place, the nearest; None where none lies within reach."""
    spans = places(row, methods, factor)
    near = [
        min(abs(start - at), abs((start + end) / 2 - at), abs(end - at))
        for start, end in spans
        for at in row["truth_s"]
        if start - REACH_S <= at <= end + REACH_S
    ]
    return min(near, default=None)


def per_ten_minutes(rows: Sequence[Row], methods: Sequence[str], factor: float | None = None) -> float:
    """False places in ten minutes of unedited recordings."""
    length = minutes(rows)
    return 10.0 * sum(len(places(row, methods, factor)) for row in rows) / length if length else float("nan")


def loosest(rows: Sequence[Row], methods: Sequence[str]) -> float | None:
    """The smallest factor of FACTORS with at most one false place per ten minutes, None where none has."""
    allowed = None
    for factor in FACTORS:
        if per_ten_minutes(rows, methods, factor) > 1.0:
            break
        allowed = factor
    return allowed


def splice_table(rows: Sequence[Row], methods: Sequence[str], positives: Sequence[Positive] = POSITIVES) -> list[str]:
    """The section of the document; empty where nothing was joined."""
    cells = {(positive.method, positive.condition): cell(positive) for positive in positives}
    table: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for key, found in grouped(sound(rows, "positive")).items():
        at = cells.get(key)
        if at:
            table[at] += found
    if not table:
        return []
    pure, coded = sound(rows, "never lossy"), sound(rows, "coded")
    factor = loosest(pure, methods)
    lines = [
        "## Splices",
        "",
        "Joins within one recording, and of two recordings of one speaker (half of them of rhasspy_kathleen, made one "
        f"after the other), found by any method within {REACH_S:g} s. At the thresholds that ship, all methods "
        f"together name {per_ten_minutes(pure, methods):.2f} false places in ten minutes of never-lossy recordings "
        f"({minutes(pure):.0f} minutes) and {per_ten_minutes(coded, methods):.2f} of coded ones "
        f"({minutes(coded):.0f} minutes).",
        "",
        *_grid(table, methods, None, "At the thresholds that ship"),
    ]
    if factor is not None:
        said = (
            f"At one false alarm per ten minutes (thresholds times {factor:g}: "
            f"{per_ten_minutes(pure, methods, factor):.2f} in ten minutes of never-lossy recordings)"
        )
        lines += _grid(table, methods, factor, said)
    else:
        lines += ["No factor of the thresholds gives one false place per ten minutes or less.", ""]
    return lines


def _grid(
    table: dict[tuple[str, str], list[Row]], methods: Sequence[str], factor: float | None, title: str
) -> list[str]:
    lines = [
        f"### {title}",
        "",
        "| fade | channel | n | found | recall | location error: median | 90th percentile |",
        "|---|---|---|---|---|---|---|",
    ]
    for (fade, channel), found in table.items():
        errors = [error for error in (error_s(row, methods, factor) for row in found) if error is not None]
        median, high = (f"{1000 * percentile(errors, share):.0f} ms" if errors else "–" for share in (50, 90))
        lines.append(
            f"| {fade} | {channel} | {len(found)} | {len(errors)} | {interval(len(errors), len(found))} "
            f"| {median} | {high} |"
        )
    return [*lines, ""]
