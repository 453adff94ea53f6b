"""The learnt listener: from the levels around a tile to what its sign is likely to be.

A small convolutional network over bands and time (15,000 parameters, trained on marked speech after codecs, noise,
rooms and filters: `python -m synth.train.watermark_listener`) gives the log of the odds that a tile was pushed up; what
is used is the expected sign, tanh(log odds / 2), -1 to 1. A tile of which nothing can be known gets an answer near 0,
so that answers are their own weights. The network never sees a key: under another key its answers are held against
fair coins, however it was trained and whatever the sound.
"""

from __future__ import annotations

from functools import cached_property, lru_cache

import numpy as np
import scipy.ndimage
from safetensors.numpy import load_file

from synth.watermark.carrier import BANDS, CHIP, Array
from synth.watermark.listening import WEIGHTS, Levels, band_levels

FEATURES = 5
REACH_BANDS, REACH_FRAMES = 2, 7
"""Of the first layer to both sides; it steps from tile to tile, the others reach one band and one tile further each."""
_NEAR, _SMOOTH, _FAR = 15, 5, 75
"""Frames of the means that levels are held against: 120, 40 and 600 ms."""


class Heard:
    """A sound, by the power of its bins and frames; what several keys and alignments need is made once."""

    def __init__(self, power: Array) -> None:
        self.power = power
        self._levels: dict[float, Levels] = {}

    def levels(self, pitch: float = 1.0) -> Levels:
        """Levels in bands `pitch` times higher than embedded."""
        if pitch not in self._levels:
            self._levels[pitch] = band_levels(self.power, pitch)
        return self._levels[pitch]

    @cached_property
    def signs(self) -> Array:
        """At the pitch and tempo it has: the expected sign of a tile centred on each frame, [BANDS, frames]."""
        return everywhere(features(self.levels()))


@lru_cache(maxsize=1)
def weights() -> dict[str, Array]:
    """The network's arrays by name; `synth/train/watermark_listener.py` writes them."""
    return {name: array.astype(np.float32) for name, array in load_file(WEIGHTS).items() if name != "filters"}


def features(seen: Levels) -> Array:
    """Levels of a sound -> what the network sees of them: [FEATURES, BANDS, frames], all about -2 to 2."""
    logs = seen.logs
    near, smooth, far = (
        scipy.ndimage.uniform_filter1d(logs, width, axis=1, mode="nearest") for width in (_NEAR, _SMOOTH, _FAR)
    )
    order = np.sort(smooth[:, ::4], axis=1)
    rank = order.shape[1] // 20
    low, high = order[:, rank, None], order[:, -1 - rank, None]
    out: Array = np.empty((FEATURES, *logs.shape), np.float32)
    np.clip(logs - near, -2.5, 2.5, out=out[0])
    np.clip((smooth - low) / 2, -0.5, 2.5, out=out[1])
    np.clip((logs - far) / 2, -1.5, 1.5, out=out[2])
    out[3] = np.clip(high - low, 0, 6) / 3 - 0.7
    np.clip((near - high.max()) / 3 + 1, -4 / 3, 1, out=out[4])
    return out


def expected_signs(seen: Array, first: int, chips: int) -> Array:
    """Features [FEATURES, BANDS, frames] -> expected sign of tiles centred on frames first + n * CHIP: [BANDS, chips].

    The sound goes on at its borders as it is there.
    """
    start = first - REACH_FRAMES
    length = CHIP * (chips - 1) + 2 * REACH_FRAMES + 1
    after = max(start + length - seen.shape[2], 0)
    padding = ((0, 0), (REACH_BANDS, REACH_BANDS), (max(-start, 0), after))
    padded = np.pad(seen[:, :, max(start, 0) : start + length], padding, mode="edge")
    at = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (FEATURES, 2 * REACH_FRAMES + 1, padded.shape[1], chips),
        (at[0], at[2], at[1], CHIP * at[2]),
        writeable=False,
    )
    parts = weights()
    hidden = _layer(windows, parts["first"], parts["first_bias"])
    state = hidden
    for number in range(sum(name.startswith("middle_bias") for name in parts)):
        around = np.pad(state, ((0, 0), (1, 1), (1, 1)))
        steps = np.lib.stride_tricks.sliding_window_view(around, 3, axis=2).transpose(0, 3, 1, 2)
        state = _layer(steps, parts[f"middle.{number}"], parts[f"middle_bias.{number}"])
    last = parts["last"]
    odds = np.tensordot(last[: hidden.shape[0]], hidden, 1) + np.tensordot(last[hidden.shape[0] :], state, 1)
    out: Array = np.tanh((odds + parts["last_bias"]) / 2)
    return out


def everywhere(seen: Array) -> Array:
    """Features [FEATURES, BANDS, frames] -> expected sign of a tile centred on each frame: [BANDS, frames]."""
    frames = seen.shape[2]
    chips = -(-frames // CHIP)
    out: Array = np.stack([expected_signs(seen, first, chips) for first in range(CHIP)], axis=2)
    return out.reshape(BANDS, -1)[:, :frames]


def _layer(windows: Array, kernel: Array, bias: Array) -> Array:
    """A convolution and rectifier: [in, taps, BANDS + rows - 1, chips] [rows, out, in * taps] -> [out, BANDS, chips].

    All taps in time are one product of matrices; the rows of bands are added afterwards.
    """
    rows, channels, size = kernel.shape
    bands, chips = windows.shape[2:]
    product = kernel.reshape(rows * channels, size) @ windows.reshape(size, bands * chips)
    product = product.reshape(rows, channels, bands, chips)
    total = bias[:, :, None] + product[0, :, :BANDS]
    for row in range(1, rows):
        total += product[row, :, row : row + BANDS]
    out: Array = np.maximum(total, 0, out=total)
    return out
