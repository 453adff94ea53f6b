"""The validation's results as Markdown for the docs and as error rates for the findings."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from forensics.benches.methods import METHODS, REACH_S, hit, interval

Row = dict[str, Any]


def _false_alarm(row: Row, method: str) -> bool:
    return bool(row["outcomes"][method] == "inconsistent")


def _tested(rows: list[Row], method: str) -> list[Row]:
    return [row for row in rows if row["outcomes"][method] != "could_not_test"]


def error_rates(rows: list[Row]) -> dict[str, list[dict[str, Any]]]:
    """Rows of `ErrorRate` per method, from the validation part only; negatives are those inside the domain."""
    good = [row for row in rows if "error" not in row and row["part"] == "validation"]
    negatives = [row for row in good if row["kind"] == "negative"]
    table: dict[str, list[dict[str, Any]]] = {}
    for method in METHODS:
        tested = _tested(negatives, method)
        alarms = sum(_false_alarm(row, method) for row in tested)
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in good:
            if row["kind"] == "positive" and row["method"] == method:
                groups[row["condition"]].append(row)
        table[method] = [
            {
                "condition": condition,
                "positives": len(found),
                "hits": sum(hit(row) for row in found),
                "negatives": len(tested),
                "false_alarms": alarms,
            }
            for condition, found in groups.items()
        ]
    return table


def markdown(rows: list[Row], seed: int) -> str:
    """The whole document."""
    lines = [
        "# Validation of the examination methods",
        "",
        "Written by `voxproof bench methods` "
        f"(seed {seed}). Positives are edited by SoX, FFmpeg, LAME and shell tools, negatives are unedited human "
        "recordings in usual codecs. A positive counts as found when the method says *inconsistent* and, where the "
        f"edit has a place, names a segment within {REACH_S:g} s of it. Intervals are 95 % (Wilson); clips of one "
        "source are not independent, so the true uncertainty is larger. Thresholds were chosen on the tuning sources; "
        "the findings carry the rates of the validation part.",
        "",
    ]
    for part in ("validation", "tuning"):
        mine = [row for row in rows if row["part"] == part]
        good = [row for row in mine if "error" not in row]
        if good:
            lines += _part(part, good, len(mine) - len(good))
    failed = [row for row in rows if "error" in row]
    if failed:
        lines += ["## Files that could not be made or decoded", ""]
        kinds: dict[str, list[Row]] = defaultdict(list)
        for row in failed:
            kinds[row["condition"]].append(row)
        lines += [f"- {condition}: {len(found)} ({found[0]['error'][:160]})" for condition, found in kinds.items()]
        lines.append("")
    return "\n".join(lines)


def _part(part: str, rows: list[Row], failed: int) -> list[str]:
    negatives = [row for row in rows if row["kind"] == "negative"]
    positives = [row for row in rows if row["kind"] == "positive"]
    sources = sorted({row["source"] for row in rows})
    lines = [
        f"## {part.capitalize()} part",
        "",
        f"{len(negatives)} negatives and {len(positives)} positives from {len(sources)} sources "
        f"({', '.join(sources[:40])}); {failed} files could not be made or decoded.",
        "",
        "### False alarms on unedited recordings",
        "",
        "| method | tested | could not be tested | inconclusive | false alarms | rate |",
        "|---|---|---|---|---|---|",
    ]
    for method in METHODS:
        tested = _tested(negatives, method)
        open_ = sum(row["outcomes"][method] == "inconclusive" for row in tested)
        alarms = sum(_false_alarm(row, method) for row in tested)
        lines.append(
            f"| {method} | {len(tested)} | {len(negatives) - len(tested)} | {open_} | {alarms} "
            f"| {interval(alarms, len(tested))} |"
        )
    joint = [row for row in negatives if any(_false_alarm(row, method) for method in METHODS)]
    lines += [f"| **any method** | {len(negatives)} | | | {len(joint)} | {interval(len(joint), len(negatives))} |", ""]
    if joint:
        lines += ["The false alarms:", ""]
        for row in joint[:30]:
            said = "; ".join(f"{name}: {text}" for name, text in row["reasons"].items())
            lines.append(f"- {row['source']}, {row['condition']}: {said}")
        lines.append("")
    lines += [
        "### Edits found",
        "",
        "| method | condition | n | found | rate | by any method |",
        "|---|---|---|---|---|---|",
    ]
    for method in METHODS:
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in positives:
            if row["method"] == method:
                groups[row["condition"]].append(row)
        for condition, found in groups.items():
            hits = sum(hit(row) for row in found)
            any_ = sum(any(outcome == "inconsistent" for outcome in row["outcomes"].values()) for row in found)
            lines.append(
                f"| {method} | {condition} | {len(found)} | {hits} | {interval(hits, len(found))} "
                f"| {any_} of {len(found)} |"
            )
    return [*lines, ""]
