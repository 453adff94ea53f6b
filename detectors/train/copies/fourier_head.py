"""A mel-to-wave network that gives magnitudes and phases of every frame, and an inverse Fourier transform after it.

H. Siuzdak, "Vocos: Closing the Gap Between Time-Domain and Fourier-Based Neural Vocoders for High-Quality Audio
Synthesis" (2023), small. Its traces are those of frames: no upsampling, no replicas.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from detectors.train.copies.network_config import NetworkConfig
from synth.fourier_decoder import overlapped
from synth.mel import mel_spectrogram
from synth.student import ConvBlock


class FourierHead(nn.Module):
    """Samples [batch, time] -> samples [batch, time // hop * hop], and no further loss."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.inlet = nn.Conv1d(config.mels, width, 7, padding=3)
        self.before = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(ConvBlock(width, 3 * width, 7, 1 / config.blocks) for _ in range(config.blocks))
        self.after = nn.LayerNorm(width)
        self.outlet = nn.Linear(width, 2 * (config.window // 2 + 1))

    def forward(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        mel = mel_spectrogram(samples, self.config.mel)
        x = self.before(self.inlet(mel).transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        magnitude, phase = self.outlet(self.after(x)).chunk(2, dim=-1)
        wave = overlapped(torch.polar(magnitude.clamp(max=5).exp(), phase), self.config.hop)
        return wave, wave.new_zeros(())
