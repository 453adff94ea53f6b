"""Make the planned files and examine them: in several processes, with a cache that an interrupted run goes on from."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from forensics.battery import load_battery
from forensics.benches.battery.plan import Case
from forensics.benches.edits import POSITIVES
from forensics.benches.edits.base import Made, encode, run
from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.records import Finding

LONGEST_S = 12.0
"""Longer clips are cut before an edit, seconds."""
LEFT_OUT = ("detector.speech", "detector.spectral", "watermark.voiceprint")
"""Methods with a validation of their own (docs/validation/detector.md, watermark.md)."""
MANIFEST = (
    "name", "file", "part", "kind", "method", "condition", "source", "clip", "seed", "seconds", "truth_s", "sha256",
)  # fmt: skip
Row = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """What a process is told beside the case."""

    only: tuple[str, ...] = ()
    """Ids of the methods to run; empty: the whole battery."""
    make: Path | None = None
    """Folder in which the files stay; they are not examined then."""
    versions: str = ""
    """Digest of everything that decides the findings."""


def perform(cases: Sequence[Case], job: Job, results: Path | None, jobs: int) -> Iterator[Row]:
    """A row for each case in the order of the plan, from the file of results where it is there and still valid."""
    known = _known(results)
    fresh = [case for case in cases if known.get(case.name, {}).get("key") != _key(case, job)]
    pool = ProcessPoolExecutor(jobs, get_context("forkserver"), _begin, (sys.path,)) if jobs > 1 and fresh else None
    try:
        made = pool.map(_task, [(case, job) for case in fresh], chunksize=4) if pool else map(_task, _with(fresh, job))
        waiting = {case.name for case in fresh}
        for case in cases:
            row = next(made) if case.name in waiting else known[case.name]
            if case.name in waiting and results:
                with results.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(row) + "\n")
            yield row
    finally:
        if pool:
            pool.shutdown(wait=True, cancel_futures=True)


def _with(cases: Sequence[Case], job: Job) -> Iterator[tuple[Case, Job]]:
    return ((case, job) for case in cases)


def _known(results: Path | None) -> dict[str, Row]:
    if results is None or not results.is_file():
        return {}
    with results.open(encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream if line.endswith("\n")]
    return {row["name"]: row for row in rows}


def _begin(path: list[str]) -> None:
    sys.path[:] = path
    threadpool_limits(1)


def _task(task: tuple[Case, Job]) -> Row:
    case, job = task
    row: Row = {
        "key": _key(case, job), "name": case.name, "part": case.part, "kind": case.kind, "method": case.method,
        "condition": case.condition, "source": case.clips[0].source, "clip": case.clips[0].path.name,
        "seed": case.seed, "truth_s": [],
    }  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as name:
        try:
            path, truth = make(case, Path(name))
            row["truth_s"] = [round(at, 4) for at in truth]
            row["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            if job.make:
                kept = job.make / f"{case.name}{path.suffix}"
                kept.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, kept)
                return row | {"file": str(kept.relative_to(job.make))}
            return row | {"whole": case.whole} | examine(path, job.only or case.methods)
        except Exception as error:  # a recipe's fault must not end a run of half an hour; the document lists it
            return row | {"error": f"{type(error).__name__}: {error}".replace(name, "")[:300]}


def make(case: Case, folder: Path) -> Made:
    """The file of a case and the instants of its edits."""
    if case.positive >= 0:
        positive = POSITIVES[case.positive]
        sources = [plain(clip.path, folder / f"source{index}.wav") for index, clip in enumerate(case.clips)]
        return positive.recipe(sources, folder, np.random.default_rng(case.seed))
    if not case.codec:
        return case.clips[0].path, ()
    out = encode(plain(case.clips[0].path, folder / "source0.wav"), folder, case.codec)
    if case.decoded:
        wav = folder / "decoded.wav"
        if out.suffix == ".amr-nb":
            run("sox", "-V1", "-R", out, "-b", "16", wav)
        else:
            run("ffmpeg", "-y", "-v", "error", "-i", out, "-c:a", "pcm_s16le", wav)
        return wav, ()
    return out, ()


def plain(source: Path, out: Path) -> Path:
    """The clip as 16-bit WAV, one channel, at most LONGEST_S."""
    with soundfile.SoundFile(source) as sound:
        samples = sound.read(int(LONGEST_S * sound.samplerate), dtype="float32", always_2d=True)
        soundfile.write(out, samples[:, 0], sound.samplerate, subtype="PCM_16")
    return out


def examine(path: Path, only: Sequence[str] = ()) -> Row:
    """The findings on a file in short."""
    with Exhibit.open(path) as exhibit:
        findings = {method.id: _short(method.run(exhibit)) for method in chosen(tuple(only))}
        return {"seconds": round(exhibit.seconds, 3), "findings": findings}


@cache
def chosen(only: tuple[str, ...] = ()) -> tuple[Method, ...]:
    """The methods of this validation."""
    return tuple(method for method in load_battery(only) if method.id not in LEFT_OUT)


def _short(finding: Finding) -> Row:
    row: Row = {"outcome": finding.outcome} if finding.in_domain else {"outcome": finding.outcome, "outside": True}
    if finding.segments:
        row["places"] = [[segment.start_s, segment.end_s] for segment in finding.segments[:200]]
    if finding.traces:
        row["traces"] = list(finding.traces)
    if finding.outcome in ("inconsistent", "could_not_test"):
        row["reason"] = finding.reasons[0][:240] if finding.reasons else ""
    candidates = _candidates(finding)
    if candidates:
        row["candidates"] = candidates
    return row


def _candidates(finding: Finding) -> list[list[float]]:
    """Instants and heights (in units of the threshold) of the 12 highest points of the method's own time figures.

    Only of figures that show a score against one threshold: their first horizontal line, called so.
    """
    points = [
        (y / figure.levels[0][0], x)
        for figure in finding.figures
        if figure.kind == "time" and figure.levels and "threshold" in figure.levels[0][1] and figure.levels[0][0] > 0
        for x, y in zip(figure.series[0].x, figure.series[0].y, strict=True)
        if y is not None
    ]
    return [[round(x, 3), round(y, 3)] for y, x in sorted(points, reverse=True)[:12] if y >= 0.3]


def versions(only: Sequence[str] = ()) -> str:
    """Digest of the methods: ids, versions, parameters and the bytes of their code."""
    digest = hashlib.sha256()
    for method in chosen(tuple(only)):
        digest.update(repr((method.id, method.version, sorted(dict(method.parameters).items()))).encode())
    root = Path(__file__).parents[3]
    for folder in ("forensics/methods", "forensics/exemplars", "synth"):
        for path in sorted(p for p in (root / folder).rglob("*") if p.suffix in (".py", ".yaml")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _key(case: Case, job: Job) -> str:
    """Digest of all that a row depends on."""
    plain_case = (case.name, case.seed, case.condition, [str(clip.path) for clip in case.clips])
    return hashlib.sha256(repr((plain_case, _recipe_code(case.positive), job.versions)).encode()).hexdigest()[:24]


@cache
def _recipe_code(positive: int) -> str:
    """Digest of the toolkit and of the family file of a condition."""
    names = {"forensics.benches.edits.base"} | ({POSITIVES[positive].recipe.__module__} if positive >= 0 else set())
    files = [Path(str(sys.modules[name].__file__)) for name in sorted(names)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def write_manifest(path: Path, rows: Sequence[Row]) -> None:
    """A CSV of the files: what was made from what, with which seed, and where it was edited."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, MANIFEST, extrasaction="ignore", restval="")
        writer.writeheader()
        writer.writerows(rows)
