"""The tests of faithfulness over many clips: what `voxproof bench explain` measures (docs/validation/explain.md).

What is done of a clip stays on disk, so that an interrupted run goes on. Measured on the neutral version of a clip
(detectors/neutral.py), three seconds of it; partial edits and splices, made by `voxproof range`, as they are.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from detectors.card import WEIGHTS
from detectors.inference import FRAME, RATE, SpeechScorer
from detectors.neutral import neutral
from detectors.spectral import SpectralScorer
from detectors.speech import SpeechDetector
from forensics.benches.detector.clips import Clip, clusters
from forensics.benches.detector.index import read_list
from forensics.benches.detector.sample import sample
from forensics.explain import faithfulness as tests
from forensics.explain.clip import Passage
from forensics.explain.gradients import integrated_gradients
from forensics.explain.masking import Grid, Masking
from forensics.explain.occlusion import occlusion
from forensics.explain.relevance import RelevanceMap, spread
from forensics.range.manifest import RangeFile, read_manifest
from synth import audio
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
Progress = Callable[[Sequence[Any], int], Iterable[Any]]
Task = tuple[str, dict[str, str], Callable[[], dict[str, Any]]]
"""Name of a row, what is known of it beforehand, and the work that gives the rest."""
SECONDS = 3.0
NOISE_DB = -50.0
"""Of the noise that should change nothing, against the mean power of the clip."""
RANDOM_ORDERS = 2
FORM = "4"
"""Counts up with a change of what is measured."""


@dataclass(frozen=True)
class Wanted:
    """What is to be measured."""

    clips: Path
    """A list of labelled clips, as `voxproof bench detector` reads it."""
    partial: Path | None
    """A folder of `voxproof range` with partial edits and, as their control, splices."""
    cache: Path
    """Folder of the results."""
    limit: int = 300
    partial_limit: int = 150
    """Of partial edits, and of splices."""
    every: int = 6
    """Of how many clips one is also tested with shuffled weights and with noise."""
    seed: int = 1
    minutes: float = np.inf
    """After which nothing new is begun."""


class Bench:
    """The detectors that ship, and all tests of one clip."""

    @cached_property
    def lines(self) -> dict[str, SpeechDetector]:
        """By method id."""
        return {one.name: one for one in (SpeechDetector.load(WEIGHTS / f"{w}.safetensors") for w in FILES)}

    @cached_property
    def key(self) -> str:
        """Digest of what decides a row: weights and form."""
        parts = [FORM, *(one.sha256 for one in self.lines.values())]
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    def clip(self, clip: Clip, thorough: bool) -> dict[str, Any]:
        """Deletion and insertion of every map on one clip; `thorough` adds shuffled weights and noise."""
        heard = audio.read(clip.path, RATE).mono
        samples = neutral(heard[: 30 * RATE], clip.name, SECONDS)
        passage = Passage.of(samples) if samples.size else None
        if passage is None or not passage.windows:
            return {"reason": "too short or too little speech"}
        grid = Grid.over(passage)
        masking, other_noise = Masking(passage, grid), Masking(passage, grid, seed=1)
        rng = np.random.default_rng(_lot(clip.name))
        systems: dict[str, dict[str, Any]] = {}
        for line, detector in self.lines.items():
            scorer = detector.scorer
            assert isinstance(scorer, SpeechScorer | SpectralScorer)  # noqa: S101 - those that ship
            chance = {
                one: [tests.moved(scorer.logit, other_noise, _order(rng, grid, one)) for _ in range(RANDOM_ORDERS)]
                for one in ("cells", "columns")
            }
            given = maps(scorer, line, passage, masking)
            for method, found in given.items():
                cells = tests.on_cells(found, grid, passage.start_s)
                done = tests.moved(scorer.logit, other_noise, tests.first_to_last(cells))
                like = chance["cells" if len(found.values) > 1 else "columns"]
                row: dict[str, Any] = {
                    name: getattr(done, name) - float(np.mean([getattr(one, name) for one in like])) for name in MOVES
                }
                row["span"] = done.span
                systems[f"{method} {line}"] = row
            if thorough:
                for method, values in thoroughly(scorer, line, passage, grid, given).items():
                    systems[f"{method} {line}"] |= values
        return {"systems": systems, "cells": grid.shape[0] * grid.shape[1]}

    def edited(self, folder: Path, file: RangeFile) -> dict[str, Any]:
        """Where every map points on one partial edit, or on a splice: the same joins, and a person between them."""
        passage = Passage.of(audio.read(folder / file.file, RATE).mono)
        put = file.segments or ((file.joins[0][0], file.joins[-1][1]),)
        truth = tests.frames_inside(put, passage.frames)
        if not passage.windows or not truth[slice(*passage.heard)].any():
            return {"reason": "the phrase is not heard"}
        grid = Grid.over(passage)
        masking = Masking(passage, grid)
        systems = {}
        for line, detector in self.lines.items():
            scorer = detector.scorer
            assert isinstance(scorer, SpeechScorer | SpectralScorer)  # noqa: S101 - those that ship
            for method, found in maps(scorer, line, passage, masking).items():
                pointed = tests.pointing(found.contrast_over_time, truth, passage.heard)
                systems[f"{method} {line}"] = asdict(pointed)
        return {"systems": systems, "share": float(truth[slice(*passage.heard)].mean())}

    def measure(self, wanted: Wanted, progress: Progress = lambda rows, total: rows) -> list[dict[str, Any]]:
        """All rows, those of an earlier run as they are."""
        wanted.cache.mkdir(parents=True, exist_ok=True)
        path = wanted.cache / f"faithfulness-{self.key}.jsonl"
        held = {row["name"]: row for row in _rows(path)}
        tasks = list(self._tasks(wanted))
        rows: list[dict[str, Any]] = []
        end = time.monotonic() + 60 * wanted.minutes
        with threadpool_limits(1), path.open("a", encoding="utf-8") as stream:
            for name, facts, work in progress(tasks, len(tasks)):
                if name not in held and time.monotonic() > end:
                    rows.append({"name": name, **facts, "reason": "not reached in the time given"})
                    continue
                if name not in held:
                    try:
                        held[name] = {"name": name, **facts, **work()}
                    except VoxproofError as error:
                        held[name] = {"name": name, **facts, "reason": f"{error}"}
                    stream.write(json.dumps(held[name]) + "\n")
                    stream.flush()
                rows.append(held[name])
        return rows

    def _tasks(self, wanted: Wanted) -> Iterator[Task]:
        listed = read_list(wanted.clips).clips
        _, source = clusters(listed)
        drawn = sample(listed, source, wanted.limit, wanted.seed)
        for clip in sorted(drawn, key=lambda one: _lot(one.name)):  # a run cut short is a fair part
            facts = {"kind": "clip", "label": clip.label, "source": source[clip.name], "generator": clip.generator}
            thorough = _lot(clip.name) % wanted.every == 0  # of the name, so that a longer run takes over a shorter one
            name = f"{clip.name}{' thorough' if thorough else ''}"
            yield name, facts, partial(self.clip, clip, thorough)
        if wanted.partial is None:
            return
        unmarked = [one for one in read_manifest(wanted.partial) if one.mark == "unmarked"]
        for kind in ("partial", "splice"):
            for file in [one for one in unmarked if one.kind == kind][: wanted.partial_limit]:
                host = next(one.collection for one in file.sources if one.role == "host")
                facts = {"kind": kind, "label": file.label, "source": host, "generator": file.generator}
                yield file.file, facts, partial(self.edited, wanted.partial, file)


FILES = ("speech", "spectral")
MOVES = ("deletion", "insertion")


def maps(
    scorer: SpeechScorer | SpectralScorer, line: str, passage: Passage, masking: Masking
) -> Mapping[str, RelevanceMap]:
    """Every map that there is of a line; `loudness` is the control: it knows nothing of the detector."""
    found = {"occlusion": occlusion(scorer.logit, line, passage, masking=masking)}
    if isinstance(scorer, SpeechScorer):
        found["gradients"] = integrated_gradients(scorer, line, passage)
    found["curve"] = _curve(scorer, line, passage)
    found["loudness"] = _loudness(line, passage, masking)
    return found


def thoroughly(
    scorer: SpeechScorer | SpectralScorer, line: str, passage: Passage, grid: Grid, given: Mapping[str, RelevanceMap]
) -> dict[str, dict[str, float]]:
    """How like the given maps those of shuffled weights, and of the sound with a little noise, are."""
    rng = np.random.default_rng(7)
    power = float(np.mean(passage.samples**2)) * 10 ** (NOISE_DB / 10)
    noisy = Passage.of(passage.samples + (power**0.5 * rng.standard_normal(passage.samples.size)).astype(np.float32))
    random = maps(tests.shuffled(scorer), line, passage, Masking(passage, grid))
    noisy_maps = maps(scorer, line, noisy, Masking(noisy, grid))
    out = {}
    for method, found in given.items():
        cells, other, disturbed = (
            tests.on_cells(one, grid, 0.0) for one in (found, random[method], noisy_maps[method])
        )
        out[method] = {"shuffled": tests.alike(cells, other), "stable": tests.alike(cells, disturbed)}
    return out


def _curve(scorer: SpeechScorer | SpectralScorer, line: str, passage: Passage) -> RelevanceMap:
    """The detector's own curve over time, as `verify` shows it (a mean over the second around every frame)."""
    total, count = np.zeros(passage.frames), np.zeros(passage.frames)
    for window in passage.windows:
        frames = scorer(window.samples).frames[: passage.frames - window.first]
        total[window.first : window.first + frames.size] += frames
        count[window.first : window.first + frames.size] += 1
    return _flat("curve", line, passage, (total / np.maximum(count, 1)).astype(np.float32))


def _order(rng: np.random.Generator, grid: Grid, of: str) -> npt.NDArray[np.intp]:
    """A random order of the cells, one by one or by whole columns: flat places [cells]."""
    bands, columns = grid.shape
    if of == "cells":
        return rng.permutation(bands * columns)
    return (rng.permutation(columns)[:, None] + columns * np.arange(bands)[None]).ravel()


def _loudness(line: str, passage: Passage, masking: Masking) -> RelevanceMap:
    """The mean level of every cell, dB: a map that is the same for every detector."""
    cells = masking.levels_db()
    grid = masking.grid
    return RelevanceMap(
        method="loudness", line=line, layer="sound", times_s=grid.times_s(passage),
        bands_hz=np.array(grid.bands_hz, np.float32), values=cells, start_s=passage.start_s, changes=None,
        over_time=spread(cells.sum(0), grid.columns, passage.frames), score=0.0, baseline=0.0, passes=0,
    )  # fmt: skip


def _flat(method: str, line: str, passage: Passage, values: FloatArray) -> RelevanceMap:
    times = (passage.start_s + np.arange(passage.frames + 1) * FRAME / RATE).astype(np.float32)
    band = np.array([0, RATE / 2], np.float32)
    return RelevanceMap(
        method, line, "frames", times, band, values[None], passage.start_s, None, values, 0.0, 0.0, len(passage.windows)
    )


def _lot(name: str) -> int:
    """A number drawn by a clip's name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4])


def _rows(path: Path) -> list[dict[str, Any]]:
    """The rows of an earlier run; an unfinished last line is passed over."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows
