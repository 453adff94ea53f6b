"""Changes of the waveform that follow the gradient of a score, held at a signal-to-noise ratio.

Projected gradient with momentum in the L2 ball: A. Madry et al., "Towards Deep Learning Models Resistant to Adversarial
Attacks" (2018); Y. Dong et al., "Boosting Adversarial Attacks with Momentum" (2018). The attacker has the weights, the
calibration and the fusion, as everybody has; he does not change the sound outside of what the lines score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from detectors.calibration import limits, raw_log10_lr
from detectors.fusion import Fusion
from detectors.inference import FRAME, RATE, SpeechScorer
from detectors.network import SpeechNetwork, trainable
from detectors.spectral import SpectralScorer
from detectors.spectral_network import differentiable
from detectors.speech import WINDOW, own_speech
from forensics.methods._trained_line import TrainedLine
from synth.channels.base import FloatArray

Aim = Literal["human", "machine"]
VERDICT = "verdict"
STEPS = 8
MOMENTUM = 0.75
REACH = 2.5
"""Sum of all steps' lengths, as a multiple of the ball's radius."""
BEYOND = 0.5
"""log10 LR past a line's bounds to which an attack on the verdict pushes it: what is bounded again, with a margin."""
Score = Callable[[Tensor], Tensor]
"""Samples [1, time] at 16 kHz -> log10 LR [1]."""


class _WindowLogit(nn.Module):
    """Of the two answers of the speech network, the window's: samples [batch, time] -> logit [batch]."""

    def __init__(self, network: SpeechNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, samples: Tensor) -> Tensor:
        window: Tensor = self.network(samples)[0]
        return window


@dataclass(frozen=True)
class Opponent:
    """The shipped lines as somebody sees them who has their weights."""

    networks: Mapping[str, Score]
    """Samples [1, time] -> logit [1], by line."""
    lines: Mapping[str, TrainedLine]
    weights: Mapping[str, float]
    """Of each line in the fused log10 LR."""

    @classmethod
    def of(cls, methods: Sequence[TrainedLine], fusion: Fusion) -> Opponent:
        """The lines speech and spectral, and their weights when both are present."""
        networks: dict[str, Score] = {}
        for method in methods:
            scorer = method.detector.scorer
            if isinstance(scorer, SpeechScorer):
                networks[method.id] = _WindowLogit(trainable(scorer)).eval().requires_grad_(False)
            elif isinstance(scorer, SpectralScorer):
                networks[method.id] = differentiable(scorer).eval().requires_grad_(False)
        fit = next(one for one in fusion.fits if set(one.weights) == set(networks))
        return cls(networks, {method.id: method for method in methods if method.id in networks}, fit.weights)

    def score(self, target: str, seconds: float) -> Score:
        """The log10 LR of a line before its bounds, or the weighted sum of both, for so many seconds of speech.

        In the sum, a line that is `BEYOND` its bounds says no more, so that what is left goes into the other line.
        """
        if target != VERDICT:
            return self._line(target, seconds)
        lines = {name: self._line(name, seconds) for name in self.networks}
        held = {name: limits(self.lines[name].card.calibration) for name in lines}

        def scored(samples: Tensor) -> Tensor:
            said = (
                self.weights[name] * line(samples).clamp(held[name][0] - BEYOND, held[name][1] + BEYOND)
                for name, line in lines.items()
            )
            return torch.stack(list(said)).sum(0)

        return scored

    def _line(self, line: str, seconds: float) -> Score:
        """Its unbounded log10 LR: the calibration is linear in the logit."""
        ends = raw_log10_lr(self.lines[line].card.calibration, np.array([0.0, 1.0]), np.full(2, seconds))
        intercept, slope = float(ends[0]), float(ends[1] - ends[0])
        return lambda samples: slope * self.networks[line](samples) + intercept

    def attacked(
        self, samples: FloatArray, target: str, snr_db: float, aim: Aim = "human", steps: int = STEPS
    ) -> FloatArray:
        """Samples [time] at 16 kHz, one window at most -> the same, changed against `target` at `snr_db` or above."""
        if samples.size > WINDOW:
            raise ValueError(f"{samples.size} samples are more than one window of {WINDOW}")
        spoken = np.flatnonzero(own_speech(samples))
        part = slice(int(spoken[0]) * FRAME, (int(spoken[-1]) + 1) * FRAME)
        score = self.score(target, spoken.size * FRAME / RATE)
        radius = float(np.linalg.norm(samples)) * 10 ** (-snr_db / 20)
        changed = samples.copy()
        changed[part] = samples[part] + ascended(samples[part], score, radius, 1.0 if aim == "machine" else -1.0, steps)
        return np.clip(changed, -1.0, 1.0)


def ascended(samples: FloatArray, score: Score, radius: float, sign: float, steps: int = STEPS) -> FloatArray:
    """The addition [time] of norm `radius` at most that raises (sign 1) or lowers (sign -1) the score most.

    The best of all steps is kept.
    """
    sound = torch.from_numpy(np.ascontiguousarray(samples))[None]
    addition, direction = torch.zeros_like(sound), torch.zeros_like(sound)
    best, highest = addition, -np.inf
    for step in range(steps + 1):
        trial = addition.clone().requires_grad_()
        value = sign * score(sound + trial).sum()
        if value.item() > highest:
            best, highest = addition, value.item()
        if step == steps:
            break
        (gradient,) = torch.autograd.grad(value, trial)
        direction = MOMENTUM * direction + gradient / gradient.norm().clamp(min=1e-12)
        addition = addition + REACH * radius / steps * direction / direction.norm().clamp(min=1e-12)
        addition = addition * min(1.0, radius / max(float(addition.norm()), 1e-12))
    return np.asarray(best[0].numpy(), np.float32)
