"""The models that are measured, by name or folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from synth.errors import VoxproofError

if TYPE_CHECKING:
    from synth.clone import Cloner

LITE = "lite"


def folder_of(model: str) -> Path:
    """The folder of the models: that of the voice that ships, or any other by its path."""
    if model != LITE:
        return Path(model)
    try:
        from synth.models.lite import lite_folder
    except ModuleNotFoundError as error:
        raise VoxproofError("no voice ships with this version", cure="Name a folder with --model.") from error
    return lite_folder()


def load(model: str, hubert: str | None = None) -> Cloner:
    """GPT, SoVITS and what hears content."""
    from synth.clone import Cloner

    named: dict[str, Any] = {} if hubert is None else {"hubert": hubert}
    return Cloner.load(folder_of(model), **named)


def weights_mb(model: str) -> float:
    """Megabytes (of 10^6 bytes) of all files of the models."""
    return sum(path.stat().st_size for path in folder_of(model).rglob("*") if path.is_file()) / 1e6
