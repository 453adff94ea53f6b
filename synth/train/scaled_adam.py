"""ScaledAdam: Adam whose steps are relative to the size of each tensor, and that learns that size as well.

From the k2 project's icefall (D. Povey and contributors; described in Z. Yao et al., "Zipformer", ICLR 2024,
arXiv:2310.11230, section 3.5): the update of a tensor is multiplied by its root mean square; every few steps the tensor
as a whole is scaled by an Adam step of its own; gradients larger than a multiple of the median of recent ones are
scaled down. Settings are those that GPT-SoVITS trains its text-to-semantic model with. The code is ours.

Tensors of one shape are worked on together, stacked; their state is kept with the first of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn

_SMALLEST, _LARGEST = 1e-5, 3.0  # root mean square of a tensor
_LARGEST_SCALAR = 10.0
_EPSILON = 1e-8


class ScaledAdam(torch.optim.Optimizer):
    """A parameter without gradient has one of zero."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.95),
        clipping: float = 2.0,
        window: int = 1000,
        size_period: int = 4,
        scalar_rate: float = 0.1,
    ) -> None:
        """`clipping` times the median norm of `window` steps is the most a gradient may have; sizes are learnt every
        `size_period` steps, at `scalar_rate` times the learning rate."""
        super().__init__(
            parameters,
            {
                "lr": lr, "betas": betas, "clipping": clipping, "window": window,
                "size_period": size_period, "scalar_rate": scalar_rate,
            },
        )  # fmt: skip

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            shapes: dict[tuple[int, ...], list[nn.Parameter]] = {}
            for parameter in group["params"]:
                shapes.setdefault(tuple(parameter.shape), []).append(parameter)
            if any(parameter.grad is not None for parameter in group["params"]):
                self._group(group, list(shapes.values()))
        return loss

    def _group(self, group: dict[str, Any], stacks: list[list[nn.Parameter]]) -> None:
        """One step of all tensors, given in lists of equal shape."""
        values = [torch.stack([p.data for p in stack]) for stack in stacks]
        gradients = [
            torch.stack([torch.zeros_like(p) if p.grad is None else p.grad for p in stack]) for stack in stacks
        ]
        states = [self._state(stack[0], value, group) for stack, value in zip(stacks, values, strict=True)]
        scale = self._clip(group, states[0], values, gradients)
        for stack, value, gradient, state in zip(stacks, values, gradients, states, strict=True):
            gradient = gradient * scale
            if value[0].numel() == 1:
                change = self._scalar(group, state, value, gradient)
                value.clamp_(-_LARGEST_SCALAR, _LARGEST_SCALAR)
            else:
                change = self._tensor(group, state, value, gradient)
            value += change
            for parameter, new in zip(stack, value, strict=True):
                parameter.copy_(new)
            state["step"] += 1

    def _state(self, first: nn.Parameter, value: Tensor, group: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = self.state[first]
        if not state:
            state["step"] = 0
            state["delta"] = torch.zeros_like(value)
            state["exp_avg_sq"] = torch.zeros_like(value)
            if value[0].numel() > 1:
                state["rms"] = _rms(value)
                state["scale_exp_avg_sq"] = torch.zeros_like(state["rms"])
                state["scale_grads"] = value.new_zeros(group["size_period"], *state["rms"].shape)
        return state

    def _clip(
        self, group: dict[str, Any], first: dict[str, Any], values: list[Tensor], gradients: list[Tensor]
    ) -> Tensor:
        """Factor for all gradients: their norm, relative to the tensors' sizes, is held below a threshold."""
        squares = []
        for value, gradient in zip(values, gradients, strict=True):
            relative = gradient if value[0].numel() == 1 else gradient * _rms(value)
            squares.append(relative.square().sum())
        norm = torch.stack(squares).sum().sqrt()
        window, step = group["window"], first["step"]
        if "norms" not in first:
            first["norms"] = norm.new_zeros(window)
            first["threshold"] = norm.new_full((), torch.inf)
        first["norms"][step % window] = norm
        if step and step % window == 0:
            first["threshold"] = group["clipping"] * first["norms"].median()
        scale: Tensor = (first["threshold"] / (norm + 1e-20)).clamp(max=1.0)
        return scale

    def _tensor(self, group: dict[str, Any], state: dict[str, Any], value: Tensor, gradient: Tensor) -> Tensor:
        """Change of a stack [n, ..] of tensors."""
        beta1, beta2 = group["betas"]
        rate, period, step = group["lr"], group["size_period"], state["step"]
        delta: Tensor = state["delta"].mul_(beta1)
        inner = tuple(range(1, value.dim()))
        state["scale_grads"][step % period] = (value * gradient).sum(inner, keepdim=True)
        if step % period == period - 1:
            state["rms"].copy_(_rms(value))
            if step:
                delta += (1 - beta1) * value * self._size(group, state)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        corrected = square / (1 - beta2 ** (step + 1))
        normed = gradient / (corrected.sqrt() + _EPSILON)
        delta -= rate * (1 - beta1) * state["rms"].clamp(min=_SMALLEST) * normed
        return delta

    def _size(self, group: dict[str, Any], state: dict[str, Any]) -> Tensor:
        """Relative change of the size of each tensor of a stack [n, 1, ..]."""
        period = group["size_period"]
        beta = group["betas"][1] ** period
        rate = group["lr"] * group["scalar_rate"]
        gradients = state["scale_grads"]
        square = state["scale_exp_avg_sq"].mul_(beta).add_(gradients.square().mean(0), alpha=1 - beta)
        correction = 1 - beta ** ((state["step"] + 1) // period)
        change: Tensor = -rate * correction**0.5 * gradients.sum(0) / (square.sqrt() + _EPSILON)
        change = change.masked_fill(state["rms"] < _SMALLEST, 0.0)
        return change.masked_fill(state["rms"] > _LARGEST, -rate * period)

    def _scalar(self, group: dict[str, Any], state: dict[str, Any], value: Tensor, gradient: Tensor) -> Tensor:
        """Change of a stack of single numbers: plain Adam."""
        beta1, beta2 = group["betas"]
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        corrected = square / (1 - beta2 ** (state["step"] + 1))
        delta: Tensor = state["delta"].mul_(beta1)
        rate = group["lr"] * group["scalar_rate"]
        delta -= rate * (1 - beta1) * gradient / (corrected.sqrt() + _EPSILON)
        return delta


def _rms(value: Tensor) -> Tensor:
    """Root mean square of each tensor of a stack [n, ..] -> [n, 1, ..]."""
    return value.square().mean(tuple(range(1, value.dim())), keepdim=True).sqrt()
