"""From frames to scores: one hidden layer on three statistics of every channel over time.

Mean, deviation and root mean squared step between frames (statistics pooling: D. Snyder et al., "X-Vectors: Robust DNN
Embeddings for Speaker Recognition", 2018). The score of a window comes from the whole window, the score of a frame from
the second around it with the same constants, so that both mean the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import erf

FloatArray = npt.NDArray[np.float32]


class Heard(NamedTuple):
    """What a trained line hears in one window."""

    logit: float
    """Of the whole window; positive: machine."""
    frames: FloatArray
    """Logits [time]."""
    units: FloatArray
    """Hidden units of the whole window before their activation [units]: where it lies among what the head knows."""


class StatisticsHead:
    """Frames [time, channels] -> what is heard in the window."""

    def __init__(self, state: Mapping[str, FloatArray], span: int) -> None:
        self.hidden = np.ascontiguousarray(state["head.hidden.weight"].T)
        self.hidden_bias = state["head.hidden.bias"]
        self.out, self.out_bias = state["head.out.weight"][0], float(state["head.out.bias"][0])
        self.span = span

    def __call__(self, x: FloatArray) -> Heard:
        """Frame logits are worked out for every other frame and hold for two: they are means over a second."""
        square, step = squares_and_steps(x)
        units = self._units(statistics(x.mean(0), square.mean(0), step.mean(0)))
        half = min(self.span, 2 * len(x) - 1) // 2
        around = _around(len(x), half)[::2]
        frames = np.repeat(self._logit(statistics(around @ x, around @ square, around @ step)), 2)[: len(x)]
        return Heard(float(self._out(units)), frames.astype(np.float32), units)

    def window(self, x: FloatArray) -> float:
        """The window logit alone, without the work of the frames."""
        return float(self._logit(pooled(x)))

    def contributions(self, x: FloatArray) -> FloatArray:
        """What each hidden unit adds to the window's logit: [units]; with the bias of the output they add up to it."""
        return np.asarray(gelu(self._units(pooled(x))) * self.out, np.float32)

    def _logit(self, pooled: FloatArray) -> npt.NDArray[np.float32]:
        """Statistics [..., 3 * channels] -> logit [...]."""
        return self._out(self._units(pooled))

    def _units(self, pooled: FloatArray) -> FloatArray:
        """Statistics [..., 3 * channels] -> hidden units before their activation [..., units]."""
        return np.asarray(pooled @ self.hidden + self.hidden_bias, np.float32)

    def _out(self, units: FloatArray) -> FloatArray:
        """Hidden units [..., units] -> logit [...]."""
        return np.asarray(gelu(units) @ self.out + self.out_bias, np.float32)


def pooled(x: FloatArray) -> FloatArray:
    """Frames [time, channels] -> the statistics of the whole window [3 * channels]."""
    square, step = squares_and_steps(x)
    return statistics(x.mean(0), square.mean(0), step.mean(0))


def squares_and_steps(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Squares, and squared steps to the next frame (the last step counts twice): [time, channels] each."""
    step = np.diff(x, axis=0, append=x[-1:]) ** 2
    step[-1] = step[-2]
    return x**2, step


def statistics(mean: FloatArray, square: FloatArray, step: FloatArray) -> FloatArray:
    """Mean, deviation and root mean squared step side by side: [..., channels] -> [..., 3 * channels]."""
    deviation = np.sqrt(np.maximum(square - mean**2, 1e-6))
    return np.concatenate([mean, deviation, np.sqrt(np.maximum(step, 1e-6))], axis=-1).astype(np.float32)


def gelu(x: FloatArray) -> FloatArray:
    """x times the normal distribution function of x (D. Hendrycks, K. Gimpel, 2016)."""
    y: FloatArray = erf(x * np.float32(math.sqrt(0.5)))
    y += 1.0
    y *= x
    y *= 0.5
    return y


def _around(count: int, half: int) -> FloatArray:
    """What takes the mean over the frames within `half` of each, fewer at the edges: [time, time]."""
    at = np.arange(count)
    near = np.abs(at[:, None] - at) <= half
    return np.asarray(near / near.sum(axis=1, keepdims=True), np.float32)
