"""The frame grid of an earlier lossy coding: which filter bank, and at which sample its frames start.

Two steps. A scan takes the lines at every start within one frame, for a few frames with much high-frequency sound, and
keeps the starts where they look most quantised. A test takes other frames of the recording, at these starts and at
random ones; what the random ones show is the measure of chance. The number of frames is bounded: three hours cost what
ten seconds cost. Sources: see `forensics.methods._mdct`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.methods._mdct import CODERS, FULL_SCALE, RUN, Bank, Coder, Float32, Index, quantised
from synth.recording import Recording

RUNS = 8
"""Runs of lines that are looked at."""
SECTIONS = 20
"""Parts of the recording that give a frame each."""
SCANNED = 3
"""Frames in which every start is tried."""
CANDIDATES = 8
"""Starts that go from the scan to the test."""
REFERENCES = 24
"""Random starts that the candidates are compared with."""
LEAST_POWER = 4.0
"""Mean power of a line (in units of the last bit of 16, squared) below which a run says nothing."""
LOWEST_HZ = 300.0
LENGTH = 3072
"""Samples of a stretch: enough for every start of a frame of any coder."""
LEAST_SPACING = 2048
"""Smallest distance of two stretches, samples."""
MOST = 4.0
"""Largest distance from chance that a single frame adds to the strength."""
ECHO = 0.4
"""Share of a grid's distance per frame up to which other starts of the same coder are taken for its echo."""
LEAST_TESTED = 3
"""Fewest frames for the test."""

Pieces = Sequence[tuple[int, Float32]]


@dataclass(frozen=True)
class Grid:
    """Frames of one coder that were found in the sound."""

    coder: Coder
    offset: int
    """Sample at which a frame starts, modulo the coder's hop."""
    strength: float
    """Distance from chance over all tested frames, standard deviations."""
    per_frame: float
    """Median distance from chance of a single frame."""
    frames: int
    """Frames tested."""


@dataclass(frozen=True)
class Excerpts:
    """Stretches of one recording that are looked at, each with one frame that holds much high-frequency sound."""

    sounds: tuple[Float32, ...]
    """Samples in units of the last bit of 16."""
    starts: tuple[int, ...]
    """Sample of the recording at which each stretch begins."""
    rate: int


def sound_of(recording: Recording, start: int, stop: int) -> Float32:
    """First channel between two samples, in units of the last bit of 16, [time]."""
    return np.ascontiguousarray(recording.samples(start, stop)[:, 0]) * np.float32(FULL_SCALE)


def excerpts(
    exhibit: Exhibit,
    start: int = 0,
    stop: int | None = None,
    sections: int = SECTIONS,
    length: int = LENGTH,
    spacing: int = LEAST_SPACING,
    whole: int = 1,
) -> Excerpts:
    """The liveliest stretch of `length` samples of each section (of its loudest second), liveliest first.

    Stretches are at least `spacing` samples apart, and begin at multiples of `whole` samples.
    """
    recording, rate = exhibit.recording, exhibit.facts.sample_rate
    stop = recording.frames if stop is None else stop
    levels = exhibit.activity.rms_db
    chosen: list[tuple[float, int, Float32]] = []
    count = max(min(sections, (stop - start - length) // spacing + 1), 0)
    edges = np.linspace(start, stop - length, count + 1).astype(int)
    quarter, step = length // 4, whole * -(-64 // whole)
    for first, last in itertools.pairwise(edges):
        if last - first > rate:
            cells = levels[int(50 * first / rate) : int(50 * last / rate)]
            loudest = first + int(int(np.argmax(cells)) * rate / 50) if len(cells) else first
            first = int(np.clip(loudest - rate // 2, first, last - rate))
            last = first + rate
        first -= first % whole
        sound = sound_of(recording, first, last + length - spacing)
        if len(sound) < length:
            sound = sound_of(recording, first, first + length)
        energy = np.concatenate([[0.0], np.cumsum(np.diff(sound, prepend=sound[:1]).astype(np.float64) ** 2)])
        lively = (energy[quarter:] - energy[:-quarter])[quarter : len(sound) - length + quarter + 1 : step]
        shift = step * int(np.argmax(lively))
        chosen.append((float(lively.max()), int(first) + shift, sound[shift : shift + length]))
    chosen.sort(key=lambda row: -row[0])
    return Excerpts(tuple(row[2] for row in chosen), tuple(row[1] for row in chosen), rate)


def bank(coder: Coder, parts: Excerpts) -> Bank | None:
    """Runs of lines of the coder spread over the band that the excerpts fill; None when hardly any holds sound."""
    spectra = np.stack([np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2 for sound in parts.sounds])
    power = np.median(spectra, axis=0) / (0.375 * len(parts.sounds[0]))
    lowest = int(np.ceil(LOWEST_HZ / (parts.rate / 2) * coder.hop))
    firsts = np.arange(lowest, int(0.97 * coder.hop) - RUN, RUN + 4)
    bins = len(power) - 1
    filled = [f for f in firsts if power[f * bins // coder.hop : (f + RUN) * bins // coder.hop].mean() > LEAST_POWER]
    if len(filled) < 3:
        return None
    picked = np.unique(np.linspace(0, len(filled) - 1, RUNS).round().astype(int))
    return Bank(coder, np.array(filled)[picked])


def scan(lines: Bank, pieces: Pieces, count: int = CANDIDATES) -> Index:
    """The starts (modulo the hop) at which the frames look most quantised, best first.

    Each piece is (first sample, samples [at least span]).
    """
    hop = lines.coder.hop
    total = np.zeros(hop)
    for first, sound in pieces:
        total += np.roll(quantised(lines.everywhere(sound[: lines.span])).sum(axis=0), first % hop)
    order = np.argsort(-total)
    kept: list[int] = []
    for offset in order:
        if all(min((offset - o) % hop, (o - offset) % hop) > 2 for o in kept):
            kept.append(int(offset))
        if len(kept) == count:
            break
    return np.array(kept, dtype=np.intp)


def references(coder: Coder, avoid: Index, count: int = REFERENCES) -> Index:
    """Random starts that keep clear of `avoid`, always the same ones, [count]."""
    pool = np.random.default_rng(coder.hop).permutation(coder.hop)
    apart = (pool[:, None] - avoid[None, :] + coder.hop // 2) % coder.hop - coder.hop // 2
    clear: Index = pool[np.abs(apart).min(axis=1) > 3][:count]
    return clear


def distances(lines: Bank, pieces: Pieces, offsets: Index, others: Index) -> NDArray[np.float64]:
    """How far the frames at some offsets are from chance: [pieces, offsets], standard deviations over the `others`.

    Each piece is (first sample, samples [at least span]); its frames start within one hop of the first sample.
    """
    wanted = np.concatenate([others, offsets])
    shown = np.stack([lines.at(sound, (wanted - first) % lines.coder.hop) for first, sound in pieces])
    return against_chance(shown, len(others))


def strength_of(distance: NDArray[np.float64]) -> float:
    """Distance from chance of several frames together; single frames count up to `MOST`, so that no two carry it."""
    return float(np.minimum(distance, MOST).sum() / np.sqrt(len(distance)))


def against_chance(lines: Float32, others: int) -> NDArray[np.float64]:
    """Lines [frames, runs, RUN, starts], the first `others` starts at random: [frames, starts - others]."""
    frames, runs, width, starts = lines.shape
    each = quantised(lines.reshape(frames * runs, width, starts), slice(others))
    total = each.reshape(frames, runs, starts).sum(axis=1, dtype=np.float64)
    chance = total[:, :others]
    spread = chance.std(axis=1, ddof=1, keepdims=True) + 0.25
    distance: NDArray[np.float64] = (total[:, others:] - chance.mean(axis=1, keepdims=True)) / spread
    return distance


_FOUND: WeakKeyDictionary[Exhibit, tuple[Excerpts, tuple[Grid, ...]]] = WeakKeyDictionary()
"""What was found in the exhibits that are open: two methods ask, and the search is their largest cost."""


def find_grids(exhibit: Exhibit) -> tuple[Excerpts, tuple[Grid, ...]]:
    """All candidate grids of all coders with their strength, strongest first (not yet judged), once per exhibit."""
    if exhibit not in _FOUND:
        parts = excerpts(exhibit)
        found = [grid for coder in CODERS for grid in _grids_of(coder, parts)]
        _FOUND[exhibit] = parts, tuple(sorted(found, key=lambda grid: -grid.strength))
    return _FOUND[exhibit]


def _grids_of(coder: Coder, parts: Excerpts) -> list[Grid]:
    pieces = list(zip(parts.starts, parts.sounds, strict=True))
    scanned = max(min(SCANNED, len(pieces) // 3), 1)
    lines = bank(coder, parts) if len(pieces) >= scanned + LEAST_TESTED else None
    if lines is None:
        return []
    offsets = scan(lines, pieces[:scanned])
    scores = distances(lines, pieces[scanned:], offsets, references(coder, offsets))
    return [
        Grid(coder, int(offset), strength_of(mine), float(np.median(mine)), len(mine))
        for offset, mine in zip(offsets, scores.T, strict=True)
    ]


def earlier_grids(exhibit: Exhibit, grids: Sequence[Grid], least: float) -> tuple[Grid | None, list[Grid]]:
    """The grid of the codec that the file has now, if it shows, and the grids of earlier codings above `least`.

    Starts within two samples of a stronger grid of the same bank, and the weaker of the two AAC windows, are the same
    grid; what a grid shows at other starts of its own bank stays below `ECHO` of its distance per frame.
    """
    own: Grid | None = None
    kept: list[Grid] = []
    for grid in grids:
        if grid.strength < least:
            continue
        hop = grid.coder.hop
        same = [g for g in ([own] if own else []) + kept if g.coder.name == grid.coder.name]
        if any(min((g.offset - grid.offset) % hop, (grid.offset - g.offset) % hop) <= 2 for g in same):
            continue
        if any(grid.per_frame < ECHO * g.per_frame for g in same):
            continue
        if own is None and exhibit.facts.codec in grid.coder.codecs:
            own = grid
        else:
            kept.append(grid)
    return own, kept
