"""ERes2NetV2: which speaker a recording sounds like, as SoVITS v2Pro and v2ProPlus want to know it.

Y. Chen et al., "ERes2NetV2: Boosting Short-Duration Speaker Verification Performance with Computational Efficiency"
(2024): residual blocks whose channels are split in four scales, each seeing the one before (S. Gao et al., "Res2Net",
2019), the deeper ones joined by attention (Y. Dai et al., "Attentional Feature Fusion", 2021). It listens to the
logarithms of 80 mel bands, computed as by Kaldi (D. Povey et al., 2011).

    samples at 16 kHz -> filter_bank() -> convolutions -> frames [b, 20480, t / 8] -> mean: what SoVITS takes
                                                                                   -> mean, deviation -> 192 numbers

Attribute names and shapes are those of the official file, a bare state dict. In evaluation mode only.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from synth.errors import VoxproofError

RATE = 16000  # samples per second
BANDS = 80
_WINDOW, _HOP, _FOURIER = 400, 160, 512  # 25 ms, 10 ms, the next power of two; samples
_PRE_EMPHASIS = 0.97
_LOWEST = 20.0  # Hz
_SCALES = 4
_EXPANSION = 4  # channels that leave a block for one that its size is named by
_LAYERS = ((64, 3, 1, False), (128, 4, 2, False), (256, 6, 2, True), (512, 3, 2, True))  # size, blocks, stride, fusion
_CEILING = 20.0  # of the activations inside blocks


def filter_bank(samples: Tensor) -> Tensor:
    """Samples [b, n] at 16 kHz, in -1..1 -> natural logarithms of mel band powers [b, frames, 80].

    Frames of 25 ms every 10 ms, whole ones only; no dither, no normalisation.
    """
    if samples.dim() != 2 or samples.shape[1] < _WINDOW:
        raise VoxproofError(
            f"The filter bank needs samples [batch, time], at least {_WINDOW} of them, not {list(samples.shape)}"
        )
    frames = samples.float().unfold(1, _WINDOW, _HOP)
    frames = frames - frames.mean(2, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
    frames = (frames - _PRE_EMPHASIS * before) * torch.from_numpy(_window()).to(frames)
    power = torch.fft.rfft(frames, _FOURIER).abs().square()
    bands = power @ torch.from_numpy(_filters()).to(frames).T
    return cast(Tensor, bands.clamp(min=torch.finfo(torch.float32).eps).log())


@cache
def _window() -> NDArray[np.float32]:
    """Povey's: a Hann window to the power 0.85."""
    return (np.hanning(_WINDOW) ** 0.85).astype(np.float32)


@cache
def _filters() -> NDArray[np.float32]:
    """Triangles [80, bins], equally wide in mel and of height 1; the bin at half the rate has no weight."""

    lowest, highest = 1127.0 * np.log(1.0 + np.array([_LOWEST, RATE / 2]) / 700.0)  # mel
    bins = 1127.0 * np.log(1.0 + np.arange(_FOURIER // 2 + 1) * RATE / _FOURIER / 700.0)
    edges, width = np.linspace(lowest, highest, BANDS + 2, retstep=True)
    edges = edges[:, None]
    triangles: NDArray[np.float64] = np.maximum(0.0, np.minimum(bins - edges[:-2], edges[2:] - bins) / width)
    triangles[:, -1] = 0.0
    return triangles.astype(np.float32)


def _activation(x: Tensor) -> Tensor:
    return x.clamp(0.0, _CEILING)


class Fusion(nn.Module):
    """Weighs two maps [b, c, bands, t] against each other, place by place: -> [b, c, bands, t]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 4
        self.local_att = nn.Sequential(
            nn.Conv2d(2 * channels, inner, 1),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            nn.Conv2d(inner, channels, 1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        tilt: Tensor = self.local_att(torch.cat([x, y], dim=1)).tanh()  # 1: only x, -1: only y
        return x * (1 + tilt) + y * (1 - tilt)


class Block(nn.Module):
    """Residual block of four scales: [b, inputs, bands, t] -> [b, 4 size, bands / stride, t / stride]."""

    def __init__(self, inputs: int, size: int, stride: int, fused: bool) -> None:
        super().__init__()
        width, outputs = size * 24 // 64, size * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, width * _SCALES, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(width * _SCALES)
        self.convs = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1, bias=False) for _ in range(_SCALES))
        self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(_SCALES))
        if fused:
            self.fuse_models = nn.ModuleList(Fusion(width) for _ in range(_SCALES - 1))
        self.fused = fused
        self.conv3 = nn.Conv2d(width * _SCALES, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        done: list[Tensor] = []
        scales = _activation(self.bn1(self.conv1(x))).chunk(_SCALES, dim=1)
        for i, (own, convolution, norm) in enumerate(zip(scales, self.convs, self.bns, strict=True)):
            joined = own
            if done:
                joined = self.fuse_models[i - 1](done[-1], own) if self.fused else done[-1] + own
            done.append(_activation(norm(convolution(joined))))
        return _activation(self.bn3(self.conv3(torch.cat(done, dim=1))) + self.shortcut(x))


class ERes2NetV2(nn.Module):
    """Filter bank [b, frames, 80] -> embedding; `forward` gives the one that SoVITS takes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for number, (size, blocks, stride, fused) in enumerate(_LAYERS, start=1):
            layer = nn.Sequential()
            for i in range(blocks):
                layer.append(Block(inputs, size, stride if i == 0 else 1, fused))
                inputs = size * _EXPANSION
            self.add_module(f"layer{number}", layer)
        self.layer3_ds = nn.Conv2d(1024, 2048, 3, 2, 1, bias=False)
        self.fuse34 = Fusion(2048)
        self.seg_1 = nn.Linear(2 * 2048 * BANDS // 8, 192)

    def frames(self, bands: Tensor) -> Tensor:
        """[b, frames, 80] -> [b, 20480, frames / 8]: 2048 channels of 10 bands."""
        x = F.relu(self.bn1(self.conv1(bands.transpose(1, 2).unsqueeze(1).to(self.conv1.weight))))
        third = self.get_submodule("layer3")(self.get_submodule("layer2")(self.get_submodule("layer1")(x)))
        fourth = self.get_submodule("layer4")(third)
        return cast(Tensor, self.fuse34(fourth, self.layer3_ds(third))).flatten(1, 2)

    def forward(self, bands: Tensor) -> Tensor:
        """[b, frames, 80] -> [b, 20480]: the mean over time."""
        return self.frames(bands).mean(-1)

    def verification(self, bands: Tensor) -> Tensor:
        """[b, frames, 80] -> [b, 192]: what the network was trained to compare speakers by, by the cosine."""
        frames = self.frames(bands)
        deviation = (frames.var(-1) + 1e-8).sqrt()
        return cast(Tensor, self.seg_1(torch.cat([frames.mean(-1), deviation], dim=1)))

    @torch.no_grad()
    def speaker(self, samples: Tensor) -> Tensor:
        """Samples [b, n] at 16 kHz, in -1..1 -> [b, 20480], float32: one reference's embedding for `Sovits.voice`."""
        bands = filter_bank(samples.to(self.conv1.weight.device))
        return cast(Tensor, self(bands)).float()
