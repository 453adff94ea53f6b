"""Weights that everybody can draw for himself: each tensor from a generator seeded by its state-dict key.

The reference's goldens were made with these very weights, so equal keys and shapes give equal outputs and no weights
need to be shipped. The rule (one normal draw per tensor, then shifted and scaled by what the key's last part says) has
to stay bit-identical to that of the parity kit.
"""

import zlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_AROUND_ONE = {"alpha", "gamma", "weight_g"}


def seeded(key: str, shape: Iterable[int]) -> Tensor:
    """float32 tensor for a text-to-semantic model's key, prefix "model." included."""
    shape = tuple(shape)
    draw = np.random.Generator(np.random.PCG64(zlib.crc32(key.encode())))
    n: npt.NDArray[np.float32] = draw.standard_normal(size=shape, dtype=np.float32)
    leaf = key.rsplit(".", 1)[-1]
    if leaf == "bias" or leaf.endswith("_bias"):
        n = 0.05 * n
    elif leaf in _AROUND_ONE or len(shape) == 1:
        n = 1.0 + 0.1 * n
    else:
        n = n * np.float32(1.0 / np.sqrt(int(np.prod(shape[1:]))))
    return torch.from_numpy(np.ascontiguousarray(n.astype(np.float32)))


def fill(model: nn.Module, prefix: str = "") -> None:
    """Give every parameter of a model its seeded values, in place."""
    model.load_state_dict({key: seeded(prefix + key, value.shape) for key, value in model.state_dict().items()})
