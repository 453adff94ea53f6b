"""Segment EER at three resolutions, places of joins, overlap of stretches, false alarms an hour.

Segment EER as in L. Zhang et al., "The PartialSpoof Database and Countermeasures for the Detection of Short Fake Speech
Segments Embedded in an Utterance" (2023), but a segment counts as a machine's when more than half of it is. Intervals:
whole sources drawn anew for the EER, Wilson for shares, exact Poisson (F. Garwood, 1936) for alarms an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from detectors.judged import IntArray, bootstrap
from detectors.metrics import auc, eer, wilson_interval
from forensics.benches.localisation.run import FUSED, Row, Span
from forensics.explain.faithfulness import frames_inside
from forensics.records import GRID_S

RESOLUTIONS_S = (0.02, 0.16, 0.64)
TOLERANCES_S = (0.05, 0.1, 0.25)
LINES = ("detector.speech", "detector.spectral", FUSED)
NONE = (float("nan"), float("nan"))


@dataclass(frozen=True)
class Segments:
    """How well segments of machine's and people's speech are told apart."""

    line: str
    condition: str
    resolution_s: float
    machine: int
    human: int
    sources: int
    eer: float
    eer_interval: Span
    auc: float
    auc_interval: Span


def segments(
    rows: Sequence[Row],
    line: str,
    condition: str,
    resolution_s: float,
    among: Callable[[Row], Iterable[Span]],
    seed: int,
) -> Segments:
    """EER and AUC of segments of one length; `among` says which spans of a recording count, in seconds."""
    scores, labels, source = [], [], []
    for row in rows:
        for score, label in cut(row, line, resolution_s, list(among(row))):
            scores.append(score)
            labels.append(label)
            source.append(row.source)
    values, machine, cluster = np.array(scores), np.array(labels, np.bool_), np.array(source, np.str_)
    count = int(machine.sum())
    if not 0 < count < machine.size:
        nan = float("nan")
        return Segments(line, condition, resolution_s, count, machine.size - count, 0, nan, NONE, nan, NONE)
    spread = [NONE, NONE]
    if min(len(set(cluster[machine == label].tolist())) for label in (True, False)) > 1:

        def figures(of_machine: IntArray, of_human: IntArray) -> tuple[float, ...]:
            drawn = values[of_machine], values[of_human]
            return eer(*drawn), auc(*drawn)

        spread = bootstrap(machine, cluster, figures, rounds=200, seed=seed)
    pair = values[machine], values[~machine]
    return Segments(
        line, condition, resolution_s, count, machine.size - count, len(set(source)),
        eer(*pair), spread[0], auc(*pair), spread[1],
    )  # fmt: skip


def cut(row: Row, line: str, resolution_s: float, spans: Sequence[Span]) -> list[tuple[float, bool]]:
    """(mean score, whether more than half is a machine's) of every segment that lies in one of the spans."""
    frames = np.array(row.frames.get(line, ()), np.float64)
    size = round(resolution_s / GRID_S)
    made, counted = frames_inside(row.segments, frames.size), frames_inside(spans, frames.size)
    found = []
    for start in range(0, frames.size - size + 1, size):
        part = slice(start, start + size)
        known = np.isfinite(frames[part])
        if known.mean() > 0.5 and counted[part].mean() > 0.5:
            found.append((float(frames[part][known].mean()), bool(made[part].mean() > 0.5)))
    return found


def whole(row: Row) -> tuple[Span, ...]:
    """All of a recording."""
    return ((0.0, row.seconds),)


def phrase(row: Row) -> tuple[Span, ...]:
    """What was put in: between the joins."""
    return ((row.joins[0], row.joins[-1]),) if len(row.joins) > 1 else ()


@dataclass(frozen=True)
class Places:
    """Joins and the places that were named."""

    condition: str
    tolerance_s: float
    files: int
    joins: int
    named: int
    matched: int
    errors_s: tuple[float, ...]
    """Distances of the matched."""

    @property
    def recall(self) -> Span:
        """95 % interval of the share of joins found."""
        return wilson_interval(self.matched, self.joins)

    @property
    def precision(self) -> Span:
        """95 % interval of the share of named places that are joins."""
        return wilson_interval(self.matched, self.named)


def places(rows: Sequence[Row], condition: str, tolerance_s: float, named: Callable[[Row], Sequence[float]]) -> Places:
    """Each join is matched to one place at most, the nearest pairs first."""
    errors: list[float] = []
    for row in rows:
        errors += matched(row.joins, named(row), tolerance_s)
    joins, given = sum(len(row.joins) for row in rows), sum(len(named(row)) for row in rows)
    return Places(condition, tolerance_s, len(rows), joins, given, len(errors), tuple(errors))


def matched(joins: Sequence[float], named: Sequence[float], tolerance_s: float) -> list[float]:
    """Distances of the pairs of joins and named places within the tolerance, the nearest first, each used once."""
    pairs = sorted((abs(join - place), i, j) for i, join in enumerate(joins) for j, place in enumerate(named))
    used: tuple[set[int], set[int]] = set(), set()
    found = []
    for distance, i, j in pairs:
        if distance <= tolerance_s + 1e-9 and i not in used[0] and j not in used[1]:
            used[0].add(i)
            used[1].add(j)
            found.append(distance)
    return found


def ends(row: Row, line: str) -> tuple[float, ...]:
    """Where the stretches that a line reports begin and end, but for the recording's own ends."""
    times = (time for span in row.stretches.get(line, ()) for time in span)
    return tuple(time for time in times if 2 * GRID_S < time < row.seconds - 2 * GRID_S)


def overlap(truth: Iterable[Span], found: Iterable[Span], seconds: float) -> float:
    """Intersection over union in time, on the grid; nan where both are empty."""
    made, said = (frames_inside(spans, int(seconds / GRID_S)) for spans in (truth, found))
    union = int((made | said).sum())
    return float((made & said).sum() / union) if union else float("nan")


@dataclass(frozen=True)
class Alarms:
    """What is named where nothing is."""

    what: str
    condition: str
    files: int
    hours: float
    count: int
    files_with: int

    @property
    def interval(self) -> Span:
        """Alarms an hour, 95 %, alarms taken as independent."""
        low = chi2.ppf(0.025, 2 * self.count) / 2 if self.count else 0.0
        return float(low / self.hours), float(chi2.ppf(0.975, 2 * self.count + 2) / 2 / self.hours)


def alarms(rows: Sequence[Row], what: str, condition: str, count: Callable[[Row], int]) -> Alarms:
    """Of all rows together."""
    counts = [count(row) for row in rows]
    hours = sum(row.seconds for row in rows) / 3600
    return Alarms(what, condition, len(rows), hours, sum(counts), sum(one > 0 for one in counts))
