"""The type of numbers that the networks work in while they are trained; weights and losses are float32 always."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, Literal

import torch

from synth.errors import VoxproofError

Precision = Literal["float32", "float16", "bfloat16"]
_TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class Mixed:
    """Autocast and, for float16, the loss scale that keeps small gradients from vanishing."""

    def __init__(self, precision: Precision, device: torch.device) -> None:
        if precision == "float16" and device.type == "cpu":
            raise VoxproofError("a CPU does not train in float16", cure="Say --precision float32 or bfloat16.")
        self.kind, self.device = _TYPES[precision], device
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")

    def __call__(self) -> AbstractContextManager[Any]:
        """Around the forward pass."""
        return torch.autocast(self.device.type, self.kind, enabled=self.kind != torch.float32)

    def backward(self, loss: torch.Tensor) -> None:
        """Adds the gradients of `loss`."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def apply(self, *optimisers: torch.optim.Optimizer) -> None:
        """Steps of the optimisers, left out where a gradient overflowed; then the scale is adapted."""
        for optimiser in optimisers:
            self.scaler.step(optimiser)
        self.scaler.update()
