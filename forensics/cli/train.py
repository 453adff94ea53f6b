"""`voxproof train`: from a `.list` file to models in the official containers, step by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from forensics.cli.training import (
    AS_JSON,
    DPO,
    FILE,
    HEARING,
    HISTORY_NOISE,
    JUDGES,
    LENGTH,
    LISTENING,
    RECOMPUTE,
    RUNNING,
    STUDENT,
    TEXT_RATE,
    VERSIONS,
    WHISPER,
    issuer_of,
    needs_torch,
    report_of,
    run_codes,
    run_preparation,
    run_s1,
    run_s2,
    tell,
    told,
)

OUT = click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder of this training.")
SIZE = click.option(
    "--size", type=click.Choice(["full", "lite", "tiny"]), default="full", show_default=True, help="Of fresh weights."
)


@click.group()
def train() -> None:
    """Train the clone model: slice, prepare, codes, s1 (text to codes), s2 (codes to sound).

    Resumes from any interruption. Several GPUs: torchrun --nproc-per-node N -m forensics.cli.main train s1 ...
    """


@train.command("slice")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder for the pieces.")
@click.option("--quiet-db", default=-34.0, show_default=True, help="Level below which there is a pause.")
@AS_JSON
@needs_torch
def slice_(files: tuple[Path, ...], folder: Path, quiet_db: float, as_json: bool) -> None:
    """Cut long recordings FILES at their pauses; write down what is said in each piece in a .list file then."""
    from synth.train.slicing import SlicingConfig, slice_recording

    written = [str(piece) for file in files for piece in slice_recording(file, folder, SlicingConfig(quiet_db))]
    click.echo(json.dumps({"pieces": written}) if as_json else f"Wrote {len(written)} pieces to {folder}.")


@train.command()
@click.argument("list_file", metavar="LIST", type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder for the prepared data.")
@click.option("--version", type=click.Choice(VERSIONS), default="v2", show_default=True)
@HEARING
@WHISPER
@AS_JSON
@needs_torch
def prepare(list_file: Path, folder: Path, version: str, as_json: bool, **hearing: Any) -> None:
    """Phones, sound and features of the recordings in LIST (lines path|speaker|language|text)."""
    report = report_of(run_preparation(list_file, folder, version, **hearing))
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else told(report))


@train.command()
@click.argument("data", type=FILE)
@click.option("--sovits", metavar="FILE", type=FILE, help="The .pth whose token extractor is used.")
@click.option("--student", metavar="FILE", type=FILE, help="Lite voice: its content student.")
@AS_JSON
@needs_torch
def codes(data: Path, sovits: Path | None, student: Path | None, as_json: bool) -> None:
    """Semantic codes of prepared DATA, which s1 learns to foretell."""
    from synth.student_content import read_extractor
    from synth.train.shards import Prepared
    from synth.train.start import fresh_sovits, read_sovits

    if (sovits is None) == (student is None):
        raise click.UsageError("Say --sovits FILE, or for the lite voice --student FILE.")
    prepared = Prepared(data)
    if student is not None:
        mark = run_codes(prepared, fresh_sovits("lite", student=student), read_extractor(student)[1])
    elif sovits is not None:
        mark = run_codes(prepared, read_sovits(sovits, prepared.model))
    click.echo(json.dumps({"tokeniser": mark}) if as_json else f"Codes of the tokeniser {mark[:12]}.")


@train.command()
@click.argument("data", type=FILE)
@OUT
@click.option("--start", metavar="CKPT", type=FILE, help="Pretrained .ckpt; without it, fresh weights of --size.")
@SIZE
@click.option("--epochs", default=15, show_default=True)
@click.option("--accumulation", default=4, show_default=True, help="Batches a step.")
@click.option("--rate", default=0.002, show_default=True, help="Of ScaledAdam.")
@DPO
@HISTORY_NOISE
@LENGTH
@RUNNING
@needs_torch
def s1(data: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Train the text-to-semantic model (S1) on prepared DATA that has codes."""
    from synth.train.distributed import team
    from synth.train.shards import Prepared

    with team(options["device"]) as own:
        tell(run_s1(Prepared(data), folder, own, **options), own, as_json)


@train.command()
@click.argument("data", type=FILE)
@OUT
@click.option("--start", metavar="PTH", type=FILE, help="Pretrained s2G file; without it, fresh weights of --size.")
@JUDGES
@click.option("--lora", metavar="RANK", type=int, help="Train low-rank changes to --start only; v3 and v4.")
@SIZE
@STUDENT
@click.option("--unjudged", default=0, show_default=True, help="Epochs before the discriminators; v1 to v2ProPlus.")
@click.option("--prior-only", default=0, show_default=True, help="Epochs without posterior; lite size.")
@click.option(
    "--voice-weight", default=0.0, show_default=True, help="Of the loss of voices that are unlike; with --window."
)
@click.option("--window", default=0, help="Frames of 20 ms of each recording in a step; 0: all.  [default: 0]")
@click.option("--epochs", default=8, show_default=True)
@click.option("--accumulation", default=1, show_default=True, help="Batches a step.")
@click.option("--rate", default=1e-4, show_default=True)
@TEXT_RATE
@click.option("--base", "beginnings", is_flag=True, help="Write s2G and s2D, too; without --start always.")
@LENGTH
@LISTENING
@RECOMPUTE
@RUNNING
@needs_torch
def s2(data: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Train SoVITS (S2) on prepared DATA.

    The version is that of --start, or of DATA. v1 to v2ProPlus learn against discriminators, v3 and v4 by flow
    matching.
    """
    from synth.train.distributed import team
    from synth.train.shards import Prepared

    issuer = issuer_of(**options)
    with team(options["device"]) as own:
        tell(run_s2(Prepared(data), folder, own, issuer=issuer, **options), own, as_json)
