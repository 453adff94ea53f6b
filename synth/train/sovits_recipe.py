"""What the trainings of all SoVITS have in common: what they hear of a recording, their rate, their export."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from synth import mel
from synth.checkpoint import Checkpoint
from synth.checkpoint.reading import Kind, Release
from synth.errors import VoxproofError
from synth.sovits import Encoders, SovitsConfig
from synth.train.distributed import Team
from synth.train.precision import Mixed, Precision
from synth.train.recipe import Batch, Recipe, padded
from synth.train.shards import Prepared

LATENT_RATE = 50  # frames a second
_BETAS, _EPSILON = (0.8, 0.99), 1e-9
_FIXED = {"resblock": "1", "n_layers_q": 3, "use_spectral_norm": False, "semantic_frame_rate": "25hz"}
"""What the reference asks of every configuration besides the sizes."""


@dataclass(frozen=True)
class RateConfig:
    """How fast a SoVITS learns."""

    rate: float = 1e-4
    decay: float = 0.999875
    """Of the rate, per epoch."""
    precision: Precision = "float32"


@dataclass(frozen=True)
class Speech:
    """A batch of recordings, padded on the right; frames are 20 ms."""

    content: Tensor
    """[b, 768, t], t even."""
    spectrum: Tensor
    """[b, bins, t] magnitudes."""
    lengths: Tensor
    """[b] frames."""
    phonemes: Tensor
    """[b, text] int64."""
    phoneme_lens: Tensor
    """[b]"""
    indices: Tensor
    """[b] numbers of the recordings."""

    def to(self, device: torch.device) -> Self:
        """The same on `device`."""
        parts: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        moved: dict[str, Any] = {n: p if p is None else p.to(device, non_blocking=True) for n, p in parts.items()}
        return replace(self, **moved)


class SovitsRecipe(Recipe[Batch]):
    """A SoVITS of any version, from prepared recordings."""

    name = "sovits"
    model: Encoders

    def __init__(
        self, model: Encoders, data: Prepared, config: RateConfig, team: Team, longest: float = math.inf
    ) -> None:
        """Recordings of more than `longest` seconds are left out."""
        self.entries = [entry for entry in data.entries if entry.seconds <= longest]
        if not self.entries:
            raise VoxproofError(
                f"has no recording of at most {longest:.0f} s", path=data.folder,
                cure="Cut long recordings: voxproof train slice.",
            )  # fmt: skip
        data.require_symbols(self.entries, model.config.symbols)
        self.data, self.config, self.team = data, config, team
        self.lengths = [entry.seconds * LATENT_RATE for entry in self.entries]
        self.edges = [32.0, *(float(edge) for edge in range(300, 2000, 100))]
        self.mixed = Mixed(config.precision, team.device)

    def settings(self) -> dict[str, Any]:
        return {"data": self.data.fingerprint, "model": self.model.config.to_mapping(), **asdict(self.config)}

    def begin_epoch(self, number: int) -> None:
        """The rate falls with the epochs, the first included."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = self.config.rate * self.config.decay**number * group.get("share", 1.0)

    def official(self, kind: Kind, weight: Mapping[str, Tensor], epoch: int, step: int) -> Checkpoint:
        """These weights in the official container."""
        version = cast(Release, self.model.config.version)
        return Checkpoint(kind, version, weight, self.described(), f"{epoch}epoch_{step}iteration")

    def described(self) -> dict[str, Any]:
        """The configuration that the reference's trainer writes, with ours in it."""
        own, sound = self.model.config, mel.SOVITS
        official = SovitsConfig.of("v2").to_mapping() | _FIXED | own.to_mapping()
        data = {
            "sampling_rate": sound.rate, "filter_length": sound.window, "hop_length": sound.hop,
            "win_length": sound.window, "n_mel_channels": sound.mels, "mel_fmin": 0.0, "mel_fmax": None,
            "max_wav_value": 32768.0, "add_blank": True, "cleaned_text": True, "n_speakers": 300,
        }  # fmt: skip
        train = {
            "learning_rate": self.config.rate, "lr_decay": self.config.decay, "betas": _BETAS, "eps": _EPSILON,
            "segment_size": official["segment_frames"] * sound.hop,
        }  # fmt: skip
        config = {
            "model": official, "data": data, "train": train, "version": own.version,
            "text_pipeline": self.data.text_pipeline, "content": self.data.content,
        }  # fmt: skip
        plain: dict[str, Any] = json.loads(json.dumps(config))
        return plain

    def speech(self, indices: Sequence[int], least: int = 0) -> tuple[Speech, list[Tensor]]:
        """The recordings padded to an even number of frames, at least `least`; and their samples [n] at 32 kHz."""
        entries = [self.entries[i] for i in indices]
        sounds = [self.data.sound(entry) for entry in entries]
        spectra = [mel.spectrogram(sound[None])[0] for sound in sounds]
        lengths = [spectrum.shape[1] for spectrum in spectra]
        frames = max(*lengths, least)
        frames += frames % 2
        contents = [
            _as_long(self.data.content_of(entry), length) for entry, length in zip(entries, lengths, strict=True)
        ]
        phones = [self.data.tensor(entry, "phones").long() for entry in entries]
        speech = Speech(
            padded(contents, frames), padded(spectra, frames), torch.tensor(lengths),
            padded(phones), torch.tensor([len(p) for p in phones]), torch.tensor(list(indices)),
        )  # fmt: skip
        return speech, sounds


def adam(groups: Sequence[Mapping[str, Any]], rate: float) -> torch.optim.AdamW:
    """Groups may have a `share` of the rate."""
    return torch.optim.AdamW([dict(group) for group in groups], lr=rate, betas=_BETAS, eps=_EPSILON)


def learning(model: nn.Module) -> list[nn.Parameter]:
    """Parameters that are not frozen."""
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def add(sums: dict[str, float], values: Mapping[str, float]) -> None:
    """Adds each value to the sum of its name."""
    for name, value in values.items():
        sums[name] = sums.get(name, 0.0) + value


def _as_long(content: Tensor, frames: int) -> Tensor:
    """[768, any] -> [768, frames]: the last frame again where some are missing."""
    missing = frames - content.shape[1]
    if missing > 0:
        content = torch.cat([content, content[:, -1:].expand(-1, missing)], 1)
    return content[:, :frames]
