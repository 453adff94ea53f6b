"""`voxproof explain`: how an answer came about, as a page with sound and as PDF pages; and its subcommands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from forensics.cli.clip_group import ClipGroup
from forensics.cli.issuer import AS_JSON, REGISTER, plain_errors, print_json, visible
from forensics.cli.watermark import KEYS

if TYPE_CHECKING:
    from forensics.explain.explanation import Explanation
    from forensics.explain.validated import Validation

METHODS = ("occlusion", "gradients", "shares", "examples")
COULD_NOT_TEST = 30
"""Exit code where there is no answer to explain, as of `verify`."""


@click.group(
    cls=ClipGroup,
    clips="clip",
    options_metavar="",
    subcommand_metavar="CLIP [--out DIR] [--language en|zh] [--json] | COMMAND ...",
)
def explain() -> None:
    """Show how the answer of `verify` came about: where in time and frequency, which line, which clips are like it.

    Exit code: 0 explained, 30 there is no answer to explain.

    \b
    voxproof explain CLIP --out explained
    voxproof explain CLIP --references my-recordings --language zh
    voxproof explain clip --help      all options
    """


@explain.command()
@click.argument("path", type=click.Path(path_type=Path), metavar="CLIP")
@click.option(
    "--out",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder of CLIP.html, CLIP.pdf and CLIP.explained.json.  [default: explained; with --json: write nothing]",
)
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="Of what is written.",
)
@click.option(
    "--method", "methods", multiple=True, type=click.Choice(METHODS), help="Only this way to explain (repeatable)."
)
@click.option(
    "--layer",
    type=click.Choice(["mel", "stem", "encoder"]),
    default="mel",
    show_default=True,
    help="Gradients: on the log-mel spectrum, or on a layer of the network (over time only).",
)
@click.option(
    "--references",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Compare with your own recordings: folders named human and machine, or an index.csv with path and label.",
)
@click.option("--page", type=click.Choice(["a4", "letter"]), default="a4", show_default=True, help="Page size.")
@KEYS
@REGISTER
@click.option("--max-seconds", type=float, default=None, metavar="S", help="Refuse recordings longer than this.")
@AS_JSON
@plain_errors
def clip(
    path: Path,
    out: Path | None,
    language: Literal["en", "zh"],
    methods: tuple[str, ...],
    layer: Literal["mel", "stem", "encoder"],
    references: Path | None,
    page: Literal["a4", "letter"],
    keys: tuple[Path, ...],
    place: Path | None,
    max_seconds: float | None,
    as_json: bool,
) -> int:
    """Explain the answer for one recording."""
    from synth import audio

    audio.prepare()
    from forensics.cli.progress import patient_progress
    from forensics.explain.explanation import Explainer
    from forensics.explain.validated import validation
    from forensics.explain.words import not_made, sentences
    from forensics.methods.watermark_voiceprint import equipped
    from reports.explanation_labels import label
    from synth.watermark.keys import read_keys

    held = read_keys(keys)
    limits = audio.Limits() if max_seconds is None else audio.Limits(seconds=max_seconds)
    with patient_progress(quiet=as_json) as steps:
        steps.begin("Loading")
        explainer = Explainer(
            methods or METHODS, layer, references, lambda battery: equipped(battery, held, place)
        )  # fmt: skip
        made = explainer.explain(path, limits, steps.begin, steps.tell)
        tested = validation().holding_for(made.examination.tool.models)
        said = list(sentences(made, tested))
        told = made.told() | {
            "words": [{"about": s.topic, "en": list(s.text("en")), "zh": list(s.text("zh"))} for s in said]
        }
        written: tuple[Path, ...] = ()
        if made.passage.seconds and (out is not None or not as_json):
            steps.begin("Writing")
            written = _write(made, tested, told, out or Path("explained"), language, page)
    if as_json:
        print_json(told)
    else:
        for one in said:
            click.echo("\n".join((*map(visible, one.text(language)), "")))
        for missing in not_made(made.not_made, language):
            click.echo(f"{label('not_made', language)}: {visible(missing)}")
        for file in written:
            click.echo(f"Wrote {visible(str(file))}")
    return 0 if made.passage.windows and made.examination.verdict.log10_lr is not None else COULD_NOT_TEST


def _write(
    made: Explanation,
    tested: Validation,
    told: dict[str, Any],
    out: Path,
    language: Literal["en", "zh"],
    page: Literal["a4", "letter"],
) -> tuple[Path, ...]:
    """The page, the PDF and the numbers, each whole or not at all."""
    from reports.explanation_page import explanation_html
    from reports.explanation_pdf import explanation_pdf
    from synth.errors import VoxproofError
    from synth.ledger_file import replace_file

    name = Path(made.examination.exhibit.path).name
    contents = {
        f"{name}.html": explanation_html(made, tested, language).encode(),
        f"{name}.pdf": explanation_pdf(made, tested, language, page),
        f"{name}.explained.json": (json.dumps(told, ensure_ascii=False) + "\n").encode(),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for file, content in contents.items():
            replace_file(out / file, content)
    except OSError as error:
        cure = "Give a writable folder with free space."
        raise VoxproofError(f"cannot be written ({error.strerror or error})", path=out, cure=cure) from error
    return tuple(out / file for file in contents)
