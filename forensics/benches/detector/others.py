"""Scores of other systems for the same clips, out of CSV files: a column with the path, and a column for each system.

Scores in white-space columns without a header (`LA_E_2834763 -3.2`, as ASVspoof's toolkits write them) are read too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Literal

from forensics.benches.detector.clips import Clip
from forensics.benches.detector.index import named, table
from synth.errors import VoxproofError

High = Literal["machine", "human"]
Scores = dict[str, dict[str, float]]
"""System -> name of a clip -> score, positive for a machine."""


def read_scores(paths: Sequence[Path], clips: Sequence[Clip], high: High) -> tuple[Scores, list[str]]:
    """The scores of the clips, and what did not fit in words; `high` says what a high score speaks for.

    A row belongs to the clip with its path, or else to the only clip with its file name, without suffix.
    """
    sign = 1.0 if high == "machine" else -1.0
    joined: Scores = {}
    notes = []
    for path in paths:
        systems, rows = _read(path)
        strangers = broken = 0
        places = _Places(clips)
        for name, values in rows:
            clip = places.find(name)
            if clip is None:
                strangers += 1
                continue
            for system, text in zip(systems, values, strict=True):
                value = _number(text)
                broken += value is None and bool(text.strip())
                if value is not None:
                    joined.setdefault(system, {})[clip.name] = sign * value
        if len(rows) == strangers:
            cure = f"Its first row is {rows[0][0]!r}; the list's first clip is {clips[0].name!r}." if rows else ""
            raise VoxproofError("has no score for any of the clips", path=path, cure=cure)
        if strangers:
            notes.append(f"{path.name}: {strangers} of {len(rows)} rows belong to no clip of this run")
        if broken:
            notes.append(f"{path.name}: {broken} scores are no finite numbers and were left out")
    return joined, notes


def _read(path: Path) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Names of the systems, and for every row its path and its texts."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise VoxproofError(f"holds no scores that can be read ({error})", path=path) from error
    first = text.partition("\n")[0].split()
    if len(first) >= 2 and "," not in text.partition("\n")[0] and _number(first[-1]) is not None:
        words = [line.split() for line in text.splitlines() if line.strip()]
        return [path.stem], [(word[0], [word[-1]]) for word in words]
    columns, rows = table(text)
    places = named(columns, "name")
    systems = [
        column
        for column in columns
        if column not in places and any(_number(row.get(column, "")) is not None for row in rows)
    ]
    if not places or not systems:
        raise VoxproofError(
            "holds no scores", path=path, cure="It needs a header with the column path and one column for each system."
        )
    return systems, [(row.get(places[0], ""), [row.get(system, "") for system in systems]) for row in rows]


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class _Places:
    """Clips by path as listed, by whole path, and by file name where that is only one clip's."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.by_path: dict[str, Clip] = {}
        stems: dict[str, list[Clip]] = {}
        for clip in clips:
            self.by_path[str(clip.path)] = self.by_path[str(clip.path.resolve())] = self.by_path[clip.name] = clip
            stems.setdefault(clip.path.stem, []).append(clip)
        self.by_stem = {stem: those[0] for stem, those in stems.items() if len(those) == 1}

    def find(self, name: str) -> Clip | None:
        """The clip that a row means."""
        name = name.strip()
        found = self.by_path.get(name) or self.by_path.get(str(PurePath(name)))
        return found or self.by_stem.get(PurePath(name).stem) or self.by_stem.get(PurePath(name).name)
