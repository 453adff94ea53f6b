"""Listens to the models while they work: scores and attention of the GPT, cross-attention of SoVITS.

Everything is taken by forward hooks from outside, so that the models' own code knows nothing of it and runs as ever
where nobody watches. Attention weights are computed a second time from the same queries and keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.gpt import GPT
from synth.gpt import Attention as GptAttention
from synth.interventions import kept
from synth.sovits import Sovits
from synth.sovits_flow import FlowSovits
from synth.vits_modules import Attention as SovitsAttention


class GptRecord:
    """What was heard of one utterance."""

    def __init__(self) -> None:
        self.logits: list[Tensor] = []
        self.rows: dict[int, list[Tensor]] = {}
        """By layer, attention [heads, rows, columns] of each call."""

    def attention(self, columns: int) -> dict[int, Tensor]:
        """By layer [heads, columns, columns], what could not be seen being 0; rows and columns beyond are left out."""
        made = {}
        for layer, rows in self.rows.items():
            whole = torch.zeros(rows[0].shape[0], columns, columns)
            at = 0
            for row in rows:
                height = min(row.shape[1], columns - at)
                whole[:, at : at + height, : min(row.shape[2], columns)] = row[:, :height, :columns]
                at += height
            made[layer] = whole
        return made


@contextmanager
def watched_gpt(gpt: GPT, attention: Mapping[int, tuple[int, ...] | None], logits: bool) -> Iterator[GptRecord]:
    """Records one utterance that is decoded alone while it is open."""
    record = GptRecord()
    with ExitStack() as stack:
        if logits:
            handle = gpt.ar_predict_layer.register_forward_hook(lambda m, a, out: record.logits.append(kept(out[0])))
            stack.callback(handle.remove)
        for layer, heads in attention.items():
            chosen = chosen_heads(gpt, layer, heads)
            record.rows[layer] = []
            module = gpt.get_submodule(f"h.layers.{layer}.self_attn")
            handle = module.register_forward_hook(_attention_hook(chosen, record.rows[layer]))
            stack.callback(handle.remove)
        yield record


def chosen_heads(gpt: GPT, layer: int, heads: tuple[int, ...] | None) -> tuple[int, ...]:
    """The heads named, or all of the layer."""
    chosen = tuple(range(gpt.config.heads)) if heads is None else heads
    if not 0 <= layer < gpt.config.layers or not all(0 <= head < gpt.config.heads for head in chosen):
        raise VoxproofError(
            f"there are no heads {list(chosen)} in a layer {layer}",
            cure=f"There are {gpt.config.layers} layers of {gpt.config.heads} heads, counted from 0.",
        )
    return chosen


def _attention_hook(heads: tuple[int, ...], rows: list[Tensor]) -> Any:
    def after(module: GptAttention, args: tuple[Any, ...], out: Tensor) -> None:
        x, allowed, slot = (*args, None, None)[:3]
        width = x.shape[-1]
        projection = getattr(module, "projection", None)  # in place of the matrix, where it is quantised
        if projection is None:
            query = F.linear(x[:1], module.in_proj_weight[:width], module.in_proj_bias[:width])
        else:
            query = projection(x[:1])[..., :width]
        query = query.view(1, x.shape[1], module.heads, -1).transpose(1, 2)
        key = slot.keys[:1, :, : slot.filled + x.shape[1]]
        scores = (query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])).float()
        if allowed is not None:
            scores = scores.masked_fill(~allowed[:1], -math.inf)
        rows.append(kept(scores.softmax(-1)[0, list(heads)]))

    return after


@contextmanager
def watched_alignment(sovits: Sovits | FlowSovits, wanted: bool) -> Iterator[list[Tensor]]:
    """The cross-attention [heads, frames, phones] of the decoding while it is open."""
    found: list[Tensor] = []

    def after(module: SovitsAttention, args: tuple[Any, ...], out: Tensor) -> None:
        found.append(kept(module.weights(*args)[0]))

    with ExitStack() as stack:
        if wanted:
            module: nn.Module = sovits.enc_p.mrte.cross_attention
            stack.callback(module.register_forward_hook(after).remove)
        yield found
