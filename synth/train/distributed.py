"""Several processes that train one model: what `torchrun` sets up, or one process alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Team:
    """The processes that train together, and which of them this is."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def writes(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def wrapped(self, module: nn.Module, idle: bool = False) -> nn.Module:
        """`module`, whose gradients are averaged over the processes; `idle`: some parameters may not be in use."""
        if self.world == 1:
            return module
        devices = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=devices, find_unused_parameters=idle)

    def gathering(self, module: nn.Module, last: bool) -> AbstractContextManager[Any]:
        """Around a forward pass: gradients travel with the last batch of a step only."""
        if isinstance(module, DistributedDataParallel) and not last:
            return module.no_sync()
        return nullcontext()

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Of each value, over the processes."""
        if self.world == 1 or not values:
            return dict(values)
        names = sorted(values)
        together = torch.tensor([values[name] for name in names], dtype=torch.float64, device=self.device)
        dist.all_reduce(together)
        return dict(zip(names, (together / self.world).tolist(), strict=True))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def team(device: str) -> Iterator[Team]:
    """The team that `torchrun` started, or one process; `device` is "cpu", "cuda" or "cuda:N"."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Team(device=torch.device(device))
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    own = torch.device(device) if device == "cpu" else torch.device("cuda", local)
    if own.type == "cuda":
        torch.cuda.set_device(own)
    dist.init_process_group("nccl" if own.type == "cuda" else "gloo")
    try:
        yield Team(rank, world, own)
    finally:
        dist.destroy_process_group()


def unwrapped(module: nn.Module) -> nn.Module:
    """The module inside `Team.wrapped`."""
    return cast(nn.Module, module.module) if isinstance(module, DistributedDataParallel) else module
