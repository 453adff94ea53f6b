"""`voxproof bench explain`: whether the maps of `voxproof explain` are true of the detectors."""

from __future__ import annotations

from math import inf
from pathlib import Path

import click

from synth.errors import VoxproofError

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("explain")
@click.argument("clips", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--partial", type=FOLDER, help="Folder of `voxproof range --kinds partial,splice`: where the maps have to point."
)
@click.option("--limit", type=click.IntRange(2), default=300, show_default=True, help="At most so many of CLIPS.")
@click.option(
    "--partial-limit",
    type=click.IntRange(1),
    default=150,
    show_default=True,
    help="And of each kind of edit.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=6,
    show_default=True,
    help="Of so many clips one is also tested with shuffled weights and noise.",
)
@click.option("--minutes", type=click.FloatRange(0), help="Begin nothing new after that; --cache keeps what is done.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the choice.")
@click.option(
    "--cache",
    type=FOLDER,
    default="build/bench-explain",
    show_default=True,
    help="Folder of the results; an interrupted run goes on from there.",
)
@click.option("--out", type=FOLDER, help="Write explain.md and faithfulness.yaml into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def explain(
    clips: Path, partial: Path | None, limit: int, partial_limit: int, every: int, minutes: float | None, seed: int,
    cache: Path, out: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Test the maps of `voxproof explain`: deletion, insertion, shuffled weights, noise, pointing at partial edits.

    CLIPS is a list of labelled clips as `voxproof bench detector` takes it. What passes and what fails:
    docs/validation/explain.md.
    """
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError as error:
        raise VoxproofError(f"{error.name} is not installed", cure="pip install 'voxproof[lite]'") from error
    from rich.console import Console
    from rich.progress import track

    from forensics.benches.faithfulness import Bench, Wanted
    from forensics.benches.faithfulness_page import page, summarise, write_yaml

    console = Console(stderr=True)
    bench = Bench()
    wanted = Wanted(
        clips, partial, cache, limit, partial_limit, every, seed, inf if minutes is None else minutes
    )  # fmt: skip
    rows = bench.measure(
        wanted,
        lambda tasks, total: track(
            tasks, "Testing", total, console=console, disable=as_json or not console.is_terminal
        ),
    )
    words = ["voxproof bench explain", clips.name, f"--partial {partial.name}" if partial else ""]
    words += [f"--limit {limit}", f"--partial-limit {partial_limit}" if partial else "", f"--every {every}"]
    command = " ".join([*filter(None, words), f"--seed {seed}"])
    validation = summarise(rows, {name: line.sha256 for name, line in bench.lines.items()}, command)
    text = page(validation, rows)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "explain.md").write_text(text, encoding="utf-8")
        write_yaml(validation, out / "faithfulness.yaml")
    click.echo(validation.model_dump_json() if as_json else text)
    return 0
