"""Training of SoVITS v3 and v4 (S2): codes, phonemes and a voice to a mel spectrogram, by flow matching.

The recipe is that of GPT-SoVITS: the loss of synth/flow_matching.py beyond a prompt of 0 to 2/3 of the recording, three
steps in ten learning one step as two; AdamW (1e-4, betas 0.8 and 0.99, epsilon 1e-9), one rate for all parts, times
0.999875 each epoch; recordings of at most 20 s. The voice is that of the recording itself, heard in all of it.

    frozen, from a checkpoint     enc_p, ssl_proj, quantizer: what is said
    learns                        ref_enc, bridge, wns1 and the mel decoder `cfm`; of that, with a rank, only the
                                  low-rank changes of its attention (synth/train/low_rank.py)

What a recording draws (its noise, its place on the way from noise to mel, its prompt, its half step) follows from seed,
step and recording alone; whether a step learns from half steps follows from seed and step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import soxr
import torch
from torch import Tensor, nn

from synth import mel
from synth.checkpoint import Checkpoint, exported, packed
from synth.flow_matching import SHORTCUT_SHARE
from synth.sovits_flow import FlowSovits, Spoken
from synth.train.distributed import Team
from synth.train.low_rank import learn_low_rank
from synth.train.recipe import mixed_seed, padded
from synth.train.shards import SOUND_RATE, Prepared
from synth.train.sovits_recipe import RateConfig, SovitsRecipe, Speech, adam, add, learning
from synth.vocoders import BigVgan, HifiGan

EPOCHS, EXPORT_EVERY = 2, 1
"""Of fine-tuning; the reference's batch is an eighth of the GPU's memory in GB."""
LONGEST_S = 20.0
_PICTURE_STEPS = 8


@dataclass(frozen=True)
class FlowConfig(RateConfig):
    """What may differ from training to training."""

    rank: int = 0
    """Of the low-rank changes that learn in place of the mel decoder; 0: the mel decoder itself learns."""
    recompute: bool = False
    """Keep only what goes into each layer of the mel decoder and compute the rest again for the gradient: the same
    weights from less memory, for one more forward pass of those layers."""


@dataclass(frozen=True)
class FlowBatch(Speech):
    """Recordings with the mels that are to come out."""

    mels: Tensor
    """[b, bands, u] log-mel at the version's own rate."""
    mel_lengths: Tensor
    """[b] frames of those."""


class _Draws(NamedTuple):
    """Of each recording of a batch."""

    shares: Tensor
    """[b] of two thirds of it that are its prompt, 0 to below 1."""
    noise: Tensor
    """[b, bands, u] normal."""
    time: Tensor
    """[b] from noise (0) to mel (1)."""
    shortcut: Tensor
    """[b] half step to learn from; 0: none."""


class _Matching(nn.Module):
    """`FlowSovits.train_forward` as a forward pass, which is what several processes can share."""

    def __init__(self, sovits: FlowSovits) -> None:
        super().__init__()
        self.sovits = sovits

    def forward(self, batch: FlowBatch, draws: _Draws) -> Tensor:
        return self.sovits.train_forward(
            batch.content, batch.spectrum, batch.lengths, batch.phonemes, batch.phoneme_lens, batch.mels,
            batch.mel_lengths, **draws._asdict(),
        )  # fmt: skip


class CodesToMel(SovitsRecipe[FlowBatch]):
    """SoVITS v3 or v4, or low-rank changes to one, from prepared recordings."""

    model: FlowSovits
    config: FlowConfig

    def __init__(
        self,
        model: FlowSovits,
        data: Prepared,
        config: FlowConfig,
        team: Team,
        vocoder: HifiGan | BigVgan | None = None,
    ) -> None:
        """Without a `vocoder`, which does not learn, there is nothing to be heard."""
        super().__init__(model, data, config, team, LONGEST_S)
        for part in (model.enc_p, model.ssl_proj, model.quantizer):
            part.requires_grad_(not model.config.freeze_quantizer)
        if config.rank:
            learn_low_rank(model.cfm, config.rank)
        model.cfm.estimator.recompute = config.recompute
        self.model = model.to(team.device).train()
        self.networks = {"generator": self.model}
        self.optimisers = {"generator": adam([{"params": learning(self.model)}], config.rate)}
        self.vocoder = None if vocoder is None else vocoder.to(team.device).eval().requires_grad_(False)
        self._forward: nn.Module = team.wrapped(_Matching(self.model), idle=True)  # linear_mel is, always

    def settings(self) -> dict[str, Any]:
        """Computing again makes the same weights, so that a training may go on with it or without."""
        return {name: value for name, value in super().settings().items() if name != "recompute"}

    def batch(self, indices: Sequence[int]) -> FlowBatch:
        speech, sounds = self.speech(indices)
        mels = [self._mel(sound) for sound in sounds]
        return FlowBatch(**vars(speech), mels=padded(mels), mel_lengths=torch.tensor([m.shape[1] for m in mels]))

    def step(self, batches: Sequence[FlowBatch], seed: int) -> dict[str, float]:
        optimiser, kind = self.optimisers["generator"], self.kind(seed)
        optimiser.zero_grad(set_to_none=True)
        clips = sum(len(batch.lengths) for batch in batches)
        values: dict[str, float] = {}
        for place, batch in enumerate(batches):
            batch, share = batch.to(self.team.device), len(batch.lengths) / clips
            torch.manual_seed(mixed_seed(seed, place, self.team.rank))  # of the voice's dropout
            with self.team.gathering(self._forward, place == len(batches) - 1):
                with self.mixed():
                    loss = self._forward(batch, self._draws(batch, seed, kind == "shortcut"))
                self.mixed.backward(loss * share)
            add(values, {kind: float(loss.detach()) * share})
        self.mixed.apply(optimiser)
        return values

    def kind(self, seed: int) -> str:
        """Which loss a step has: "flow", or in three of ten "shortcut"; known from its seed."""
        drawn = torch.rand((), generator=torch.Generator().manual_seed(mixed_seed(seed)))
        return "shortcut" if float(drawn) < SHORTCUT_SHARE else "flow"

    def validate(self, batch: FlowBatch, seed: int) -> dict[str, float]:
        batch = batch.to(self.team.device)
        with self.mixed():
            loss = _Matching(self.model)(batch, self._draws(batch, seed, shortcut=False))
        return {"flow": float(loss.detach())}

    def picture(self, index: int) -> dict[str, Tensor]:
        recorded, made = self._continued(index)
        return {"recorded": recorded, "from its codes": made}

    @torch.no_grad()
    def rendering(self, index: int) -> tuple[Tensor, int] | None:
        if self.vocoder is None:
            return None
        sound: Tensor = self.vocoder(self._continued(index)[1][None])
        return sound[0, 0].float().cpu(), self.vocoder.rate

    @torch.no_grad()
    def _continued(self, index: int) -> tuple[Tensor, Tensor]:
        """A recording's mel, and one that continues it, saying the same codes and phonemes once more."""
        batch = self.batch([index]).to(self.team.device)
        self.model.eval()
        said = Spoken(self.model.codes(batch.content), batch.phonemes)
        generator = torch.Generator(self.team.device).manual_seed(0)
        made = self.model.decode(said, said, batch.spectrum, batch.mels, steps=_PICTURE_STEPS, generator=generator)
        self.model.train()
        return batch.mels[0], made[0]

    def checkpoint(self, epoch: int, step: int) -> Checkpoint:
        if not self.config.rank:
            return self.official("flow-matching", exported(self.model.state_dict()), epoch, step)
        made = self.official("lora", packed(self.model), epoch, step)
        return replace(made, lora_rank=self.config.rank)

    def _mel(self, sound: Tensor) -> Tensor:
        """Samples [n] at 32 kHz -> log-mel [bands, frames] of the version."""
        settings = self.model.config.rates.mel
        if settings.rate != SOUND_RATE:
            sound = torch.from_numpy(soxr.resample(sound.numpy(), SOUND_RATE, settings.rate))
        return mel.mel_spectrogram(sound[None], settings)[0]

    def _draws(self, batch: FlowBatch, seed: int, shortcut: bool) -> _Draws:
        count, bands, frames = batch.mels.shape
        noise = torch.zeros(count, bands, frames)
        shares, time, half = torch.zeros(count), torch.zeros(count), torch.zeros(count)
        for row, (index, length) in enumerate(zip(batch.indices.tolist(), batch.mel_lengths.tolist(), strict=True)):
            generator = torch.Generator().manual_seed(mixed_seed(seed, index))
            shares[row], time[row] = torch.rand(2, generator=generator)
            exponent = torch.randint(2, 8, (), generator=generator)
            noise[row, :, :length] = torch.randn(bands, length, generator=generator)
            half[row] = 2.0 ** -float(exponent) if shortcut else 0.0
        return _Draws(*(drawn.to(batch.mels.device) for drawn in (shares, noise, time, half)))
