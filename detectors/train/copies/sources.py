"""What may be copied: human recordings of an index, with licences that permit training, in a drawn order."""

from __future__ import annotations

import csv
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.neutral import trimmed
from detectors.train.copies.base import Rng
from synth.audio import open_recording
from synth.channels.base import FloatArray, convert
from synth.errors import VoxproofError

UNSEEN = "rhasspy-kathleen"
"""The voice of the clone's figures: nothing is trained on it."""
SHORTEST_S = 1.5
_NOT_FOR_TRAINING = re.compile(r"(?i)(?<![a-z])(nc|nd|non-?commercial|no-?deriv\w*)(?![a-z])")


@dataclass(frozen=True)
class Source:
    """One human recording of the list."""

    path: Path
    name: str
    """Its path as the list has it: what seeds and ids are made of, so that the folder does not matter."""
    collection: str
    speaker: str
    language: str
    licence: str
    part: str
    """Of the table of clips; `train` where the list has none."""


def read_sources(index: Path, part: str = "train") -> list[Source]:
    """Human recordings of a list (`materialise.py`'s, or the table of `detectors.train.lists`) that may be copied.

    Left out: other parts, other labels, recordings shorter than `SHORTEST_S`, the unseen voice, and licences that
    permit no derivatives or no commerce. Raises `VoxproofError` for a list that is none, or gives nothing.
    """
    try:
        with index.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise VoxproofError(f"is no list of recordings ({error})", path=index) from error
    missing = {"path", "speaker", "licence", "seconds"} - set(rows[0] if rows else ())
    if missing:
        raise VoxproofError(f"is no list of recordings: it has no column {', '.join(sorted(missing))}", path=index)
    sources = [_source(row, index.parent) for row in rows if _usable(row, part)]
    if not sources:
        raise VoxproofError("names no human recording that may be copied", path=index)
    return sources


def _usable(row: dict[str, str], part: str) -> bool:
    try:
        long = float(row["seconds"]) >= SHORTEST_S
    except (TypeError, ValueError):
        return False
    human = row.get("label", row.get("kind") or "human") == "human"
    voice = f"{row['speaker']} {row.get('source', '')}".replace("_", "-")
    permitted = bool(row["licence"]) and not _NOT_FOR_TRAINING.search(row["licence"])
    return long and human and permitted and row.get("part", part) == part and UNSEEN not in voice


def _source(row: dict[str, str], folder: Path) -> Source:
    return Source(
        path=folder / row["path"],
        name=row["path"],
        collection=row.get("source") or row.get("source_id") or row.get("page") or "",
        speaker=row["speaker"],
        language=row.get("language", ""),
        licence=row["licence"],
        part=row.get("part", "train"),
    )


def order(sources: list[Source], key: str) -> list[Source]:
    """The sources in the order in which they are taken: drawn without replacement, collections by the root of their
    size; a source's place depends on its own name and `key`, so that a longer list changes little."""
    size = Counter(one.collection for one in sources)

    def place(one: Source) -> float:
        drawn = np.random.default_rng(zlib.crc32(f"{key} {one.name}".encode())).random()
        return float(-np.log(drawn + 1e-12) * np.sqrt(size[one.collection]))

    return sorted(sources, key=place)


def excerpt(source: Source, rate: int, longest_s: float, rng: Rng) -> FloatArray:
    """At most so many seconds from a drawn place, mono, at `rate`, without silent edges: [time]."""
    with open_recording(source.path) as recording:
        seconds = min(recording.seconds, longest_s + 0.5)
        start = float(rng.uniform(0, recording.seconds - seconds)) if recording.seconds > seconds else 0.0
        piece = recording.excerpt(start, start + seconds)
    whole = convert(np.ascontiguousarray(piece.mono, np.float32), piece.rate, rate)
    return trimmed(whole)[: round(longest_s * rate)]
