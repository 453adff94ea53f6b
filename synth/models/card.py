"""The card beside imported weights: where they come from, what they are, and which text front ends they expect."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from pydantic import ValidationError

from synth.checkpoint.reading import Kind, Release
from synth.errors import VoxproofError
from synth.record import Record
from synth.yaml_data import load_yaml


class SourceFile(Record):
    """A file that weights were imported from."""

    name: str
    """Its name, without folders."""
    sha256: str
    bytes: int


class ModelCard(Record):
    """All that is known of one set of weights."""

    name: str
    """Of the files: NAME.safetensors and NAME.yaml."""
    kind: Kind
    """What the weights are for; see `synth.checkpoint.reading.Checkpoint`."""
    version: Release
    """Version of GPT-SoVITS; of a gpt v1 or v2 after its phoneme table, v2 for all later versions."""
    summary: str
    """What it is, in a sentence."""
    weights: str
    """File name, beside the card."""
    sha256: str
    """Of the weights' file."""
    bytes: int
    """Size of the weights' file."""
    parameters: int
    """Numbers in it, buffers included."""
    types: tuple[str, ...]
    """Types of these numbers."""
    sources: tuple[SourceFile, ...]
    """What it was imported from; two files for a LoRA worked into its base."""
    info: str = ""
    """What the training wrote about itself."""
    licence: str = "unknown"
    """As told at the import."""
    training_data: str = "unknown"
    """As told at the import."""
    text_pipeline: str | None = None
    """Hash of the text front ends that it was trained with; None: not stated, as in all official files."""


def read_card(path: Path) -> ModelCard:
    """A card from its YAML file."""
    try:
        return ModelCard.model_validate(load_yaml(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise VoxproofError("there is no such card", path=path, cure="Import the checkpoint again.") from error
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise VoxproofError(f"not a valid card ({error})", path=path, cure="Import the checkpoint again.") from error


def write_card(card: ModelCard, path: Path) -> None:
    """A card as YAML, readable, in the order of the fields."""
    text = yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, "utf-8")


def sha256_of(path: Path) -> str:
    """Of a file's contents, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VoxproofError(f"cannot be read ({error.strerror})", path=path, cure="Check the path.") from error


def checked_weights(card: ModelCard, folder: Path) -> Path:
    """Path of the card's weights in `folder`, after their hash was compared with the card's."""
    path = folder / Path(card.weights).name
    found = sha256_of(path)
    if found != card.sha256:
        raise VoxproofError(
            f"the weights differ from their card (SHA-256 {found[:12]}…, card {card.sha256[:12]}…)",
            path=path,
            cure="Import the checkpoint again.",
        )
    return path
