"""Mel-to-wave networks that raise the rate stage by stage, as generators of the HiFi-GAN kind do.

J. Kong, J. Kim, J. Bae, "HiFi-GAN" (2020), small: by transposed convolutions (replicas and a checkerboard), or, as in
J. Pons et al., "Upsampling Artifacts in Neural Audio Synthesis" (2021), by repeated values and a filter (replicas).
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.train.copies.network_config import NetworkConfig
from synth.mel import mel_spectrogram
from synth.vits_modules import LEAK, Generator, ResidualBlock

KERNELS, DILATIONS = (3, 7), (1, 3)


class Transposed(nn.Module):
    """Samples [batch, time] -> samples [batch, time // hop * hop], and no further loss."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.generator = transposed(config.mels, config)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        wave = self.generator(mel_spectrogram(samples, self.config.mel))[:, 0]
        return wave, wave.new_zeros(())


def transposed(inputs: int, config: NetworkConfig) -> Generator:
    """The generator of the clone model, of this size; even strides have kernels of twice their length."""
    kernels = [2 * stride + stride % 2 for stride in config.strides]
    return Generator(inputs, None, config.width, config.strides, kernels, KERNELS, [DILATIONS] * len(KERNELS))


class Repeated(nn.Module):
    """The same with repeated values: samples [batch, time] -> samples [batch, time // hop * hop], no further loss."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        widths = [config.width >> stage for stage in range(len(config.strides) + 1)]
        self.inlet = nn.Conv1d(config.mels, config.width, 7, padding=3)
        self.smooth = nn.ModuleList(
            nn.Conv1d(wide, narrow, 2 * stride + 1, padding=stride)
            for (wide, narrow), stride in zip(pairwise(widths), config.strides, strict=True)
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(ResidualBlock(width, kernel, DILATIONS) for kernel in KERNELS) for width in widths[1:]
        )
        self.outlet = nn.Conv1d(widths[-1], 1, 7, padding=3)

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        x: Tensor = self.inlet(mel_spectrogram(samples, self.config.mel))
        for stride, smooth, blocks in zip(self.config.strides, self.smooth, self.blocks, strict=True):
            x = smooth(F.leaky_relu(x, LEAK).repeat_interleave(stride, dim=2))
            parallel: list[Tensor] = [block(x) for block in cast(nn.ModuleList, blocks)]
            x = torch.stack(parallel).mean(0)
        wave = torch.tanh(self.outlet(F.leaky_relu(x, LEAK)))[:, 0]
        return wave, wave.new_zeros(())
