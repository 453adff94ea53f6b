"""Latent frames to sound by an inverse Fourier transform: the light head of the lite voice.

After Vocos (H. Siuzdak, "Vocos: Closing the gap between time-domain and Fourier-based neural vocoders", 2023): no layer
works at the rate of the samples. Frames are doubled to 100 a second, ConvNeXt blocks follow, and a linear layer gives
each frame the magnitudes and phases of a spectrum, which windows, overlap and sum turn into sound. A third of what
HiFi-GAN has in numbers, a small part of its work, and another fingerprint.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.student import ConvBlock

LOUDEST = math.log(1e2)
"""Of a magnitude, as a logarithm: what a sum of `window` samples within -1 and 1 hardly reaches."""


class FourierDecoder(nn.Module):
    """Frames [b, c, t], condition [b, gin, 1] -> wave [b, 1, t * hop] within -1 and 1."""

    def __init__(self, inputs: int, condition: int, width: int, blocks: int, hop: int) -> None:
        super().__init__()
        self.hop, self.window = hop // 2, 2 * hop
        self.conv_pre = nn.Conv1d(inputs, width, 7, padding=3)
        self.cond = nn.Conv1d(condition, width, 1)
        self.ups = nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)
        self.norm_pre = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(ConvBlock(width, 3 * width, 7, 1 / blocks) for _ in range(blocks))
        self.norm_post = nn.LayerNorm(width)
        self.head = nn.Linear(width, self.window + 2)

    def forward(self, frames: Tensor, condition: Tensor) -> Tensor:
        x = self.ups(self.conv_pre(frames) + self.cond(condition))
        x = self.norm_pre(x.transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        magnitudes, phases = self.head(self.norm_post(x)).float().chunk(2, dim=-1)
        magnitudes = magnitudes.clamp(max=LOUDEST).exp()
        return overlapped(torch.polar(magnitudes, phases), self.hop).clamp(-1, 1).unsqueeze(1)


def overlapped(spectra: Tensor, hop: int) -> Tensor:
    """Spectra [b, t, bins] of frames `hop` samples apart -> samples [b, t * hop]: windowed, added, made even."""
    window = 2 * (spectra.shape[-1] - 1)
    hann = torch.hann_window(window, device=spectra.device)
    pieces = torch.fft.irfft(spectra, window) * hann
    length = (spectra.shape[1] - 1) * hop + window
    sums = [
        F.fold(part.transpose(1, 2), (1, length), (1, window), stride=(1, hop))[:, 0, 0]
        for part in (pieces, hann.square().expand(1, spectra.shape[1], window))
    ]
    edge = (window - hop) // 2
    inside = slice(edge, edge + spectra.shape[1] * hop)
    return sums[0][:, inside] / sums[1][:, inside].clamp(min=1e-3)
