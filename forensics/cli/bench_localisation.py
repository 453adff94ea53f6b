"""`voxproof bench localisation`: where a machine speaks and where it was joined (docs/bench-localisation.md)."""

from __future__ import annotations

import json
from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("localisation")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-n", "--number", type=click.IntRange(1), help="At most so many files of each kind.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the intervals.")
@click.option(
    "--cache",
    type=FOLDER,
    default="build/bench-localisation",
    show_default=True,
    help="Folder of the results; an interrupted run goes on from there.",
)
@click.option("--out", type=FOLDER, help="Write localisation.md into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def localisation(folder: Path, number: int | None, seed: int, cache: Path, out: Path | None, as_json: bool) -> int:
    """Measure how well edits are placed, on FOLDER of `voxproof range --kinds human,partial,splice`."""
    from rich.console import Console
    from rich.progress import track

    from forensics.benches.localisation.page import Told
    from forensics.benches.localisation.run import measure

    words = ["voxproof bench localisation", folder.name, f"-n {number}" * (number is not None), f"--seed {seed}"]
    words += [f"--out {out}"] if out is not None else []
    console = Console(stderr=True)
    quiet = as_json or not console.is_terminal
    rows = measure(
        folder, cache, number, lambda some, total: track(some, "Examining", total, console=console, disable=quiet)
    )
    told = Told(" ".join(filter(None, words)), rows, seed)
    text = told.write(out) if out is not None else told.text()
    click.echo(json.dumps(told.as_json(), ensure_ascii=False) if as_json else text)
    return 0
