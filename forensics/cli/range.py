"""`voxproof range`: labelled material for the forensic side, and the check of it."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.cli.issuer import AS_JSON, PROBLEMS, REGISTER, TOKEN, plain_errors, print_json, print_table

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
@click.option("--hubert", help="With another model than lite: the folder of its HuBERT, for conversions.")
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

    from forensics.range.make import make, summary
    from forensics.range.plan import Config, plan
    from forensics.range.rights import Rights
    from forensics.range.studio import prepared
    from synth.access import given_token

    rights = Rights(place, given_token(token_file))
    material, studio = prepared(human, machine, reference, texts, rights, seed, model, hubert)
    wanted = tuple(part.strip() for part in kinds.split(",") if part.strip())
    planned = plan(material, Config(count, seed, laundered, wanted))
    console = Console(stderr=True)
    quiet = as_json or not console.is_terminal
    done = make(
        planned,
        studio,
        out,
        lambda items, total: track(items, "Making", total, console=console, disable=quiet),
    )
    told = summary(planned, done)
    if as_json:
        print_json({"out": str(out), **told})
        return 0
    columns = ("kind", "label", "items", "files", "laundered", "minutes unmarked")
    print_table(columns, [(kind, *map(str, facts.values())) for kind, facts in told["kinds"].items()])
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
