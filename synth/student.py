"""What is said, without who says it, in a few million parameters: the content encoder of the lite voice.

A student of the encoder of Whisper-base (A. Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision", 2022), which begins as its first layers, as in H.-J. Chang, S.-w. Yang, H.-y. Lee, "DistilHuBERT" (2022):
log-mel bands at 100 frames a second, two convolutions of which the second halves the rate, layers of attention, and a
projection. Its features are what the token extractor of SoVITS hears, in the place of HuBERT's.
`synth/train/student.py` trains it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth import mel

RATE = 16_000
"""Hz."""
MEL = mel.MelConfig(rate=RATE, window=400, hop=160, mels=80)
RANGE, TOP, QUIETEST = 8.0, 1.0, 1e-10
"""Decades of power that are heard below the loudest band, which is put there; and the least power."""


@dataclass(frozen=True)
class StudentConfig:
    """Sizes; travel in the metadata of the weights."""

    width: int = 256
    """Channels of the features."""
    inside: int = 512
    """Channels of the layers; Whisper-base's."""
    inner: int = 1536
    """Channels between the two pointwise layers behind the attention; Whisper-base has 2048."""
    layers: int = 2
    heads: int = 8

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> StudentConfig:
        """From `to_mapping`, whose values may have become strings."""
        return cls(**{name: int(value) for name, value in mapping.items()})

    def to_mapping(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class ConvBlock(nn.Module):
    """Depthwise convolution and two pointwise layers beside a shortcut: [batch, time, channels] -> the same."""

    def __init__(self, width: int, inner: int, kernel: int, scale: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, inner)
        self.narrow = nn.Linear(inner, width)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor) -> Tensor:
        around = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        out: Tensor = x + self.scale * self.narrow(F.gelu(self.widen(self.norm(around))))
        return out


class Layer(nn.Module):
    """Self-attention and two pointwise layers, each behind a norm and beside a shortcut: [batch, time, channels]."""

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        inside = config.inside
        self.heads = config.heads
        self.self_attn_layer_norm = nn.LayerNorm(inside)
        self.q_proj, self.v_proj = nn.Linear(inside, inside), nn.Linear(inside, inside)
        self.k_proj = nn.Linear(inside, inside, bias=False)
        self.out_proj = nn.Linear(inside, inside)
        self.final_layer_norm = nn.LayerNorm(inside)
        self.fc1, self.fc2 = nn.Linear(inside, config.inner), nn.Linear(config.inner, inside)

    def forward(self, x: Tensor) -> Tensor:
        normed = self.self_attn_layer_norm(x)
        query, key, value = (
            part(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        heard = F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        x = x + self.out_proj(heard)
        out: Tensor = x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))
        return out


class Student(nn.Module):
    """Log-mel bands [batch, 80, frames at 100 Hz] -> features [batch, width, frames at 50 Hz]."""

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or StudentConfig()
        self.conv1 = nn.Conv1d(MEL.mels, c.inside, 3, padding=1)
        self.conv2 = nn.Conv1d(c.inside, c.inside, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.project = nn.Linear(c.inside, c.width)
        self.norm = nn.LayerNorm(c.width)

    def forward(self, bands: Tensor) -> Tensor:
        bands = bands[..., : bands.shape[-1] // 2 * 2]
        x = F.gelu(self.conv2(F.gelu(self.conv1(bands)))).transpose(1, 2)
        x = x + _positions(x.shape[1], self.config.inside).to(x)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.norm(self.project(x)).transpose(1, 2)
        return out


def _positions(frames: int, channels: int) -> Tensor:
    """Sines and cosines that say where a frame lies, as in Whisper: [frames, channels]."""
    half = channels // 2
    slowness = torch.exp(-math.log(10_000) / (half - 1) * torch.arange(half))
    angles = torch.arange(frames)[:, None] * slowness
    return torch.cat([angles.sin(), angles.cos()], 1)


def levels(samples: Tensor) -> Tensor:
    """Samples [batch, time] at 16 kHz -> log-mel bands about the loudest of each clip [batch, 80, time // 160].

    Whisper's, but that the level of the clip makes no difference.
    """
    power = mel.spectrogram(samples, MEL).square()
    filters = torch.from_numpy(mel.mel_filters(MEL)).to(power)
    bands = (filters @ power).clamp(min=QUIETEST).log10()
    bands = bands - bands.amax((1, 2), keepdim=True)
    return (bands.clamp(min=-RANGE) + TOP + 4) / 4
