"""`voxproof bench watermark`: the mark in sound under every attack (docs/validation/watermark.md)."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--clips",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of human or machine speech with an index.csv; may be repeated.",
)
@click.option("--human", type=click.IntRange(0), default=60, show_default=True, help="Human voices.")
@click.option("--machine", type=click.IntRange(0), default=30, show_default=True, help="Machine voices.")
@click.option("--unmarked", type=click.IntRange(0), default=240, show_default=True, help="Voices more, never marked.")
@click.option("--seconds", type=float, multiple=True, help="Length; may be repeated.  [default: 5 10 4]")
@click.option("--seed", type=int, default=2026, show_default=True)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/bench-watermark",
    show_default=True,
    help="Folder of the results; an interrupted run goes on from there.",
)
@click.option("--tampered", type=click.IntRange(0), default=1_000_000, show_default=True, help="Tampered payloads.")
@click.option("--forged", type=click.IntRange(0), default=10_000, show_default=True, help="Forgeries in sound.")
@click.option("--removals", type=click.IntRange(0), default=20, show_default=True, help="Voices for the removals.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["voices", "tampered", "removals", "averaged", "moved", "forged"]),
    help="Measure this only; may be repeated.  [default: everything]",
)
@click.option("--perth", is_flag=True, help="The mark of resemble-perth beside ours, on the same voices.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write watermark.md and watermark.png into this folder.",
)
@click.option(
    "--picture",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --out: a recording to draw the mark in, as watermark-place.png.",
)
@click.option("--tables-only", is_flag=True, help="Measure nothing; the page from what is in the cache.")
def watermark(
    clips: tuple[Path, ...],
    human: int,
    machine: int,
    unmarked: int,
    seconds: tuple[float, ...],
    seed: int,
    cache: Path,
    tampered: int,
    forged: int,
    removals: int,
    parts: tuple[str, ...],
    perth: bool,
    jobs: int,
    out: Path | None,
    picture: Path | None,
    tables_only: bool,
) -> int:
    """Presence, payload, false alarms, quality, places, forgery and removal of the mark in sound."""
    from rich.console import Console

    from forensics.benches.watermark import experiments, run, tables
    from forensics.benches.watermark.material import further, voices
    from forensics.benches.watermark.picture import draw_place

    cache.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    results = cache / f"rows-{seed}.jsonl"
    with console.status("Looking for voices…") as status:
        if tables_only or (parts and "voices" not in parts):
            rows = run.load(results)
        else:
            rows = run.measure(
                voices(clips, human, machine, seed),
                results,
                seed,
                seconds or run.LENGTHS,
                lambda done, total: status.update(f"Marking and detecting: {done} of {total}…"),
                jobs,
                perth,
                further(clips, human, machine, seed, unmarked),
            )
        if not tables_only:
            wanted = experiments.Wanted(tampered, forged, removals, seed, parts or experiments.PARTS, jobs)
            some = voices(clips, max(removals, experiments.AVERAGED + experiments.TARGETS), 0, seed)
            experiments.measure(some, cache / f"experiments-{seed}.json", wanted, status.update)
    options = f"--human {human} --machine {machine} --unmarked {unmarked} --seed {seed}{' --perth' * perth}"
    command = f"voxproof bench watermark {options} --out {out} --clips …"
    text = tables.page(rows, experiments.text(cache / f"experiments-{seed}.json"), command)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "watermark.md").write_text(text, encoding="utf-8")
        tables.draw(rows, out / "watermark.png")
        if picture is not None:
            draw_place(picture, out / "watermark-place.png", seed)
    click.echo(text)
    return 0
