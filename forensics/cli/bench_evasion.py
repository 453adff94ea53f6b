"""`voxproof bench evasion`: what evidence costs to destroy (docs/bench-evasion.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from synth.errors import VoxproofError

if TYPE_CHECKING:
    from forensics.benches.evasion.material import Host

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("evasion")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--own",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of `voxproof range` with clones of our own.",
)
@click.option("-n", "--number", type=click.IntRange(1), default=16, show_default=True, help="Clips of each group.")
@click.option("--own-number", type=click.IntRange(1), default=10, show_default=True, help="Clones of our own.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the choice, the channels and the mark.")
@click.option("--steps", type=click.IntRange(1), help="Of every gradient.  [default: 10]")
@click.option(
    "--cache",
    type=FOLDER,
    default="build/bench-evasion",
    show_default=True,
    help="Folder of the results; an interrupted run goes on from there.",
)
@click.option("--out", type=FOLDER, help="Write evasion.md and its picture into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def evasion(
    path: Path, own: Path | None, number: int, own_number: int, seed: int, steps: int | None, cache: Path,
    out: Path | None, as_json: bool,
) -> int:  # fmt: skip
    """Attack the evidence on labelled clips: gradients, channels, re-synthesis, and what each costs in quality.

    PATH is a list of labelled clips as `voxproof bench detector` reads it. Nothing that is made is kept.
    """
    try:
        from forensics.benches.evasion.figures import effects
        from forensics.benches.evasion.gradient import STEPS
        from forensics.benches.evasion.page import STEM, draw, page
        from forensics.benches.evasion.page import as_json as told
        from forensics.benches.evasion.run import Wanted, measure
    except ModuleNotFoundError as error:
        raise VoxproofError(f"{error.name} is not installed", cure="pip install 'voxproof[lite,train]'") from error
    from rich.console import Console
    from rich.progress import track

    words = ["voxproof bench evasion", path.name, "--own …" * (own is not None), f"-n {number}"]
    words += [f"--own-number {own_number}"] * (own is not None) + [f"--seed {seed}"]
    words += [f"--steps {steps}"] * (steps is not None) + ([f"--out {out}"] if out is not None else [])
    command = " ".join(filter(None, words))
    numbers = {"other generators": number, "our own clones": own_number, "people": number}
    wanted = Wanted(path, cache, own, numbers, seed, steps or STEPS)  # type: ignore[arg-type]
    console = Console(stderr=True)
    quiet = as_json or not console.is_terminal
    choosing = console.status("Choosing clips…")

    def shown(some: Iterable[Host], total: int) -> Iterable[Host]:
        choosing.stop()
        return track(some, "Attacking", total, console=console, disable=quiet)

    if not quiet:
        choosing.start()
    try:
        rows = measure(wanted, shown)
    finally:
        choosing.stop()
    found = effects(rows)
    text = page(command, wanted, rows, found)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{STEM}.md").write_text(text, encoding="utf-8")
        draw(found, out / f"{STEM}.png")
    click.echo(json.dumps(told(command, found), ensure_ascii=False) if as_json else text)
    return 0
