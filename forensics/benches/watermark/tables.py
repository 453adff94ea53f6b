"""The page and the figure of the watermark's bench, from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from detectors.metrics import wilson_interval
from forensics.benches.watermark.attacks import ATTACKS
from forensics.benches.watermark.run import Row
from synth.watermark.detect import THRESHOLD

MEASURES = ("PESQ-WB", "STOI", "signal over residual, dB", "bands over the masking threshold", "DNSMOS, difference")
"""What `forensics.benches.watermark.quality.quality` gives."""


def page(rows: Sequence[Row], experiments: str, command: str) -> str:
    """All tables, as Markdown."""
    marked, unmarked = ({(row.voice, row.human) for row in rows if row.part == part} for part in ("marked", "unmarked"))
    humans, more = sum(human for _, human in marked), len(unmarked - marked)
    return "\n".join(
        [
            "# The watermark in sound, measured",
            "",
            f"{humans} human and {len(marked) - humans} machine voices that the mark was not developed on, at 16 kHz;",
            f"for the false alarms {more} further voices, {sum(h for _, h in unmarked - marked)} of them human.",
            f"A mark counts as found from a score of {THRESHOLD:g} on, or when its payload authenticates. Intervals:",
            "Wilson, 95 %. Attacked sounds are rounded to 16 bits. A cross marks a row that falls short of its aim.",
            "",
            "```",
            f"$ {command}",
            "```",
            "",
            "## Presence and false alarms, 5 s",
            "",
            *_presence(rows),
            "",
            "![Scores of marked and unmarked clips](watermark.png)",
            "",
            "## Payload recovered and authenticated",
            "",
            *_payload(rows),
            "",
            "## Quality, human speech at that strength, 5 s",
            "",
            *_quality(rows),
            "",
            "![Speech, what the mark adds, and the change of level](watermark-place.png)",
            "",
            "Not measured: ViSQOL, listening tests. The masking threshold is the strict one of a tonal masker.",
            "",
            "## Where in the sound, and cost",
            "",
            *_places(rows),
            *_cost(rows),
            "",
            *_perth(rows),
            experiments,
        ]
    )


def found(row: Row) -> bool:
    """At the threshold that is frozen now, whatever it was when the row was measured."""
    return row.score >= THRESHOLD or row.right or row.wrong


def share(hits: int, n: int, digits: int = 1) -> str:
    """`97.5 % [87.1, 99.6]`"""
    if n == 0:
        return "–"
    low, high = wilson_interval(hits, n)
    return f"{100 * hits / n:.{digits}f} % [{100 * low:.{digits}f}, {100 * high:.{digits}f}]"


def _of(rows: Sequence[Row], part: str, attack: str | None, seconds: float, human: bool | None = None) -> list[Row]:
    return [
        row
        for row in rows
        if row.part == part
        and (attack is None or row.attack == attack)
        and row.seconds == seconds
        and (human is None or row.human == human)
    ]


def _presence(rows: Sequence[Row]) -> list[str]:
    lines = [
        "| attack | n | found | human | machine | aim | median score | false alarms | n | largest score |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for attack in ATTACKS:
        marked, unmarked = (_of(rows, part, attack.name, 5.0) for part in ("marked", "unmarked"))
        if not marked:
            continue
        hits = sum(found(row) for row in marked)
        by = [
            f"{100 * np.mean([found(r) for r in marked if r.human == human]):.0f} %"
            if any(r.human == human for r in marked)
            else "–"
            for human in (True, False)
        ]
        cross = " ✗" if hits < attack.presence * len(marked) else ""
        middle = np.median([row.score for row in marked])
        alarms = share(sum(found(row) for row in unmarked), len(unmarked))
        largest = max((row.score for row in unmarked), default=float("nan"))
        lines.append(
            f"| {attack.name} | {len(marked)} | {share(hits, len(marked))}{cross} | {by[0]} | {by[1]} "
            f"| {100 * attack.presence:.0f} % | {middle:.1f} | {alarms} | {len(unmarked)} | {largest:.2f} |"
        )
    every = _of(rows, "unmarked", None, 5.0)
    halves = [[r for r in every if (sum(map(ord, r.voice)) % 2 == 0) == first] for first in (True, False)]
    lines += ["", f"False alarms pooled: {share(sum(found(r) for r in every), len(every), 3)} of {len(every)}."]
    if all(halves):
        chosen, other = (max(r.score for r in half) for half in halves)
        lines += [
            f"Largest score of unmarked speech in one half of the voices {chosen:.2f}, in the other {other:.2f}. The",
            f"threshold {THRESHOLD:g} comes from wrong keys on the voices of the development; how it and these rows",
            "came to be: ../watermark.md.",
        ]
    return lines


def _payload(rows: Sequence[Row]) -> list[str]:
    lines = ["| attack | 4 s | 5 s | aim | 10 s | aim | wrong |", "|---|---|---|---|---|---|---|"]
    for attack in ATTACKS:
        cells, wrong = [], 0
        for seconds, aim in ((4.0, None), (5.0, attack.payload_5s), (10.0, attack.payload_10s)):
            some = _of(rows, "marked", attack.name, seconds)
            hits = sum(row.right for row in some)
            wrong += sum(row.wrong for row in some)
            short = " ✗" if aim and some and hits < aim * len(some) else ""
            cells.append(share(hits, len(some)) + (f" (n {len(some)})" if some else "") + short)
            if seconds > 4:
                cells.append(f"{100 * aim:.0f} %" if aim else "")
        lines.append(f"| {attack.name} | {' | '.join(cells)} | {wrong} |")
    means = []
    for seconds in (5.0, 10.0):
        some = _of(rows, "marked", None, seconds)
        if some:
            right, false = np.mean([r.right for r in some]), sum(r.wrong for r in some)
            means.append(f"{seconds:g} s: right {100 * right:.1f} %, falsely attributed {false} of {len(some)}")
    lines += [
        "",
        "Attribution among the issuances of a register (of any size: an issuance is named only when its payload",
        "authenticates), averaged over all attacks above: " + "; ".join(means) + ".",
    ]
    return lines


def _quality(rows: Sequence[Row], part: str = "quality") -> list[str]:
    some = np.array([row.values for row in rows if row.part == part and row.human and row.values])
    if some.size == 0:
        return ["Not measured."]
    lines = ["| measure | mean | lowest tenth | n |", "|---|---|---|---|"]
    for name, column in zip(MEASURES, some.T, strict=True):
        known = column[np.isfinite(column)]
        if known.size:
            lines.append(f"| {name} | {known.mean():.4g} | {np.quantile(known, 0.1):.4g} | {known.size} |")
        else:
            lines.append(f"| {name} | not measured: its package is not installed | – | 0 |")
    return lines


def _perth(rows: Sequence[Row]) -> list[str]:
    """Ours and the third party's on the same voices."""
    voices = {row.voice for row in rows if row.part == "perth marked"}
    if not voices:
        return []
    rows = [row for row in rows if row.voice in voices]
    lines = [
        "## Beside resemble-perth, on the same 5 s clips",
        "",
        "Perth is the mark of Resemble AI's generators (PyPI `resemble-perth`), read by its maker's detector. It has",
        "one bit and no key.",
        "",
        "| attack | n | ours found | perth found | ours, false alarms | perth, false alarms |",
        "|---|---|---|---|---|---|",
    ]
    for attack in [a for a in ATTACKS if _of(rows, "perth marked", a.name, 5.0)]:
        cells = []
        for part in ("marked", "unmarked"):
            ours, theirs = (_of(rows, name, attack.name, 5.0) for name in (part, f"perth {part}"))
            cells += [share(sum(found(r) for r in ours), len(ours)), share(sum(r.found for r in theirs), len(theirs))]
        lines.append(f"| {attack.name} | {len(theirs)} | {' | '.join(cells)} |")
    means = []
    for name, part in (("ours", "quality"), ("perth", "perth quality")):
        some = np.array([row.values for row in rows if row.part == part and row.values])
        if some.size:
            known = [(m, column[np.isfinite(column)]) for m, column in zip(MEASURES, some.T, strict=True)]
            means.append(f"{name} " + ", ".join(f"{m} {values.mean():.4g}" for m, values in known if values.size))
    return [*lines, "", "Quality, means over these voices: " + "; ".join(means) + ".", ""]


def _places(rows: Sequence[Row]) -> list[str]:
    some = [row for row in rows if row.part == "place"]
    if not some:
        return []
    overlap = np.array([row.values[0] for row in some])
    found = np.array([row.found for row in some])
    mean = overlap[found].mean() if found.any() else float("nan")
    return [
        f"One second marked within ten: found in {share(int(found.sum()), found.size)} of {found.size}; intersection",
        f"over union {mean:.3f} where found, {overlap.mean():.3f} over all, median {np.median(overlap):.3f}.",
    ]


def _cost(rows: Sequence[Row]) -> list[str]:
    embedding = [row.cost_s / row.seconds for row in rows if row.part == "quality"]
    lines = ["", "Real-time factors (processor time, one core): "]
    parts = [f"embedding {np.mean(embedding):.4f}"] if embedding else []
    for part in ("marked", "unmarked"):
        for seconds in (5.0, 10.0):
            some = [row.cost_s / row.seconds for row in _of(rows, part, None, seconds)]
            if some:
                parts.append(f"detection in {part} {seconds:g} s {np.mean(some):.4f}")
    return [*lines, "; ".join(parts) + "."]


def draw(rows: Sequence[Row], path: Path) -> None:
    """Scores of marked and unmarked clips of 5 s under every attack."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    attacks = [attack for attack in ATTACKS if _of(rows, "marked", attack.name, 5.0)]
    figure, axes = pyplot.subplots(figsize=(8, 0.24 * len(attacks) + 1.2), layout="constrained")
    for place, attack in enumerate(reversed(attacks)):
        for part, colour in (("unmarked", "tab:grey"), ("marked", "tab:blue")):
            scores = [row.score for row in _of(rows, part, attack.name, 5.0)]
            axes.plot(scores, [place] * len(scores), "|", color=colour, markersize=7, alpha=0.6)
    axes.axvline(THRESHOLD, color="tab:red", linewidth=1)
    axes.set_yticks(range(len(attacks)), [attack.name for attack in reversed(attacks)], fontsize=7)
    axes.set_xlabel("score (grey: unmarked, blue: marked, red: threshold), 5 s")
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
