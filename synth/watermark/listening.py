"""Levels of the bands of a sound, and a quick listener: how much each tile is above what its neighbours let expect.

The level of a tile differs from its neighbours' for many reasons; most of this is predictable from the levels around
it, in time (56 ms to both sides) and frequency (two bands). One linear filter per part of the band, found by least
squares on marked speech that went through channels (`synth/train/watermark.py`), takes out what is predictable and
leaves the mark. With it other pitches and tempos are searched; what is judged is heard by the network of `listener`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import scipy.fft
import scipy.ndimage
from safetensors.numpy import load_file

from synth.watermark.carrier import BANDS, CENTRES, Array, means

WEIGHTS = Path(__file__).parent.parent / "weights" / "watermark.safetensors"
GROUPS_HZ = (500.0, 1500.0, 3400.0)
"""Borders of the parts of the band that have a filter each."""
GROUP = np.digitize(CENTRES, GROUPS_HZ)
REACH_BANDS, REACH_FRAMES = 2, 7
_MEAN_FRAMES = 15
_MOST_NEPER = 2.5
_CEILING = 2.5
"""Largest answer of a tile, in units of its surroundings' root mean square."""


@lru_cache(maxsize=1)
def filters() -> Array:
    """One filter for each part of the band: [4, 2 * REACH_BANDS + 1, 2 * REACH_FRAMES + 1]."""
    out: Array = load_file(WEIGHTS)["filters"]
    return out


@dataclass(frozen=True)
class Levels:
    """Levels of the bands of a sound."""

    logs: Array
    """[BANDS, frames]: natural log of the amplitude."""
    trust: Array
    """[BANDS, frames], 0 to 1: how far a tile is from the noise floor of its band."""

    @property
    def excess(self) -> Array:
        """[BANDS, frames]: log amplitude over its mean in 120 ms, limited."""
        mean = scipy.ndimage.uniform_filter1d(self.logs, _MEAN_FRAMES, axis=1, mode="nearest")
        out: Array = np.clip(self.logs - mean, -_MOST_NEPER, _MOST_NEPER)
        return out


def band_levels(power: Array, pitch: float = 1.0) -> Levels:
    """Power [bins, frames] -> levels in bands `pitch` times higher than embedded, on the sound's own time axis."""
    floor = 1e-6 * float(power.mean()) + 1e-20
    logs = np.log(means(pitch).T @ power + np.float32(floor)) * np.float32(0.5)
    smooth = scipy.ndimage.uniform_filter1d(logs, 5, axis=1, mode="nearest")
    order = np.sort(smooth[:, ::4], axis=1)
    low, high = order[:, order.shape[1] // 20, None], order[:, -1 - order.shape[1] // 20, None]
    above = 1 - np.exp(np.float32(-2) * np.maximum(smooth - low, 0))
    return Levels(logs, above * np.clip((high - low - 0.5) / 1.5, 0.02, 1.0))


def at_tempo(seen: Levels, tempo: float) -> Levels:
    """Levels of a sound that is `tempo` times faster than embedded -> levels on the embedded time axis."""
    if tempo == 1.0:
        return seen
    at = np.arange(int((seen.logs.shape[1] - 1) * tempo) + 1) / tempo
    left = np.minimum(at.astype(np.int64), seen.logs.shape[1] - 2)
    part = (at - left).astype(np.float32)
    return Levels(*(a[:, left] * (1 - part) + a[:, left + 1] * part for a in (seen.logs, seen.trust)))


def answers(seen: Levels) -> Array:
    """The filters' answer for the tile centred on each frame, limited and weighted: [BANDS, frames]."""
    length = seen.logs.shape[1]
    padded = np.pad(seen.excess, ((REACH_BANDS, REACH_BANDS), (REACH_FRAMES, REACH_FRAMES)), mode="edge")
    size = scipy.fft.next_fast_len(padded.shape[1], real=True)
    spectra = scipy.fft.rfft(padded, size, axis=1)
    kernels = np.conj(scipy.fft.rfft(filters(), size, axis=2))[GROUP]
    total = sum(spectra[j : j + BANDS] * kernels[:, j] for j in range(2 * REACH_BANDS + 1))
    raw = scipy.fft.irfft(total, size, axis=1)[:, :length]
    square = np.minimum(raw * raw, 9 * np.median(raw * raw, axis=1, keepdims=True))
    local = np.sqrt(np.maximum(scipy.ndimage.uniform_filter(square, (3, 25), mode="nearest"), 1e-12))
    out: Array = np.clip(raw / local, -_CEILING, _CEILING) * seen.trust
    return out
