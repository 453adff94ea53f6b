"""Log-mel spectrograms -> sound: the vocoders of SoVITS v3 and v4. (v1, v2 and Pro have theirs inside.)

v4: HiFi-GAN (J. Kong et al., 2020) from 32 kHz mels to 48 kHz sound; its file has weight norm worked out already.
v3: BigVGAN v2, 24 kHz, 100 bands, hop 256 (S. Lee et al., "BigVGAN: A Universal Neural Vocoder with Large-Scale
Training", 2023): periodic activations (L. Ziyin et al., "Snake", 2020), each applied at twice the rate between low-pass
filters so that it does not alias (T. Karras et al., "StyleGAN3", 2021).

Attribute names and shapes are those of the official files. Everything is channel-first, [batch, channels, time].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.vits_modules import Generator, WeightNormConv1d, WeightNormUpsampling, fuse_weight_norm

_DILATIONS = (1, 3, 5)


class HifiGan(Generator):
    """The vocoder of v4: log-mel [b, 100, t] at 100 frames a second -> samples [b, 1, 480 t] at 48 kHz."""

    rate = 48000

    def __init__(self, channels: int = 512) -> None:
        rates, kernels, blocks = (10, 6, 2, 2, 2), (20, 12, 4, 4, 4), (3, 7, 11)
        super().__init__(100, None, channels, rates, kernels, blocks, [_DILATIONS] * 3)
        fuse_weight_norm(self)


@dataclass(frozen=True)
class BigVganConfig:
    """Sizes of one BigVGAN; those of `bigvgan_v2_24khz_100band_256x` by default."""

    mels: int = 100
    channels: int = 1536
    """Before the first stage; every stage halves them."""
    rates: tuple[int, ...] = (4, 4, 2, 2, 2, 2)
    """Frames out for one frame in, stage by stage."""
    block_kernels: tuple[int, ...] = (3, 7, 11)


class _Filter(nn.Module):
    """A low-pass filter [1, 1, taps], kept in the checkpoints."""

    filter: Tensor

    def __init__(self, taps: int = 12) -> None:
        super().__init__()
        self.register_buffer("filter", low_pass(taps)[None, None])

    def of(self, x: Tensor) -> Tensor:
        """For each channel of x [b, c, t]: [c, 1, taps]."""
        return self.filter.to(x).expand(x.shape[1], -1, -1)


def low_pass(taps: int) -> Tensor:
    """Kaiser-windowed sinc [taps] that lets pass the lower half of the band, with a transition of 0.6 of it."""
    width = 4 * 0.3
    attenuation = 2.285 * (taps // 2 - 1) * math.pi * width + 7.95  # dB, by J. Kaiser's rule: 51 for 12 taps
    shape = 0.1102 * (attenuation - 8.7)  # from 50 dB on
    window = torch.kaiser_window(taps, periodic=False, beta=shape, dtype=torch.float64)
    places = torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2
    impulse = window * torch.sinc(places / 2)
    return (impulse / impulse.sum()).float()


class _Upsample(_Filter):
    """[b, c, t] -> [b, c, 2 t]."""

    def forward(self, x: Tensor) -> Tensor:
        taps = self.filter.shape[-1]
        edge = taps // 2 - 1
        x = F.pad(x, (edge, edge), mode="replicate")
        x = 2 * F.conv_transpose1d(x, self.of(x), stride=2, groups=x.shape[1])
        cut = 2 * edge + (taps - 2) // 2
        return x[..., cut:-cut]


class _Downsample(nn.Module):
    """[b, c, 2 t] -> [b, c, t]."""

    def __init__(self) -> None:
        super().__init__()
        self.lowpass = _Filter()

    def forward(self, x: Tensor) -> Tensor:
        taps = self.lowpass.filter.shape[-1]
        x = F.pad(x, (taps // 2 - 1, taps // 2), mode="replicate")
        return F.conv1d(x, self.lowpass.of(x), stride=2, groups=x.shape[1])


class _Snake(nn.Module):
    """x + sin(a x)^2 / b, with log a and log b learnt for each channel: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha, self.beta = nn.Parameter(torch.zeros(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        frequency, size = self.alpha.exp()[:, None], self.beta.exp()[:, None]
        return x + (x * frequency).sin().square() / (size + 1e-9)


class PeriodicActivation(nn.Module):
    """Snake at twice the rate: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.act = _Snake(channels)
        self.upsample, self.downsample = _Upsample(), _Downsample()

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.downsample(self.act(self.upsample(x))))


class _Block(nn.Module):
    """Residual convolutions with periodic activations: [b, c, t] -> [b, c, t]."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int] = _DILATIONS) -> None:
        super().__init__()
        half = kernel // 2
        self.convs1 = nn.ModuleList(
            WeightNormConv1d(channels, channels, kernel, dilation=d, padding=d * half) for d in dilations
        )
        self.convs2 = nn.ModuleList(WeightNormConv1d(channels, channels, kernel, padding=half) for _ in dilations)
        self.activations = nn.ModuleList(PeriodicActivation(channels) for _ in range(2 * len(dilations)))

    def forward(self, x: Tensor) -> Tensor:
        activations = list(self.activations)
        for i, (dilated, straight) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            x = x + straight(activations[2 * i + 1](dilated(activations[2 * i](x))))
        return x


class BigVgan(nn.Module):
    """The vocoder of v3: log-mel [b, 100, t] at 93.75 frames a second -> samples [b, 1, 256 t] at 24 kHz."""

    rate = 24000

    def __init__(self, config: BigVganConfig | None = None) -> None:
        super().__init__()
        self.config = config or BigVganConfig()
        rates, channels = self.config.rates, self.config.channels
        widths = [channels >> i for i in range(len(rates) + 1)]
        self.conv_pre = WeightNormConv1d(self.config.mels, channels, 7, padding=3)
        self.ups = nn.ModuleList(
            nn.ModuleList([WeightNormUpsampling(a, a // 2, 2 * rate, rate)])
            for a, rate in zip(widths[:-1], rates, strict=True)
        )
        self.resblocks = nn.ModuleList(_Block(w, kernel) for w in widths[1:] for kernel in self.config.block_kernels)
        self.activation_post = PeriodicActivation(widths[-1])
        self.conv_post = WeightNormConv1d(widths[-1], 1, 7, padding=3, bias=False)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.conv_pre(mel)
        blocks, each = list(self.resblocks), len(self.config.block_kernels)
        for stage, (up,) in enumerate(cast(Sequence[nn.ModuleList], self.ups)):
            x = up(x)
            x = torch.stack([block(x) for block in blocks[stage * each : (stage + 1) * each]]).sum(0) / each
        return cast(Tensor, self.conv_post(self.activation_post(x))).clamp(-1, 1)

    def for_inference(self, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32) -> BigVgan:
        """Evaluation mode, weight norm worked out. One way. It stays where it is if no device is given."""
        fuse_weight_norm(self)
        return self.to(device=device, dtype=dtype).eval()
