"""Changes made inside while something is said, so that causes can be asked for and not only correlations.

Each is a function of a tensor that gives one of the same shape, or factors for attention heads. Where several pieces
are spoken, every function is called once for each piece, with its number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.gpt import GPT
from synth.sovits import Sovits
from synth.vits_modules import Coupling

Edit = Callable[[Tensor, int], Tensor]
"""Tensor and number of the piece -> tensor of the same shape."""


@dataclass(frozen=True)
class Interventions:
    """What is changed; without any, nothing is."""

    heads: Mapping[tuple[int, int], float] = field(default_factory=dict)
    """Of the GPT: (layer, head) -> factor of the head's output. 0 ablates it, 1 leaves it."""
    codes: Callable[[Tensor, int], Tensor] | None = None
    """Semantic tokens [k] int64, as SoVITS gets them; another length is allowed, none is not."""
    voice: Edit | None = None
    """Reference embedding [1, channels, 1]."""
    prior_latent: Edit | None = None
    """Latent [1, channels, frames] before the flow."""
    couplings: Mapping[int, Edit] = field(default_factory=dict)
    """What comes out of a coupling layer (0 to 3; passed from 3 to 0) [1, channels, frames]."""
    latent: Edit | None = None
    """Latent [1, channels, frames] after the flow."""
    mel: Edit | None = None
    """v3 and v4, which have no such latents: log-mel [1, mels, frames] before the vocoder."""


def edited(edit: Edit | None, value: Tensor, piece: int, name: str) -> Tensor:
    """What the edit makes of the value, held to its shape, type and device."""
    if edit is None:
        return value
    made = edit(value.clone(), piece)
    if not isinstance(made, Tensor) or made.shape != value.shape:
        found = list(made.shape) if isinstance(made, Tensor) else type(made).__name__
        raise VoxproofError(
            f"the intervention on {name} gave {found} for {list(value.shape)}",
            cure="Return a tensor of the same shape.",
        )
    return made.to(value)


@contextmanager
def scaled_heads(gpt: GPT, heads: Mapping[tuple[int, int], float]) -> Iterator[None]:
    """While it is open, the outputs of these heads are multiplied, before the layer mixes them."""
    by_layer: dict[int, Tensor] = {}
    for (layer, head), factor in heads.items():
        if not (0 <= layer < gpt.config.layers and 0 <= head < gpt.config.heads):
            raise VoxproofError(
                f"there is no head {head} in a layer {layer}",
                cure=f"There are {gpt.config.layers} layers of {gpt.config.heads} heads, counted from 0.",
            )
        by_layer.setdefault(layer, torch.ones(gpt.config.heads))[head] = factor
    width = gpt.config.width // gpt.config.heads

    def hook(factors: Tensor) -> Callable[[nn.Module, tuple[Any, ...]], tuple[Tensor]]:
        return lambda module, args: (args[0] * factors.to(args[0]),)

    with ExitStack() as stack:
        for layer, factors in by_layer.items():
            projection = gpt.get_submodule(f"h.layers.{layer}.self_attn.out_proj")
            handle = projection.register_forward_pre_hook(hook(factors.repeat_interleave(width)))
            stack.callback(handle.remove)
        yield


@contextmanager
def watched_couplings(
    sovits: Sovits, edits: Mapping[int, Edit], piece: int, seen: dict[int, tuple[Tensor, Tensor]] | None
) -> Iterator[None]:
    """While it is open, coupling layers are edited, and what goes in and comes out is put into `seen`."""
    couplings = dict(enumerate(m for m in sovits.flow.flows if isinstance(m, Coupling)))
    if wrong := sorted(edits.keys() - couplings.keys()):
        raise VoxproofError(f"there is no coupling layer {wrong[0]}", cure=f"There are {len(couplings)}, from 0.")

    def hook(place: int) -> Callable[[nn.Module, tuple[Any, ...], Tensor], Tensor]:
        def after(module: nn.Module, args: tuple[Any, ...], out: Tensor) -> Tensor:
            out = edited(edits.get(place), out, piece, f"coupling layer {place}")
            if seen is not None:
                seen[place] = (kept(args[0][0]), kept(out[0]))
            return out

        return after

    with ExitStack() as stack:
        for place, module in couplings.items():
            stack.callback(module.register_forward_hook(hook(place)).remove)
        yield


def kept(value: Tensor) -> Tensor:
    """A copy for a trace, with which anything may be computed (values of inference mode do not allow that)."""
    with torch.inference_mode(False), torch.no_grad():
        copy = value.to("cpu", copy=True)
        return copy.float() if copy.is_floating_point() else copy
