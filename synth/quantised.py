"""The text-to-semantic model with weights of 8 bits, for decoding on a processor.

Decoding one token reads every weight once, so that its speed is that of the memory; at a quarter of the bytes it is up
to four times as fast. Weights are rounded per output channel to 255 symmetric steps (as B. Jacob et al., "Quantization
and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, arXiv:1712.05877, do) and
widened as they are read; activations, embeddings, norms and attention stay as they are.
"""

import copy
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from synth.errors import VoxproofError
from synth.gpt import GPT, Layer


class Int8Linear(nn.Module):
    """A linear layer that holds its weights in 8 bits; on the processor only, without gradient."""

    weight: Tensor  # [outputs, inputs] int8
    scale: Tensor  # [outputs] float32
    bias: Tensor | None  # [outputs] float32

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        weight = weight.detach().float()
        scale = weight.abs().amax(1).clamp(min=1e-12) / 127
        self.register_buffer("weight", (weight / scale[:, None]).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.register_buffer("bias", None if bias is None else bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] float32 -> [..., outputs] float32"""
        return F.linear(x, self.weight.float() * self.scale[:, None], self.bias)

    def state_dict(self, *arguments: Any, **options: Any) -> Any:
        """Refused: a quantised model is made from the exact one when it is needed."""
        raise VoxproofError("a quantised model cannot be saved", cure="Save the model that it was made from.")


def quantised(model: GPT) -> GPT:
    """A copy of `model` that decodes from 8-bit weights, in evaluation; the original is left as it is.

    Raises VoxproofError where the model is on a GPU (use half precision there).
    """
    if model.sines.device.type != "cpu":
        raise VoxproofError(
            "8-bit weights are for the processor", cure="Move the model there, or use half precision on the GPU."
        )
    out = copy.deepcopy(model).eval()
    for layer in cast(Iterable[Layer], out.h.layers):
        attention = layer.self_attn
        attention.projection = Int8Linear(attention.in_proj_weight, attention.in_proj_bias)
        del attention.in_proj_weight, attention.in_proj_bias
        for owner, name in ((attention, "out_proj"), (layer, "linear1"), (layer, "linear2")):
            exact = getattr(owner, name)
            setattr(owner, name, Int8Linear(exact.weight, exact.bias))
    setattr(out, "ar_predict_layer", Int8Linear(out.ar_predict_layer.weight, None))  # noqa: B010 (another class)
    for parameter in out.parameters():  # the exact weights may share their memory with those that stay
        parameter.data = parameter.data.clone()
    return out
