"""Latent frames to sound by an inverse Fourier transform: the light head of the lite voice.

A source and a filter, as in the neural homomorphic vocoder (Z. Liu, K. Chen, K. Yu, "Neural Homomorphic Vocoder", 2020)
and in J. Engel et al., "DDSP" (2020), on the frames of Vocos (H. Siuzdak, 2023): nothing that learns works at the rate
of the samples. One small network hears the pitch in the latent; from it come the pulses of a voice, and noise. Another,
ConvNeXt blocks at 100 frames a second, gives each frame a spectrum for either, and the phases of the pulses' spectrum.
Windows, overlap and sum turn the product into sound. A third of what HiFi-GAN has in numbers, a small part of its work,
and another fingerprint: what is voiced is exactly periodic.

The same latent gives the same sound: pulses are counted and noise is drawn from the first frame on.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.student import ConvBlock

RATE = 32_000
WINDOW = 1024
"""Samples of a frame's spectrum."""
LOWEST, OCTAVES = 50.0, 3.8
"""Pitch in Hz: from there, so many octaves."""
LOUDEST = math.log(1e3)
"""Of a filter, as a logarithm."""
QUIET = -4.0
"""Where the filters start, as logarithms."""
_SEED = 20
_PITCH_WIDTH = 128


class Pitch(NamedTuple):
    """What is heard of the source, at 100 frames a second."""

    voiced: Tensor
    """[b, t]: log odds that there is a voice."""
    hertz: Tensor
    """[b, t]: its pitch, where there is one."""


def told(heard: Pitch, given: Tensor) -> Pitch:
    """The pitch given in training [b, t], Hz; where it is 0 there is no voice, and what was heard goes on."""
    voiced = given > 0
    return Pitch(torch.where(voiced, 20.0, -20.0), torch.where(voiced, given, heard.hertz.detach()))


def pitch_distance(heard: Pitch, given: Tensor, mask: Tensor) -> Tensor:
    """Nats of voicing and octaves from what is given [b, t at 100 Hz]; mask [b, 1, t at 50 Hz]."""
    real = mask[:, 0].repeat_interleave(2, dim=1).float()
    voiced = (given > 0).float()
    wrong = F.binary_cross_entropy_with_logits(heard.voiced, voiced, reduction="none")
    away = (heard.hertz.log2() - given.clamp(min=LOWEST).log2()).abs() * voiced
    return ((wrong + away) * real).sum() / real.sum()


class PitchHead(nn.Module):
    """Frames [b, c, t] at 50 Hz, condition [b, gin, 1] -> Pitch at 100 Hz."""

    def __init__(self, inputs: int, condition: int) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(inputs, _PITCH_WIDTH, 5, padding=2)
        self.cond = nn.Conv1d(condition, _PITCH_WIDTH, 1)
        self.ups = nn.ConvTranspose1d(_PITCH_WIDTH, _PITCH_WIDTH, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(ConvBlock(_PITCH_WIDTH, 2 * _PITCH_WIDTH, 7, 0.5) for _ in range(2))
        self.head = nn.Linear(_PITCH_WIDTH, 2)

    def forward(self, frames: Tensor, condition: Tensor) -> Pitch:
        x = self.ups(self.conv_pre(frames) + self.cond(condition)).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        voiced, height = self.head(x).float().unbind(-1)
        return Pitch(voiced, LOWEST * torch.exp2(OCTAVES * torch.sigmoid(height)))


class FourierDecoder(nn.Module):
    """Frames [b, c, t], condition [b, gin, 1] -> wave [b, 1, t * hop] within -1 and 1."""

    def __init__(self, inputs: int, condition: int, width: int, blocks: int, hop: int) -> None:
        super().__init__()
        self.hop = hop // 2
        self.pitch = PitchHead(inputs, condition)
        self.conv_pre = nn.Conv1d(inputs, width, 7, padding=3)
        self.cond = nn.Conv1d(condition, width, 1)
        self.ups = nn.ConvTranspose1d(width, width, 4, stride=2, padding=1)
        self.norm_pre = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(ConvBlock(width, 3 * width, 7, 1 / blocks) for _ in range(blocks))
        self.norm_post = nn.LayerNorm(width)
        self.head = nn.Linear(width, 3 * (WINDOW // 2 + 1))
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.constant_(self.head.bias, 0.0)

    def forward(self, frames: Tensor, condition: Tensor, source: Pitch | None = None) -> Tensor:
        """`source`: the pitch to be had, in place of what is heard in the latent."""
        source = source or self.pitch(frames, condition)
        x = self.ups(self.conv_pre(frames) + self.cond(condition))
        x = self.norm_pre(x.transpose(1, 2))
        for block in self.blocks:
            x = block(x)
        voice, breath, phases = self.head(self.norm_post(x)).float().chunk(3, dim=-1)
        voice, breath = ((QUIET + part).clamp(max=LOUDEST).exp() for part in (voice, breath))
        spectra = torch.polar(voice, phases) * self._spectra(pulses(source, self.hop))
        spectra = spectra + breath * self._spectra(_noise(len(x), x.shape[1] * self.hop, self.training, x.device))
        return overlapped(spectra, self.hop).clamp(-1, 1).unsqueeze(1)

    def _spectra(self, samples: Tensor) -> Tensor:
        """[b, t * hop] -> [b, t, bins]: of the frames that `overlapped` adds up again."""
        edge = WINDOW - self.hop
        padded = F.pad(samples, (edge // 2, edge - edge // 2))
        hann = torch.hann_window(WINDOW, device=samples.device)
        spectra: Tensor = torch.fft.rfft(padded.unfold(1, WINDOW, self.hop) * hann)
        return spectra


def pulses(source: Pitch, hop: int) -> Tensor:
    """All harmonics below half the rate, of equal strength, where there is a voice: [b, t * hop], of power 1."""

    def smooth(frames: Tensor) -> Tensor:
        return F.interpolate(frames[:, None], scale_factor=hop, mode="linear")[:, 0]

    hertz = smooth(source.hertz.detach()).double()
    turns = ((hertz / RATE).cumsum(1) % 1.0).float()
    count = torch.floor(0.49 * RATE / hertz).float()
    half = math.pi * turns  # the sum of cos(2 pi k turns) for k from 1 to count, after Dirichlet
    below = half.sin()
    whole = torch.where(below.abs() < 1e-4, count, ((2 * count + 1) * half).sin() / (2 * below) - 0.5)
    return whole * (2 / count).sqrt() * smooth(torch.sigmoid(source.voiced))


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


def _noise(batch: int, samples: int, anew: bool, device: torch.device) -> Tensor:
    """[batch, samples] of power 1: drawn anew in training, else the same from the first sample on."""
    if anew:
        return torch.randn(batch, samples, device=device)
    whole = samples + -samples % 16  # torch draws a remainder twice
    drawn = torch.empty(whole).normal_(generator=torch.Generator().manual_seed(_SEED))[:samples]
    return drawn.to(device).expand(batch, samples)
