"""What is said, without who says it, in a few million parameters: the content encoder of the lite voice.

A student of the encoder of Whisper-base (A. Radford et al., "Robust Speech Recognition via Large-Scale Weak
Supervision", 2022), made of ConvNeXt blocks (Z. Liu et al., 2022; in one dimension as in H. Siuzdak's Vocos, 2023):
log-mel bands at 100 frames a second, two convolutions that halve the rate, blocks that look 0.3 s around them each.
Its features are what the token extractor of SoVITS hears, in the place of HuBERT's. `synth/train/student.py` trains it.
"""

from __future__ import annotations

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
QUIETEST, LOUDEST = -6.0, 3.0
"""Nepers around the mean level of a clip, between which a band is heard."""


@dataclass(frozen=True)
class StudentConfig:
    """Sizes; travel in the metadata of the weights."""

    width: int = 256
    """Channels of the blocks and of the features."""
    inner: int = 768
    """Channels between the two pointwise layers of a block."""
    blocks: int = 8
    kernel: int = 15
    """Frames of 20 ms that the depthwise convolution of a block sees."""

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


class Student(nn.Module):
    """Log-mel bands [batch, 80, frames at 100 Hz] -> features [batch, width, frames at 50 Hz]."""

    def __init__(self, config: StudentConfig | None = None) -> None:
        super().__init__()
        self.config = c = config or StudentConfig()
        self.stem = nn.Conv1d(MEL.mels, c.width, 5, padding=2)
        self.halve = nn.Conv1d(c.width, c.width, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(ConvBlock(c.width, c.inner, c.kernel, 1 / c.blocks) for _ in range(c.blocks))
        self.norm = nn.LayerNorm(c.width)

    def forward(self, bands: Tensor) -> Tensor:
        x = self.halve(F.gelu(self.stem(bands))).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x).transpose(1, 2)
        return out


def levels(samples: Tensor) -> Tensor:
    """Samples [batch, time] at 16 kHz -> log-mel bands about the mean level of each clip [batch, 80, time // 160]."""
    magnitudes = mel.spectrogram(samples, MEL)
    filters = torch.from_numpy(mel.mel_filters(MEL)).to(magnitudes)
    bands = (filters @ magnitudes).clamp(min=mel.FLOOR).log()
    power = bands.mul(2).exp().mean(dim=(1, 2), keepdim=True)
    return (bands - power.log() / 2).clamp(QUIETEST, LOUDEST) / 3.0
