"""`voxproof bench`: the figures of the docs, from one command each."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal

import click

from forensics.cli.bench_clone import clone
from forensics.cli.bench_detector import detector
from forensics.cli.bench_evasion import evasion
from forensics.cli.bench_explain import explain
from forensics.cli.bench_internals import internals
from forensics.cli.bench_localisation import localisation
from forensics.cli.bench_long import long_recordings
from forensics.cli.bench_longer import longer
from forensics.cli.bench_text import text
from forensics.cli.bench_tts import tts
from forensics.cli.bench_watermark import watermark


@click.group()
def bench() -> None:
    """Measure speed, methods, detectors, the voice model and the handling of broken media files."""


bench.add_command(clone)
bench.add_command(detector)
bench.add_command(explain)
bench.add_command(evasion)
bench.add_command(internals)
bench.add_command(localisation)
bench.add_command(long_recordings)
bench.add_command(longer)
bench.add_command(tts)
bench.add_command(text)
bench.add_command(watermark)


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
        table = Table("what", "figure", "wall clock", "budget", "per yardstick", "", box=None, header_style="bold")
        for row in rows:
            budget = "" if row.budget is None else f"{row.budget:g} {row.unit}"
            ratio = "" if row.per_yardstick is None else f"{row.per_yardstick:.2f}"
            wall = "" if row.wall is None else f"{row.wall:.3g}"
            table.add_row(row.what, f"{row.value:.3g} {row.unit}", wall, budget, ratio, "" if row.holds else "over")
        Console(highlight=False).print(table)
    return 0 if all(row.holds for row in rows) else 15


@bench.command()
@click.option("-n", "--number", type=click.IntRange(1), default=300, show_default=True, help="Number of mutants.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--battery", "examined", is_flag=True, help="Examine each mutant with every untrained method.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.argument("seeds", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def mutate(number: int, seed: int, examined: bool, as_json: bool, seeds: tuple[Path, ...]) -> int:
    """Break media files in many ways and read them. Exit 15 on a crash, a hang or too much memory."""
    from rich.console import Console
    from rich.progress import Progress

    from forensics.benches.mutants import mutate_battery
    from synth.mutation import run

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Mutants", total=number)
        breaker = mutate_battery if examined else run
        summary = breaker(seeds, number, seed, progress=lambda: bar.advance(task))
    click.echo(json.dumps(summary.as_dict()) if as_json else str(summary))
    return 0 if summary.ok else 15


@bench.command()
@click.option(
    "--clips",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of human recordings with an index.csv; may be repeated.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/bench-battery",
    show_default=True,
    help="Folder of the results; an interrupted run goes on from there.",
)
@click.option("--jobs", type=click.IntRange(1), default=None, help="Processes.  [default: one for each processor]")
@click.option("--seed", type=int, default=2026, show_default=True, help="Decides the whole plan.")
@click.option(
    "--share", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="Scale of all numbers."
)
@click.option(
    "--part",
    type=click.Choice(["validation", "tuning"]),
    default="validation",
    show_default=True,
    help="Sources to draw from.",
)
@click.option("--only", multiple=True, metavar="METHOD", help="Only this method and its conditions; may be repeated.")
@click.option(
    "--make",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make the files and their manifest here, and examine nothing.",
)
@click.option("--write", is_flag=True, help="Write docs/validation/battery.md and forensics/error_rates.yaml.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def battery(
    clips: tuple[Path, ...],
    cache: Path,
    jobs: int | None,
    seed: int,
    share: float,
    part: Literal["validation", "tuning"],
    only: tuple[str, ...],
    make: Path | None,
    write: bool,
    quiet: bool,
) -> int:
    """Validate the methods on edited, processed and unedited recordings (docs/validation/battery.md)."""
    from rich.console import Console
    from rich.progress import track

    from forensics.benches.battery import bench as run

    settings = run.Settings(clips, cache, jobs or os.cpu_count() or 1, seed, share, part, only, make)
    console = Console(stderr=True)
    rows = run.measure(
        settings,
        lambda made, total: track(
            made, "Examining" if make is None else "Making", total, console=console, disable=quiet
        ),
    )
    if make is not None:
        click.echo(f"{len(rows)} files and manifest.csv are in {make}.")
        return 0
    text = run.page(settings, rows)
    if write:
        run.write(settings, rows, text)
    click.echo(text)
    return 0


@bench.command()
@click.option(
    "--clips",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of human recordings with an index.csv, beside Debian's; may be repeated.",
)
@click.option("-n", "--number", type=click.IntRange(9), default=60, show_default=True, help="Clean recordings.")
@click.option("--seed", type=int, default=2026, show_default=True)
@click.option("--silero", is_flag=True, help="Compare speech activity with silero-vad, which must be installed.")
def sound(clips: tuple[Path, ...], number: int, seed: int, silero: bool) -> int:
    """Measure the errors of SNR and speech activity (the tables of docs/sound.md)."""
    from rich.console import Console
    from rich.progress import track

    from forensics.benches import sound as run
    from forensics.benches.battery.clips import debian_clips, listed_clips

    console = Console(stderr=True)
    theirs = run.silero() if silero else None
    with console.status("Looking for clean recordings…"):
        listed = [clip for folder in clips for clip in listed_clips(folder)]
        clean = run.clean_clips([*debian_clips(), *listed], number, seed)
    total = len(run.NOISES) * len(run.LEVELS_DB)
    rows = list(track(run.snr_rows(clean, seed), "Mixing and measuring", total, console=console))
    agreed = run.agreement(clean, theirs) if theirs else None
    click.echo(run.markdown(clean, rows, agreed))
    return 0
