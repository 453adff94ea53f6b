"""How much each tile may change: what is heard least.

Three rules. (1) The level of a tile changes by about `CEILING_DB`, the whole a little more or less by what it would
lose (`loss`); the change is a part of the host's own energy in the same 32 ms and the same band, so that it is masked
by what it changes. (2) Within a third of an octave the changes cancel in energy as far as they can: the envelopes of
the ear's bands, on which intelligibility rests (STOI: Taal et al., IEEE Trans. Audio Speech Lang. Process. 19(7),
2011), stay as they are, the more so the steadier they are. (3) Nothing is added where there is nothing: tiles near
silence are left alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from synth.watermark.carrier import BANDS, CENTRES, CHIP, EDGES, WINDOW, Array, Complex, overlap

CEILING_DB = np.where(CENTRES < 4200, 3.1, 4.2).astype(np.float32)[:, None]
"""Strength of a tile that nothing holds back, dB: [BANDS, 1]."""
MOST = 1.3
"""No tile changes by more than this many times the strength."""
SILENCE = 1e-11
"""Mean power of a sample (full scale 1) in a tile below which it is left alone: -110 dB, near 16-bit rounding."""
QUIET = 1e-4
"""Power against that of the loudest twentieth below which a chip does not count as sound."""
STEADINESS = 6.0
"""Weight of rule 2 above `LOW_HZ`."""
STEADINESS_LOW = 0.75
"""Weight of rule 2 below `LOW_HZ`, where a band of the ear is narrower than a tile and cancelling costs the mark."""
LOW_HZ = 650.0

_WINDOW_POWER = WINDOW * WINDOW / 4
"""Sum over the bins of the power of a frame, per mean power of its samples (sine window), about."""
_LIVE_TILES = 0.2
_SEGMENT = 16
"""Chips of 384 ms, the segment of STOI."""
_THIRDS = 150.0 * 2.0 ** (np.arange(15) / 3)
_EAR = overlap(_THIRDS * 2 ** (-1 / 6), _THIRDS * 2 ** (1 / 6))
"""Bins in thirds of an octave, [bins, 15]."""
_TILES = overlap(EDGES[:-1], EDGES[1:])
_SPREAD = _TILES / np.maximum(_TILES.sum(axis=1, keepdims=True), 1)
"""Tiles to bins, [bins, BANDS]; a bin between two tiles gets a part of each."""
_WEIGHT = np.where(_THIRDS < LOW_HZ, STEADINESS_LOW, STEADINESS)


class Mask:
    """What one stretch of sound lets us do: made from its spectra [bins, frames]."""

    def __init__(self, spectra: Complex) -> None:
        self.frames = spectra.shape[1]
        self.chips = -(-self.frames // CHIP)
        power = spectra.real**2 + spectra.imag**2
        power = np.pad(power, ((0, 0), (0, self.chips * CHIP - self.frames)), mode="edge")
        power = power.reshape(power.shape[0], self.chips, CHIP).mean(axis=2)
        tiles = _TILES.T @ power / np.float32(_WINDOW_POWER)
        self.live = tiles > SILENCE
        """[BANDS, chips]: whether a tile may change at all."""
        level = tiles.sum(axis=0)
        loud = level > QUIET * np.quantile(level, 0.95)
        self.sounding: float = float(np.mean(loud & (self.live.mean(axis=0) > _LIVE_TILES)))
        """Share of the chips that sound: loud against the others, with tiles enough that may change."""
        ear = _EAR.T @ power + 1e-20
        shares = np.stack([(_EAR[:, j, None] * _SPREAD).T @ power / ear[j] for j in range(_THIRDS.size)])
        heard = (_WEIGHT[:, None] * _steadiness(ear))[:, None] * shares
        held = np.matmul(heard.transpose(2, 1, 0), shares.transpose(2, 0, 1)) + np.eye(BANDS, dtype=np.float32)
        self.freed: Array = np.linalg.inv(held).astype(np.float32)
        """[chips, BANDS, BANDS]: what is left of a wish after rule 2."""

    def gains(self, wish: Array) -> Array:
        """Wished changes of level [BANDS, chips], about -1 to 1 -> allowed ones, dB, of the same shape."""
        allowed = np.matmul(self.freed, wish.T[:, :, None])[:, :, 0].T
        out: Array = CEILING_DB * np.clip(allowed, -MOST, MOST) * self.live
        return out

    def per_bin(self, gains: Array) -> Array:
        """Gains of tiles, dB [BANDS, chips] -> factors of bins [bins, frames]."""
        decibels = _SPREAD @ np.repeat(gains, CHIP, axis=1)[:, : self.frames]
        out: Array = np.exp(decibels * np.float32(np.log(10) / 20))
        return out


def _steadiness(ear: Array) -> Array:
    """Energy of a band of the ear over the variance of its envelope around it: [15, chips] -> [15, chips]."""
    envelope = np.sqrt(ear)
    mean = scipy.ndimage.uniform_filter1d(envelope, _SEGMENT, axis=1)
    square = scipy.ndimage.uniform_filter1d(ear, _SEGMENT, axis=1)
    variance = scipy.ndimage.uniform_filter1d(np.maximum(square - mean**2, 0), _SEGMENT // 2, axis=1)
    out: Array = ear / (variance + 1e-3 * square + 1e-20)
    return out


def loss(before: Array, after: Array) -> float:
    """How much of the envelopes of the ear's bands is lost, about as STOI sees it: powers [bins, frames] -> 0 to 1.

    One less the mean correlation of envelopes in 384 ms, over all segments within 40 dB of the loudest.
    """
    x, y = (np.sqrt(_EAR.T @ power) for power in (before, after))
    level = scipy.ndimage.uniform_filter1d(before.sum(axis=0), CHIP)
    sounding = level > 1e-4 * level.max()
    x, y = x[:, sounding], y[:, sounding]
    width = _SEGMENT * CHIP
    if x.shape[1] < width:
        return 0.0

    def mean(values: Array) -> npt.NDArray[np.float64]:
        total: npt.NDArray[np.float64] = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
        out: npt.NDArray[np.float64] = ((total[:, width:] - total[:, :-width]) / width)[:, ::CHIP]
        return out

    common = mean(x * y) - mean(x) * mean(y)
    own = (mean(x * x) - mean(x) ** 2) * (mean(y * y) - mean(y) ** 2)
    return float(1 - np.mean(common / np.sqrt(np.maximum(own, 1e-30))))
