"""Small checkpoints of every kind, in the official containers, and files put together by hand."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synth.checkpoint import Checkpoint, exported
from synth.checkpoint.layouts import flow_matching_shapes
from synth.gpt import GPT, GPTConfig
from synth.sovits import Sovits, SovitsConfig, Version

GPT_CONFIG: dict[str, Any] = {
    "data": {"max_sec": 54, "pad_val": 1024},
    "model": {
        "vocab_size": 33, "phoneme_vocab_size": 732, "embedding_dim": 16, "hidden_dim": 16, "head": 2,
        "linear_units": 2048, "n_layer": 1, "dropout": 0, "EOS": 32,
    },
    "optimizer": {"lr": 0.01, "decay_steps": 40000},
    "train": {"seed": 1234, "precision": "16-mixed", "if_dpo": False, "gpu": None},
}  # fmt: skip
SOVITS_SIZES: dict[str, Any] = {
    "hidden_channels": 16, "filter_channels": 16, "n_layers": 2, "inter_channels": 8, "upsample_initial_channel": 32,
    "p_dropout": 0.0,
}  # fmt: skip


@cache
def gpt_checkpoint(rows: int = 732) -> Checkpoint:
    """An S1 as training exports it."""
    torch.manual_seed(1)
    config = GPT_CONFIG | {"model": GPT_CONFIG["model"] | {"phoneme_vocab_size": rows}}
    model = GPT(GPTConfig.from_reference(config))
    weight = exported({f"model.{name}": value for name, value in model.state_dict().items()})
    return Checkpoint("gpt", "v1" if rows == 512 else "v2", weight, config, "GPT-e15")


@cache
def sovits_checkpoint(version: Version = "v2") -> Checkpoint:
    """An S2 as training exports it."""
    torch.manual_seed(2)
    sizes = SOVITS_SIZES | {"gin_channels": 16 if version.startswith("v2Pro") else 512}
    model = Sovits(SovitsConfig.from_mapping(sizes, version))
    config = {"model": {**sizes, "version": version}, "train": {"epochs": 8, "betas": [0.8, 0.99]}}
    return Checkpoint("sovits", version, exported(model.state_dict()), config, "8epoch_104iteration")


def lora_checkpoint(rank: int = 2) -> Checkpoint:
    """Changes to the first block of a v3, and one whole tensor."""
    torch.manual_seed(3)
    stem = "cfm.base_model.model.estimator.transformer_blocks.0.attn.to_q"
    weight: dict[str, Tensor] = {
        "bridge.0.bias": torch.randn(512).half(),
        f"{stem}.lora_A.default.weight": torch.randn(rank, 1024).half(),
        f"{stem}.lora_B.default.weight": torch.randn(1024, rank).half(),
    }
    return Checkpoint("lora", "v3", weight, {"model": {"version": "v3"}}, "2epoch", rank)


@cache
def flow_matching_base() -> Checkpoint:
    """Names and shapes of a v3 whose tensors have no numbers, but for those that `lora_checkpoint` changes."""
    weight = {name: torch.empty(shape, device="meta") for name, shape in flow_matching_shapes().items()}
    weight |= {
        "bridge.0.bias": torch.zeros(512),
        "cfm.estimator.transformer_blocks.0.attn.to_q.weight": torch.ones(1024, 1024).half(),
    }
    return Checkpoint("flow-matching", "v3", weight, {"model": {"version": "v3"}})


def archive(pickled: bytes, storages: dict[str, bytes] | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive like torch's around any pickle."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/byteorder", b"little")
        for key, data in (storages or {}).items():
            file.writestr(f"archive/data/{key}", data)
        file.writestr("archive/version", b"3\n")
    return made.getvalue()


def tagged(data: bytes, tag: bytes) -> bytes:
    return tag + data[2:]


def put(folder: Path, data: bytes, name: str = "file.pth") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
