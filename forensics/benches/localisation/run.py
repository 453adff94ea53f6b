"""Scores of every 20 ms and the places that the methods name, for every unmarked file of a range; kept file by file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from detectors.fusion import load_fusion
from detectors.inference import RATE
from detectors.speech import raw_scores
from forensics.battery import load_battery
from forensics.benches.detector.run import versions
from forensics.benches.rows import Rows
from forensics.exhibit import Exhibit
from forensics.integrity import POINT_S, judge_integrity
from forensics.method import Method
from forensics.methods._trained_line import TrainedLine
from forensics.range.manifest import RangeFile, read_manifest
from forensics.records import Segment
from synth.errors import VoxproofError

CODE = (
    *("detectors/*.py", "detectors/weights/*.yaml", "forensics/*.py", "forensics/error_rates.yaml"),
    *("forensics/methods/*.py", "forensics/benches/localisation/run.py"),
)
"""Files that decide a row."""
KINDS = ("partial", "splice", "human")
FUSED = "both lines"
FloatArray = npt.NDArray[np.float64]
Span = tuple[float, float]
Progress = Callable[[Iterable[RangeFile], int], Iterable[RangeFile]]


@dataclass(frozen=True)
class Row:
    """One file, the truth about it and what was found."""

    file: str
    kind: str
    source: str
    """Collection of the recording that was edited, or that stands as it is."""
    engine: str
    """What made the machine's phrase: our model, a program, or a recording of another generator; empty for people."""
    fade_ms: float
    """Of its joins; nan where it has none."""
    laundering: str
    seconds: float
    segments: tuple[Span, ...]
    """Machine-made speech, seconds."""
    joins: tuple[float, ...]
    """Middles of the joins, seconds."""
    frames: dict[str, tuple[float, ...]]
    """By line, log10 LR of every 20 ms before bounds; nan where nothing was scored."""
    stretches: dict[str, tuple[Span, ...]]
    """By line, what it reports as machine-made."""
    named: tuple[float, ...]
    """Places at which the methods on continuity together call the recording edited, seconds."""
    doubted: tuple[float, ...]
    """Places that they name without calling it edited, seconds."""
    untested: str = ""
    """Why a trained line could not be tested."""
    identity: str = ""
    """Digest of the file and of the code that examined it."""


def measure(
    folder: Path, cache_folder: Path, number: int | None = None, progress: Progress = lambda some, total: some
) -> list[Row]:
    """Rows of the first `number` unmarked files of each kind of a range; VoxproofError where it has no edits."""
    unmarked = [one for one in read_manifest(folder) if one.mark == "unmarked"]
    kinds = [[one for one in unmarked if one.kind == kind][:number] for kind in KINDS]
    chosen = [one for turn in zip_longest(*kinds) for one in turn if one is not None]
    if not kinds[0]:
        raise VoxproofError(
            "holds no partial edits", path=folder, cure="voxproof range --kinds human,partial,splice --out …"
        )
    known, rows = Rows(cache_folder / "rows.jsonl", Row), []
    for one in progress(chosen, len(chosen)):
        identity = hashlib.sha256(f"{one.sha256} {one.file} {versions(CODE)}".encode()).hexdigest()[:24]
        row = known.get(identity)
        if row is None:
            row = replace(_examined(one, folder), identity=identity)
            known.add([row])
        rows.append(row)
    return rows


def _examined(one: RangeFile, folder: Path) -> Row:
    lines, battery = _methods()
    frames: dict[str, FloatArray] = {}
    stretches: dict[str, tuple[Span, ...]] = {}
    reasons: list[str] = []
    with threadpool_limits(1), Exhibit.open(folder / one.file) as exhibit:
        for line in lines:
            finding = line.run(exhibit)
            if finding.outcome == "could_not_test":
                reasons += finding.reasons
                continue
            calibration = line.card.calibration
            logits = raw_scores(line.detector.scorer, exhibit.recording.resampled(RATE)).frames
            frames[line.id] = calibration.frame_slope * logits.astype(np.float64) + calibration.frame_intercept
            stretches[line.id] = tuple((s.start_s, s.end_s) for s in finding.segments)
        integrity = judge_integrity([method.run(exhibit) for method in battery], exhibit.seconds)
    fit = next(fit for fit in load_fusion().fits if set(fit.weights) == {line.id for line in lines})
    if set(frames) == set(fit.weights):
        frames[FUSED] = fit.intercept + np.sum([fit.weights[name] * frames[name] for name in fit.weights], axis=0)
    places = tuple(_points(integrity.segments))
    edited = integrity.outcome == "inconsistent"
    host = next((source for source in one.sources if source.role in ("host", "clip")), one.sources[0])
    replaced = next((step for step in one.chain if step.get("step") == "replace"), {})
    return Row(
        one.file, one.kind, host.collection, _engine(one), float(replaced.get("fade_ms", "nan")), one.laundering,
        one.seconds, one.segments, tuple((start + end) / 2 for start, end in one.joins),
        {name: tuple(np.round(values, 3).tolist()) for name, values in frames.items()}, stretches,
        places if edited else (), () if edited else places, " ".join(reasons),
    )  # fmt: skip


def _points(segments: Iterable[Segment]) -> Iterator[float]:
    """The middle of a short segment, both ends of a passage."""
    for segment in segments:
        if segment.end_s - segment.start_s > POINT_S:
            yield from (segment.start_s, segment.end_s)
        else:
            yield (segment.start_s + segment.end_s) / 2


def _engine(one: RangeFile) -> str:
    if not one.generator:
        return ""
    if one.generator.startswith("voxproof"):
        return "our model"
    return "a program" if one.generator in ("espeak-ng", "flite") else "another generator"


@cache
def _methods() -> tuple[tuple[TrainedLine, ...], tuple[Method, ...]]:
    """The trained lines, and the methods that bear on continuity."""
    battery = load_battery()
    lines = tuple(method for method in battery if isinstance(method, TrainedLine))
    return lines, tuple(method for method in battery if method.bears_on == "integrity")
