"""From an official checkpoint to safetensors and a card: after this, no pickle is needed any more."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from safetensors.torch import load_file, save_file

from synth.card import sha256_of, write_card
from synth.checkpoint import Checkpoint, layouts, merged, read_checkpoint
from synth.checkpoint.reading import Release
from synth.errors import VoxproofError
from synth.models.card import ModelCard, SourceFile
from synth.places import data_folder
from synth.sovits import Version

if TYPE_CHECKING:
    from synth.sovits_flow import FlowVersion

GPT_PREFIX = "model."
STEPS = ("hashing", "reading", "writing", "comparing")
"""What an import says that it does, in this order."""
_SUMMARIES = {
    "gpt": "Text-to-semantic model (S1) of GPT-SoVITS, phoneme table {version}.",
    "sovits": "SoVITS (S2) {version} of GPT-SoVITS: semantic tokens and a reference voice to sound.",
    "flow-matching": "SoVITS (S2) {version} of GPT-SoVITS: semantic tokens and a reference voice to a mel spectrogram.",
    "vocoder": "Vocoder of GPT-SoVITS {version}: mel spectrogram to sound.",
    "speaker": "ERes2NetV2, the speaker-verification network of GPT-SoVITS v2Pro and v2ProPlus.",
}


def models_folder() -> Path:
    """Where imported models are kept unless told otherwise: VOXPROOF_MODELS, or the user's data folder."""
    if named := os.environ.get("VOXPROOF_MODELS"):
        return Path(named)
    return data_folder() / "models"


def import_checkpoint(
    source: Path,
    folder: Path | None = None,
    *,
    name: str = "",
    version: Release | None = None,
    base: Path | None = None,
    licence: str = "unknown",
    training_data: str = "unknown",
    replace: bool = False,
    progress: Callable[[str], None] = lambda step: None,
) -> ModelCard:
    """Writes NAME.safetensors and NAME.yaml into `folder`, bit for bit what the checkpoint has.

    `version` is needed for v3 and v4 files that do not say which they are, `base` for a LoRA. Files that are there are
    kept unless `replace`. `progress` is called with each of `STEPS`.
    """
    folder = folder or models_folder()
    name = name or source.stem
    if Path(name).name != name or name.startswith("."):
        raise VoxproofError(f"{name!r} is no name for a file", cure="Give a plain name.")
    weights, card_path = folder / f"{name}.safetensors", folder / f"{name}.yaml"
    if not replace and (weights.exists() or card_path.exists()):
        raise VoxproofError("is there already", path=weights, cure="Choose another name, or say --replace.")
    progress("hashing")
    sources = [_source(path) for path in (source, base) if path is not None]
    progress("reading")
    checkpoint = read_checkpoint(source, version)
    if checkpoint.kind == "lora":
        if base is None:
            raise VoxproofError(
                "is a LoRA, which is nothing without the model it changes",
                path=source,
                cure=f"Name it: --base s2G{checkpoint.version}.pth.",
            )
        checkpoint = merged(checkpoint, read_checkpoint(base, checkpoint.version))
    elif base is not None:
        raise VoxproofError("is no LoRA, and has no base", path=source, cure="Leave --base out.")
    tensors = {name.removeprefix(GPT_PREFIX): value for name, value in checkpoint.weight.items()}
    progress("writing")
    beside = folder / f".{name}.{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_file(tensors, beside, metadata={checkpoint.kind: json.dumps(_configuration(checkpoint), sort_keys=True)})
        progress("comparing")
        back = load_file(beside)
        if back.keys() != tensors.keys() or not all(_same(back[n], value) for n, value in tensors.items()):
            raise VoxproofError("what was written differs from what was read", path=weights, cure="Check the disk.")
        if [_source(path) for path in (source, base) if path is not None] != sources:
            raise VoxproofError("changed while it was imported", path=source, cure="Wait until it is complete.")
        card = ModelCard(
            name=name,
            kind=checkpoint.kind,
            version=checkpoint.version,
            summary=_SUMMARIES[checkpoint.kind].format(version=checkpoint.version),
            weights=weights.name,
            sha256=sha256_of(beside),
            bytes=beside.stat().st_size,
            parameters=sum(value.numel() for value in tensors.values()),
            types=tuple(sorted({str(value.dtype).removeprefix("torch.") for value in tensors.values()})),
            sources=tuple(sources),
            info=checkpoint.info,
            licence=licence,
            training_data=training_data,
            text_pipeline=checkpoint.text_pipeline,
        )
        beside.replace(weights)
        write_card(card, card_path)
    except OSError as error:
        raise VoxproofError(
            f"could not be written ({error.strerror or error})", path=weights, cure="Look at folder, rights and space."
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return card


def _configuration(checkpoint: Checkpoint) -> dict[str, Any]:
    """What a model of this kind needs to be built."""
    if checkpoint.kind == "gpt":
        return asdict(layouts.gpt_config(checkpoint.config))
    if checkpoint.kind == "sovits":
        return layouts.sovits_config(checkpoint.config, cast(Version, checkpoint.version)).to_mapping()
    if checkpoint.kind == "flow-matching":
        return layouts.flow_config(checkpoint.config, cast("FlowVersion", checkpoint.version)).to_mapping()
    return {"version": checkpoint.version}


def _source(path: Path) -> SourceFile:
    digest = sha256_of(path)
    return SourceFile(name=path.name, sha256=digest, bytes=path.stat().st_size)


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Bit for bit, so that a NaN is the same as itself."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if not a.numel():
        return True
    return torch.equal(a.reshape(-1).contiguous().view(torch.uint8), b.reshape(-1).contiguous().view(torch.uint8))
