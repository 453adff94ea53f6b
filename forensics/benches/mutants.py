"""The whole examination, without trained detectors, over mutated media files: `voxproof bench mutate --battery`.

The reading is `synth.mutation`'s; here every mutant also goes through `examine` and its record is written as JSON. It
is a failure when that raises, when a method failed on the file (`Method.run` turns that into a could_not_test with a
reason that asks to report it), when the record holds a number that JSON has not, or a time beyond the recording.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from forensics.examine import examine
from forensics.method import Method
from forensics.records import Examination
from synth.mutation import Judge, Judged, MutationSummary, run

FAILED = "The method failed ("
"""How `Method.run` begins the reason of a method that raised."""
TRAINED = ("detector", "codes", "fingerprint")
"""Families of methods that run a trained network over decoded sound; their input is the same whatever the container."""


def mutate_battery(
    seeds: Path | Iterable[Path],
    n: int = 300,
    seed: int = 0,
    progress: Callable[[], object] | None = None,
    keep: Path | None = None,
    first: int = 0,
) -> MutationSummary:
    """`synth.mutation.run` with the examination as its judge."""
    return run(seeds, n, seed, progress=progress, keep=keep, judge=examiner(), first=first)


def examiner(battery: Sequence[Method] | None = None) -> Judge:
    """A judge that examines a file with `battery`; None takes every method that is not trained."""
    from detectors.fusion import load_fusion
    from forensics.battery import load_battery

    fusion = load_fusion()
    chosen = load_battery() if battery is None else battery
    methods = [method for method in chosen if battery is not None or method.id.split(".")[0] not in TRAINED]

    def judge(path: Path) -> Judged:
        clock: list[tuple[str, float]] = []
        examination = examine(path, methods, fusion, on_step=lambda title: clock.append((title, time.perf_counter())))
        clock.append(("", time.perf_counter()))
        steps = {title: after[1] - at for (title, at), after in itertools.pairwise(clock)}
        text = examination.model_dump_json(exclude={"timing": True, "exhibit": {"path"}})
        return Judged(text.replace(str(path), "FILE"), tuple(_troubles(examination, text)), steps)

    return judge


def _troubles(examination: Examination, text: str) -> Iterable[str]:
    for finding in examination.findings:
        for reason in finding.reasons:
            if FAILED in reason:
                yield f"{finding.method}: {reason}"
        last = max((segment.end_s for segment in finding.segments), default=0.0)
        if examination.exhibit.seconds is not None and last > examination.exhibit.seconds + 0.02:
            yield f"{finding.method}: a segment ends at {last} s of {examination.exhibit.seconds} s"

    def refuse(name: str) -> None:
        raise ValueError(f"{name} in the record")

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError as error:
        yield f"the record is no JSON: {error}"
