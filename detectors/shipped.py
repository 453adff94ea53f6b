"""Every trained model that ships: the cards and constants in the folders of weights, read without loading a model.

A card stands beside a file of weights and states its hash; small models are constants in the YAML file itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import yaml

from detectors.card import WEIGHTS
from synth.errors import VoxproofError
from synth.record import Record
from synth.voiceprint_card import WEIGHTS as OF_SYNTH
from synth.yaml_data import load_yaml

_FOLDERS = (WEIGHTS, OF_SYNTH)


class Shipped(Record):
    """One trained model."""

    name: str
    """As the card says, or else the name of the file of constants."""
    version: str
    """As the card says; empty for constants, which their hash identifies."""
    file: Path
    """The weights, or the file of constants."""
    bytes: int
    """Size of `file`; 0 if it is missing."""
    sha256: str
    """Of `file` as the card states it, or of the constants as they are."""
    stated: bool
    """Whether a card states the hash, so that the file can be compared with it."""
    content: dict[str, Any]
    """All that the YAML file says."""

    def intact(self) -> bool | None:
        """Whether the file has the hash that its card states; None where none is stated."""
        return _sha256(self.file) == self.sha256 if self.stated else None


def shipped_models(*folders: Path) -> list[Shipped]:
    """All models of these folders, or of those that ship, by folder and file name.

    Raises `VoxproofError` for a YAML file that is none.
    """
    return [_read(path) for folder in folders or _FOLDERS for path in sorted(folder.glob("*.yaml"))]


def _read(path: Path) -> Shipped:
    try:
        content = load_yaml(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise VoxproofError(f"not a valid card ({error})", path=path, cure="Reinstall voxproof.") from error
    if not isinstance(content, dict) or "summary" not in content:
        raise VoxproofError("not a valid card (it has no summary)", path=path, cure="Reinstall voxproof.")
    stated = isinstance(content.get("weights"), str) and isinstance(content.get("sha256"), str)
    file = path.with_name(Path(content["weights"]).name) if stated else path
    return Shipped(
        name=str(content.get("name", path.stem)),
        version=str(content.get("version", "")),
        file=file,
        bytes=file.stat().st_size if file.is_file() else 0,
        sha256=content["sha256"] if stated else _sha256(path) or "",
        stated=stated,
        content=content,
    )


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
