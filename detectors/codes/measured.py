"""Measures of every clip in every condition, kept in the cache as they are worked out; an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.codes.conditions import heard_as
from detectors.codes.material import Shelf, Sound
from detectors.codes.measuring import CodeMeasurer

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One clip in one condition."""

    sound: Sound
    condition: str
    measures: Mapping[str, float]


def measured(
    sounds: Sequence[Sound], conditions: Sequence[str], shelf: Shelf, measurer: CodeMeasurer,
    told: Callable[[Iterable[tuple[Sound, str]]], Iterable[tuple[Sound, str]]] = lambda some: some,
) -> list[Row]:  # fmt: skip
    """Rows of all clips in all conditions that they are long enough for; kept on the shelf of the measurer's models."""
    tables = hashlib.sha256()
    for model in (measurer.people, measurer.generator):
        tables.update(model.pairs.tobytes() + model.counts.tobytes())
    if measurer.tuning is not None:
        tables.update(b"".join(value.tobytes() for value in measurer.tuning.tensors().values()))
    shelf.folder.mkdir(parents=True, exist_ok=True)
    path = shelf.folder / f"measures-{tables.hexdigest()[:12]}.jsonl"
    kept: dict[str, dict[str, float]] = {}
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            found = json.loads(line)
            kept[found["key"]] = found["measures"]
    rows = []
    with path.open("a", encoding="utf-8") as file:
        for sound, condition in told([(sound, condition) for condition in conditions for sound in sounds]):
            key = f"{sound.name}|{condition}"
            if key not in kept:
                piece = heard_as(shelf.samples(sound), sound.name, condition)
                # A transcript is that of the whole clip, of which only a piece is heard: it is left to the bench.
                kept[key] = {} if piece is None else measurer.measure(piece).measures
                file.write(json.dumps({"key": key, "measures": kept[key]}) + "\n")
                file.flush()
            if kept[key]:
                rows.append(Row(sound, condition, kept[key]))
    return rows


def table(rows: Sequence[Row], names: Sequence[str]) -> FloatArray:
    """Measures [rows, names]; nan where a row lacks one."""
    return np.array([[row.measures.get(name, np.nan) for name in names] for row in rows], np.float64).reshape(
        len(rows), len(names)
    )
