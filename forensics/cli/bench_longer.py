"""`voxproof bench longer`: false alarms on longer unedited recordings."""

from __future__ import annotations

from pathlib import Path

import click

PAGE = Path(__file__).parents[2] / "docs" / "validation" / "battery-long.md"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/bench-longer",
    show_default=True,
    help="Folder of the excerpts and results; an interrupted run goes on from there.",
)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--only", multiple=True, metavar="METHOD", help="Only this method; may be repeated.")
@click.option("--write", is_flag=True, help="Write docs/validation/battery-long.md.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def longer(folder: Path, cache: Path, jobs: int, only: tuple[str, ...], write: bool, quiet: bool) -> int:
    """Count false alarms on the longer recordings of FOLDER (docs/validation/battery-long.md)."""
    from rich.console import Console
    from rich.progress import track

    from forensics.benches.battery.longer import measure, page

    console = Console(stderr=True)
    recordings, rows = measure(
        folder,
        cache,
        jobs,
        only,
        lambda made, total: track(made, "Examining", total, console=console, disable=quiet),
    )
    chosen = "".join(f" --only {name}" for name in only)
    text = page(recordings, rows, f"voxproof bench longer {folder.name}{chosen}{' --write' if write else ''}", only)
    if write:
        PAGE.write_text(text, encoding="utf-8")
    click.echo(text)
    return 0
