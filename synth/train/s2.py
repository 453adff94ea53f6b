"""Training of SoVITS v1, v2 and Pro (S2): codes, phonemes and a voice to sound, against discriminators.

The recipe is that of GPT-SoVITS, which is VITS's: first the discriminators, then the generator against them as they
are then; AdamW (1e-4, betas 0.8 and 0.99, epsilon 1e-9), the parts that read text at 0.4 times the rate, the rate
times 0.999875 each epoch; slices of 0.64 s. Losses and weights: synth/losses.py.

What a recording draws (its latent noise and the place of its slice) follows from seed, step and recording alone, so
that it is the same in a batch of any size, in any number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from synth import losses, mel
from synth.checkpoint import Checkpoint, exported
from synth.discriminators import Discriminators, Judgement
from synth.errors import VoxproofError
from synth.sovits import Sovits, TrainingOutput
from synth.train.distributed import Team
from synth.train.recipe import mixed_seed, padded
from synth.train.shards import Prepared
from synth.train.sovits_recipe import RateConfig, SovitsRecipe, Speech, adam, add
from synth.train.voice_likeness import VoiceLikeness
from synth.vits_modules import time_slices

EPOCHS, BATCH, EXPORT_EVERY = 8, 8, 4
"""Of fine-tuning; the reference's batch is half the GPU's memory in GB."""
_NO_WIDTH = -20.0
"""Log scale of a prior that is drawn from without noise."""
_READERS = ("enc_p.text_embedding.", "enc_p.encoder_text.", "enc_p.mrte.")


@dataclass(frozen=True)
class S2Config(RateConfig):
    """What may differ from training to training."""

    text_rate: float = 0.4
    """Times `rate`, for the parts that read text (the reference allows 0.2 to 0.6)."""
    unjudged: int = 0
    """Epochs at the beginning without discriminators: more than twice as quick, for weights that know nothing yet."""
    window: int = 0
    """Frames of each recording that go through posterior and flow; 0: all."""
    prior_only: int = 0
    """Epochs at the beginning without posterior: what the prior's mean sounds like is learnt; light head."""
    voice_weight: float = 0.0
    """Of how unlike the voice of what is made is the recorded one; with slices of a second or more (`window`)."""


@dataclass(frozen=True)
class S2Batch(Speech):
    """Recordings with what the vocoder is to make of them."""

    wave: Tensor
    """[b, 1, t * hop] samples."""
    speaker: Tensor | None
    """[b, 20480] for the Pro versions, [b, 256] for the lite size."""
    pitch: Tensor | None
    """[b, 2 t] Hz, for the light head."""
    alignment: Tensor | None
    """[b, t] which phoneme each frame says, -1 where that is not known; None: nowhere."""


class _Generating(nn.Module):
    """`Sovits.train_forward` as a forward pass, which is what several processes can share."""

    def __init__(self, sovits: Sovits, window: int, prior_only: bool = False) -> None:
        super().__init__()
        self.sovits, self.window, self.prior_only = sovits, window, prior_only

    def forward(self, batch: S2Batch, noise: Tensor, places: Tensor) -> TrainingOutput:
        return self.sovits.train_forward(
            batch.content, batch.spectrum, batch.lengths, batch.phonemes, batch.phoneme_lens, batch.speaker,
            noise=noise, places=places, pitch=batch.pitch, window=self.window, prior_only=self.prior_only,
            alignment=batch.alignment,
        )  # fmt: skip


class _Judging(nn.Module):
    """`Discriminators.compare` as a forward pass."""

    def __init__(self, discriminators: Discriminators) -> None:
        super().__init__()
        self.discriminators = discriminators

    def forward(self, recorded: Tensor, synthesised: Tensor) -> tuple[list[Judgement], list[Judgement]]:
        return self.discriminators.compare(recorded, synthesised)


class CodesToSound(SovitsRecipe[S2Batch]):
    """SoVITS and its discriminators, from prepared recordings."""

    model: Sovits
    config: S2Config
    judged = True

    def __init__(
        self, model: Sovits, discriminators: Discriminators, data: Prepared, config: S2Config, team: Team
    ) -> None:
        if model.enc_q is None and not config.prior_only:
            raise VoxproofError(
                "the SoVITS to start from has no posterior encoder, without which it cannot be trained",
                cure="Start from a pretrained s2G file, not from an exported one.",
            )
        if model.config.speaker_width and not data.has(data.entries[0], "speaker"):
            raise VoxproofError(
                "has no speaker embeddings, which the model needs", path=data.folder,
                cure="Prepare it again, for this version.",
            )  # fmt: skip
        self.light = model.config.decoder == "fourier"
        if self.light and not data.has(data.entries[0], "pitch"):
            raise VoxproofError(
                "has no pitch, which the lite size needs", path=data.folder, cure="Prepare it with --student FILE."
            )
        if config.prior_only and not self.light:
            raise VoxproofError("only the lite size can learn without a posterior", cure="Leave --prior-only out.")
        super().__init__(model, data, config, team)
        self.model, self.discriminators = model.to(team.device).train(), discriminators.to(team.device).train()
        for parameter in self.model.ssl_proj.parameters():
            parameter.requires_grad_(not model.config.freeze_quantizer)
        self.networks = {"generator": self.model, "discriminators": self.discriminators}
        self.optimisers = {
            "generator": adam(self._groups(), config.rate),
            "discriminators": adam([{"params": list(self.discriminators.parameters())}], config.rate),
        }
        self._voices = VoiceLikeness().to(team.device) if config.voice_weight else None
        self._generating = _Generating(self.model, config.window)
        self._generate = team.wrapped(self._generating, idle=config.prior_only > 0)
        self._judge = team.wrapped(_Judging(self.discriminators))

    def _groups(self) -> list[dict[str, Any]]:
        """Parameters that read text apart from the others."""
        named = [(name, p) for name, p in self.model.named_parameters() if p.requires_grad]
        text = [p for name, p in named if name.startswith(_READERS)]
        rest = [p for name, p in named if not name.startswith(_READERS)]
        return [{"params": rest, "share": 1.0}, {"params": text, "share": self.config.text_rate}]

    def settings(self) -> dict[str, Any]:
        parts = sorted((n, tuple(p.shape)) for n, p in self.discriminators.named_parameters())
        return super().settings() | {"discriminators": str(parts)}

    def begin_epoch(self, number: int) -> None:
        super().begin_epoch(number)
        self.judged = number > self.config.unjudged
        self._generating.prior_only = number <= self.config.prior_only

    def batch(self, indices: Sequence[int]) -> S2Batch:
        config = self.model.config
        speech, sounds = self.speech(indices, config.segment_frames)
        speaker = None
        if config.speaker_width:
            speaker = torch.stack([self.data.tensor(self.entries[i], "speaker") for i in indices])
        frames, pitch, alignment = speech.spectrum.shape[2], None, None
        if self.light:
            pitch = padded([self.data.tensor(self.entries[i], "pitch").float() for i in indices], 2 * frames)
            aligned = [self.data.alignment(self.entries[i]) for i in indices]
            if all(one is not None for one in aligned):
                alignment = padded([one[:frames] + 1 for one in aligned if one is not None], frames) - 1
        wave = padded(sounds, frames * config.hop)[:, None]
        return S2Batch(**vars(speech), wave=wave, speaker=speaker, pitch=pitch, alignment=alignment)

    def step(self, batches: Sequence[S2Batch], seed: int) -> dict[str, float]:
        """With several batches the generator runs twice, so that the discriminators have changed for all of them."""
        moved = [batch.to(self.team.device) for batch in batches]
        share = 1 / len(moved)
        values: dict[str, float] = {}
        kept: TrainingOutput | None = None
        self.optimisers["discriminators"].zero_grad(set_to_none=True)
        for place, batch in enumerate(moved if self.judged else ()):
            last = place == len(moved) - 1
            if len(moved) == 1:
                made = kept = self._made(batch, seed, place, last)
            else:
                made = self._made_once(batch, seed, place)
            recorded = self._slice(batch, made)
            with self.team.gathering(self._judge, last), self.mixed():
                loss = losses.discriminator_loss(*self._judge(recorded, made.wave.detach()))
            self.mixed.backward(loss * share)
            add(values, {"discriminators": float(loss.detach()) * share})
        if self.judged:
            self.mixed.scaler.step(self.optimisers["discriminators"])
        self.optimisers["generator"].zero_grad(set_to_none=True)
        for parameter in self.discriminators.parameters():
            parameter.requires_grad_(False)
        try:
            for place, batch in enumerate(moved):
                with self.team.gathering(self._generate, place == len(moved) - 1):
                    made = kept if kept is not None else self._made(batch, seed, place, True)
                    parts = self._generator_loss(batch, made)
                    self.mixed.backward(parts.total * share)
                add(values, {name: float(value.detach()) * share for name, value in parts._asdict().items()})
                add(values, {"generator": float(parts.total.detach()) * share})
        finally:
            for parameter in self.discriminators.parameters():
                parameter.requires_grad_(True)
        self.mixed.apply(self.optimisers["generator"])
        return values

    def validate(self, batch: S2Batch, seed: int) -> dict[str, float]:
        batch = batch.to(self.team.device)
        noise, places = self._draws(batch, seed)
        with self.mixed():
            out = self._generating(batch, noise, places)
        distance = losses.MEL_WEIGHT * losses.mel_distance(batch.spectrum, out.wave, out.starts)
        return {"mel": float(distance), "kl": float(out.kl())}

    @torch.no_grad()
    def picture(self, index: int) -> dict[str, Tensor]:
        """A recording, and the same codes and phonemes said in its voice."""
        recorded = mel.spectrogram(self.data.sound(self.entries[index])[None])
        spoken, _ = self.rendering(index)
        return {
            "recorded": mel.log_mel(recorded)[0],
            "from its codes": mel.mel_spectrogram(spoken[None])[0],
        }

    @torch.no_grad()
    def rendering(self, index: int) -> tuple[Tensor, int]:
        batch = self.batch([index]).to(self.team.device)
        self.model.eval()
        generator = torch.Generator(self.team.device).manual_seed(0)
        speakers = None if batch.speaker is None else [batch.speaker]
        spoken = self.model.decode(
            self.model.codes(batch.content), batch.phonemes, [batch.spectrum], speakers, generator=generator
        )
        self.model.train()
        return spoken[0, 0].cpu(), mel.SOVITS.rate

    def checkpoint(self, epoch: int, step: int) -> Checkpoint:
        state = exported(self.model.state_dict())
        if self._generating.prior_only:  # no posterior has said how wide the prior is: its mean is all it knows
            half = self.model.config.inter_channels
            for name, value in (("weight", 0.0), ("bias", _NO_WIDTH)):
                state[f"enc_p.proj.{name}"] = state[f"enc_p.proj.{name}"].clone()
                state[f"enc_p.proj.{name}"][half:] = value
        return self.official("sovits", state, epoch, step)

    def beginnings(self, epoch: int, step: int) -> dict[str, Checkpoint]:
        whole = {name: value.detach().half() for name, value in self.model.state_dict().items()}
        judges = {name: value.detach().half() for name, value in self.discriminators.state_dict().items()}
        return {
            "s2G": self.official("sovits", whole, epoch, step),
            "s2D": self.official("discriminators", judges, epoch, step),
        }

    def _made(self, batch: S2Batch, seed: int, place: int, last: bool) -> TrainingOutput:
        """The generator's output, with gradient."""
        torch.manual_seed(mixed_seed(seed, place, self.team.rank))
        with self.team.gathering(self._generate, last), self.mixed():
            out: TrainingOutput = self._generate(batch, *self._draws(batch, seed))
        return out

    @torch.no_grad()
    def _made_once(self, batch: S2Batch, seed: int, place: int) -> TrainingOutput:
        """The same without gradient, and without the codebook learning from it."""
        torch.manual_seed(mixed_seed(seed, place, self.team.rank))
        self.model.quantizer.eval()
        with self.mixed():
            out: TrainingOutput = self._generating(batch, *self._draws(batch, seed))
        self.model.train()
        return out

    def _generator_loss(self, batch: S2Batch, made: TrainingOutput) -> losses.GeneratorLoss:
        recorded: list[Judgement] = []
        synthesised: list[Judgement] = []
        wave = self._slice(batch, made)
        if self.judged:
            with self.mixed():
                recorded, synthesised = self.discriminators.compare(wave, made.wave)
        parts = losses.generator_loss(made, batch.spectrum, recorded, synthesised, wave if self.light else None)
        if self._voices is None:
            return parts
        unlike = self._voices(wave, made.wave, mel.SOVITS.rate)
        return parts._replace(voice=self.config.voice_weight * unlike)

    def _slice(self, batch: S2Batch, made: TrainingOutput) -> Tensor:
        """The recorded samples [b, 1, n] of the slices that were made."""
        hop = self.model.config.hop
        return time_slices(batch.wave, made.starts * hop, made.wave.shape[2])

    def _draws(self, batch: S2Batch, seed: int) -> tuple[Tensor, Tensor]:
        """Normal noise [b, inter, t] and uniform places [b], each recording's own."""
        frames = batch.spectrum.shape[2]
        noise = torch.zeros(len(batch.lengths), self.model.config.inter_channels, frames)
        places = torch.zeros(len(batch.lengths))
        for row, (index, length) in enumerate(zip(batch.indices.tolist(), batch.lengths.tolist(), strict=True)):
            generator = torch.Generator().manual_seed(mixed_seed(seed, index))
            places[row] = torch.rand((), generator=generator)
            noise[row, :, :length] = torch.randn(noise.shape[1], length, generator=generator)
        return noise.to(batch.spectrum.device), places.to(batch.spectrum.device)
