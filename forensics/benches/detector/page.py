"""A run as Markdown, and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from detectors.card import Figure
from detectors.figure_table import HEADER, line, percent
from detectors.fusion import Fusion
from forensics.benches.detector.clips import ASIDE, Clip, Fault, Listing
from forensics.benches.detector.compare import FEW_FALSE_ALARMS, Compared, Interval
from forensics.benches.detector.conditions import NEUTRAL
from forensics.benches.detector.pictures import PICTURES, shown
from forensics.benches.detector.results import AGAINST_ALL, COVERAGES, GROUPS, Results
from forensics.benches.detector.run import VERDICT

SCHEMA = "voxproof.bench-detector/1"
MOST_ROWS = 80
"""Groups in a table of the page; the JSON has them all."""
MOST_FAULTS = 10


@dataclass(frozen=True)
class Told:
    """What the page says beside the figures."""

    command: str
    listing: Listing
    clips: Sequence[Clip]
    """Those that were chosen."""
    faults: Sequence[Fault]
    """Rows of the list and files that cannot be used."""
    source_words: str
    sources: int
    notes: Sequence[str]
    """About the scores of other systems."""
    seed: int


def page(told: Told, results: Results, fusion: Fusion, pictures: Mapping[str, str]) -> str:
    """The whole page."""
    parts = [
        ["# Detectors on labelled clips", "", *_set(told)],
        _untested(results),
        ["## Systems side by side", "", *_systems(results)],
        ["## Our answers at the shipped thresholds", "", *_answers(results, fusion)],
        ["## Intervals over whole sources", "", *_spreads(told, results)],
        ["## What each line adds", "", *_added(results)] if results.added else [],
        ["## When only the surest are answered", "", *_covered(results)],
        *([f"## The verdict by group, {name}", *_groups(groups)] for name, groups in results.groups.items() if groups),
        _drawn(results, pictures),
    ]
    return "\n".join("\n".join(part).rstrip() + "\n" for part in parts if part)


def _set(told: Told) -> list[str]:
    machine = sum(clip.label == "machine" for clip in told.clips)
    generators = len({clip.generator for clip in told.clips if clip.generator})
    lines = [
        "```", f"$ {told.command}", "```", "",
        f"{told.listing.form}. {len(told.clips)} of {len(told.listing.clips)} clips that can be used: "
        f"{len(told.clips) - machine} human, {machine} machine-made by {generators} generators; seed {told.seed}. "
        f"Sources, for folds and intervals, are {told.source_words}: {told.sources}.",
    ]  # fmt: skip
    if told.listing.aside:
        kinds = ", ".join(f"{count} {kind} ({ASIDE[kind]})" for kind, count in sorted(told.listing.aside.items()))
        lines.append(f"Set aside, since they are not to be scored: {kinds}.")
    if told.faults:
        some = "; ".join(f"{fault.name} {fault.reason}" for fault in told.faults[:MOST_FAULTS])
        more = f"; and {len(told.faults) - MOST_FAULTS} more" if len(told.faults) > MOST_FAULTS else ""
        lines.append(f"**{len(told.faults)} rows could not be used:** {some}{more}.")
    return lines + [f"{note}." for note in told.notes]


def _untested(results: Results) -> list[str]:
    lines = []
    for one in results.untested:
        if one.human + one.machine:
            reasons = "; ".join(f"{count} because: {reason.rstrip('.')}" for reason, count in one.reasons)
            lines.append(
                f"- {one.condition}: {one.human} human and {one.machine} machine clips could not be tested, as "
                f"`voxproof verify` says of them too; the figures are without them. {reasons}."
            )
    return lines


def _interval(interval: Interval, percents: bool) -> str:
    if interval[0] != interval[0]:
        return ""
    low, high = (percent(v) if percents else f"{v:.3f}" for v in interval)
    return f" [{low}, {high}]"


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"


def _systems(results: Results) -> list[str]:
    lines = [
        "On the clips that all of them scored; in brackets 95 % over whole sources. Baselines learn inside the set, "
        "whole sources left out in turn: what they reach needs no listening to speech.",
        "",
        "| system | condition | human | machine | EER % | AUC | Cllr_min | minDCF "
        f"| TPR % at {100 * FEW_FALSE_ALARMS:g} % FPR |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_system(one) for one in results.compared]
    return [*lines, "", *(f"- {one.system}, {one.condition}: {one.note}." for one in results.compared if one.note)]


def _system(one: Compared) -> str:
    return (
        f"| {one.system} | {one.condition} | {one.human} | {one.machine} "
        f"| {percent(one.eer)}{_interval(one.eer_interval, True)} "
        f"| {_number(one.auc)}{_interval(one.auc_interval, False)} "
        f"| {_number(one.cllr_min)} | {_number(one.min_dcf)} | {percent(one.hits)} |"
    )


def _answers(results: Results, fusion: Fusion) -> list[str]:
    return [
        f"Frozen before: the verdict supports a machine above {fusion.threshold_machine:+.3f} and a person below "
        f"{fusion.threshold_human:+.3f} (log10 LR, whole interval). EER, AUC, Cllr_min and minDCF from LRs before "
        "their bounds, everything else from what `voxproof verify` prints. Wilson intervals take clips as independent.",
        "",
        HEADER,
        *(
            line(figure, f"{system}: {figure.condition}")
            for system in sorted(results.figures, key=lambda name: (name != VERDICT, name))
            for figure in results.figures[system]
        ),
    ]


def _spreads(told: Told, results: Results) -> list[str]:
    lines = [
        f"The verdict's figures where whole sources ({told.source_words}) are drawn anew with replacement, 95 % of 500 "
        "draws; empty where a class has a single source.",
        "",
        "| condition | sources, human | machine | EER % | AUC | Cllr | FPR % | TPR % |",
        "|---|---:|---:|---|---|---|---|---|",
    ]
    for one in results.spreads:
        ends = (
            _interval(one.eer, True), _interval(one.auc, False), _interval(one.cllr, False),
            _interval(one.false_positive_rate, True), _interval(one.true_positive_rate, True),
        )  # fmt: skip
        lines.append(f"| {one.condition} | {one.human_sources} | {one.machine_sources} |{' |'.join(ends)} |")
    return lines


def _added(results: Results) -> list[str]:
    return [
        "The verdict's errors without a line, less those with all: above 0 the line helps. Without it the others are "
        "fused by the constants for their set. Intervals over whole sources, both verdicts on the same draw.",
        "",
        "| line | condition | human | machine | EER, points | Cllr, bits |",
        "|---|---|---:|---:|---|---|",
        *(
            f"| {one.line} | {one.condition} | {one.human} | {one.machine} |"
            f" {100 * one.eer:+.1f}{_interval(one.eer_interval, True)} |"
            f" {one.cllr:+.3f}{_interval(one.cllr_interval, False)} |"
            for one in results.added
        ),
    ]


def _covered(results: Results) -> list[str]:
    return [
        "Errors of the sign of the LR, %, classes weighing the same, where the clips with the smallest are left out.",
        "",
        f"| condition | {' | '.join(f'{100 * share:g} % answered' for share in COVERAGES)} |",
        "|---|" + "---:|" * len(COVERAGES),
        *(
            f"| {one.condition} | {' | '.join(percent(one.risk[share]) for share in COVERAGES)} |"
            for one in results.covered
        ),
    ]


def _groups(groups: Mapping[str, Sequence[Figure]]) -> list[str]:
    lines = []
    for column, figures in groups.items():
        against = ", each against all human clips" if column in AGAINST_ALL else ""
        lines += ["", f"### By {GROUPS[column]}{against}", "", HEADER, *(line(f) for f in figures[:MOST_ROWS])]
        if len(figures) > MOST_ROWS:
            lines += ["", f"And {len(figures) - MOST_ROWS} smaller ones."]
    return lines


def _drawn(results: Results, pictures: Mapping[str, str]) -> list[str]:
    if not pictures:
        return []
    of = "neutral version" if shown(results) == NEUTRAL else "clips as they are"
    images = [part for kind, name in pictures.items() for part in (f"![{PICTURES[kind]}]({name})", "")]
    return [f"## Pictures, {of}", "", *images]


def as_json(told: Told, results: Results) -> dict[str, Any]:
    """Every figure; what is not defined is null."""
    document = {
        "schema": SCHEMA,
        "form": told.listing.form,
        "clips": {label: sum(c.label == label for c in told.clips) for label in ("human", "machine")},
        "usable": len(told.listing.clips),
        "aside": told.listing.aside,
        "faults": [asdict(fault) for fault in told.faults],
        "sources": {"are": told.source_words, "count": told.sources},
        "seed": told.seed,
        "notes": list(told.notes),
        "untested": [asdict(one) for one in results.untested],
        "systems": [asdict(one) for one in results.compared],
        "figures": {name: [f.model_dump() for f in figures] for name, figures in results.figures.items()},
        "intervals": [asdict(one) for one in results.spreads],
        "added": [asdict(one) for one in results.added],
        "coverage": [
            {"condition": one.condition, "risk": {f"{share:g}": risk for share, risk in one.risk.items()}}
            for one in results.covered
        ],
        "groups": {
            condition: {column: [f.model_dump() for f in figures] for column, figures in groups.items()}
            for condition, groups in results.groups.items()
        },
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def _plain(value: Any) -> Any:
    """The same without numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
