"""`voxproof bench clone`: how the cloned voice is understood, known and marked (docs/validation/clone.md)."""

from __future__ import annotations

import os
from pathlib import Path

import click

from synth.errors import VoxproofError

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.command("clone")
@click.option(
    "--references",
    multiple=True,
    type=FOLDER,
    help="Folder of recordings of voices to clone, with an index.csv; may be repeated.",
)
@click.option("--speaker", "speakers", multiple=True, metavar="NAME", help="Clone this voice only; may be repeated.")
@click.option(
    "--sex",
    "sexes",
    multiple=True,
    type=(str, click.Choice(["f", "m"])),
    metavar="NAME f|m",
    help="Of a voice whose index does not tell; by its pitch otherwise.",
)
@click.option("--others", multiple=True, type=FOLDER, help="Folder of voices to tell the clones from; never cloned.")
@click.option("--model", default="lite", show_default=True, metavar="lite|DIR", help="The models.")
@click.option("--hubert", metavar="DIR", help="Content encoder of official models.")
@click.option("--tuned", type=FOLDER, help="Folder with the models fine-tuned on a voice in a folder of its name.")
@click.option(
    "--sentences",
    "texts",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="One on each line.  [default: a hundred that ship]",
)
@click.option("-n", "--number", type=click.IntRange(1), default=100, show_default=True, help="Sentences.")
@click.option("--whisper", type=FOLDER, help="Whisper-base for transformers, which hears what is said.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default="build/bench-clone",
    show_default=True,
    help="Folder of clips and results; an interrupted run goes on from there.",
)
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["clips", "words", "voices", "opinions", "marks", "codes", "cost"]),
    help="Measure this only; may be repeated.  [default: everything]",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write clone.md and clone-noise.png here."
)
@click.option("--without-text", is_flag=True, help="Give the voice only, not what the reference says.")
@click.option("--tables-only", is_flag=True, help="Measure nothing; the page from what is in the cache.")
def clone(
    references: tuple[Path, ...],
    speakers: tuple[str, ...],
    sexes: tuple[tuple[str, str], ...],
    others: tuple[Path, ...],
    model: str,
    hubert: str | None,
    tuned: Path | None,
    texts: Path | None,
    number: int,
    whisper: Path | None,
    cache: Path,
    parts: tuple[str, ...],
    out: Path | None,
    without_text: bool,
    tables_only: bool,
) -> int:
    """Clone unseen voices saying unseen sentences, and measure them: words, voice, marks, codes, speed.

    Every clip leaves through the one door, under a key and a register of the bench's own in the cache.
    """
    from rich.console import Console

    try:
        from forensics.benches.clone import picture, run, tables
        from forensics.benches.clone.kept import Kept
    except ModuleNotFoundError as error:
        raise VoxproofError(f"{error.name} is not installed", cure="pip install 'voxproof[clone,bench]'") from error
    if not tables_only:
        if not references:
            raise VoxproofError("there is no voice to clone", cure="Name a folder of recordings with --references.")
        os.environ["VOXPROOF_ISSUER_KEY"] = str(cache / "door" / "issuer.pem")  # heads are noted beside the bench's key
        wanted = tuple(part for part in run.PARTS if not parts or part in parts)
        settings = run.Settings(
            cache, references, others, speakers, model, hubert, tuned, texts, number, whisper, wanted, sexes,
            with_text=not without_text,
        )  # fmt: skip
        console = Console(stderr=True)
        with console.status("Looking for voices…") as status:
            bench = run.Bench(settings, run.tools(settings), status.update)
            console.print(f"About {bench.minutes:.0f} minutes on two cores, less what the cache holds.")
            bench.measure(_command(speakers, model, number, tuned, without_text))
    kept = Kept(cache)
    text = tables.page(kept)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "clone.md").write_text(text, encoding="utf-8")
        picture.draw(kept, out / "clone-noise.png")
    click.echo(text)
    return 0


def _command(speakers: tuple[str, ...], model: str, number: int, tuned: Path | None, without_text: bool) -> str:
    """As the page tells it: without the places of this machine."""
    named = "".join(f" --speaker {name}" for name in speakers)
    named += "" if model == "lite" else f" --model {Path(model).name}"
    own = (" --tuned …" if tuned else "") + (" --without-text" if without_text else "")
    return f"voxproof bench clone --references … --others …{named}{own} -n {number} --whisper … --out docs/validation"
