"""A whole model from a folder: the GPT and the SoVITS that go together, on one device, ready to speak.

The folder holds imported weights (safetensors and cards) or official files (.ckpt and .pth, which are read without
running them). Half precision is for accelerators; a CPU works in float32.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from synth.card import checked_weights, read_card, sha256_of
from synth.checkpoint import Checkpoint, layouts, read_checkpoint
from synth.checkpoint.reading import Kind, Release
from synth.code_reader import CodeReader
from synth.errors import VoxproofError
from synth.gpt import GPT, GPTConfig
from synth.models.card import IMPORT_AGAIN, ModelCard
from synth.models.importing import GPT_PREFIX
from synth.packing import unpacked
from synth.sampling import Sampling
from synth.sovits import Sovits, Version
from synth.sovits_flow import FlowSovits, FlowVersion
from synth.speaker_verification import ERes2NetV2
from synth.student_content import StudentContent, read_student
from synth.vocoders import BigVgan, HifiGan

LITE_SAMPLING = Sampling(top_k=5, temperature=0.8, repetition_penalty=1.1)
"""Of the lite voice, which is known by the content student beside its GPT, also when it was fine-tuned: cooler than the
reference's, since a small GPT gives more weight to tokens that are wrong."""


@dataclass(frozen=True, eq=False)
class ModelSet:
    """Everything between phonemes and sound."""

    gpt: GPT
    """Text to semantic tokens."""
    sovits: Sovits | FlowSovits
    """Tokens and voice to sound (v3 and v4: to a mel spectrogram); weight norm worked out, no posterior encoder."""
    version: Release
    """Of the SoVITS."""
    hashes: Mapping[str, str]
    """SHA-256 of the files: "gpt", "sovits" and, if there is one, "speaker", "vocoder" or "content"."""
    text_pipeline: str | None = None
    """Hash of the text front ends the weights were trained with; None: not stated (official files)."""
    speaker: ERes2NetV2 | None = None
    """Hears voices for v2Pro and v2ProPlus."""
    vocoder: HifiGan | BigVgan | None = None
    """Makes sound of v4's or v3's mel spectrograms."""
    content: StudentContent | None = None
    """Hears what is said, where that ships with the model; None: HuBERT does."""
    reader: CodeReader | None = None
    """Reads phones from the features of codes, for the quality control."""
    sampling: Sampling = field(default_factory=Sampling)
    """How its GPT's tokens are drawn unless told otherwise."""
    goes_on: bool = True
    """Whether its GPT goes on from what the reference says; the lite voice, whose codes of a recording are too often
    others than its GPT has learnt from, takes the voice alone."""

    @property
    def device(self) -> torch.device:
        return self.gpt.ar_predict_layer.weight.device


@dataclass(frozen=True)
class _File:
    """Weights that lie in the folder, not loaded yet."""

    path: Path
    found: ModelCard | Checkpoint
    """Of imported weights the card, of official ones the contents."""

    @property
    def kind(self) -> Kind | Literal["content"]:
        return self.found.kind

    @property
    def version(self) -> Release:
        return self.found.version

    @property
    def text_pipeline(self) -> str | None:
        return self.found.text_pipeline


def load_models(
    folder: str | Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    *,
    gpt: str = "",
    sovits: str = "",
) -> ModelSet:
    """Loads the GPT and the SoVITS of `folder`; `gpt` and `sovits` name them (stem of a file) where there are several.

    A Pro version needs its speaker-verification network in the same folder, v3 and v4 their vocoder.
    """
    device = torch.device(device)
    if device.type == "cpu" and dtype != torch.float32:
        raise VoxproofError(f"a CPU does not work in {dtype}", cure="Use float32, or an accelerator.")
    files = _listed(Path(folder))
    first = _one(files, ("gpt",), gpt, Path(folder))
    second = _one(files, ("sovits", "flow-matching"), sovits, Path(folder))
    if (first.version == "v1") != (second.version == "v1"):
        raise VoxproofError(
            f"has the phoneme table {first.version}, the SoVITS {second.path.name} is {second.version}",
            path=first.path,
            cure="A GPT of v1 goes with a SoVITS of v1 only, and one of v2 with all later ones.",
        )
    pipelines = {file.text_pipeline for file in (first, second)} - {None}
    if len(pipelines) > 1:
        raise VoxproofError(
            f"was trained with other text front ends than {second.path.name}", path=first.path, cure="Choose another."
        )
    chosen = {"gpt": first, "sovits": second}
    speaker: ERes2NetV2 | None = None
    vocoder: HifiGan | BigVgan | None = None
    if second.version in ("v2Pro", "v2ProPlus"):
        chosen["speaker"] = _one(files, ("speaker",), "", Path(folder))
        speaker = _speaker(chosen["speaker"]).to(device).eval()
    if second.kind == "flow-matching":
        fitting = [file for file in files if file.version == second.version]
        chosen["vocoder"] = _one(fitting, ("vocoder",), "", Path(folder))
        vocoder = _vocoder(chosen["vocoder"]).to(device=device, dtype=dtype).eval()
    content = reader = None
    if any(file.kind == "content" for file in files):
        chosen["content"] = _one(files, ("content",), "", Path(folder))
        content, reader = _content(chosen["content"], device)
    second_model = _flow(second) if second.kind == "flow-matching" else _sovits(second)
    return ModelSet(
        _gpt(first).to(device=device, dtype=dtype).eval(),
        second_model.for_inference(device, dtype),
        second.version,
        {role: sha256_of(file.path) for role, file in chosen.items()},
        next(iter(pipelines), None),
        speaker,
        vocoder,
        content,
        reader,
        Sampling() if content is None else LITE_SAMPLING,
        goes_on=content is None,
    )


def open_gpt(path: Path) -> GPT:
    """Imported or shipped weights of a GPT, whose card lies beside them."""
    return _gpt(_carded(path))


def open_sovits(path: Path) -> Sovits:
    """The same of a SoVITS v1 to v2ProPlus; it may have no posterior encoder."""
    return _sovits(_carded(path))


def _carded(path: Path) -> _File:
    return _File(path, read_card(path.with_suffix(".yaml"), ModelCard, cure=IMPORT_AGAIN))


def _listed(folder: Path) -> list[_File]:
    """Imported weights of the folder, or if there are none its official files."""
    if not folder.is_dir():
        raise VoxproofError("is no folder of models", path=folder, cure="Import checkpoints: voxproof models import.")
    found = []
    for path in sorted(folder.glob("*.yaml")):
        card = read_card(path, ModelCard, cure=IMPORT_AGAIN)
        found.append(_File(folder / Path(card.weights).name, card))
    if found:
        return found
    for path in sorted([*folder.glob("*.ckpt"), *folder.glob("*.pth")]):
        if not path.name.startswith("s2D"):  # discriminators lie beside the generators in official folders
            found.append(_File(path, read_checkpoint(path)))
    return found


def _one(files: list[_File], kinds: tuple[str, ...], name: str, folder: Path) -> _File:
    """The file of one of these kinds, by its stem if a name is given."""
    fitting = [file for file in files if file.kind in kinds and name in ("", file.path.stem)]
    what = f"{kinds[0]} called {name}" if name else kinds[0]
    if len(fitting) > 1:
        raise VoxproofError(
            f"holds {len(fitting)} models of the kind {kinds[0]}: {', '.join(file.path.stem for file in fitting)}",
            path=folder,
            cure="Name the one you want.",
        )
    if not fitting:
        raise VoxproofError(f"holds no {what}", path=folder, cure="Import one: voxproof models import FILE.")
    return fitting[0]


def _gpt(file: _File) -> GPT:
    weight, config = _contents(file)
    imported = isinstance(file.found, ModelCard)
    settings = _from_metadata(config, file.path) if imported else layouts.gpt_config(config)
    _compare(weight, layouts.gpt_shapes(settings), file.path)
    model = GPT(settings)
    model.load_state_dict({name: value.float() for name, value in weight.items()})
    return model


def _sovits(file: _File) -> Sovits:
    weight, config = _contents(file)
    section = {"model": config} if isinstance(file.found, ModelCard) else config
    try:
        settings = layouts.sovits_config(section, cast(Version, file.version))
    except VoxproofError as error:
        raise VoxproofError(error.cause, path=file.path, cure=error.cure) from error
    _compare(weight, layouts.sovits_shapes(settings), file.path, "enc_q.")
    model = Sovits(settings)
    model.load_weights({name: value.float() for name, value in weight.items()})
    return model


def _flow(file: _File) -> FlowSovits:
    weight, config = _contents(file)
    section = {"model": config} if isinstance(file.found, ModelCard) else config
    try:
        settings = layouts.flow_config(section, cast(FlowVersion, file.version))
    except VoxproofError as error:
        raise VoxproofError(error.cause, path=file.path, cure=error.cure) from error
    _compare(weight, layouts.flow_matching_shapes(settings), file.path)
    model = FlowSovits(settings)
    model.load_weights({name: value.float() for name, value in weight.items()})
    return model


def _vocoder(file: _File) -> HifiGan | BigVgan:
    weight, _ = _contents(file)
    _compare(weight, layouts.vocoder_shapes(file.version), file.path)
    model = BigVgan() if file.version == "v3" else HifiGan()
    model.load_state_dict({name: value.float() for name, value in weight.items()})
    return model.for_inference() if isinstance(model, BigVgan) else model


def _speaker(file: _File) -> ERes2NetV2:
    weight, _ = _contents(file)
    _compare(weight, layouts.speaker_shapes(), file.path)
    model = ERes2NetV2()
    model.load_state_dict(weight)
    return model


def _content(file: _File, device: torch.device) -> tuple[StudentContent, CodeReader | None]:
    card = cast(ModelCard, file.found)
    content, _, reader = read_student(checked_weights(card, file.path.parent, cure=IMPORT_AGAIN))
    content.student.to(device)
    return content, None if reader is None else reader.to(device)


def _contents(file: _File) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """Tensors (of a GPT without their prefix) and configuration."""
    if isinstance(file.found, Checkpoint):
        return {n.removeprefix(GPT_PREFIX): value for n, value in file.found.weight.items()}, file.found.config
    checked_weights(file.found, file.path.parent, cure=IMPORT_AGAIN)
    try:
        with safe_open(file.path, framework="pt") as opened:
            config = json.loads((opened.metadata() or {})[file.kind])
            return unpacked({name: opened.get_tensor(name) for name in opened.keys()}), config  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise VoxproofError(
            f"holds no {file.kind} ({error})", path=file.path, cure="Import the checkpoint again."
        ) from error


def _from_metadata(config: Mapping[str, Any], path: Path) -> GPTConfig:
    """The settings that the import wrote, held to the same limits as those of an official file."""
    try:
        made = GPTConfig(**config)
        layouts.gpt_config(
            {
                "model": {
                    "phoneme_vocab_size": made.phonemes, "vocab_size": made.vocabulary, "EOS": made.end,
                    "embedding_dim": made.width, "hidden_dim": made.width, "head": made.heads, "n_layer": made.layers,
                }
            }
        )  # fmt: skip
    except (TypeError, VoxproofError) as error:
        raise VoxproofError(f"has odd settings ({error})", path=path, cure="Import the checkpoint again.") from error
    return made


def _compare(weight: Mapping[str, Tensor], want: layouts.Shapes, path: Path, optional: str = "") -> None:
    try:
        layouts.compare({name: tuple(value.shape) for name, value in weight.items()}, want, optional)
    except VoxproofError as error:
        raise VoxproofError(error.cause, path=path, cure=error.cure) from error
