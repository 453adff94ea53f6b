"""The recording whose voice is to speak, prepared as the reference implementation prepares it.

It goes three ways: at 16 kHz (soxr's high quality, as `librosa` has it) to HuBERT for the prompt's tokens; at 32 kHz
(windowed sinc, as `torchaudio` has it: J. O. Smith, "Digital Audio Resampling") with a peak rule to the spectrogram for
the voice; and, for the Pro versions, from there at 16 kHz to the speaker-verification network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from synth import audio
from synth.content import RATE as CONTENT_RATE
from synth.errors import VoxproofError

VOICE_RATE = 32_000
"""Hz, of the spectrogram that gives the voice."""
LOUDEST_DIVISOR = 2.0
"""A peak above 1 is divided away, but by no more than this."""
_LOBES, _ROLLOFF = 6, 0.99


@dataclass(frozen=True, eq=False)
class Reference:
    """One voice's recording."""

    samples: Tensor
    """[n] float32, the mean of the channels, at `rate`; full scale is 1."""
    rate: int
    """Hz."""

    def __post_init__(self) -> None:
        if self.samples.dim() != 1 or not len(self.samples) or not bool(self.samples.isfinite().all()):
            raise VoxproofError(
                f"a reference of the shape {list(self.samples.shape)} is no sound", cure="Give finite samples [n]."
            )

    @classmethod
    def read(cls, path: str | Path) -> Reference:
        """From any file that `synth.audio` decodes."""
        wave = audio.read(path)
        return cls(torch.from_numpy(np.ascontiguousarray(audio.mean_of_channels(wave.samples))), wave.rate)

    def for_content(self) -> Tensor:
        """[n] at 16 kHz."""
        if self.rate == CONTENT_RATE:
            return self.samples
        import soxr

        return torch.from_numpy(np.asarray(soxr.resample(self.samples.numpy(), self.rate, CONTENT_RATE, "HQ")))

    def for_voice(self) -> Tensor:
        """[n] at 32 kHz, with the peak rule."""
        samples = sinc_resampled(self.samples, self.rate, VOICE_RATE)
        peak = float(samples.abs().max())
        return samples / min(LOUDEST_DIVISOR, peak) if peak > 1 else samples

    def for_speaker(self) -> Tensor:
        """[n] at 16 kHz, made of what `for_voice` gives."""
        return sinc_resampled(self.for_voice(), VOICE_RATE, CONTENT_RATE)


def sinc_resampled(samples: Tensor, rate: int, new_rate: int) -> Tensor:
    """[n] at `rate` -> [ceil(n new_rate / rate)] at `new_rate`: a sinc of six lobes under a Hann window."""
    if rate == new_rate:
        return samples
    common = math.gcd(rate, new_rate)
    old, new = rate // common, new_rate // common
    cutoff = min(old, new) * _ROLLOFF
    width = math.ceil(_LOBES * old / cutoff)
    place = torch.arange(-width, width + old, dtype=torch.float64) / old  # [taps]
    phase = torch.arange(0, -new, -1)[:, None] / new  # [new, 1], in single precision, as there
    time = ((place + phase) * cutoff).clamp(-_LOBES, _LOBES)
    window = (time * math.pi / _LOBES / 2).cos().square()
    kernels = (torch.sinc(time) * window * cutoff / old).to(samples.dtype)
    padded = F.pad(samples[None, None], (width, width + old))
    made = F.conv1d(padded, kernels[:, None], stride=old)[0]  # [new, frames]
    return made.t().reshape(-1)[: math.ceil(new * len(samples) / old)]
