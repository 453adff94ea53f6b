"""What is said, without who says it: features of HuBERT, from which SoVITS takes semantic tokens.

HuBERT (W.-N. Hsu et al., 2021, arXiv:2106.07447), in GPT-SoVITS the Chinese base model of TencentGameMate, taken
through `transformers`. The preparation is the reference's, oddities included: the wave goes in as it is, without the
library's normalisation; 9600 zeros are appended, which were meant as 0.3 s and are 0.6 s at 16 kHz; the last hidden
state comes out, 50 frames a second. Always in float32, since codes near the border between two would come out
different.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.pretrained import load_pretrained, local_folder

RATE = 16_000
"""Hz."""
SILENCE = 9_600
"""Zeros appended to a reference, samples."""
SHORTEST, LONGEST = 48_000, 160_000
"""Samples of a reference: 3 to 10 seconds."""
CHINESE_HUBERT = "TencentGameMate/chinese-hubert-base"
"""The hub's name of the model that GPT-SoVITS was trained with."""


class Content(Protocol):
    """What hears references: HuBERT, or the student of the lite voice (synth/student_content.py)."""

    def features(self, samples: Tensor, *, bounded: bool = True) -> Tensor:
        """Samples [n] at 16 kHz -> features [1, channels, frames at 50 Hz] float32; `bounded`: 3 to 10 seconds."""
        ...


class ContentEncoder:
    """Sound to HuBERT features."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model.float().eval()

    @classmethod
    def load(cls, name: str | Path = CHINESE_HUBERT, device: torch.device | str = "cpu") -> ContentEncoder:
        """From a local folder, or from the Hugging Face hub (in its cache, else fetched)."""
        try:
            from transformers import HubertConfig, HubertModel
        except ModuleNotFoundError as error:
            raise VoxproofError(
                f"HuBERT needs {error.name}, which is not installed", cure="Run: pip install 'voxproof[clone]'."
            ) from error

        def build(config: Mapping[str, Any]) -> nn.Module:
            return cast(nn.Module, HubertModel(HubertConfig(**config)))

        folder = local_folder(name)
        model = load_pretrained(folder, build, prefix="hubert.", optional=("masked_spec_embed",))
        return cls(model.to(device))

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @torch.no_grad()
    def features(self, samples: Tensor, *, bounded: bool = True) -> Tensor:
        """Samples [n] at 16 kHz -> features [1, 768, frames], float32, on the encoder's device.

        `bounded`: 3 to 10 seconds, as a reference must be. The zeros are appended here.
        """
        if samples.dim() != 1 or (bounded and not SHORTEST <= len(samples) <= LONGEST):
            raise VoxproofError(
                f"a reference of {samples.numel() / RATE:.1f} s cannot be used",
                cure="Give 3 to 10 seconds of one voice.",
            )
        with torch.autocast(self.device.type, enabled=False):
            wave = torch.cat([samples.float(), samples.new_zeros(SILENCE).float()]).to(self.device)
            hidden: Tensor = self.model(wave[None]).last_hidden_state
        return hidden.float().transpose(1, 2)
