"""`voxproof finetune`: few-shot fine-tuning of pretrained models on one voice, in one command."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from forensics.cli.training import (
    DPO,
    FILE,
    HEARING,
    JUDGES,
    LISTENING,
    RECOMPUTE,
    RUNNING,
    TEXT_RATE,
    issuer_of,
    needs_torch,
    report_of,
    run_codes,
    run_preparation,
    run_s1,
    run_s2,
    summed,
    told,
)

VOICE_WEIGHT = 10.0
"""Lite voice: of the loss of voices that are unlike."""
WINDOW = 100
"""Frames of 20 ms of each recording in a step of the lite voice."""


@click.command()
@click.argument("list_file", metavar="LIST", type=FILE)
@click.option("--out", "folder", metavar="DIR", required=True, type=FILE, help="Folder for data, states and models.")
@click.option("--gpt", metavar="CKPT", type=FILE, help="Pretrained .ckpt of S1.  [default: the lite voice's]")
@click.option("--sovits", metavar="PTH", type=FILE, help="Pretrained s2G file.  [default: the lite voice's]")
@click.option("--version", type=click.Choice(["v3", "v4"]), help="Of --sovits, where the file does not say.")
@JUDGES
@click.option("--lora", metavar="RANK", type=int, help="Of v3 and v4's low-rank changes; 0: all learns.  [default: 32]")
@click.option("--gpt-epochs", default=15, show_default=True)
@click.option("--sovits-epochs", type=int, help="[default: 8; v3 and v4: 2]")
@click.option("--gpt-rate", default=0.002, show_default=True)
@click.option("--rate", default=1e-4, show_default=True, help="Of SoVITS.")
@TEXT_RATE
@DPO
@HEARING
@LISTENING
@RECOMPUTE
@RUNNING
@needs_torch
def finetune(list_file: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Few-shot fine-tuning of pretrained models on the recordings in LIST: prepare, codes, s2, s1.

    The lite voice is written to DIR/model, for `voxproof clone --model`. You need the speaker's consent; `voxproof
    clone` asks for its record. Run the same command again after any interruption.
    """
    from synth.errors import VoxproofError
    from synth.models.lite import lite_files, lite_statement
    from synth.sovits_flow import FlowSovits
    from synth.student_content import read_extractor
    from synth.train import low_rank, s2, s2_flow
    from synth.train.distributed import team
    from synth.train.ship import ship
    from synth.train.start import read_sovits

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise VoxproofError(
            "finetune runs in one process", cure="With torchrun use train prepare, codes, s2 and s1 one by one."
        )
    issuer = issuer_of(**options)
    if (options["gpt"] is None) != (options["sovits"] is None):
        raise click.UsageError("Say both --gpt and --sovits, or neither for the lite voice.")
    lite = options["sovits"] is None
    if lite:
        if options["student"] or options["hubert"] or options["stand_in"]:
            raise click.UsageError("The lite voice has a content encoder of its own: say no other.")
        options |= lite_files()
    model = read_sovits(options["sovits"], options["version"])
    flow = isinstance(model, FlowSovits)
    recipe = s2_flow if flow else s2
    hearing = {
        name: options[name] for name in ("hubert", "student", "stand_in", "bert", "speaker", "snr", "keep_noisy")
    }
    data = run_preparation(list_file, folder / "data", model.config.version, **hearing)
    reader = read_extractor(options["student"])[1] if lite else None
    run_codes(data, model, reader)
    few: dict[str, Any] = options | {"size": "full", "most_steps": None, "validation": 0.02}
    second = few | {
        "start": options["sovits"], "epochs": options["sovits_epochs"] or recipe.EPOCHS, "accumulation": 1,
        "lora": low_rank.RANK if flow and options["lora"] is None else options["lora"], "export_every": None,
    }  # fmt: skip
    first = few | {
        "start": options["gpt"], "epochs": options["gpt_epochs"], "accumulation": 4, "rate": options["gpt_rate"],
        "export_every": None,
    }  # fmt: skip
    if lite:  # what ships has no posterior encoder
        second |= {"size": "lite", "prior_only": second["epochs"], "unjudged": second["epochs"]}
        second |= {"window": WINDOW, "voice_weight": VOICE_WEIGHT}
    with team(options["device"]) as own:
        sound = run_s2(data, folder / "s2", own, model, issuer=issuer, **second)
        text = run_s1(data, folder / "s1", own, **first)
    report: dict[str, Any] = {"prepared": report_of(data), "s2": asdict(sound), "s1": asdict(text)}
    if lite:
        statement = f"{lite_statement()} Fine-tuned with `voxproof finetune` on {len(data)} recordings of one user."
        ship(Path(text.exported[-1]), Path(sound.exported[-1]), options["student"], statement, folder / "model")
        report["model"] = str(folder / "model")
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        click.echo("\n".join([told(report["prepared"]), summed(sound), summed(text)]))
