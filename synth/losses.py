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


class GeneratorLoss(NamedTuple):
    """The parts of one step's loss, as they are weighted."""

    adversarial: Tensor
    features: Tensor
    mel: Tensor
    kl: Tensor
    commitment: Tensor

    @property
    def total(self) -> Tensor:
        return self.adversarial + self.features + self.mel + self.kl + self.commitment


def generator_loss(
    out: TrainingOutput, spectrum: Tensor, recorded: Sequence[Judgement], synthesised: Sequence[Judgement]
) -> GeneratorLoss:
    """All losses of `Sovits.train_forward`'s output; the magnitudes [b, bins, t] that went into it are the target.

    Without discriminators there are no judgements, and the first two parts are 0.
    """
    zero = torch.zeros((), device=out.wave.device)
    with torch.autocast(out.wave.device.type, enabled=False):
        return GeneratorLoss(
            adversarial_loss(synthesised) if synthesised else zero,
            feature_loss(recorded, synthesised) if synthesised else zero,
            MEL_WEIGHT * mel_distance(spectrum, out.wave, out.starts),
            KL_WEIGHT * out.kl(),
            out.commitment.float(),
        )
