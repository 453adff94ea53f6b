"""What the token extractor hears: a voice at 16 kHz -> features [768, frames], 50 a second.

`HubertContent` is what official models are trained with. `ProjectedMel` is a stand-in for tests and demonstrations on
machines that have no HuBERT: log-mel bands of 16 kHz sound, each band normalised over the clip, through one fixed
random matrix. Nothing removes the speaker from it, so a model that is trained with it is no clone model for use; both
names go into the prepared data, and data of one cannot be mixed with models of the other.
"""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from torch import Tensor

from synth import mel
from synth.sovits import SSL_WIDTH

RATE = 16_000
_MEL = mel.MelConfig(rate=RATE, window=640, hop=320, mels=80)


class Content(Protocol):
    """A source of features."""

    @property
    def name(self) -> str:
        """Says which it is, in the prepared data."""
        ...

    @property
    def lite(self) -> bool:
        """Whether it is that of the lite size."""
        ...

    def __call__(self, samples: Tensor) -> Tensor:
        """Samples [n] at 16 kHz -> features [768, frames] float32."""
        ...


class HubertContent:
    """HuBERT over a whole clip, as in training: without the zeros that the reference appends at inference."""

    lite = False

    def __init__(self, model: torch.nn.Module, name: str) -> None:
        self.model, self._name = model, name

    @property
    def name(self) -> str:
        return f"hubert {self._name}"

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Tensor:
        device = next(self.model.parameters()).device
        with torch.autocast(device.type, enabled=False):
            hidden = cast(Any, self.model(samples.float().to(device)[None])).last_hidden_state
        return cast(Tensor, hidden[0].transpose(0, 1).float().cpu())


class ProjectedMel:
    """The stand-in; the matrix is drawn once, from `seed`."""

    lite = False

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        generator = torch.Generator().manual_seed(seed)
        self.matrix = torch.randn(SSL_WIDTH, _MEL.mels, generator=generator) / _MEL.mels**0.5

    @property
    def name(self) -> str:
        return f"projected-mel {self.seed}"

    @torch.no_grad()
    def __call__(self, samples: Tensor) -> Tensor:
        bands = mel.mel_spectrogram(samples.float()[None], _MEL)[0]
        bands = (bands - bands.mean(1, keepdim=True)) / bands.std(1, keepdim=True).clamp(min=1e-3)
        return cast(Tensor, self.matrix @ bands)
