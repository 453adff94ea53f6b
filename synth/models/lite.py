"""The lite voice, which ships in the package: where it lies."""

from __future__ import annotations

from pathlib import Path

from synth.card import read_card
from synth.errors import VoxproofError
from synth.models.card import IMPORT_AGAIN, ModelCard

FOLDER = Path(__file__).parent.parent / "weights" / "lite"


def lite_folder(folder: Path | None = None) -> Path:
    """Folder of its cards and weights; VoxproofError where this version of the package has none."""
    folder = folder or FOLDER
    if not (folder / "sovits.yaml").exists():
        raise VoxproofError(
            "the lite voice is not part of this version yet",
            path=folder,
            cure="Give a folder of models: --model DIR. How to train the lite voice: docs/training.md.",
        )
    return folder


def lite_files() -> dict[str, Path]:
    """Its weights: "gpt", "sovits" and the content "student"."""
    folder = lite_folder()
    parts = {"gpt": "gpt", "sovits": "sovits", "student": "content"}
    return {part: folder / f"{name}.safetensors" for part, name in parts.items()}


def lite_statement() -> str:
    """What it learnt from, as its card says."""
    return str(read_card(lite_folder() / "sovits.yaml", ModelCard, cure=IMPORT_AGAIN).training_data)
