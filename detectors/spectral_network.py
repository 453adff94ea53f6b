"""The spectral line in PyTorch: the same numbers as detectors/spectral.py, with gradients back to the sound.

The line is trained and listens in NumPy; this twin is for whoever asks what a small change of the waveform does to its
score. A test holds the two together to rounding.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import dct
from torch import Tensor, nn

from detectors.network import statistics, steps
from detectors.spectral import SpectralConfig, SpectralScorer


class SpectralFrames(nn.Module):
    """Samples [batch, time] at 16 kHz -> `detectors.spectral.spectral_frames` [batch, time // 320, channels]."""

    hann: Tensor
    averages: Tensor
    cosines: Tensor

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.window // 2
        averages = np.zeros((bins, config.bands), np.float32)
        for band, (low, high) in enumerate(itertools.pairwise(np.linspace(0, bins, config.bands + 1).astype(int))):
            averages[low:high, band] = 1.0 / (high - low)
        cosines = dct(np.eye(config.bands), type=2, norm="ortho", axis=1)[:, 1 : config.cepstra + 1]
        self.register_buffer("hann", torch.hann_window(config.window), persistent=False)
        self.register_buffer("averages", torch.from_numpy(averages), persistent=False)
        self.register_buffer("cosines", torch.from_numpy(cosines.astype(np.float32)), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        config = self.config
        spectrum = torch.stft(
            samples, config.window, config.hop, window=self.hann, center=True, pad_mode="reflect", return_complex=True
        )
        kept = spectrum[:, 1:, : max(samples.shape[1] // config.hop, 2)].transpose(1, 2)  # [batch, frames, bins]
        power = kept.real.square() + kept.imag.square()
        loudness = power.mean(2)
        loud = loudness > loudness.amax(1, keepdim=True) * 1e-3
        level = (loudness * loud).sum(1) / loud.sum(1).clamp(min=1)
        log = (power / level.clamp(min=1e-12)[:, None, None]).clamp(min=1e-10).log10()
        log = torch.maximum(log, log.amax((1, 2), keepdim=True) - 7.0)
        bands = log @ self.averages
        margin = config.smoothing // 2
        fine = log - F.avg_pool1d(F.pad(log, (margin, margin), mode="replicate"), config.smoothing, 1)
        return torch.cat([bands, bands @ self.cosines, fine, self._smoothness(kept, power)], 2)

    def _smoothness(self, spectrum: Tensor, power: Tensor) -> Tensor:
        """Cosine of the change of group delay over frequency, averaged in bands: [batch, frames, phase_bands]."""
        unit = spectrum / power.clamp(min=1e-18).sqrt()
        delay = unit[..., 1:] * unit[..., :-1].conj()
        bend = (delay[..., 1:] * delay[..., :-1].conj()).real
        bands = self.config.phase_bands
        whole = bend.shape[-1] // bands * bands
        return bend[..., :whole].reshape(*bend.shape[:-1], bands, -1).mean(-1)


class SpectralNetwork(nn.Module):
    """Samples [batch, time], 16 kHz -> window logit [batch]; positive: machine."""

    def __init__(self, config: SpectralConfig) -> None:
        super().__init__()
        self.frames = SpectralFrames(config)
        self.hidden = nn.Linear(3 * config.channels, config.hidden)
        self.out = nn.Linear(config.hidden, 1)

    def forward(self, samples: Tensor) -> Tensor:
        x = self.frames(samples)
        pooled = statistics(x.mean(1), x.square().mean(1), steps(x).mean(1))
        logit: Tensor = self.out(F.gelu(self.hidden(pooled))).squeeze(-1)
        return logit


def differentiable(scorer: SpectralScorer) -> SpectralNetwork:
    """The PyTorch twin of a line that listens, with the same weights."""
    network, head = SpectralNetwork(scorer.config), scorer.head
    network.load_state_dict(
        {
            "hidden.weight": torch.from_numpy(np.ascontiguousarray(head.hidden.T)),
            "hidden.bias": torch.from_numpy(head.hidden_bias),
            "out.weight": torch.from_numpy(head.out[None]),
            "out.bias": torch.tensor([head.out_bias]),
        }
    )
    return network
