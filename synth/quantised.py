"""The text-to-semantic model with weights of 8 bits, for decoding on a processor.

Decoding one token reads every weight once, so that its speed is that of the memory; at a quarter of the bytes it is up
to four times as fast. Weights are rounded per output channel to 255 symmetric steps, activations per call to 256 (the
scheme of B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", 2018, arXiv:1712.05877). Embeddings, norms and attention stay as they are.
"""

import copy
import warnings
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.gpt import GPT, Layer


class Int8Linear(nn.Module):
    """A linear layer that holds its weights in 8 bits; on the processor only, without gradient."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        weight = weight.detach().float()
        scales = weight.abs().amax(1).clamp(min=1e-12).double() / 127
        with warnings.catch_warnings():  # PyTorch means to replace these tensors, and has no other 8-bit layer yet
            warnings.simplefilter("ignore", UserWarning)
            zeros = torch.zeros(len(weight), dtype=torch.long)
            rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        self.packed: Any = torch.ops.quantized.linear_prepack(rounded, None if bias is None else bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        """[..., inputs] float32 -> [..., outputs] float32"""
        out: Tensor = torch.ops.quantized.linear_dynamic(x, self.packed)
        return out

    def state_dict(self, *arguments: Any, **options: Any) -> Any:
        """Refused: a quantised model is made from the exact one when it is needed."""
        raise VoxproofError("a quantised model cannot be saved", cure="Save the model that it was made from.")


def quantised(model: GPT) -> GPT:
    """A copy of `model` that decodes from 8-bit weights, in evaluation; the original is left as it is.

    Raises VoxproofError where the model is on a GPU (use half precision there) or this PyTorch has no 8-bit kernels.
    """
    if model.sines.device.type != "cpu":
        raise VoxproofError(
            "8-bit weights are for the processor", cure="Move the model there, or use half precision on the GPU."
        )
    if "x86" in torch.backends.quantized.supported_engines:
        torch.backends.quantized.engine = "x86"
    elif not torch.backends.quantized.supported_engines:
        raise VoxproofError("this PyTorch has no 8-bit kernels", cure="Decode in float32, or install another build.")
    out = copy.deepcopy(model).eval()
    for layer in cast(Iterable[Layer], out.h.layers):
        attention = layer.self_attn
        attention.projection = Int8Linear(attention.in_proj_weight, attention.in_proj_bias)
        del attention.in_proj_weight, attention.in_proj_bias
        for owner, name in ((attention, "out_proj"), (layer, "linear1"), (layer, "linear2")):
            exact = getattr(owner, name)
            setattr(owner, name, Int8Linear(exact.weight, exact.bias))
    setattr(out, "ar_predict_layer", Int8Linear(out.ar_predict_layer.weight, None))  # noqa: B010 (another class)
    return out
