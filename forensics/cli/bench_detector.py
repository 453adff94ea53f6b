"""`voxproof bench detector`: the shipped detectors on anybody's labelled clips (docs/bench-detector.md)."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import click

from synth.errors import VoxproofError

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("detector")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--audio", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Where the recordings of PATH lie."
)
@click.option("--neutral", is_flag=True, help="Score the neutral version of every clip, too.")
@click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="NAME",
    help="Through a channel, too: opus:bit_rate=12000, g711, room:t60_s=0.5+opus, 'voice note'; may be repeated.",
)
@click.option("--limit", type=click.IntRange(2), help="At most so many clips, both classes and all sources in turn.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the choice, the channels and the intervals.")
@click.option(
    "--scores", multiple=True, type=FILE, help="CSV with scores of other systems for the same paths; may be repeated."
)
@click.option(
    "--high",
    type=click.Choice(["machine", "human"]),
    default="machine",
    show_default=True,
    help="What a high score in --scores speaks for; human for ASVspoof's systems.",
)
@click.option("--baselines/--no-baselines", default=True, show_default=True, help="Trivial features and duration.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option(
    "--cache",
    type=FOLDER,
    default="build/bench-detector",
    show_default=True,
    help="Folder of the results; an interrupted run goes on from there.",
)
@click.option("--out", type=FOLDER, help="Write bench-detector.md, its pictures and all scores into this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def detector(
    path: Path,
    audio: Path | None,
    neutral: bool,
    channels: tuple[str, ...],
    limit: int | None,
    seed: int,
    scores: tuple[Path, ...],
    high: Literal["machine", "human"],
    baselines: bool,
    jobs: int,
    cache: Path,
    out: Path | None,
    as_json: bool,
) -> int:
    """Run the shipped detectors on labelled clips and say how often they err.

    PATH is a folder with an index.csv (or meta.csv), a CSV with the columns path and label, a protocol of ASVspoof
    2019, 2021 or 5 (with --audio), or a folder of `voxproof range`. Clips that cannot be read are told and left out.
    """
    if baselines and find_spec("sklearn") is None:
        raise VoxproofError(
            "the trivial baselines need scikit-learn, which is not installed",
            cure="pip install 'voxproof[train]', or say --no-baselines.",
        )
    from rich.console import Console
    from rich.progress import track

    from forensics.benches.detector.bench import Bench, Wanted

    words = ["voxproof bench detector", path.name, "--audio …" * (audio is not None), "--neutral" * neutral]
    words += [f"--channel {name!r}" if " " in name else f"--channel {name}" for name in channels]
    words += [f"--limit {limit}"] if limit is not None else []
    words += [f"--seed {seed}", *(f"--scores {one.name}" for one in scores)]
    words += ["--high human" * (high == "human" and bool(scores)), "--no-baselines" * (not baselines)]
    words += [f"--out {out}"] if out is not None else []
    wanted = Wanted(
        path, cache, " ".join(filter(None, words)), audio, neutral, channels, limit, seed, scores, high, jobs, baselines
    )
    console = Console(stderr=True)
    run = Bench.run(
        wanted,
        lambda rows, total: track(rows, "Scoring", total, console=console, disable=as_json or not console.is_terminal),
    )
    text = run.write(out) if out is not None else run.text()
    click.echo(json.dumps(run.as_json(), ensure_ascii=False) if as_json else text)
    return 0
