"""The frame grid of an MP3 coding that was resampled since: found at the rate that the coder had.

A change of the sample rate keeps the quantiser's lattice in the band that both rates share, but moves it between the
samples: a quarter of a sample beside the frame start it is gone. So short stretches are brought back to each usual rate
of coders, four values to a sample (exact, by their discrete Fourier transforms, with stretches that begin where both
grids of samples meet), and the granule is looked for there: some frames at every half sample, the best starts in
further frames, and what is left decides in frames of its own at every quarter sample. What random starts show in these
frames is the measure of chance. Sources: see `forensics.methods._mdct`; the bands of the scale factors are those of
ISO/IEC 11172-3, table B.8.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

from forensics.exhibit import Exhibit
from forensics.methods._coding_grid import LEAST_POWER, MOST, Excerpts, Grid, excerpts
from forensics.methods._mdct import MP3, RUN, Bank, Float32, Index, quantised

BANDS = {
    44100: (30, 36, 44, 52, 62, 74, 90, 110, 134, 162, 196),
    48000: (30, 36, 42, 50, 60, 72, 88, 106, 128, 156, 190),
}
"""Rates at which a coding is looked for, Hz -> first lines of the bands that share a step."""
FINE = 4
"""Positions to a sample."""
PHASES = 2
"""Positions to a sample in the scan."""
SECTIONS = 44
"""Parts of the recording that give a frame each."""
SPACING_S = 0.05
"""Smallest distance of two stretches, seconds."""
SCANNED, SIFTED = 4, 6
"""Frames in which every start is tried, and in which the best of them are."""
KEPT, CANDIDATES = 96, 6
"""Starts that go to the sifting, and to the test."""
REFERENCES = 20
"""Random starts that scale the test, and as many again that are the measure of chance."""
FIRST, HOPEFUL = 10, 2.0
"""Frames of the test after which a rate is left that shows less than this distance from chance."""
LEAST_FRAMES = SCANNED + SIFTED + FIRST + 1
"""Fewest frames, those of the scan and the sifting included."""
LOWEST_HZ, SCAN_HZ, HIGHEST_HZ = 950.0, 4300.0, 6900.0
"""Band of the lines, and upper end of those in the scan: higher ones need finer positions than halves."""
SHARE = 0.43
"""Share of the file's rate up to which a converter leaves the band as it was."""
MARGIN = 48
"""Samples at both ends of a stretch that are faded, and not looked at."""


@dataclass(frozen=True)
class ResampledGrid:
    """The strongest grid at one rate of coding (not yet judged)."""

    rate: int
    """Sample rate of the coding, Hz."""
    grid: Grid
    """Its offset counts samples at that rate, from the start of the recording."""


def resampled_grids(exhibit: Exhibit, enough: float) -> tuple[ResampledGrid, ...]:
    """The best grid at each usual rate but the file's own, strongest first; one of `enough` ends the search."""
    found: list[ResampledGrid] = []
    for rate in BANDS:
        grid = _search(exhibit, rate) if rate != exhibit.facts.sample_rate else None
        if grid is not None:
            found.append(ResampledGrid(rate, grid))
            if grid.strength >= enough:
                break
    return tuple(sorted(found, key=lambda each: -each.grid.strength))


def _search(exhibit: Exhibit, rate: int) -> Grid | None:
    now = exhibit.facts.sample_rate
    common = gcd(now, FINE * rate)
    whole = now // common
    length = ceil(((MP3.hop + MP3.taps) * now / rate + 2 * MARGIN + 2) / whole) * whole
    spacing = round(SPACING_S * now)
    if 2 * whole > spacing:
        return None  # the two rates meet so seldom that stretches would fall together
    parts = excerpts(exhibit, sections=SECTIONS, length=length, spacing=spacing, whole=whole)
    if len(parts.sounds) < LEAST_FRAMES:
        return None
    highest = min(HIGHEST_HZ, SHARE * now)
    low, lines = (_bank(parts, rate, min(top, highest)) for top in (SCAN_HZ, highest))
    if low is None or lines is None:
        return None
    stretches = _Stretches(parts, rate, length // whole * (FINE * rate // common))
    return _decide(stretches, lines, _starts(stretches, low, lines))


class _Stretches:
    """Stretches of the recording at `FINE` times the rate of the coding."""

    def __init__(self, parts: Excerpts, rate: int, size: int) -> None:
        sounds = np.stack(parts.sounds)
        count = sounds.shape[1]
        fade = np.hanning(2 * MARGIN)[:MARGIN].astype(np.float32)
        sounds[:, :MARGIN] *= fade
        sounds[:, -MARGIN:] *= fade[::-1]
        self.first = ceil(MARGIN * size / count)
        span = (size - self.first) // FINE
        fine = fft.irfft(fft.rfft(sounds, axis=1), size, axis=1)[:, self.first : self.first + FINE * span]
        self.sounds: Float32 = np.ascontiguousarray(fine.reshape(-1, span, FINE).transpose(0, 2, 1))
        """[stretches, FINE, time at the rate of the coding]"""
        self.sounds *= np.float32(size / count)
        self.at = [round(start * size / count) + self.first for start in parts.starts]
        """Position of the recording at which the first frame of each stretch begins."""
        self.period = FINE * MP3.hop

    def everywhere(self, lines: Bank, index: int) -> NDArray[np.float64]:
        """How quantised a stretch looks at every position, [period]; one that was not tried has the value before it."""
        step = FINE // PHASES
        shown = [lines.everywhere(sound[: lines.span]) for sound in self.sounds[index, ::step]]
        score = _scaled(quantised(np.concatenate(shown, axis=2)).sum(axis=0)).reshape(PHASES, -1).T
        return np.roll(np.repeat(score.reshape(-1), step), self.at[index] % self.period)

    def lines(self, lines: Bank, indices: Iterable[int], positions: Index) -> Float32:
        """Lines of some stretches at some positions, [stretches · runs, RUN, positions]."""
        shown = []
        for index in indices:
            starts = (positions - self.at[index]) % self.period
            windows = sliding_window_view(self.sounds[index], lines.coder.taps, axis=1)
            shown.append(lines.rows @ windows[starts % FINE, starts // FINE].T)
        return np.concatenate(shown).reshape(-1, RUN, len(positions))


def _bank(parts: Excerpts, rate: int, highest: float) -> Bank | None:
    """Runs of lines that share a step, as far as the sound fills them; None when hardly any does."""
    bands, per_hz = BANDS[rate], MP3.hop / (rate / 2)
    wide = [(a, b) for a, b in itertools.pairwise(bands) if b - a >= RUN]
    firsts = [a for a, _ in wide] + [b - RUN for a, b in wide if b - a >= 3 * RUN // 2]
    firsts += list(range(min(firsts) - RUN, round(LOWEST_HZ * per_hz) - 1, -RUN))
    spectra = np.abs(np.fft.rfft(np.stack(parts.sounds) * np.hanning(len(parts.sounds[0])), axis=1)) ** 2
    power = np.median(spectra, axis=0) / (0.375 * len(parts.sounds[0]))
    bins = len(parts.sounds[0]) / parts.rate / per_hz
    filled = [
        first
        for first in sorted(firsts)
        if (first + RUN) / per_hz <= highest
        and power[int(first * bins) : ceil((first + RUN) * bins)].mean() > LEAST_POWER
    ]
    return Bank(MP3, np.array(filled)) if len(filled) >= 3 else None


def _starts(stretches: _Stretches, low: Bank, lines: Bank) -> Index:
    """Positions that look most quantised in the frames of the scan and the sifting, each with its neighbours."""
    period = stretches.period
    total = sum((stretches.everywhere(low, index) for index in range(SCANNED)), np.zeros(period))
    taken = np.zeros(period, dtype=bool)
    kept: list[int] = []
    for position in np.argsort(-total, kind="stable"):
        if not taken[position]:
            kept.append(int(position))
            taken[np.arange(position - 1, position + 2) % period] = True
        if len(kept) == KEPT:
            break
    positions = np.array(kept)
    score = total[positions]
    shown = quantised(stretches.lines(lines, range(SCANNED, SCANNED + SIFTED), positions))
    score += _scaled(shown.reshape(SIFTED, -1, len(positions)).sum(axis=1)).sum(axis=0)
    best = positions[np.argsort(-score, kind="stable")[:CANDIDATES]]
    near: Index = np.unique((best[:, None] + np.arange(-1, 2)) % period)
    return near


def _decide(stretches: _Stretches, lines: Bank, positions: Index) -> Grid:
    """The strongest of the positions in the frames that neither scan nor sifting used."""
    period = stretches.period
    pool = np.random.default_rng(period).permutation(period)
    apart = (pool[:, None] - positions[None, :] + period // 2) % period - period // 2
    clear = pool[np.abs(apart).min(axis=1) > 3 * FINE][: 2 * REFERENCES]
    tried = np.concatenate([clear, positions])
    ends = (SCANNED + SIFTED, SCANNED + SIFTED + FIRST, len(stretches.at))
    distance = np.zeros((0, len(positions)))
    for frames in itertools.starmap(range, itertools.pairwise(ends)):
        more = _distances(stretches.lines(lines, frames, tried).reshape(len(frames), -1, RUN, len(tried)))
        distance = np.concatenate([distance, more])
        strengths = distance.sum(axis=0) / np.sqrt(len(distance))
        if strengths.max() < HOPEFUL:
            break
    best = int(np.argmax(strengths))
    per_frame = float(np.median(distance[:, best]))
    return Grid(MP3, int(positions[best]) // FINE, float(strengths[best]), per_frame, len(distance))


def _distances(lines: Float32) -> NDArray[np.float64]:
    """Lines [frames, runs, RUN, references twice and positions] -> distance from chance [frames, positions]."""
    frames, runs, _, positions = lines.shape
    shown = quantised(lines.reshape(-1, RUN, positions), slice(REFERENCES))
    score = shown.reshape(frames, runs, positions).sum(axis=1, dtype=np.float64)
    chance = score[:, REFERENCES : 2 * REFERENCES]  # not those that scale the score: it is too small there
    spread = chance.std(axis=1, ddof=1, keepdims=True) + 0.25
    distance: NDArray[np.float64] = (score[:, 2 * REFERENCES :] - chance.mean(axis=1, keepdims=True)) / spread
    return np.minimum(distance, MOST)


def _scaled(score: Float32) -> NDArray[np.float64]:
    """In standard deviations over the last axis."""
    mean, spread = (part(axis=-1, keepdims=True, dtype=np.float64) for part in (score.mean, score.std))
    scaled: NDArray[np.float64] = (score - mean) / (spread + 1e-6)
    return scaled
