"""The figures as Markdown and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from detectors.figure_table import percent
from forensics.benches.localisation.figures import (
    LINES,
    RESOLUTIONS_S,
    TOLERANCES_S,
    Alarms,
    Places,
    Segments,
    alarms,
    ends,
    matched,
    overlap,
    phrase,
    places,
    segments,
    whole,
)
from forensics.benches.localisation.run import FUSED, Row, Span

SCHEMA = "voxproof.bench-localisation/1"
STEM = "localisation"
REPORTED = ("detector.speech", "detector.spectral")
FAR_S = 0.25
"""A place named farther than this from every join is a false one."""


class Told:
    """All figures of a run."""

    def __init__(self, command: str, rows: Sequence[Row], seed: int = 1) -> None:
        self.command, self.rows, self.seed = command, rows, seed
        self.edits = [row for row in rows if row.kind == "partial"]
        self.splices = [row for row in rows if row.kind == "splice"]
        self.untouched = [row for row in rows if row.kind == "human"]
        self.segments = tuple(self._segments())
        self.places = tuple(self._places())
        self.alarms = tuple(self._alarms())

    def _segments(self) -> Iterator[Segments]:
        for line in LINES:
            for resolution in RESOLUTIONS_S:
                yield segments(self.edits, line, "inside edited recordings", resolution, whole, self.seed)
        for line in LINES:
            for resolution in RESOLUTIONS_S:
                yield segments(self.rows, line, "all recordings", resolution, whole, self.seed)
        both = [*self.edits, *self.splices]
        for resolution in RESOLUTIONS_S:
            yield segments(both, FUSED, "machine's phrase or a person's put in", resolution, phrase, self.seed)
        for name, some in self._groups():
            yield segments(some, FUSED, f"inside edited recordings, {name}", RESOLUTIONS_S[1], whole, self.seed)

    def _groups(self) -> Iterator[tuple[str, list[Row]]]:
        """Edits by engine, by fade and by what they passed afterwards."""
        for engine in sorted({row.engine for row in self.edits}):
            yield f"phrase by {engine}", [row for row in self.edits if row.engine == engine]
        for fade in sorted({row.fade_ms for row in self.edits}):
            name = f"cross-fade of {fade:g} ms" if fade else "butt joins"
            yield name, [row for row in self.edits if row.fade_ms == fade]
        for laundered in (False, True):
            some = [row for row in self.edits if (row.laundering != "none") == laundered]
            if some:
                yield "through a chain of channels" if laundered else "as it was made", some

    def _places(self) -> Iterator[Places]:
        sets = [("partial edits", self.edits), ("human-human splices", self.splices)]
        for name, some in sets:
            for tolerance in TOLERANCES_S:
                yield places(some, f"{name}: called edited at", tolerance, lambda row: row.named)
            yield places(some, f"{name}: or doubted at", FAR_S, lambda row: (*row.named, *row.doubted))
        for name, some in self._groups():
            yield places(some, f"partial edits, {name}: called edited at", FAR_S, lambda row: row.named)
        for line in REPORTED:
            for tolerance in (0.25, 0.5):
                yield places(self.edits, f"partial edits: ends of the stretches of {line}", tolerance, _ends_of(line))

    def _alarms(self) -> Iterator[Alarms]:
        for name, some in (("untouched", self.untouched), ("human-human splices", self.splices)):
            if not some:
                continue
            for line in REPORTED:
                yield alarms(some, f"stretches called machine-made by {line}", name, _stretches_of(line))
            yield alarms(some, f"joins named farther than {FAR_S:g} s from any", name, _false_joins)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            "segments": [asdict(one) for one in self.segments],
            "places": [asdict(one) for one in self.places],
            "alarms": [{**asdict(one), "per_hour": one.interval} for one in self.alarms],
        }

    def text(self) -> str:
        """The page."""
        parts = [self._head(), self._segment_table(), self._place_table(), self._overlaps(), self._alarm_table()]
        return "\n".join("\n".join(part).rstrip() + "\n" for part in parts)

    def write(self, folder: Path) -> str:
        """localisation.md into the folder; returns the page."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{STEM}.md").write_text(self.text(), encoding="utf-8")
        return self.text()

    def _head(self) -> list[str]:
        engines = Counter(row.engine for row in self.edits)
        fades = Counter(f"{row.fade_ms:g} ms" for row in self.edits)
        untested = sum(FUSED not in row.frames for row in self.rows)
        minutes = {name: sum(row.seconds for row in some) / 60 for name, some in self._kinds()}
        return [
            "# Localisation: where a machine speaks, and where it was joined",
            "",
            "```",
            f"$ {self.command}",
            "```",
            "",
            f"{len(self.edits)} partial edits ({_listed(engines)}; fades {_listed(fades)}), {len(self.splices)} "
            f"human-human splices, {len(self.untouched)} untouched recordings; "
            + ", ".join(f"{name} {value:.1f} min" for name, value in minutes.items())
            + f"; {len({row.source for row in self.rows})} collections. {untested} of them could not be tested by both "
            "trained lines. How to read the tables: [bench-localisation.md](../bench-localisation.md).",
        ]

    def _kinds(self) -> Iterator[tuple[str, list[Row]]]:
        yield from (("edits", self.edits), ("splices", self.splices), ("untouched", self.untouched))

    def _segment_table(self) -> list[str]:
        lines = ["## Segments", "", "| segments | line | length ms | machine | human | EER % | AUC |"]
        lines.append("|---|---|---:|---:|---:|---|---|")
        for one in self.segments:
            low, high = one.auc_interval
            lines.append(
                f"| {one.condition} | {one.line} | {1000 * one.resolution_s:g} | {one.machine} | {one.human} "
                f"| {percent(one.eer)}{_range(one.eer_interval)} | {_three(one.auc)}"
                + ("" if low != low else f" [{low:.3f}, {high:.3f}]")
                + " |"
            )
        return lines

    def _place_table(self) -> list[str]:
        lines = ["## Joins", "", "| | within ms | joins | named | matched | recall % | precision % | median error ms |"]
        lines.append("|---|---:|---:|---:|---:|---|---|---:|")
        for one in self.places:
            error = f"{1000 * float(np.median(one.errors_s)):.0f}" if one.errors_s else "–"
            lines.append(
                f"| {one.condition} | {1000 * one.tolerance_s:g} | {one.joins} | {one.named} | {one.matched} "
                f"| {_rate(one.matched, one.joins)}{_range(one.recall)} "
                f"| {_rate(one.matched, one.named)}{_range(one.precision) if one.named else ''} | {error} |"
            )
        return lines

    def _overlaps(self) -> list[str]:
        lines = ["## Overlap of what is reported with the machine's speech, partial edits", ""]
        lines += ["| line | edits | with a stretch | mean IoU | median IoU of those |", "|---|---:|---:|---:|---:|"]
        for line in REPORTED:
            tested = [row for row in self.edits if line in row.stretches]
            values = [overlap(row.segments, row.stretches[line], row.seconds) for row in tested]
            given = [value for value, row in zip(values, tested, strict=True) if row.stretches[line]]
            middle = f"{float(np.median(given)):.2f}" if given else "–"
            mean = f"{float(np.mean(values)):.3f}" if values else "–"
            lines.append(f"| {line} | {len(tested)} | {len(given)} | {mean} | {middle} |")
        return lines

    def _alarm_table(self) -> list[str]:
        lines = ["## False alarms", "", "| in | what | files | with one | minutes | alarms | an hour [95 %] |"]
        lines.append("|---|---|---:|---:|---:|---:|---|")
        for one in self.alarms:
            low, high = one.interval
            lines.append(
                f"| {one.condition} | {one.what} | {one.files} | {one.files_with} | {60 * one.hours:.1f} | {one.count} "
                f"| {one.count / one.hours:.1f} [{low:.1f}, {high:.1f}] |"
            )
        return lines


def _ends_of(line: str) -> Callable[[Row], Sequence[float]]:
    return lambda row: ends(row, line)


def _stretches_of(line: str) -> Callable[[Row], int]:
    return lambda row: len(row.stretches.get(line, ()))


def _false_joins(row: Row) -> int:
    return len(row.named) - len(matched(row.joins, row.named, FAR_S))


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _range(interval: Span) -> str:
    low, high = interval
    return "" if low != low else f" [{percent(low)}, {percent(high)}]"


def _rate(hits: int, of: int) -> str:
    return percent(hits / of) if of else "–"


def _three(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
