"""`voxproof bench text`: phones beside those of other programs."""

from __future__ import annotations

from pathlib import Path

import click

from synth.errors import VoxproofError


@click.command("text")
@click.argument("language", type=click.Choice(["en", "zh", "yue", "ja", "ko"]))
@click.option(
    "--gpt-sovits",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that holds the reference's `text` package, whose code is run; English can do without.",
)
@click.option(
    "--sentences",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="One sentence a line; default: those that ship.",
)
@click.option("--list", "listed", is_flag=True, help="Print every difference.")
def text(language: str, gpt_sovits: Path | None, sentences: Path | None, listed: bool) -> int:
    """Compare the phones of LANGUAGE with those of other programs, which must be installed (docs/clone/text.md)."""
    options = ["--list"] * listed
    options += ["--sentences", str(sentences)] if sentences else []
    options += ["--gpt-sovits", str(gpt_sovits)] if gpt_sovits else []
    if language == "en":
        from synth.text.bench import main

        return main(options)
    if gpt_sovits is None:
        raise VoxproofError(f"the phones of {language!r} are compared with the reference's", cure="Say --gpt-sovits.")
    from synth.text.bench_cjk import main as cjk

    try:
        return cjk([language, *options])
    except ModuleNotFoundError as error:
        raise VoxproofError(
            f"the comparison needs {error.name}, which is not installed", cure="docs/clone/text.md says what is needed."
        ) from error
