"""Where the mark lies: tiles of time and frequency, and what each tile carries.

Sound is analysed at 16 kHz in frames of 32 ms every 8 ms. A tile is one of 30 bands (133 Hz wide, 9 % of their
frequency above 1.5 kHz) by one chip of 24 ms; its level goes up or down by a keyed sign. 96 chips are a period of
2.304 s, which repeats, so that every crop of that length holds all of the mark. Below 626 Hz every tile is a pilot
(known sign: presence and synchronisation); above it, a keyed choice of about 40 % of the tiles is, and the others carry
the coded bits, several tiles per bit, scattered by the key over time and over both halves of the band (below and above
3.4 kHz), so that a telephone passes all of the payload and a wide-band channel passes it twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft
import soxr

from synth.watermark.coding import CODED_BITS
from synth.watermark.keys import DetectionKey

Array = npt.NDArray[np.float32]
Complex = npt.NDArray[np.complex64]

RATE = 16_000
WINDOW = 512
"""Samples of a frame, 32 ms."""
HOP = 128
"""Samples from frame to frame, 8 ms."""
CHIP = 3
"""Frames of a tile."""
CHIPS = 96
"""Tiles of a period, in time."""
PERIOD = CHIP * CHIPS
"""Frames of a period, 2.304 s."""
PILOT_ONLY_HZ = 626.0
PILOT_SHARES = (("telephone", 0.45), ("wide", 0.4))
"""Of the tiles between PILOT_ONLY_HZ and TELEPHONE_HZ, and of those above."""
TELEPHONE_HZ = 3400.0


def _edges() -> npt.NDArray[np.float64]:
    edges = [93.75]
    while edges[-1] < 7400:
        edges.append(edges[-1] + max(133.0, 0.09 * edges[-1]))
    return np.array(edges)


EDGES = _edges()
"""Borders of the bands, Hz: [BANDS + 1]."""
BANDS = EDGES.size - 1
CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
BIN_HZ = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
_HANN = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)
_SINE = np.sqrt(_HANN)


def overlap(low: npt.ArrayLike, high: npt.ArrayLike) -> Array:
    """Which part of each bin's width lies between two borders in Hz, each [n] -> [bins, n]."""
    half = RATE / WINDOW / 2
    inside = np.minimum(BIN_HZ[:, None] - np.asarray(low) + half, np.asarray(high) + half - BIN_HZ[:, None])
    out: Array = np.clip(inside / (2 * half), 0, 1).astype(np.float32)
    return out


def means(scale: float = 1.0) -> Array:
    """Weights that average the power of bins within bands whose borders are `scale` times higher -> [bins, BANDS]."""
    parts = overlap(EDGES[:-1] * scale, np.minimum(EDGES[1:] * scale, RATE / 2))
    out: Array = parts / np.maximum(parts.sum(axis=0), 1e-6)
    return out


def frames(samples: Array, window: Array = _HANN) -> Complex:
    """Sound at 16 kHz [time] -> spectra [bins, frames]; frame n is centred on sample n * HOP."""
    padded = np.pad(samples, (WINDOW // 2, WINDOW // 2 + HOP))
    cut = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    spectra: Complex = scipy.fft.rfft(cut * window, axis=1).T
    return spectra


def powers(samples: Array) -> Array:
    """Sound at 16 kHz [time] -> power of each bin and frame [bins, frames]."""
    spectra = frames(samples)
    return spectra.real**2 + spectra.imag**2


def opened(samples: Array) -> Complex:
    """Spectra that `closed` turns back into the same sound: [time] -> [bins, frames]."""
    return frames(samples, _SINE)


def closed(spectra: Complex, length: int) -> Array:
    """Spectra of `opened`, changed or not -> sound [length]."""
    pieces = scipy.fft.irfft(spectra.T, WINDOW, axis=1).astype(np.float32) * _SINE
    parts = WINDOW // HOP
    total: Array = np.zeros((pieces.shape[0] + parts - 1, HOP), np.float32)
    for part in range(parts):
        total[part : part + pieces.shape[0]] += pieces[:, part * HOP : (part + 1) * HOP]
    out: Array = total.reshape(-1)[WINDOW // 2 : WINDOW // 2 + length] / np.float32(np.sum(_SINE**2) / HOP)
    return out


def converted(samples: npt.NDArray[np.floating], rate: int, to: int, length: int | None = None) -> Array:
    """Sound [time] at another rate, float32, cut or padded to `length`."""
    out: Array = np.asarray(samples, np.float32)
    if rate != to:
        out = soxr.resample(out, rate, to, quality="HQ").astype(np.float32)
    if length is not None and out.size != length:
        out = out[:length] if out.size > length else np.pad(out, (0, length - out.size))
    return out


@dataclass(frozen=True)
class Layout:
    """What one key puts on the tiles of a period."""

    signs: Array
    """[BANDS, CHIPS] of -1 and 1: the pilot's pattern, and what scrambles the coded bits."""
    owner: npt.NDArray[np.int32]
    """[BANDS, CHIPS]: which coded bit a tile carries, -1 for the pilot."""

    @property
    def pilot(self) -> npt.NDArray[np.bool_]:
        """[BANDS, CHIPS]"""
        return self.owner < 0

    def pattern(self, coded: npt.ArrayLike) -> Array:
        """Coded bits [CODED_BITS] -> signs of all tiles [BANDS, CHIPS]; bit 0 leaves the sign, bit 1 turns it."""
        turned = 1.0 - 2.0 * np.asarray(coded, np.float32)
        return np.where(self.pilot, self.signs, self.signs * turned[self.owner]).astype(np.float32)


@lru_cache(maxsize=64)
def layout(key: DetectionKey) -> Layout:
    """The layout of a key's epoch."""
    signs = 1.0 - 2.0 * key.bits("carrier/signs", BANDS * CHIPS).reshape(BANDS, CHIPS).astype(np.float32)
    owner = np.full((BANDS, CHIPS), -1, np.int32)
    zones = ((CENTRES > PILOT_ONLY_HZ) & (CENTRES < TELEPHONE_HZ), CENTRES > TELEPHONE_HZ)
    for (name, share), inside in zip(PILOT_SHARES, zones, strict=True):
        tiles = np.flatnonzero(np.repeat(inside, CHIPS))
        tiles = tiles[key.permutation(f"carrier/tiles/{name}", tiles.size)]
        carrying = tiles[int(share * tiles.size) :]
        bits = key.permutation(f"carrier/bits/{name}", CODED_BITS)
        owner.reshape(-1)[carrying] = np.resize(bits, carrying.size)
    return Layout(signs, owner)
