"""Checkpoints in the official containers, so that what is trained here also runs in the reference implementation."""

from __future__ import annotations

import os
import pickle
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from synth.checkpoint.reading import Checkpoint
from synth.errors import VoxproofError

_WRITTEN_TAGS = {("v3", "lora"): "03", ("v4", "lora"): "04", ("v2Pro", "sovits"): "05", ("v2ProPlus", "sovits"): "06"}
"""The reference writes "PK" for everything else, and for what trainings start from (with a posterior encoder)."""
_POSTERIOR = "enc_q."


class _Fields:
    """Stands for the reference's `utils.HParams`, whose fields are attributes."""


_Pure: Any = pickle._Pickler  # the one in Python, whose steps can be taken over


class _Pickler(_Pure):  # type: ignore[misc]
    """Writes the name of the reference's class where ours is met."""

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if obj is _Fields:
            self.write(b"cutils\nHParams\n")
            self.memoize(obj)
        else:
            super().save_global(obj, name)


def exported(weight: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights as the reference exports them for inference: float16, without the posterior encoder."""
    return {name: value.detach().half() for name, value in weight.items() if not name.startswith(_POSTERIOR)}


def write_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Writes the file that the reference's training would write; tensors keep their type and every bit."""
    path = Path(path)
    contents: dict[str, Any] = OrderedDict()
    weight = OrderedDict((name, value.detach().cpu().contiguous().clone()) for name, value in checkpoint.weight.items())
    contents["weight"] = weight
    contents["config"] = dict(checkpoint.config) if checkpoint.kind == "gpt" else _fields(checkpoint.config)
    contents["info"] = checkpoint.info
    if checkpoint.lora_rank is not None:
        contents["lora_rank"] = checkpoint.lora_rank
    tag = _WRITTEN_TAGS.get((checkpoint.version, checkpoint.kind), "PK")
    if any(name.startswith(_POSTERIOR) for name in weight):
        tag = "PK"
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with beside.open("wb") as file:
            torch.save(
                weight if checkpoint.kind in ("vocoder", "speaker") else contents,
                file,
                pickle_module=SimpleNamespace(Pickler=_Pickler, __name__="pickle"),
                pickle_protocol=2,
            )
        with beside.open("r+b") as file:
            file.write(tag.encode("ascii"))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise VoxproofError(
            f"could not be written ({error.strerror or error})", path=path, cure="Look at folder, rights and space."
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def _fields(value: Any) -> Any:
    """Tables as configuration objects, all the way down."""
    if not isinstance(value, Mapping):
        return value
    made = _Fields()
    made.__dict__.update({name: _fields(part) for name, part in value.items()})
    return made
