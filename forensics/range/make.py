"""Make a plan's files: an interrupted run goes on, and a finished file is not made again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from forensics.range.base import RATE, Item, Made, Span, Step
from forensics.range.kinds import KINDS
from forensics.range.laundering import NONE, laundered, steps
from forensics.range.manifest import LEFT_OUT, MANIFEST, PLAN, RangeFile, UsedSource, read_manifest, write_lines
from forensics.range.marking import VARIANTS, Mark, variants, write_keys
from forensics.range.plan import Plan
from forensics.range.sound import LONGEST_S, PHRASE_S, gain_to
from forensics.range.studio import Studio
from synth.audio import write
from synth.card import sha256_of
from synth.channels.base import FloatArray
from synth.errors import VoxproofError

MOST_BYTES = round((LONGEST_S + 1.5 * PHRASE_S[1]) * RATE * 2) + 4096
"""Largest file: a whole host and the longest phrase put into it, 16 bits a sample."""
Progress = Callable[[Iterable[Item], int], Iterable[Item]]


@dataclass(frozen=True)
class Done:
    """What a run did."""

    records: tuple[RangeFile, ...]
    """The whole manifest."""
    kept: int
    """Items that an earlier run had made."""
    failed: tuple[tuple[str, str], ...]
    """Items that could not be made, and why."""


def make(plan: Plan, studio: Studio, out: Path, progress: Progress = lambda items, total: items) -> Done:
    """All files of the plan in the folder `out`, and nothing anywhere else."""
    _begin(plan, out)
    known = _finished(out)
    records: list[RangeFile] = []
    failed: list[tuple[str, str]] = []
    kept = 0
    with (out / MANIFEST).open("a", encoding="utf-8") as manifest:
        for item in progress(plan.items, len(plan.items)):
            if item.name in known:
                records += known[item.name]
                kept += 1
                continue
            try:
                made = list(make_item(item, studio, out))
            except VoxproofError as error:
                failed.append((item.name, str(error)))
                continue
            manifest.writelines(record.line for record in made)
            manifest.flush()
            records += made
    write_lines(out / MANIFEST, (record.line for record in records))
    write_lines(out / LEFT_OUT, (json.dumps({"item": item, "reason": why}) + "\n" for item, why in failed))
    return Done(tuple(records), kept, tuple(failed))


def summary(plan: Plan, done: Done) -> dict[str, Any]:
    """What was done, in numbers: for `--json`, and for the table of kinds."""
    kinds: dict[str, dict[str, str | int | float]] = {}
    for kind in dict.fromkeys(record.kind for record in done.records):
        mine = [record for record in done.records if record.kind == kind]
        plain = [record for record in mine if record.mark == "unmarked"]
        kinds[kind] = {
            "label": mine[0].label, "items": len(plain), "files": len(mine),
            "laundered": sum(record.laundering != NONE for record in plain),
            "minutes": round(sum(record.seconds for record in plain) / 60, 2),
        }  # fmt: skip
    return {
        "items": len(plan.items) - len(done.failed), "files": len(done.records), "kept": done.kept, "kinds": kinds,
        "left_out": list(plan.left_out), "failed": [{"item": item, "reason": why} for item, why in done.failed],
    }  # fmt: skip


def make_item(item: Item, studio: Studio, out: Path) -> Iterator[RangeFile]:
    """The three files of an item, and their records."""
    kind = KINDS[item.kind]
    made = kind.make(item, studio)
    gain = gain_to(made.samples, 10 ** (item.level_db / 10))
    level: Step = {"step": "level", "gain_db": round(20 * np.log10(gain), 3), "factor": gain}
    sources = tuple(
        UsedSource(
            role=role, file=source.label, sha256=_sha256(source.path), collection=source.source,
            speaker=source.speaker, licence=source.licence,
        )
        for role, source in item.recipe.used
    )  # fmt: skip
    for samples, mark in variants(np.float32(gain) * made.samples, studio.seed, item.seed):
        file = f"{item.name}-{mark.variant}.wav"
        path = out / file
        path.parent.mkdir(parents=True, exist_ok=True)
        sound = laundered(samples, item.chain, item.seed)
        write(path, np.clip(sound, -1, 1), RATE)
        yield RangeFile(
            schema="voxproof.range/1", file=file, sha256=sha256_of(path), seconds=sound.size / RATE,
            sample_rate=RATE, item=item.name, kind=item.kind, label=kind.label, segments=_seconds(made.segments),
            joins=_seconds(made.joins), generator=made.generator, voice=made.voice, voice_right=made.voice_right,
            text=made.text, sources=sources, laundering=item.chain, mark=mark.variant, key_id=mark.key_id,
            payload=mark.payload, payload_carried=mark.carried, seed=item.seed,
            chain=_chain(made, level, mark, item, sound),
        )  # fmt: skip


def _chain(
    made: Made, level: Step, mark: Mark, item: Item, sound: FloatArray
) -> tuple[dict[str, str | int | float], ...]:
    end: Step = {"step": "pcm", "bits": 16, "samples": sound.size}
    return tuple(dict(one) for one in (*made.steps, level, *mark.steps, *steps(item.chain), end))


def _seconds(spans: Iterable[Span]) -> tuple[tuple[float, float], ...]:
    return tuple((first / RATE, last / RATE) for first, last in spans)


def _begin(plan: Plan, out: Path) -> None:
    """The folder with the plan in it; an error where another plan lies, or what will be made does not fit."""
    out.mkdir(parents=True, exist_ok=True)
    place = out / PLAN
    if place.exists():
        if place.read_text(encoding="utf-8") != plan.text:
            cure = "Give the options that it was begun with, or another folder (--out)."
            raise VoxproofError("another plan was begun in this folder", path=out, cure=cure)
    elif any(out.iterdir()):
        raise VoxproofError("is not empty, and holds no range", path=out, cure="Give a new folder (--out).")
    most = len(plan.items) * len(VARIANTS) * MOST_BYTES
    if (free := shutil.disk_usage(out).free) < most:
        raise VoxproofError(f"up to {most >> 20} MB may be written, and {free >> 20} MB are free", path=out)
    write_lines(place, [plan.text])
    write_keys(plan.config.seed, out)
    for left in out.glob("*/.*.part"):
        left.unlink()


def _finished(out: Path) -> dict[str, list[RangeFile]]:
    """The records of an earlier run whose three files are as they were made; the manifest keeps just these."""
    if not (out / MANIFEST).exists():
        return {}
    items: dict[str, dict[str, RangeFile]] = {}
    for record in read_manifest(out, torn=True):
        path = out / record.file
        if path.is_file() and sha256_of(path) == record.sha256:
            items.setdefault(record.item, {})[record.mark] = record
    whole = {item: list(made.values()) for item, made in items.items() if len(made) == len(VARIANTS)}
    write_lines(out / MANIFEST, (record.line for made in whole.values() for record in made))
    return whole


@lru_cache(maxsize=4096)
def _sha256(path: Path) -> str:
    return sha256_of(path)
