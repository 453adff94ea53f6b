"""The state of a training on disk: everything that the next step depends on, in one safetensors file.

    network/<name>/<tensor>                weights and buffers; not frozen weights, which the training starts from again
    optimiser/<name>/<parameter>/<tensor>  moments and the like; plain numbers are in the table
    metadata "state"                       step, epoch, position, settings, learning rates, loss scale, and a BLAKE2b
                                           digest of all of it, so that a damaged file is noticed

Random numbers are not in it: every step draws from generators seeded with (seed, step), see `synth/train/run.py`.
Nothing is pickled. The file is replaced as a whole, so that a kill leaves the state before or the state after.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.train.shards import write_tensors

STATE = "state.safetensors"
_DAMAGED = "Delete the file to begin anew, or put back a copy of it."


def frozen_digest(networks: Mapping[str, nn.Module]) -> str:
    """Of all frozen weights; "" where there are none."""
    frozen = {f"{name}/{key}": value.cpu() for name, net in networks.items() for key, value in _frozen(net).items()}
    return _digest(frozen, "") if frozen else ""


def weights_sha256(network: nn.Module) -> str:
    """Of all weights and buffers as they are now, in hexadecimal digits."""
    return _fed(hashlib.sha256(), {name: value.detach().cpu() for name, value in network.state_dict().items()})


@dataclass(frozen=True)
class Position:
    """How far a training is."""

    step: int = 0
    """Steps done."""
    epoch: int = 1
    """Epoch that the next step belongs to, from 1."""
    within: int = 0
    """Steps of that epoch that are done."""


def save_state(
    path: Path,
    position: Position,
    settings: Mapping[str, Any],
    networks: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
    scaler: Mapping[str, Any],
) -> None:
    """Writes the state, whole or not at all."""
    tensors: dict[str, Tensor] = {}
    for name, network in networks.items():
        frozen = _frozen(network)
        for key, value in network.state_dict().items():
            if key not in frozen:
                tensors[f"network/{name}/{key}"] = value.detach().cpu().contiguous()
    tables = {}
    for name, optimiser in optimisers.items():
        packed = optimiser.state_dict()
        numbers: dict[str, dict[str, Any]] = {}
        for index, values in packed["state"].items():
            for key, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"optimiser/{name}/{index}/{key}"] = value.detach().cpu().contiguous()
                else:
                    numbers.setdefault(str(index), {})[key] = value
        tables[name] = {"numbers": numbers, "groups": packed["param_groups"]}
    table = json.dumps(
        {
            "step": position.step, "epoch": position.epoch, "within": position.within,
            "settings": settings, "optimisers": tables, "scaler": scaler,
        },
        sort_keys=True,
    )  # fmt: skip
    write_tensors(path, tensors, {"state": json.dumps({"table": table, "digest": _digest(tensors, table)})})


def load_state(
    path: Path,
    settings: Mapping[str, Any],
    networks: Mapping[str, nn.Module],
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> tuple[Position, dict[str, Any]]:
    """Fills networks and optimisers; gives the position and the loss scaler's numbers."""
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {})["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
        table = json.loads(head["table"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise VoxproofError(f"is no state of a training, or is damaged ({error})", path=path, cure=_DAMAGED) from error
    if head.get("digest") != _digest(tensors, head["table"]):
        raise VoxproofError("is damaged: its contents do not have the digest noted in it", path=path, cure=_DAMAGED)
    _same_settings(path, table["settings"], json.loads(json.dumps(settings)))
    try:
        for name, network in networks.items():
            network.load_state_dict(_frozen(network) | _below(tensors, f"network/{name}/"))
        for name, optimiser in optimisers.items():
            optimiser.load_state_dict(_optimiser(table["optimisers"][name], _below(tensors, f"optimiser/{name}/")))
    except (RuntimeError, KeyError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise VoxproofError(f"is of another model ({first})", path=path, cure="Choose another folder.") from error
    return Position(table["step"], table["epoch"], table["within"]), table["scaler"]


def _frozen(network: nn.Module) -> dict[str, Tensor]:
    """Weights that do not learn."""
    return {name: value.detach() for name, value in network.named_parameters() if not value.requires_grad}


def _optimiser(table: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """What `Optimizer.state_dict` gave."""
    state: dict[int, dict[str, Any]] = {int(index): dict(values) for index, values in table["numbers"].items()}
    for name, value in tensors.items():
        index, key = name.split("/", 1)
        state.setdefault(int(index), {})[key] = value
    groups = [{k: tuple(v) if k == "betas" else v for k, v in group.items()} for group in table["groups"]]
    return {"state": state, "param_groups": groups}


def _same_settings(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    different = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if different:
        name = different[0]
        raise VoxproofError(
            f"belongs to a training with other settings: {name} was {before.get(name)!r} and is now {now.get(name)!r}",
            path=path,
            cure="Use the settings of before to go on, or another folder; --no-resume begins anew.",
        )


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _digest(tensors: Mapping[str, Tensor], table: str) -> str:
    return _fed(hashlib.blake2b(table.encode(), digest_size=16), tensors)


def _fed(digest: Any, tensors: Mapping[str, Tensor]) -> str:
    """The digest after names, types, shapes and values in the order of the names."""
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    made: str = digest.hexdigest()
    return made
