"""Networks of ours as methods: whatever weights lie in a folder, each file a generator of its own."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from detectors.train.copies.codec import Codec
from detectors.train.copies.fourier_head import FourierHead
from detectors.train.copies.network_config import NetworkConfig
from detectors.train.copies.upsampling import Repeated, Transposed
from synth.channels.base import FloatArray, convert
from synth.errors import VoxproofError

KINDS = {"fourier": FourierHead, "transposed": Transposed, "repeated": Repeated, "codec": Codec}
LEVEL = 0.07
"""RMS at which networks are trained and used."""


def build(config: NetworkConfig) -> nn.Module:
    """An untrained network."""
    if config.kind not in KINDS:
        raise VoxproofError(f"no network is of the kind {config.kind}", cure=f"Known are: {', '.join(KINDS)}.")
    return KINDS[config.kind](config)


def packed(config: NetworkConfig, step: int, data: dict[str, int]) -> dict[str, str]:
    """Metadata of weights: the configuration, the steps done, and the clips of each licence that trained them."""
    return {"network": json.dumps({"config": asdict(config), "step": step, "clips": data}, sort_keys=True)}


class Network(Method):
    """One file of weights."""

    family: ClassVar[Family] = Family.NETWORK

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.stem  # type: ignore[misc]
        try:
            with safe_open(path, framework="pt") as file:
                said = json.loads((file.metadata() or {})["network"])
                self._state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            self.step = int(said["step"])
            self.config = NetworkConfig(**said["config"] | {"strides": tuple(said["config"]["strides"])})
        except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
            raise VoxproofError(f"is no network that copies ({error})", path=path) from error

    @cached_property
    def _model(self) -> nn.Module:
        model = build(self.config)
        try:
            model.load_state_dict(self._state)
        except RuntimeError as error:
            raise VoxproofError("holds other tensors than its configuration asks for", path=self.path) from error
        return model.eval()

    def draw(self, rng: Rng) -> dict[str, Setting]:
        return {"step": self.step}

    @torch.inference_mode()
    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        sound = convert(samples, rate, self.config.rate)
        sound = sound * np.float32(LEVEL / max(float(np.sqrt(np.mean(sound**2))), 1e-6))
        hop = self.config.hop
        padded = np.pad(sound, (hop, 2 * hop + -sound.size % hop), mode="reflect")
        made = self._model(torch.from_numpy(np.ascontiguousarray(padded, np.float32))[None])[0][0]
        return convert(np.ascontiguousarray(made.numpy()[hop : hop + sound.size]), self.config.rate, rate)


def trained(folder: Path) -> list[Network]:
    """All networks of a folder, by name; raises `VoxproofError` where there are none."""
    found = [
        Network(path) for path in sorted(folder.glob("*.safetensors")) if not path.name.endswith("state.safetensors")
    ]
    if not found:
        raise VoxproofError(
            "holds no weights of networks that copy", path=folder, cure="Run detectors.train.copies.fit_network first."
        )
    return found
