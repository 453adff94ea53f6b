"""Weights in 8 bits for shipping: a quarter of the bytes of float32, widened again when they are loaded.

Matrices and kernels are rounded per first dimension to 255 symmetric steps (B. Jacob et al., "Quantization and Training
of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018, arXiv:1712.05877), vectors become float16.
What decides between codes stays as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from synth.errors import VoxproofError

STEPS, SCALE = ":steps", ":scale"
"""Behind the name of a tensor that was rounded: its whole numbers, and what they are to be multiplied by."""
SMALLEST = 2048
"""Numbers in a tensor that is worth it."""


def packed(state: Mapping[str, Tensor], exact: Collection[str] = ()) -> dict[str, Tensor]:
    """The state dict for a file; `exact` tensors are kept as they are, in 16 bits if those do.

    These are names, or with a dot at the end what names begin with.
    """
    kept = tuple(name for name in exact if name.endswith("."))
    out: dict[str, Tensor] = {}
    for name, tensor in state.items():
        value = tensor.detach().cpu().contiguous()
        if name in exact or name.startswith(kept) or not value.is_floating_point():
            short = value.half() if value.is_floating_point() else value
            out[name] = short if torch.equal(short.to(value), value) else value
        elif value.dim() < 2 or value.numel() < SMALLEST:
            out[name] = value.half()
        else:
            rows = value.float().flatten(1)
            scale = (rows.abs().amax(1) / 127).clamp(min=1e-8)
            out[name + STEPS] = (rows / scale[:, None]).round().to(torch.int8).view(value.shape)
            out[name + SCALE] = scale
    return out


def unpacked(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state dict of a file, in float32; what was not packed is what it was.

    Raises VoxproofError where steps and scales do not go together.
    """
    out: dict[str, Tensor] = {}
    for name, value in tensors.items():
        whole = name.removesuffix(STEPS)
        if name.endswith(STEPS):
            scale = tensors.get(whole + SCALE)
            if scale is None or value.dim() < 2 or scale.shape != value.shape[:1]:
                raise VoxproofError(f"the 8-bit tensor {whole[:80]} has no scale that fits", cure="Reinstall voxproof.")
            out[whole] = value.float() * scale.float().view(-1, *[1] * (value.dim() - 1))
        elif not name.endswith(SCALE):
            out[name] = value.float() if value.is_floating_point() else value
        elif name.removesuffix(SCALE) + STEPS not in tensors:
            raise VoxproofError(f"the scale {name[:80]} belongs to no tensor", cure="Reinstall voxproof.")
    return out
