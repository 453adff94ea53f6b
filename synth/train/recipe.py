"""What the loop of `run.py` asks of a model that is trained: its data, one step, its validation, its export."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from synth.checkpoint import Checkpoint
from synth.train.distributed import Team
from synth.train.precision import Mixed

Batch = TypeVar("Batch")


class Recipe(ABC, Generic[Batch]):
    """One kind of training. A step depends on nothing but the networks, optimisers, batches and its seed."""

    name: str
    """Short, for folders and logs."""
    lengths: Sequence[float]
    """Of each recording that is trained on, in any unit."""
    edges: Sequence[float]
    """Where the buckets of near-equal length begin, in that unit."""
    networks: Mapping[str, nn.Module]
    """All that learns, by name."""
    optimisers: Mapping[str, torch.optim.Optimizer]
    mixed: Mixed
    team: Team

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that decides the curve, as plain data: a resumed training must have the same."""

    @abstractmethod
    def batch(self, indices: Sequence[int]) -> Batch:
        """These recordings, padded to one length, on the CPU."""

    @abstractmethod
    def step(self, batches: Sequence[Batch], seed: int) -> dict[str, float]:
        """One change of all weights from the batches together; gives the losses."""

    @abstractmethod
    def validate(self, batch: Batch, seed: int) -> dict[str, float]:
        """Losses without any change."""

    @abstractmethod
    def checkpoint(self, epoch: int, step: int) -> Checkpoint:
        """What the official container is to hold."""

    def beginnings(self, epoch: int, step: int) -> dict[str, Checkpoint]:
        """What other trainings can start from, by official name, where that is not what `checkpoint` gives."""
        return {}

    def begin_epoch(self, number: int) -> None:
        """Sets learning rates; epochs count from 1."""

    def picture(self, index: int) -> dict[str, Tensor]:
        """Log-mels [bands, frames] to look at, by name; none where there is nothing to see."""
        return {}

    def rendering(self, index: int) -> tuple[Tensor, int] | None:
        """A recording said again by the model: samples [n] on the CPU and their rate; None where there is no sound."""
        return None


def mixed_seed(*parts: int) -> int:
    """One seed from several numbers."""
    return int(np.random.SeedSequence(list(parts)).generate_state(1, np.uint64)[0] >> np.uint64(1))


def padded(rows: Sequence[Tensor], length: int | None = None) -> Tensor:
    """Tensors [.., t] of different t, with zeros behind -> [b, .., t]."""
    longest = max(row.shape[-1] for row in rows) if length is None else length
    out = rows[0].new_zeros(len(rows), *rows[0].shape[:-1], longest)
    for place, row in zip(out, rows, strict=True):
        place[..., : row.shape[-1]] = row[..., :longest]
    return out
