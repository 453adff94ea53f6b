"""What SoVITS is trained against: networks that tell recorded speech from synthesised speech.

One looks at the samples as they are (K. Kumar et al., "MelGAN", 2019), the others at every p-th sample side by side
(J. Kong et al., "HiFi-GAN", 2020): the wave is folded into rows of p samples, p prime, and convolved along the columns.
v1 and v2 have periods 2, 3, 5, 7 and 11; the Pro versions have 17 and 23 besides.

Attribute names and shapes are those of the official `s2D` files. In training only.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from synth.vits_modules import LEAK, WeightNorm, WeightNormConv1d, WeightNormConv2d

PERIODS = (2, 3, 5, 7, 11)
"""Of v1 and v2, samples."""
PRO_PERIODS = (*PERIODS, 17, 23)
"""Of v2Pro and v2ProPlus, samples."""
_PERIOD_WIDTHS = (32, 128, 512, 1024)
_SCALE_LAYERS = (
    (16, 15, 1, 1),
    (64, 41, 4, 4),
    (256, 41, 4, 16),
    (1024, 41, 4, 64),
    (1024, 41, 4, 256),
    (1024, 5, 1, 1),
)


class Judgement(NamedTuple):
    """What one discriminator says of a batch of waves."""

    score: Tensor
    """[b, n]: towards 1 for recorded, towards 0 for synthesised, one place of the wave each."""
    features: list[Tensor]
    """Every layer's output, the scores included: [b, c, t], or [b, c, rows, period]."""


class ScaleDiscriminator(nn.Module):
    """Strided, grouped convolutions over the samples: wave [b, 1, t] -> Judgement."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        inputs = 1
        for outputs, kernel, stride, groups in _SCALE_LAYERS:
            self.convs.append(
                WeightNormConv1d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups)
            )
            inputs = outputs
        self.conv_post = WeightNormConv1d(inputs, 1, 3, padding=1)

    def forward(self, wave: Tensor) -> Judgement:
        return _judge(wave, self.convs, self.conv_post)


class PeriodDiscriminator(nn.Module):
    """Convolutions over every `period`-th sample: wave [b, 1, t] -> Judgement."""

    def __init__(self, period: int) -> None:
        super().__init__()
        self.period = period
        widths = (1, *_PERIOD_WIDTHS)
        self.convs = nn.ModuleList(WeightNormConv2d(a, b, 5, stride=3, padding=2) for a, b in pairwise(widths))
        self.convs.append(WeightNormConv2d(widths[-1], widths[-1], 5, padding=2))
        self.conv_post = WeightNormConv2d(widths[-1], 1, 3, padding=1)

    def forward(self, wave: Tensor) -> Judgement:
        wave = F.pad(wave, (0, -wave.shape[2] % self.period), mode="reflect")
        return _judge(wave.view(*wave.shape[:2], -1, self.period), self.convs, self.conv_post)


def _judge(x: Tensor, convolutions: nn.ModuleList, last: WeightNorm) -> Judgement:
    features = []
    for convolution in convolutions:
        x = F.leaky_relu(convolution(x), LEAK)
        features.append(x)
    features.append(last(x))
    return Judgement(features[-1].flatten(1), features)


class Discriminators(nn.Module):
    """All of them: waves [b, 1, t] -> one Judgement each, the scale discriminator's first."""

    def __init__(self, periods: Sequence[int] = PERIODS) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList([ScaleDiscriminator(), *map(PeriodDiscriminator, periods)])

    @classmethod
    def of(cls, version: str) -> Discriminators:
        """Those of "v1", "v2", "v2Pro" or "v2ProPlus"."""
        return cls(PRO_PERIODS if version in ("v2Pro", "v2ProPlus") else PERIODS)

    def forward(self, wave: Tensor) -> list[Judgement]:
        return [cast(Judgement, discriminator(wave)) for discriminator in self.discriminators]

    def compare(self, recorded: Tensor, synthesised: Tensor) -> tuple[list[Judgement], list[Judgement]]:
        """Both of [b, 1, t], judged in one pass."""
        count = len(recorded)
        both = self(torch.cat([recorded, synthesised]))
        first = [Judgement(j.score[:count], [f[:count] for f in j.features]) for j in both]
        return first, [Judgement(j.score[count:], [f[count:] for f in j.features]) for j in both]
