"""`voxproof bench internals`: what the codes of our voice model show (docs/validation/internals.md)."""

from __future__ import annotations

from pathlib import Path

import click

from synth.errors import VoxproofError

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("internals")
@click.option("--clips", required=True, type=FILE, help="Table of clips, as detectors.codes.train reads it.")
@click.option("--texts", required=True, type=FILE, help="Sentences for the clones, one on each line.")
@click.option("--train-texts", type=FILE, help="The sentences the training drew, if they were others.")
@click.option("--cache", required=True, type=click.Path(path_type=Path, file_okay=False), help="That of the training.")
@click.option("--leave-out", multiple=True, metavar="SOURCE", help="Source the voice learnt from; may be repeated.")
@click.option("--final", multiple=True, metavar="SOURCE", help="Source for these figures only; may be repeated.")
@click.option(
    "--model", type=click.Path(path_type=Path, file_okay=False), help="Another voice than the one that ships."
)
@click.option("--card", type=FILE, help="Another card than the one that ships.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write internals.md here.")
def internals(
    clips: Path, texts: Path, train_texts: Path | None, cache: Path, leave_out: tuple[str, ...],
    final: tuple[str, ...], model: Path | None, card: Path | None, out: Path | None,
) -> int:  # fmt: skip
    """Tell our own clones, without their mark, from people by how they use the voice model's codes."""
    try:
        from detectors.codes.train import Plan
        from forensics.benches.internals import measure
    except ModuleNotFoundError as error:
        raise VoxproofError(f"{error.name} is not installed", cure="pip install 'voxproof[lite,train]'") from error
    plan = Plan(clips, texts, cache, train_texts, model, leave_out=leave_out, final=final)
    text = measure(plan, card)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "internals.md").write_text(text, encoding="utf-8")
    click.echo(text)
    return 0
