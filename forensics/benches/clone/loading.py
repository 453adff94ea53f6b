"""The models that are measured, by name or folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synth.choosing import model_folder

if TYPE_CHECKING:
    from synth.clone import Cloner


def load(model: str, hubert: str | None = None) -> Cloner:
    """GPT, SoVITS and what hears content."""
    from synth.clone import Cloner

    named: dict[str, Any] = {} if hubert is None else {"hubert": hubert}
    return Cloner.load(model_folder(model), **named)


def weights_mb(model: str) -> float:
    """Megabytes (of 10^6 bytes) of all files of the models."""
    return sum(path.stat().st_size for path in model_folder(model).rglob("*") if path.is_file()) / 1e6
