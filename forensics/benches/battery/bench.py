"""One run of the validation, from the folders of recordings to the documents."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from forensics.benches.battery.clips import Clip, Part, debian_clips, listed_clips
from forensics.benches.battery.counts import error_rates, judged
from forensics.benches.battery.plan import Case, plan
from forensics.benches.battery.run import Job, Row, chosen, perform, versions, write_manifest
from forensics.benches.battery.tables import document
from synth.errors import VoxproofError

ROOT = Path(__file__).parents[3]
PROGRAMS = ("ffmpeg", "sox", "lame")
Progress = Callable[[Iterable[Row], int], Iterable[Row]]


@dataclass(frozen=True)
class Settings:
    """What a run is asked for."""

    folders: tuple[Path, ...]
    """Folders of recordings with an index.csv."""
    cache: Path
    """Where results.jsonl, manifest.csv and battery.md are kept."""
    jobs: int
    """Processes."""
    seed: int = 2026
    share: float = 1.0
    """Scale of all numbers."""
    part: Part = "validation"
    only: tuple[str, ...] = ()
    """Methods to run, with the conditions meant for them; empty: all."""
    make: Path | None = None
    """Make the files here and examine nothing."""


def recordings(settings: Settings) -> list[Clip]:
    """All recordings that the run may draw from; Debian's packages are beside the folders."""
    clips = debian_clips()
    for folder in settings.folders:
        clips += listed_clips(folder)
    return clips


def measure(settings: Settings, progress: Progress = lambda rows, total: rows) -> list[Row]:
    """Make and examine everything, and write the manifest; rows in the order of the plan."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        cause = f"{', '.join(missing)} cannot be found; the material is made with them"
        raise VoxproofError(cause, cure="Install them, e.g. apt install ffmpeg sox libsox-fmt-all lame")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cases = plan(recordings(settings), settings.seed, part=settings.part, share=settings.share, only=settings.only)
    if not cases:
        raise VoxproofError("there are no recordings to draw from", cure="Give folders of recordings with an index")
    if settings.only:
        chosen(settings.only)
    results, folder = _folder(settings)
    job = Job(settings.only, settings.make, "" if settings.make else versions(settings.only))
    rows = list(progress(perform(cases, job, results, settings.jobs), len(cases)))
    write_manifest(folder / "manifest.csv", rows)
    if settings.make:
        return rows
    return judged(rows, [method.id for method in chosen(settings.only) if method.bears_on == "integrity"])


def _folder(settings: Settings) -> tuple[Path | None, Path]:
    folder = settings.make or settings.cache
    folder.mkdir(parents=True, exist_ok=True)
    return (None if settings.make else folder / "results.jsonl"), folder


def page(settings: Settings, rows: Sequence[Row]) -> str:
    """battery.md, which is kept in the cache folder too."""
    words = [f"--clips {name}" for name in (folder.name for folder in settings.folders)]
    words += [f"--part {settings.part}"] if settings.part != "validation" else []
    words += [f"--share {settings.share:g}"] if settings.share != 1.0 else []
    words += [f"--only {name}" for name in settings.only]
    command = " ".join(["voxproof bench battery", *words, f"--seed {settings.seed} --write"])
    methods = [method.id for method in chosen(settings.only)]
    text = document(rows, methods, command, recordings(settings))
    (settings.cache / "battery.md").write_text(text, encoding="utf-8")
    return text


def write(settings: Settings, rows: Sequence[Row], text: str) -> None:
    """docs/validation/battery.md and forensics/error_rates.yaml of this source tree; whole runs of validation only."""
    if settings.only or settings.part != "validation":
        raise VoxproofError("--write is for runs of the validation part with all methods", cure="Drop --only, --part")
    (ROOT / "docs" / "validation" / "battery.md").write_text(text, encoding="utf-8")
    table = yaml.safe_dump(error_rates(rows), sort_keys=True, allow_unicode=True)
    head = f"# Written by `voxproof bench battery` (seed {settings.seed}); see docs/validation/battery.md.\n"
    (ROOT / "forensics" / "error_rates.yaml").write_text(head + table, encoding="utf-8")


__all__ = ["Case", "Settings", "measure", "page", "recordings", "write"]
