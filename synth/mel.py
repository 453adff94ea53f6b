"""Spectrograms and log-mel spectrograms of the clone model: what SoVITS listens to and is trained against.

Magnitudes are those of VITS (J. Kim et al., 2021): the signal is padded by reflection by half of what the window
exceeds the hop, so that a clip of n hops gives n frames, and 1e-8 is added to the power before the root. Mel filters
are M. Slaney's (Auditory Toolbox, version 2, Interval Research TR 1998-010): linear below 1 kHz, logarithmic above,
each triangle of the same area.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from synth.errors import VoxproofError

FLOOR = 1e-5  # of mel magnitudes before the logarithm
QUIETEST, LOUDEST = -12.0, 2.0  # log-mel range that v3 and v4 map to -1..1


@dataclass(frozen=True)
class MelConfig:
    """Settings of one spectrogram."""

    rate: int = 32000
    """Samples per second."""
    window: int = 2048
    """Length of the periodic Hann window and of the Fourier transform, samples."""
    hop: int = 640
    """Samples from one frame to the next."""
    mels: int = 128
    """Number of mel bands, from 0 Hz to half the rate."""

    @property
    def bins(self) -> int:
        """Linear frequency bins of a magnitude spectrum."""
        return self.window // 2 + 1


SOVITS = MelConfig()
"""v1, v2, v2Pro, v2ProPlus: reference encoder, posterior encoder, mel loss."""
V3 = MelConfig(rate=24000, window=1024, hop=256, mels=100)
V4 = MelConfig(rate=32000, window=1280, hop=320, mels=100)


def spectrogram(samples: Tensor, config: MelConfig = SOVITS) -> Tensor:
    """Samples [batch, time] at `config.rate` -> magnitudes [batch, bins, frames], frames = time / hop rounded down."""
    pad = (config.window - config.hop) // 2
    if samples.dim() != 2:
        raise VoxproofError(f"A spectrogram needs samples [batch, time], not {samples.dim()} dimensions")
    if samples.shape[1] < max(pad + 1, config.hop):
        raise VoxproofError(
            f"{samples.shape[1]} samples are too few for a spectrogram",
            cure=f"Give at least {max(pad + 1, config.hop)} samples at {config.rate} Hz.",
        )
    padded = F.pad(samples.unsqueeze(1), (pad, pad), mode="reflect").squeeze(1)
    hann = torch.hann_window(config.window, dtype=samples.dtype, device=samples.device)
    spectrum = torch.stft(
        padded, config.window, config.hop, config.window, hann, center=False, onesided=True, return_complex=True
    )
    return torch.view_as_real(spectrum).square().sum(-1).add(1e-8).sqrt()


def log_mel(magnitudes: Tensor, config: MelConfig = SOVITS) -> Tensor:
    """Magnitudes [batch, bins, frames] -> natural logarithm of the mel magnitudes [batch, mels, frames]."""
    filters = torch.from_numpy(mel_filters(config)).to(magnitudes)
    return (filters @ magnitudes).clamp(min=FLOOR).log()


def mel_spectrogram(samples: Tensor, config: MelConfig = SOVITS) -> Tensor:
    """Samples [batch, time] -> log-mel [batch, mels, frames]."""
    return log_mel(spectrogram(samples, config), config)


def normalised(mel: Tensor) -> Tensor:
    """Log-mel -> the range of v3 and v4, where -12 is -1 and 2 is 1; nothing is clipped."""
    return (mel - QUIETEST) / (LOUDEST - QUIETEST) * 2 - 1


def denormalised(mel: Tensor) -> Tensor:
    """The inverse of `normalised`."""
    return (mel + 1) / 2 * (LOUDEST - QUIETEST) + QUIETEST


@cache
def mel_filters(config: MelConfig) -> NDArray[np.float32]:
    """Triangular filters [mels, bins]; each band's weights are 2 / its width in Hz at the peak."""
    edges = _hertz(np.linspace(0.0, _mel(config.rate / 2), config.mels + 2))  # [mels + 2]
    widths = np.diff(edges)
    distance = edges[:, None] - np.linspace(0.0, config.rate / 2, config.bins)  # [mels + 2, bins] Hz
    rising, falling = -distance[:-2] / widths[:-1, None], distance[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


_LINEAR = 200.0 / 3.0  # Hz per mel below 1 kHz
_BREAK = 1000.0 / _LINEAR  # 1 kHz in mel
_STEP = math.log(6.4) / 27.0  # logarithmic part: 27 mels from 1 kHz to 6.4 kHz


def _mel(hertz: float) -> float:
    return hertz / _LINEAR if hertz < 1000.0 else _BREAK + math.log(hertz / 1000.0) / _STEP


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mels < _BREAK, mels * _LINEAR, 1000.0 * np.exp(_STEP * (mels - _BREAK)))
