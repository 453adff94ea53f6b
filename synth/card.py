"""Cards: the YAML file beside a set of weights that says what they are, and whose hash the weights must have.

Cards are read without loading any weights.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol, TypeVar

import yaml
from pydantic import ValidationError

from synth.errors import VoxproofError
from synth.record import Record
from synth.yaml_data import load_yaml

REINSTALL = "Reinstall voxproof."
"""What cures a fault of a card or of weights that ship in the package."""
AnyCard = TypeVar("AnyCard", bound=Record)


class WeightsCard(Record):
    """What every card of weights that ship in the package says first."""

    name: str
    """What the weights serve, e.g. the id of a method."""
    version: str
    """Counts up with every new set of weights."""
    summary: str
    """What it is, in a few sentences."""
    attribution: str
    """Whose work it starts from, and under which licence the weights are."""
    weights: str
    """File name, beside the card."""
    sha256: str
    """Of the weights' file."""
    bytes: int
    """Size of the weights' file."""


class NamesWeights(Protocol):
    """A card as far as its weights are found and checked by it."""

    @property
    def weights(self) -> str:
        """File name, beside the card."""

    @property
    def sha256(self) -> str:
        """Of the weights' file."""


def read_card(path: Path, kind: type[AnyCard], *, cure: str = REINSTALL) -> AnyCard:
    """The card in a YAML file; raises `VoxproofError` with this cure where there is none or it is not valid."""
    try:
        return kind.model_validate(load_yaml(path.read_text("utf-8")))
    except FileNotFoundError as error:
        raise VoxproofError("there is no such card", path=path, cure=cure) from error
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise VoxproofError(f"not a valid card ({error})", path=path, cure=cure) from error


def write_card(card: Record, path: Path) -> None:
    """A card as YAML, readable, in the order of the fields."""
    text = yaml.safe_dump(card.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=110)
    path.write_text(text, "utf-8")


def sha256_of(path: Path, *, cure: str = "Check the path.") -> str:
    """Of a file's contents, in hexadecimal."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise VoxproofError(f"cannot be read ({error.strerror})", path=path, cure=cure) from error


def checked_weights(card: NamesWeights, folder: Path, *, cure: str = REINSTALL) -> Path:
    """Path of the card's weights in `folder`, after their hash was compared with the card's."""
    path = folder / Path(card.weights).name
    if not path.exists():
        raise VoxproofError("the weights are missing", path=path, cure=cure)
    found = sha256_of(path, cure=cure)
    if found != card.sha256:
        raise VoxproofError(
            f"the weights differ from their card (SHA-256 {found[:12]}…, card {card.sha256[:12]}…)",
            path=path,
            cure=cure,
        )
    return path
