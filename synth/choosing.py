"""From what a user names, "lite" or a folder, "auto" or a device, to a cloner that is ready to speak."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from synth.errors import VoxproofError

if TYPE_CHECKING:
    from synth.clone import Cloner
    from synth.text.segment import Mode

LITE = "lite"
"""Name of the model that ships."""
HUBERT, BERT = "chinese-hubert-base", "chinese-roberta-wwm-ext-large"
"""Folders of the official distribution, looked for in the models' folder and beside it."""
DeviceName = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, eq=False)
class Chosen:
    """A cloner, and what else a user should know of it."""

    cloner: Cloner
    name: str
    """`voxproof-lite@…`, or the folder's name; behind the sign 8 digits of the SHA-256 of the SoVITS weights."""
    language: Mode
    """Of a text whose language is not told."""


def chosen_cloner(
    model: str, device: DeviceName = "auto", *, hears_text: bool = False, hubert: Path | None = None,
    bert: Path | None = None,
) -> Chosen:  # fmt: skip
    """Load the model that ships (`lite`) or that of a folder; raises VoxproofError, also where a package is missing.

    `hears_text`: the reference comes with its text, for which official models need HuBERT.
    """
    folder = model_folder(model)
    try:
        from synth.clone import Cloner
        from synth.content import CHINESE_HUBERT

        place = chosen_device(device)
        listener = (hubert or beside(folder, HUBERT) or CHINESE_HUBERT) if hears_text else None
        cloner = Cloner.load(folder, place, hubert=listener, bert=bert or beside(folder, BERT))
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "synth":
            raise
        cause = f"cloning needs {error.name}, which is not installed"
        raise VoxproofError(cause, cure="Run: pip install 'voxproof[clone]'.") from error
    ours = model == LITE
    name = f"{'voxproof-lite' if ours else folder.resolve().name}@{cloner.models.hashes['sovits'][:8]}"
    return Chosen(cloner, name, "en" if ours else "auto")


def model_folder(model: str) -> Path:
    """The folder of the model that ships, or the one that is named."""
    if model == LITE:
        from synth.models.lite import lite_folder

        return lite_folder()
    folder = Path(model)
    if not folder.is_dir():
        cure = f"Say {LITE}, or name a folder with a GPT and a SoVITS (`voxproof models import` fills one)."
        raise VoxproofError("there is no model of this name and no such folder", path=model, cure=cure)
    return folder


def chosen_device(name: DeviceName) -> str:
    """`auto` is the GPU if there is one."""
    import torch

    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise VoxproofError("there is no CUDA device, or torch was built without CUDA", cure="Say --device cpu.")
    return "cuda" if there and name != "cpu" else "cpu"


def beside(folder: Path, name: str) -> Path | None:
    """A folder of this name in the models' folder or beside it."""
    return next((place / name for place in (folder, folder.resolve().parent) if (place / name).is_dir()), None)
