"""The losses that SoVITS v1, v2 and Pro are trained with, in single precision whatever the networks ran in.

Least-squares adversarial losses (X. Mao et al., 2017), feature matching (A. Larsen et al., 2016) and the mel distance
as in HiFi-GAN (J. Kong et al., 2020), divergence of posterior from prior as in VITS (J. Kim et al., 2021), commitment
to the codebook (A. van den Oord et al., 2017). v3 and v4 have one loss of their own, in synth/flow_matching.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from synth import mel
from synth.vits_modules import time_slices

if TYPE_CHECKING:
    from synth.discriminators import Judgement
    from synth.sovits import TrainingOutput

MEL_WEIGHT = 45.0
KL_WEIGHT = 1.0
ATTENTION_WEIGHT = 2.0
"""Of the guided attention."""
PITCH_WEIGHT = 5.0
"""Of the light head's pitch."""
SPECTRAL_WEIGHT = 10.0
"""Of the magnitudes, for the light head, whose phases nobody judges at first."""
SPECTRA = (400, 1024, 2048)
"""Windows of these magnitudes, samples at 32 kHz."""


def discriminator_loss(recorded: Sequence[Judgement], synthesised: Sequence[Judgement]) -> Tensor:
    """Sum over discriminators of how far recorded speech is from 1 and synthesised speech (detach it) from 0."""
    each = [
        (1 - real.score.float()).square().mean() + fake.score.float().square().mean()
        for real, fake in zip(recorded, synthesised, strict=True)
    ]
    return torch.stack(each).sum()


def adversarial_loss(synthesised: Sequence[Judgement]) -> Tensor:
    """Sum over discriminators of how far synthesised speech is from being taken for recorded."""
    return torch.stack([(1 - fake.score.float()).square().mean() for fake in synthesised]).sum()


def feature_loss(recorded: Sequence[Judgement], synthesised: Sequence[Judgement]) -> Tensor:
    """Twice the sum, over all layers of all discriminators, of the mean distance of their outputs."""
    each = [
        F.l1_loss(fake.float(), real.detach().float())
        for a, b in zip(recorded, synthesised, strict=True)
        for real, fake in zip(a.features, b.features, strict=True)
    ]
    return 2 * torch.stack(each).sum()


def kl_divergence(z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, mask: Tensor) -> Tensor:
    """Of posterior from prior, nats a frame: the mean over real frames of the sum over channels.

    Posterior sample as the prior sees it, posterior log scale, prior mean and log scale [b, c, t], mask [b, 1, t].
    """
    z_p, logs_q, m_p, logs_p, mask = (x.float() for x in (z_p, logs_q, m_p, logs_p, mask))
    each = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * (-2 * logs_p).exp()
    return (each * mask).sum() / mask.sum()


def mel_distance(spectrum: Tensor, wave: Tensor, starts: Tensor, config: mel.MelConfig = mel.SOVITS) -> Tensor:
    """Mean distance of log-mels: whole clips' magnitudes [b, bins, t] from frames `starts` [b] on, wave [b, 1, n]."""
    made = mel.mel_spectrogram(wave.squeeze(1).float(), config)
    wanted = mel.log_mel(time_slices(spectrum.float(), starts, made.shape[2]), config)
    return F.l1_loss(made, wanted)


def guided_attention_loss(attention: Tensor, alignment: Tensor) -> Tensor:
    """Mean of -log of the attention [b, t, s] to each frame's phoneme, alignment [b, t], and to the two beside it.

    Nats; frames with -1 do not count. Guided as in H. Tachibana et al., "Efficiently Trainable Text-to-Speech System
    Based on Deep Convolutional Networks with Guided Attention" (2018), but by an alignment instead of a diagonal.
    """
    near = F.pad(attention.float(), (1, 1))
    at = alignment.clamp(min=0)[..., None] + torch.arange(3, device=alignment.device)
    share = near.gather(2, at).sum(2).clamp(min=1e-4)
    known = (alignment >= 0).float()
    return -(share.log() * known).sum() / known.sum().clamp(min=1.0)


def spectral_distance(recorded: Tensor, made: Tensor) -> Tensor:
    """Mean distance of log magnitudes at three resolutions, waves [b, 1, n] (R. Yamamoto et al., 2020)."""
    each = []
    for window in SPECTRA:
        hann = torch.hann_window(window, device=made.device)
        a, b = (
            torch.stft(x.squeeze(1).float(), window, window // 4, window=hann, return_complex=True).abs()
            for x in (recorded, made)
        )
        each.append(F.l1_loss(b.clamp(min=1e-3).log(), a.clamp(min=1e-3).log()))
    return torch.stack(each).mean()


class GeneratorLoss(NamedTuple):
    """The parts of one step's loss, as they are weighted."""

    adversarial: Tensor
    features: Tensor
    mel: Tensor
    kl: Tensor
    commitment: Tensor
    pitch: Tensor
    spectral: Tensor
    prior: Tensor
    """Mel and magnitudes of what the prior's mean sounds like."""
    attention: Tensor
    voice: Tensor
    """How unlike the voice is (synth/train/voice_likeness.py), where that is asked."""

    @property
    def total(self) -> Tensor:
        return torch.stack(tuple(self)).sum()


def generator_loss(
    out: TrainingOutput,
    spectrum: Tensor,
    recorded: Sequence[Judgement],
    synthesised: Sequence[Judgement],
    wave: Tensor | None = None,
) -> GeneratorLoss:
    """All losses of `Sovits.train_forward`'s output; the magnitudes [b, bins, t] that went into it are the target.

    Without discriminators there are no judgements, and the first two parts are 0. The recorded `wave` [b, 1, n] of the
    slices is for the light head.
    """
    zero = torch.zeros((), device=out.wave.device)

    def distance(made: Tensor) -> tuple[Tensor, Tensor]:
        magnitudes = zero if wave is None else SPECTRAL_WEIGHT * spectral_distance(wave, made)
        return MEL_WEIGHT * mel_distance(spectrum, made, out.starts), magnitudes

    with torch.autocast(out.wave.device.type, enabled=False):
        mels, magnitudes = distance(out.wave)
        return GeneratorLoss(
            adversarial_loss(synthesised) if synthesised else zero,
            feature_loss(recorded, synthesised) if synthesised else zero,
            mels,
            KL_WEIGHT * out.kl(),
            out.commitment.float(),
            PITCH_WEIGHT * out.pitch.float(),
            magnitudes,
            zero if out.prior_wave is None else sum(distance(out.prior_wave), zero),
            ATTENTION_WEIGHT * out.attention.float(),
            zero,
        )
