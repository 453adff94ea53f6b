"""`voxproof bench tts`: speed of the voice model."""

from __future__ import annotations

import json
from typing import Literal

import click

from synth.errors import VoxproofError


@click.command("tts")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def tts(device: Literal["cpu", "cuda"], as_json: bool) -> int:
    """Measure the voice model with random weights of full size. Exit 15 if a figure falls short."""
    from rich.console import Console
    from rich.table import Table

    try:
        from forensics.benches.tts import measure_tts
    except ModuleNotFoundError as error:
        raise VoxproofError(f"{error.name} is not installed", cure='pip install "voxproof[train]"') from error

    console = Console(stderr=True)
    with console.status("Measuring…") as status:
        rows = measure_tts(device, on_step=lambda text: status.update(f"Measuring: {text}…"))
    if as_json:
        click.echo(json.dumps([row.as_dict() for row in rows]))
    else:
        table = Table("what", "figure", "at least", "", box=None, header_style="bold")
        for row in rows:
            least = "" if row.least is None else f"{row.least:g}"
            table.add_row(row.what, f"{row.value:.3g} {row.unit}", least, "" if row.holds else "short")
        Console(highlight=False).print(table)
    return 0 if all(row.holds for row in rows) else 15
