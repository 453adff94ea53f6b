"""From tokens to sound, for both families of SoVITS: step by step, so that it can be watched and changed on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, cast

import torch
from torch import Tensor

from synth import mel
from synth.errors import VoxproofError
from synth.interventions import Interventions, edited, kept, watched_couplings
from synth.models.loading import ModelSet
from synth.observing import watched_alignment
from synth.reference import VOICE_RATE, Reference, sinc_resampled
from synth.sovits import CODES, Sovits
from synth.sovits_flow import FlowSovits, Spoken
from synth.trace import Piece, Watch
from synth.vocoders import BigVgan, HifiGan
from synth.voiceprint import voice_vector
from synth.voiceprint_card import voiceprint_card
from synth.voiceprint_network import RATE as VOICEPRINT_RATE


@dataclass(frozen=True, eq=False)
class Heard:
    """What is known of a voice."""

    voice: Tensor
    """Reference embedding [1, channels, 1]."""
    spectrum: Tensor
    """Magnitudes [1, bins, frames] of the first reference."""
    mel: Tensor | None = None
    """v3 and v4: its log-mel [1, mels, frames]."""


@dataclass(frozen=True, eq=False)
class Prompt:
    """What the reference says, if that is known."""

    codes: Tensor
    """[k] int64; may be empty."""
    ids: Tensor
    """[phones] int64; may be empty."""


@dataclass(frozen=True)
class Manner:
    """How tokens become sound."""

    speed: float = 1.0
    noise_scale: float = 0.5
    steps: int | None = None
    """v3 and v4: steps of the flow matching; None: what the version is used with."""
    watch: Watch | None = None
    changes: Interventions = field(default_factory=Interventions)


class Voicing(Protocol):
    """One family of models."""

    @property
    def rate(self) -> int:
        """Hz, of the sound."""
        ...

    @property
    def needs_text(self) -> bool:
        """Whether a reference can be used only with its text."""
        ...

    def hear(self, references: Sequence[Reference]) -> Heard:
        """The voice of the references."""
        ...

    def sound(
        self, piece: Piece, number: int, heard: Heard, prompt: Prompt, manner: Manner, seed: int
    ) -> tuple[Tensor, Piece]:
        """Samples [n] float32 on the CPU of a piece that has codes, and the piece with what was watched."""
        ...


def voicing(models: ModelSet) -> Voicing:
    """The family of these models."""
    if isinstance(models.sovits, FlowSovits):
        if models.vocoder is None:
            raise VoxproofError(f"SoVITS {models.version} needs its vocoder", cure="Import it into the same folder.")
        return FlowVoicing(models.sovits, models.vocoder)
    return LatentVoicing(models, models.sovits)


def voiceprinted(reference: Reference, network: str) -> Tensor:
    """What the lite voice is told of a voice [1, 256], by the voiceprint network whose SHA-256 begins like this."""
    if not voiceprint_card().sha256.startswith(network):
        raise VoxproofError(
            f"the model was trained with another voiceprint network ({network}) than the one here",
            cure="Use the model that came with this version of voxproof, or train again.",
        )
    return torch.from_numpy(voice_vector(reference.for_speaker().numpy(), VOICEPRINT_RATE))[None]


class LatentVoicing:
    """v1, v2, v2Pro and v2ProPlus: through a latent, a flow and a vocoder that is part of the model."""

    rate = VOICE_RATE
    needs_text = False

    def __init__(self, models: ModelSet, sovits: Sovits) -> None:
        self.sovits, self.speaker, self.version = sovits, models.speaker, models.version

    def hear(self, references: Sequence[Reference]) -> Heard:
        device = self.sovits.dec.conv_pre.weight.device
        spectra = [mel.spectrogram(one.for_voice()[None].to(device)) for one in references]
        embeddings = None
        if self.sovits.config.is_pro:
            if self.speaker is None:
                raise VoxproofError(
                    f"SoVITS {self.version} needs the speaker-verification network",
                    cure="Import pretrained_eres2netv2w24s4ep4.ckpt into the same folder.",
                )
            embeddings = [self.speaker.speaker(one.for_speaker()[None]) for one in references]
        elif self.sovits.config.voiceprint:
            embeddings = [voiceprinted(one, self.sovits.config.voiceprint) for one in references]
        return Heard(self.sovits.voice(spectra, embeddings), spectra[0])

    def sound(
        self, piece: Piece, number: int, heard: Heard, prompt: Prompt, manner: Manner, seed: int
    ) -> tuple[Tensor, Piece]:
        """As `Sovits.decode` does it."""
        sovits, watch, changes = self.sovits, manner.watch, manner.changes
        if changes.mel is not None:
            raise VoxproofError(f"SoVITS {self.version} makes no mel spectrogram", cure="Edit its latents.")
        voice = edited(changes.voice, heard.voice, number, "the voice")
        with watched_alignment(sovits, watch is not None and watch.cross_attention) as alignment:
            z_p, mask = self._drawn(piece.codes, piece.ids, voice, manner, seed)
        z_p = edited(changes.prior_latent, z_p, number, "the latent before the flow")
        latents = watch is not None and watch.latents
        seen: dict[int, tuple[Tensor, Tensor]] = {}
        with watched_couplings(sovits, changes.couplings, number, seen if latents else None):
            z = sovits.flow(z_p, mask, voice, reverse=True)
        z = edited(changes.latent, z, number, "the latent after the flow")
        piece = replace(piece, voice=kept(voice[0, :, 0]), cross_attention=alignment[0] if alignment else None)
        if latents:
            piece = replace(piece, prior_latent=kept(z_p[0]), latent=kept(z[0]), couplings=seen)
        return self.vocoded(z, voice), piece

    def latent(self, codes: Tensor, ids: Tensor, voice: Tensor, manner: Manner, seed: int) -> Tensor:
        """Codes [k], phones [s], voice [1, channels, 1] -> what the vocoder gets, [1, channels, frames]; unwatched.

        The first codes of a longer text get the same noise as in the whole.
        """
        z_p, mask = self._drawn(codes, ids, voice, manner, seed)
        return cast(Tensor, self.sovits.flow(z_p, mask, voice, reverse=True))

    def vocoded(self, latent: Tensor, voice: Tensor) -> Tensor:
        """[1, channels, frames], voice [1, channels, 1] -> samples [n] float32 on the CPU."""
        return cast(Tensor, self.sovits.dec(latent, voice))[0, 0].float().cpu()

    def _drawn(
        self, codes: Tensor, ids: Tensor, voice: Tensor, manner: Manner, seed: int
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The latent before the flow [1, channels, frames], and its mask [1, 1, frames]."""
        sovits = self.sovits
        codes, text = codes[None, None].to(voice.device), ids[None].to(voice.device)
        check_range("code", codes, CODES)
        check_range("phone", text, sovits.config.symbols)
        prior = sovits.prior(sovits.quantizer.decode(codes), text, voice, speed=manner.speed)
        noise = frame_noise(prior.mean.shape[2], prior.mean.shape[1], seed).to(voice.device)
        return (prior.mean + noise * prior.log_scale.float().exp() * manner.noise_scale).to(prior.mean), prior.mask


class FlowVoicing:
    """v3 and v4: a mel spectrogram that goes on from the reference's, and a vocoder beside the model."""

    needs_text = True

    def __init__(self, sovits: FlowSovits, vocoder: HifiGan | BigVgan) -> None:
        self.sovits, self.vocoder, self.rate = sovits, vocoder, vocoder.rate

    def hear(self, references: Sequence[Reference]) -> Heard:
        if len(references) > 1:
            raise VoxproofError(
                f"SoVITS {self.sovits.config.version} takes one reference, not {len(references)}", cure="Choose one."
            )
        settings, one = self.sovits.config.rates.mel, references[0]
        device = self.sovits.linear_mel.weight.device
        spectrum = mel.spectrogram(one.for_voice()[None].to(device))
        samples = sinc_resampled(one.samples, one.rate, settings.rate)
        return Heard(self.sovits.voice(spectrum), spectrum, mel.mel_spectrogram(samples[None], settings).to(device))

    def sound(
        self, piece: Piece, number: int, heard: Heard, prompt: Prompt, manner: Manner, seed: int
    ) -> tuple[Tensor, Piece]:
        """`FlowSovits.decode`, given the voice in place of what its style encoder says, and the vocoder."""
        sovits, watch, changes = self.sovits, manner.watch, manner.changes
        if changes.prior_latent or changes.latent or changes.couplings:
            raise VoxproofError(
                f"SoVITS {sovits.config.version} has no coupling layers and no latent",
                cure="Edit its voice or its mel.",
            )
        if heard.mel is None:
            raise VoxproofError("the reference has no mel spectrogram", cure="Use what `hear` gives.")
        voice = edited(changes.voice, heard.voice, number, "the voice")
        said = Spoken(prompt.codes[None, None], prompt.ids[None])
        wanted = Spoken(piece.codes[None, None], piece.ids[None])
        handle = sovits.ref_enc.register_forward_hook(lambda module, args, out: voice)
        try:
            with watched_alignment(sovits, watch is not None and watch.cross_attention) as alignment:
                made = sovits.decode(
                    said, wanted, heard.spectrum, heard.mel, steps=manner.steps, speed=manner.speed,
                    generator=torch.Generator().manual_seed(seed),
                )  # fmt: skip
        finally:
            handle.remove()
        made = edited(changes.mel, made, number, "the mel spectrogram")
        sound: Tensor = self.vocoder(made.to(next(self.vocoder.parameters())))[0, 0].float().cpu()
        piece = replace(piece, voice=kept(voice[0, :, 0]), cross_attention=alignment[-1] if alignment else None)
        return sound, replace(piece, mel=kept(made[0])) if watch is not None and watch.latents else piece


def frame_noise(frames: int, channels: int, seed: int) -> Tensor:
    """Normal noise [1, channels, frames] float32: frame by frame, so that more frames do not change the first ones.

    It is drawn on the CPU, so that every device gets the same, and in sixteens, since torch draws a remainder twice.
    """
    whole = torch.empty(frames + -frames % 16, channels).normal_(generator=torch.Generator().manual_seed(seed))
    return whole[:frames].t()[None]


def check_range(name: str, ids: Tensor, size: int) -> None:
    """An error for numbers that a table of this size does not have."""
    if int(ids.min()) < 0 or int(ids.max()) >= size:
        raise VoxproofError(f"a {name} is outside 0 to {size - 1}", cure="Text or codes belong to another model.")
