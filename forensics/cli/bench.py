"""`voxproof bench`: the figures of the docs, from one command each."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def bench() -> None:
    """Measure speed, methods and the handling of broken media files."""


@bench.command()
@click.argument("clip", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def speed(clip: Path, as_json: bool) -> int:
    """Measure CLIP (cut or repeated to 10 s) against the budgets. Exit 15 if one is exceeded."""
    from rich.console import Console
    from rich.table import Table

    from forensics.benches.speed import measure_speed

    console = Console(stderr=True)
    with console.status("Measuring…") as status:
        rows = measure_speed(clip, on_step=lambda text: status.update(f"Measuring: {text}…"))
    if as_json:
        click.echo(json.dumps([row.as_dict() for row in rows]))
    else:
        table = Table("what", "figure", "budget", "per yardstick", "", box=None, header_style="bold")
        for row in rows:
            budget = "" if row.budget is None else f"{row.budget:g} {row.unit}"
            ratio = "" if row.per_yardstick is None else f"{row.per_yardstick:.2f}"
            table.add_row(row.what, f"{row.value:.3g} {row.unit}", budget, ratio, "" if row.holds else "over")
        Console(highlight=False).print(table)
    return 0 if all(row.holds for row in rows) else 15


@bench.command()
@click.option("-n", "--number", type=click.IntRange(1), default=300, show_default=True, help="Number of mutants.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.argument("seeds", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def mutate(number: int, seed: int, as_json: bool, seeds: tuple[Path, ...]) -> int:
    """Break media files in many ways and decode them. Exit 15 on a crash, a hang or too much memory."""
    from rich.console import Console
    from rich.progress import Progress

    from synth.mutation import run

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Mutants", total=number)
        summary = run(seeds, number, seed, progress=lambda: bar.advance(task))
    click.echo(json.dumps(summary.as_dict()) if as_json else str(summary))
    return 0 if summary.ok else 15


@bench.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True}, add_help_option=False)
@click.pass_context
def methods(ctx: click.Context) -> int:
    """Validate every examination method on edited and unedited recordings (see docs/validation/methods.md)."""
    from forensics.benches.methods import main

    return int(main(ctx.args) or 0)
