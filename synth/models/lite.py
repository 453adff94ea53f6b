"""The lite voice, which ships in the package: where it lies."""

from __future__ import annotations

from pathlib import Path

from synth.errors import VoxproofError

FOLDER = Path(__file__).parent.parent / "weights" / "lite"


def lite_folder(folder: Path = FOLDER) -> Path:
    """Folder of its cards and weights; VoxproofError where this version of the package has none."""
    if not (folder / "sovits.yaml").exists():
        raise VoxproofError(
            "the lite voice is not part of this version yet",
            path=folder,
            cure="Give a folder of models: --model DIR. How to train the lite voice: docs/training.md.",
        )
    return folder
