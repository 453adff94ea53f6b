"""Goldens of the reference GPT-SoVITS (MIT licence), and models filled with the weights that made them.

The parity kit beside the repository has them all; where it is absent, `tests/golden` has a part. To cut that part anew,
from the project's root: python -m tests.synth.sovits_goldens
"""

import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from synth.sovits import Sovits, SovitsConfig  # noqa: E402
from tests.golden.seeded import seeded  # noqa: E402

KIT, PART = ROOT.parent / "shared" / "parity", ROOT / "tests" / "golden"
KEPT = {
    "sovits-v2-reduced": {
        "extract_latent": ("ssl", "codes"),
        "ref_enc": ("spec", "ge", "spec_b", "mask_b", "ge_b"),
        "enc_p_speed1": ("codes", "text", "speed", "m_p", "logs_p", "y_mask"),
        "enc_p_speed1.25": ("codes", "text", "speed", "m_p", "logs_p", "y_mask"),
        "enc_p_speed0.8": ("codes", "text", "speed", "m_p", "logs_p", "y_mask"),
        "flow_reverse": ("z_p", "g", "z", "back"),
        "decode_noise0.5": ("codes", "text", "refer", "noise_scale", "noise", "wav"),
        "train_forward": (
            *("ssl", "spec", "spec_lens", "text", "text_lens", "draws", "ids_slice"),
            *("wav", "z_p", "m_p", "logs_p", "m_q", "kl", "grad_norms", "params_without_grad"),
        ),
    },
    "sovits-v2pro-reduced": {"ref_enc": ("ge",), "ge_pro": ("sv_emb", "ge", "ge512")},
    "mel": {},
    "disc-v2": {},
    "sv": {},
}
FLAT = {
    "sovits-v3-full": ("version", "codes", "text", "refer", "ge", "fea"),
    "sovits-v4-full": ("version", "codes", "text", "refer", "ge", "fea_speed1_25"),
}


@cache
def golden(tag: str) -> dict[str, Any]:
    """What the kit stores for `tag`, or the part of it that the repository has."""
    for folder in (KIT, PART):
        if (path := folder / f"golden-{tag}.pt").exists():
            loaded: dict[str, Any] = torch.load(path, weights_only=True)
            return loaded
    pytest.skip(f"golden-{tag}.pt is neither in tests/golden nor in a parity kit beside the repository")


def weights(key: str, like: Tensor) -> Tensor:
    """The seeded tensor for an S2 key, with the rules for codebook, norms and PReLU that `seeded` lacks."""
    leaf = key.rsplit(".", 1)[-1]
    if leaf in ("num_batches_tracked", "inv_freq"):  # no weights
        return like
    normal = torch.from_numpy(
        np.random.Generator(np.random.PCG64(zlib.crc32(key.replace("embed_avg", "embed").encode()))).standard_normal(
            size=tuple(like.shape), dtype=np.float32
        )
    )
    if leaf == "inited":
        return torch.ones_like(like)
    if leaf == "cluster_size":
        return torch.full_like(like, 10.0)
    if leaf in ("embed", "embed_avg"):
        return normal
    if leaf in ("beta", "running_mean"):
        return 0.1 * normal
    if leaf == "running_var":
        return 1.0 + 0.2 * normal.abs()
    if key.startswith("prelu"):
        return 0.25 + 0.05 * normal
    return seeded(key, like.shape)


def fill(module: nn.Module) -> None:
    """Gives every parameter and buffer its seeded values, one at a time: a model of v3 has 1.5 GB of them."""
    for key, value in module.state_dict().items():
        value.copy_(weights(key, value))


@cache
def model(tag: str) -> Sovits:
    """The model of a golden, in evaluation mode. Shared by tests: leave it as it is."""
    return fresh_model(tag)


def fresh_model(tag: str) -> Sovits:
    stored = golden(tag)
    sovits = Sovits(SovitsConfig.from_mapping(stored["config"], stored["version"]))
    fill(sovits)
    return sovits.eval()


def difference(got: Tensor, want: Tensor) -> float:
    """Largest difference as a share of the largest value wanted."""
    assert got.shape == want.shape
    return float((got.detach() - want).abs().max() / want.abs().max())


def cut() -> None:
    """Writes the part that the repository keeps."""
    for tag, kept in KEPT.items():
        whole = golden(tag)
        if kept:
            names = {name: {key: whole["cases"][name][key] for key in keys} for name, keys in kept.items()}
            whole = {key: value for key, value in whole.items() if key != "cases"} | {"cases": names}
            if "decode_noise0.5" in names:  # the same sounds: stored once
                names["decode_noise0.5"]["refer"] = names["ref_enc"]["spec"]
                names["ref_enc"]["spec_b"] = names["ref_enc"]["spec_b"][-1:].clone()
        torch.save(whole, PART / f"golden-{tag}.pt")
    for tag, keys in FLAT.items():
        torch.save({key: golden(tag)[key] for key in keys}, PART / f"golden-{tag}.pt")


if __name__ == "__main__":
    cut()
