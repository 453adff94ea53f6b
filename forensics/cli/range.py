"""`voxproof range`: labelled material for the forensic side, and the check of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from forensics.cli.issuer import AS_JSON, PROBLEMS, REGISTER, TOKEN, plain_errors, print_json, print_table

if TYPE_CHECKING:
    from forensics.range.sources import Material
    from synth.clone import Cloner

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder of the range; a new one.")
@click.option("--human", multiple=True, type=FOLDER, help="Recordings of people with an index.csv (repeatable).")
@click.option("--machine", multiple=True, type=FOLDER, help="Machine-made recordings with an index.csv (repeatable).")
@click.option("--reference", multiple=True, type=FOLDER, help="Voices that may be cloned, with an index.csv.")
@click.option(
    "--texts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="English sentences to say, one a line.  [default: the transcripts of --human]",
)
@click.option("--count", type=click.IntRange(1, 100_000), default=60, show_default=True, help="Items, 3 files each.")
@click.option("--kinds", default="", help="Only these, separated by commas.  [default: all that can be made]")
@click.option("--laundered", type=click.FloatRange(0, 0.95), default=0.5, show_default=True, help="Share of items.")
@click.option("--model", help="The clone model: lite, or a folder.  [default: lite where its weights are]")
@click.option("--hubert", help="With another model than lite: the folder of its HuBERT.")
@click.option("--seed", type=click.IntRange(0), default=2026, show_default=True, help="Decides the whole plan.")
@click.option("--check", "checked", type=FOLDER, metavar="DIR", help="Make nothing; check the range in DIR.")
@REGISTER
@TOKEN
@AS_JSON
@plain_errors
def range(
    out: Path | None,
    human: tuple[Path, ...],
    machine: tuple[Path, ...],
    reference: tuple[Path, ...],
    texts: Path | None,
    count: int,
    kinds: str,
    laundered: float,
    model: str | None,
    hubert: str | None,
    seed: int,
    checked: Path | None,
    place: Path | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Make labelled clones, conversions, partial edits and splices, or check them (docs/range.md).

    \b
    voxproof range --out range/ --human people/ --machine machines/ --count 120
    voxproof range --check range/

    Every item is made unmarked, marked, and marked under another key, people's recordings too. A voice is cloned only
    if its index says that it is a machine's, or names a consent. An interrupted run goes on with the same options.
    --check exits with 15 if a file is not the one that the manifest describes.
    """
    if checked is not None:
        return _check(checked, as_json)
    if out is None:
        raise click.UsageError("Give a folder to write into (--out), or one to check (--check).")
    from rich.console import Console
    from rich.progress import track

    from forensics.range.make import make
    from forensics.range.plan import Config, plan
    from forensics.range.rights import Rights
    from forensics.range.studio import Studio
    from synth.access import given_token

    rights = Rights(place, given_token(token_file))
    material, cloner = _material((human, machine, reference), texts, rights, model, hubert)
    wanted = tuple(part.strip() for part in kinds.split(",") if part.strip())
    planned = plan(material, Config(count, seed, laundered, wanted))
    console = Console(stderr=True)
    quiet = as_json or not console.is_terminal
    done = make(
        planned,
        Studio(seed, rights, cloner, material.model),
        out,
        lambda items, total: track(items, "Making", total, console=console, disable=quiet),
    )
    told: dict[str, Any] = {
        "out": str(out), "items": len(planned.items) - len(done.failed), "files": len(done.records),
        "kept": done.kept, "seconds": round(sum(record.seconds for record in done.records), 2),
        "kinds": {}, "left_out": list(planned.left_out),
        "failed": [{"item": item, "reason": why} for item, why in done.failed],
    }  # fmt: skip
    for record in done.records:
        told["kinds"][record.kind] = told["kinds"].get(record.kind, 0) + 1
    if as_json:
        print_json(told)
        return 0
    made = [record for record in done.records if record.mark == "unmarked"]
    rows = []
    for kind in told["kinds"]:
        mine = [record for record in made if record.kind == kind]
        minutes = sum(record.seconds for record in mine) / 60
        laundry = sum(record.laundering != "none" for record in mine)
        rows.append((kind, mine[0].label, str(len(mine)), str(told["kinds"][kind]), str(laundry), f"{minutes:.1f}"))
    print_table(("kind", "label", "items", "files", "laundered", "minutes unmarked"), rows)
    for line in planned.left_out:
        click.echo(f"left out: {line}")
    for item, why in done.failed:
        click.echo(f"not made: {item}: {why}")
    again = f", {done.kept} items of an earlier run" if done.kept else ""
    click.echo(f"{len(done.records)} files{again}; the truth is in {out / 'manifest.jsonl'}.")
    return 0


def _check(folder: Path, as_json: bool) -> int:
    from forensics.range.manifest import check, read_manifest

    problems = check(folder)
    if as_json:
        print_json({"out": str(folder), "files": len(read_manifest(folder)), "problems": problems})
    else:
        for problem in problems:
            click.echo(problem)
        if not problems:
            click.echo(f"{len(read_manifest(folder))} files, all as the manifest says.")
    return PROBLEMS if problems else 0


def _material(
    folders: tuple[tuple[Path, ...], tuple[Path, ...], tuple[Path, ...]],
    texts: Path | None,
    rights: Any,
    model: str | None,
    hubert: str | None,
) -> tuple[Material, Cloner | None]:
    """What there is to draw from, and the model if one is of use."""
    from dataclasses import replace

    from forensics.range.engines import installed
    from forensics.range.sources import gather
    from forensics.range.studio import loaded
    from synth.errors import VoxproofError

    material, out = gather(*folders, rights)
    said = texts.read_text("utf-8").splitlines() if texts else [one.text for one in material.humans if one.english]
    cloner, name = None, ""
    if material.voices:
        try:
            cloner, name = loaded(model or "lite", hubert)
        except VoxproofError as error:
            if model is not None:
                raise
            out[f"clones: {error}"] += 1
    left_out = tuple(f"{count} × {why}" for why, count in sorted(out.items()))
    sentences = tuple(dict.fromkeys(line.strip() for line in said if line.strip()))
    return replace(material, texts=sentences, engines=installed(), model=name, left_out=left_out), cloner
