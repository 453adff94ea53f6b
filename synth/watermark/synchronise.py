"""Find where in its period the mark stands, and by how much pitch and tempo were changed.

Three lines are searched: speed (pitch and tempo together), stretch (tempo alone), pitch (alone); steps of 3 % are close
enough for one block of 1.15 s. Each block is correlated with the pilot over all phases by FFT; blocks are then added
along straight lines of phase over time, whose slope is the rest of the tempo. What comes out is ranked, not yet judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from synth.watermark.carrier import BANDS, CHIP, PERIOD, Array, Complex, layout
from synth.watermark.keys import DetectionKey
from synth.watermark.listener import Heard
from synth.watermark.listening import GROUP, REACH_BANDS, REACH_FRAMES, at_tempo, filters

BLOCK = PERIOD // 2
"""Frames that are correlated at once, 1.152 s."""
STEP = 0.03
SLOPES = np.arange(-3, 4) * 0.7
"""Phase lines tried, frames per block: the rest of the tempo, up to 1.7 %."""
SCALED_HANDICAP = 4.6
"""See `Alignment.handicap`; from the medians of the best scores of 120 wrong keys in six unmarked clips of 5 s."""
RUNS = (1, 2, 4)
"""Numbers of blocks in a row that are added, besides all of them."""


@dataclass(frozen=True)
class Alignment:
    """A place of the mark in the search."""

    pitch: float
    """Factor on frequencies, 1: as embedded."""
    tempo: float
    """Factor on speed, 1: as embedded."""
    phase: float
    """Frame, on the embedded time axis, on which a period starts; 0 to PERIOD."""
    start: int
    """First frame of the run on the embedded time axis."""
    end: int
    score: float
    """Correlation over its standard deviation, of the search: for ranking only."""
    runs: int = 1
    """How many runs were searched that are parts of the sound, if this is one; 1: it is all of the sound."""

    @property
    def handicap(self) -> float:
        """Natural log of how many more places are searched than the PERIOD phases of a whole sound left as it was."""
        scaled = (self.pitch, self.tempo) != (1.0, 1.0)
        return float(SCALED_HANDICAP * scaled + np.log(self.runs))


def _line(low: float, high: float) -> list[float]:
    steps = np.arange(np.ceil(np.log(low) / STEP), np.floor(np.log(high) / STEP) + 1)
    return [float(np.exp(step * STEP)) for step in steps if step]


NOMINAL = ((1.0, 1.0),)
SCALES: tuple[tuple[float, float], ...] = (
    *NOMINAL,
    *((s, s) for s in _line(0.78, 1.30)),
    *((1.0, s) for s in _line(0.85, 1.20)),
    *((s, 1.0) for s in _line(0.88, 1.13)),
)
"""Pairs of pitch and tempo."""


@lru_cache(maxsize=64)
def _pilot(key: DetectionKey) -> Complex:
    """Spectrum over a period of the pilot's signs, one frame wide: [BANDS, PERIOD / 2 + 1], conjugate."""
    lay = layout(key)
    pattern = np.zeros((BANDS, PERIOD), np.float32)
    pattern[:, CHIP // 2 :: CHIP] = lay.signs * lay.pilot
    out: Complex = np.conj(scipy.fft.rfft(pattern, axis=1)).astype(np.complex64)
    return out


@lru_cache(maxsize=64)
def _filtered_pilot(key: DetectionKey) -> Complex:
    """The same, three frames wide and as the filters answer to it."""
    lay = layout(key)
    pattern = np.zeros((BANDS + 2 * REACH_BANDS, PERIOD), np.float32)
    pattern[REACH_BANDS:-REACH_BANDS, CHIP // 2 :: CHIP] = lay.signs * lay.pilot
    pattern = pattern + 0.5 * (np.roll(pattern, 1, axis=1) + np.roll(pattern, -1, axis=1))
    expected = np.zeros_like(pattern)
    for band in range(BANDS):
        source = pattern[band + REACH_BANDS]
        for j, row in enumerate(filters()[GROUP[band]]):
            kernel = np.zeros(PERIOD, np.float32)
            kernel[np.arange(-REACH_FRAMES, REACH_FRAMES + 1)] = row
            spectrum = scipy.fft.rfft(source) * scipy.fft.rfft(kernel)
            expected[band + j] += scipy.fft.irfft(spectrum, PERIOD)
    out: Complex = np.conj(scipy.fft.rfft(expected[REACH_BANDS:-REACH_BANDS], axis=1)).astype(np.complex64)
    return out


def search(heard: Heard, keys: Sequence[DetectionKey], most: int = 2) -> list[list[Alignment]]:
    """The best alignments of a sound as it is, by the learnt listener, for each key: best first, of other phases."""
    spectra = _spectra(heard.signs)
    length = heard.signs.shape[1]
    return [_best(_lines(_correlation(spectra, _pilot(key)), *NOMINAL[0], length), most) for key in keys]


def search_scaled(
    heard: Heard,
    keys: Sequence[DetectionKey],
    scales: Sequence[tuple[float, float]] = SCALES[1:],
    most: int = 2,
) -> list[list[Alignment]]:
    """The same for other pitches and tempos, by the linear filters, which are quicker."""
    found: list[list[Alignment]] = [[] for _ in keys]
    for pitch, tempo in scales:
        seen = at_tempo(heard.levels(pitch), tempo)
        weighted = seen.excess * seen.trust
        spectra = _spectra(weighted)
        for number, key in enumerate(keys):
            found[number] += _lines(_correlation(spectra, _filtered_pilot(key)), pitch, tempo, weighted.shape[1])
    return [_best(each, most) for each in found]


def _spectra(weighted: Array) -> Complex:
    """What was heard [BANDS, frames] -> spectra of its blocks, each as long as a period: [BANDS, blocks, bins]."""
    blocks = -(-weighted.shape[1] // BLOCK)
    whole = np.pad(weighted, ((0, 0), (0, blocks * BLOCK - weighted.shape[1])))
    spectra: Complex = scipy.fft.rfft(whole.reshape(BANDS, blocks, BLOCK), PERIOD, axis=2)
    return spectra


def _correlation(spectra: Complex, pilot: Complex) -> Array:
    """Each block with the pilot at each phase: [blocks, PERIOD]."""
    correlation: Array = scipy.fft.irfft(np.einsum("bjw,bw->jw", spectra, pilot), PERIOD, axis=1)
    return correlation


def _best(found: list[Alignment], most: int) -> list[Alignment]:
    return _distinct(sorted(found, key=lambda a: 2 * a.handicap - a.score * abs(a.score)), most)


@lru_cache(maxsize=16)
def _ways(blocks: int, nominal: bool) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Slopes tried [slopes], and where each line's phases are in the blocks' correlations [slopes, blocks, PERIOD]."""
    slopes = SLOPES.astype(np.float64) if blocks > 1 and not nominal else np.zeros(1)
    number = np.arange(blocks)
    moved = np.round(slopes[:, None] * number).astype(int) - BLOCK * number
    return slopes, (np.arange(PERIOD) + moved[:, :, None]) % PERIOD


def _lines(correlation: Array, pitch: float, tempo: float, length: int) -> list[Alignment]:
    """Correlation of each block with each phase [blocks, PERIOD] -> the best line of each number of blocks."""
    blocks = correlation.shape[0]
    slopes, ways = _ways(blocks, (pitch, tempo) == (1.0, 1.0))
    lined = np.take_along_axis(correlation[None], ways, axis=2)
    summed = np.pad(np.cumsum(lined, axis=1), ((0, 0), (1, 0), (0, 0)))
    power = np.cumsum(np.concatenate([[0.0], np.mean(correlation**2, axis=1) + 1e-20]))
    floor = 1e-9 * power[-1] + 1e-20
    best: list[Alignment] = []
    parts = [run for run in RUNS if run < blocks]
    searched = sum(blocks - run + 1 for run in parts)
    for run in (*parts, blocks):
        spread = np.sqrt(np.maximum(power[run:] - power[:-run], floor))  # of silence it is what rounding left
        z = (summed[:, run:] - summed[:, :-run]) / spread[:, None]
        line, first, phase = (int(i) for i in np.unravel_index(int(np.argmax(z)), z.shape))
        # on the axis searched, the periods of a sloping line are longer than they should be
        stretch = BLOCK / (BLOCK + slopes[line])
        start, end = int(first * BLOCK * stretch), int(min((first + run) * BLOCK, length) * stretch)
        place = float(phase * stretch % PERIOD)
        score = float(z[line, first, phase])
        runs = 1 if run == blocks else searched
        best.append(Alignment(pitch, tempo * float(stretch), place, start, end, score, runs))
    return best


def _distinct(ranked: list[Alignment], most: int) -> list[Alignment]:
    kept: list[Alignment] = []
    for one in ranked:
        if not any(_same(one, other) for other in kept):
            kept.append(one)
        if len(kept) == most:
            break
    return kept


def _same(a: Alignment, b: Alignment) -> bool:
    """Whether two alignments are one place of the search seen twice."""
    away = min((a.phase - b.phase) % PERIOD, (b.phase - a.phase) % PERIOD)
    return abs(a.pitch - b.pitch) < 0.02 and abs(a.tempo - b.tempo) < 0.02 and away < 2 * CHIP
