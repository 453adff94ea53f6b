"""From sources and methods to files and an index: balanced, seeded, resumable."""

from __future__ import annotations

import csv
import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.train.copies.base import Method
from detectors.train.copies.equal import equalised
from detectors.train.copies.sources import Source, excerpt, order
from detectors.train.lists import COLUMNS as CLIP_COLUMNS
from synth.audio import write
from synth.errors import VoxproofError

COLUMNS = (*CLIP_COLUMNS, "pair", "family", "settings", "source_path")
"""Those of the table of clips, so that decoding and crops read the index as it is, and what was made of what.

`label` is human, machine or processed; `pair` is common to a copy and its original; `settings` is JSON; `source_path`
is the recording's path in the list. Processed clips have the part `extra`: they train only those who ask for them.
"""
INDEX = "index.csv"


@dataclass(frozen=True)
class Plan:
    """What is wanted."""

    each: int
    """Copies of every method."""
    rate: int = 16_000
    """Hz, of everything that is written."""
    longest_s: float = 6.0
    seed: int = 1


def make_all(sources: list[Source], methods: list[Method], out: Path, plan: Plan) -> Iterator[str]:
    """Makes what is missing, method by method in turns, so that whenever it is stopped they are balanced.

    Says what was passed over and why.
    """
    _checked(plan)
    out.mkdir(parents=True, exist_ok=True)
    rows = _kept(out)
    done = {row["pair"] for row in rows}
    made = Counter({method.name: 0 for method in methods})
    queues = {}
    for method in methods:
        if lacking := method.lacks():
            yield f"{method.name} is passed over: {lacking}"
        else:
            queues[method] = iter(order(sources, f"{plan.seed} {method.name}"))
    with (out / INDEX).open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        while queues:
            for method in list(queues):
                source = next(queues[method], None) if made[method.name] < plan.each else None
                if source is None:
                    del queues[method]
                    if made[method.name] < plan.each:
                        yield f"{method.name}: the list gave only {made[method.name]} copies"
                    continue
                pair = pair_id(source, method, plan)
                if pair not in done:
                    try:
                        writer.writerows(_pair(source, method, out, plan, pair))
                    except VoxproofError as error:
                        yield f"{source.name} by {method.name}: {error}"
                        continue
                    file.flush()
                    done.add(pair)
                made[method.name] += 1


def pair_id(source: Source, method: Method, plan: Plan) -> str:
    """Eight hexadecimal digits that stand for a copy and its original."""
    return f"{zlib.crc32(f'{source.name} {method.name} {plan.seed} {plan.rate} {plan.longest_s:g}'.encode()):08x}"


def _checked(plan: Plan) -> None:
    if plan.each < 1 or plan.longest_s < 1 or not 8000 <= plan.rate <= 48_000:
        raise VoxproofError(
            f"{plan.each} copies of {plan.longest_s:g} s at {plan.rate} Hz cannot be made",
            cure="Ask for 1 copy or more, 1 s or more, at 8 to 48 kHz.",
        )


def _pair(source: Source, method: Method, out: Path, plan: Plan, pair: str) -> list[dict[str, str]]:
    """Writes original and copy; their rows."""
    rng = np.random.default_rng([plan.seed, int(pair, 16)])
    settings = method.draw(rng)
    original = excerpt(source, plan.rate, plan.longest_s, rng)
    copy = method(original, plan.rate, settings, rng)
    sounds = equalised(original, copy, plan.rate, rng)
    rows = []
    for kind, samples in zip(("original", "copy"), sounds, strict=True):
        path = out / kind / f"{pair}.flac"
        path.parent.mkdir(exist_ok=True)
        write(path, samples, plan.rate)
        label = "human" if kind == "original" else method.family.label
        rows.append({
            "id": f"{zlib.crc32(f'{kind} {pair}'.encode()):08x}",
            "path": str(path.resolve()),
            "label": label,
            "part": "extra" if method.family.label == "processed" else source.part,
            "source": source.collection if kind == "original" else "copies",
            "generator": "human" if kind == "original" else method.name,
            "kind": "human" if kind == "original" else "vocoder-copy-synthesis",
            "speaker": source.speaker,
            "language": source.language,
            "licence": source.licence,
            "seconds": f"{samples.size / plan.rate:.3f}",
            "sample_rate": str(plan.rate),
            "pair": pair,
            "family": "" if kind == "original" else str(method.family),
            "settings": "" if kind == "original" else json.dumps(settings, sort_keys=True),
            "source_path": source.name,
        })  # fmt: skip
    return rows


def read_index(out: Path) -> list[dict[str, str]]:
    """Rows of an index that this module wrote; raises `VoxproofError` for another."""
    try:
        with (out / INDEX).open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise VoxproofError(f"is no index of copies ({error})", path=out / INDEX) from error
    if rows and set(COLUMNS) - set(rows[0]):
        raise VoxproofError("is the index of something else", path=out / INDEX, cure="Choose another folder.")
    return rows


def _kept(out: Path) -> list[dict[str, str]]:
    """The rows whose pair is whole, files and all; the index is written anew with them."""
    rows = read_index(out) if (out / INDEX).exists() else []
    whole = [row for row in rows if all(row.get(name) is not None for name in COLUMNS) and Path(row["path"]).exists()]
    pairs = Counter(row["pair"] for row in whole)
    kept = [row for row in whole if pairs[row["pair"]] == 2]
    beside = out / f".{INDEX}.part"
    with beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(out / INDEX)
    return kept
