"""Low-rank changes that are learnt beside frozen weights (E. Hu et al., "LoRA", 2021), as GPT-SoVITS has them.

The attention projections of the mel decoder of v3 and v4 get a pair A [rank, inputs] and B [outputs, rank] each, B
starting from 0; their strength is their rank, so that the layer is W x + B A x. All else in the mel decoder is frozen.
Names are those of PEFT, which the reference uses; `synth/checkpoint/lora.py` writes them to the official file and works
them in.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.flow_matching import FlowMatching

TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
"""Layers of each attention that learn."""
RANK = 32
"""Of few-shot fine-tuning; the reference offers 16, 32, 64 and 128."""
_SEED = 1234


class LowRank(nn.Module):
    """A frozen linear layer and its change: [.., inputs] -> [.., outputs]."""

    def __init__(self, layer: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base_layer = layer.requires_grad_(False)
        like = layer.weight
        down = nn.Linear(layer.in_features, rank, bias=False, device=like.device, dtype=like.dtype)
        up = nn.Linear(rank, layer.out_features, bias=False, device=like.device, dtype=like.dtype)
        nn.init.zeros_(up.weight)
        self.lora_A, self.lora_B = nn.ModuleDict({"default": down}), nn.ModuleDict({"default": up})

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.lora_B["default"](self.lora_A["default"](x))
        return cast(Tensor, self.base_layer(x)) + change


def learn_low_rank(decoder: FlowMatching, rank: int, seed: int = _SEED) -> None:
    """Freezes a mel decoder but for new changes of this rank."""
    widest = decoder.config.heads * decoder.config.head_width
    if not 1 <= rank <= widest:
        raise VoxproofError(f"a rank of {rank} is not 1 to {widest}", cure="The reference offers 16, 32, 64 and 128.")
    torch.manual_seed(seed)
    decoder.requires_grad_(False)
    for block in decoder.estimator.transformer_blocks:
        attention = block.get_submodule("attn")
        for name in TARGETS:
            parent, _, last = name.rpartition(".")
            holder = attention.get_submodule(parent)
            setattr(holder, last, LowRank(cast(nn.Linear, holder.get_submodule(last)), rank))
