"""Judge one alignment exactly: its score, the soft bits of the payload, and the evidence over time.

The raw score is the sum over the pilot's tiles of sign times answer (periods added), over the root of the sum of the
squares. If the signs were another key's, they would be fair and independent coins, whatever the sound and the channel:
then P(raw > t) <= exp(-t * t / 2) (Hoeffding 1963) for every alignment. So one threshold serves every channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.watermark.carrier import BANDS, CHIP, CHIPS, HOP, PERIOD, RATE, Array, layout
from synth.watermark.coding import CODED_BITS
from synth.watermark.keys import DetectionKey, WatermarkKey
from synth.watermark.listener import Heard, expected_signs, features
from synth.watermark.listening import answers, at_tempo
from synth.watermark.places import Evidence
from synth.watermark.synchronise import Alignment

SHRINKAGE = 1.0
"""How many bands' worth of pilot the mean over all bands counts for, when a band is judged."""


@dataclass(frozen=True)
class Tiles:
    """Answers of all tiles of a sound under one alignment, whole periods."""

    answers: Array
    """[BANDS, periods, CHIPS], 0 where the sound has no such tile."""
    trust: Array
    """[BANDS, periods, CHIPS]"""
    first: int
    """Frame, on the embedded time axis, of the first tile's centre; it may be before the sound's start."""

    @property
    def chips(self) -> int:
        return int(self.answers.shape[1]) * CHIPS

    def chip(self, frame: int) -> int:
        """The chip that a frame of the embedded time axis is in, within 0 to `chips`."""
        return int(np.clip(np.round((frame - self.first) / CHIP), 0, self.chips))

    def within(self, start: int, end: int) -> Array:
        """Sum over the periods, of chips `start` to `end` only -> [BANDS, CHIPS]."""
        kept = np.zeros(self.chips, np.float32)
        kept[start:end] = 1
        out: Array = (self.answers * kept.reshape(-1, CHIPS)).sum(axis=1)
        return out


@dataclass(frozen=True)
class Reading:
    """One alignment, judged."""

    key: WatermarkKey
    at: Alignment
    tiles: Tiles
    raw: float
    """Sum over its standard deviation."""

    @property
    def score(self) -> float:
        """`raw`, less what it may reach by chance in an alignment of so many: the same chance at the same score."""
        return float(np.sqrt(max(self.raw * abs(self.raw) - 2 * self.at.handicap, 0.0)))

    def soft_bits(self, stretches: list[tuple[int, int]]) -> Array:
        """Answers in these stretches of chips -> soft coded bits [CODED_BITS], positive for 0.

        Bands count by what the pilot tells of them: the slope of answers on signs, over three bands and drawn towards
        that of all bands; a band that the channel lost counts for nothing.
        """
        lay = layout(self.key.detection)
        total = np.sum([self.tiles.within(*stretch) for stretch in stretches], axis=0)
        sums = _over_three((total * lay.signs * lay.pilot).sum(axis=1))
        squares = _over_three((total**2 * lay.pilot).sum(axis=1)) + 1e-9
        prior = SHRINKAGE * squares.mean()
        slope = np.maximum(sums + prior * sums.sum() / squares.sum(), 0) / (squares + prior)
        carried = ~lay.pilot
        soft = total * lay.signs * slope[:, None]
        return np.bincount(lay.owner[carried], soft[carried], CODED_BITS).astype(np.float32)

    def evidence(self, coded: npt.ArrayLike | None = None) -> Evidence:
        """What each chip says by the pilot, and with the coded bits [CODED_BITS] known, by all tiles."""
        lay = layout(self.key.detection)
        known = np.ones_like(lay.pilot) if coded is not None else lay.pilot
        signs = (lay.signs if coded is None else lay.pattern(coded)) * known
        return Evidence(
            np.einsum("bpc,bc->pc", self.tiles.answers, signs).reshape(-1),
            np.einsum("bpc,bc->pc", self.tiles.answers**2, known).reshape(-1),
            np.einsum("bpc,bc->pc", self.tiles.trust, known).reshape(-1),
        )

    def second(self, chip: float) -> float:
        """Where a border between chips lies in the sound, seconds."""
        return (self.tiles.first + (chip - 0.5) * CHIP) * HOP / RATE / self.at.tempo


def judge(heard: Heard, key: WatermarkKey, at: Alignment) -> Reading:
    """The best reading among the phases next to an alignment's; the learnt listener hears the tiles of that one."""
    nominal = (at.pitch, at.tempo) == (1.0, 1.0)
    seen = at_tempo(heard.levels(at.pitch), at.tempo)
    quick = heard.signs if nominal else answers(seen)
    best, most = 0, -np.inf
    for phase in range(round(at.phase) - 2, round(at.phase) + 3):
        tiles = _tiles(quick, seen.trust, phase)
        score = _score(tiles.within(tiles.chip(at.start), tiles.chip(at.end)), key.detection)
        if score > most:
            best, most = phase, score
    if nominal:
        return Reading(key, at, _tiles(quick, seen.trust, best), most)
    tiles = _tiles(None, seen.trust, best, features(seen))
    return Reading(key, at, tiles, _score(tiles.within(tiles.chip(at.start), tiles.chip(at.end)), key.detection))


def _over_three(values: Array) -> npt.NDArray[np.float64]:
    """Each band with half of the two beside it: [BANDS] -> [BANDS]."""
    padded = np.pad(values.astype(np.float64), 1)
    return padded[1:-1] + 0.5 * (padded[:-2] + padded[2:])


def _tiles(heard: Array | None, trust: Array, phase: int, seen: Array | None = None) -> Tiles:
    """Tiles of a sound whose period starts at frame `phase`.

    From the answers of every frame [BANDS, frames], or from the features that the learnt listener sees.
    """
    first = phase % PERIOD + CHIP // 2
    first -= PERIOD * (first > CHIP // 2)
    frames = trust.shape[1]
    periods = -(-(frames - first) // PERIOD)
    at = first + CHIP * np.arange(periods * CHIPS)
    inside = (at >= 0) & (at < frames)
    at = at[inside]
    out = np.zeros((2, BANDS, inside.size), np.float32)
    if heard is not None:
        out[0][:, inside] = heard[:, at]
    elif seen is not None and at.size:
        out[0][:, inside] = expected_signs(seen, int(at[0]), at.size)
    out[1][:, inside] = trust[:, at]
    shape = (BANDS, periods, CHIPS)
    return Tiles(out[0].reshape(shape), out[1].reshape(shape), first)


def _score(total: Array, key: DetectionKey) -> float:
    """Answers of a period's tiles [BANDS, CHIPS] -> the pilot's score."""
    lay = layout(key)
    seen = total[lay.pilot].astype(np.float64)
    return float(np.sum(seen * lay.signs[lay.pilot]) / np.sqrt(np.sum(seen**2) + 1e-12))
