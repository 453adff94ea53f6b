"""A bare state dict in a torch file (`pytorch_model.bin` and the like), read without running anything."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from synth.checkpoint.container import Container
from synth.checkpoint.pickled import StoredTensor
from synth.errors import VoxproofError


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name, in the types of the file."""
    try:
        with Container(path) as container:
            data = container.data
            if not isinstance(data, dict) or not all(isinstance(part, StoredTensor) for part in data.values()):
                raise VoxproofError("holds more than tensors", cure="Give the weights of the model only.")
            return {str(name): container.tensor(stored) for name, stored in data.items()}
    except VoxproofError as error:
        if error.path is not None:
            raise
        raise VoxproofError(error.cause, path=path, cure=error.cure) from error
