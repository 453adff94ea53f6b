"""Level and spectrum of the background noise in the pauses, and where they change for good.

The background of one recording in one place is the same in every pause; material from elsewhere brings its own.
Sources: ENFSI Best Practice Manual for Digital Audio Authenticity Analysis (FSA-BPM-002); R. Martin, "Noise power
spectral density estimation based on optimal smoothing and minimum statistics", IEEE Trans. Speech and Audio Processing
9(5), 2001, for taking the floor from low values. The test and its thresholds are our own.

Pauses (0.16 s or more near the lowest level of the 3 s around) are cut into pieces of 0.1 to 0.2 s, each with the floor
of ten bands; besides, every half second gives its lowest level per band. Between any two half seconds the 15 s before
and after are compared: the louder side must never dip to where the other side dips often, and must stand there in
steady pauses.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._band_levels import RATE, band_levels, usable_bands
from forensics.methods._frames import curve
from forensics.methods._rows import Rows
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

HOP = 256
EDGES_HZ = (100, 200, 400, 800, 1200, 1800, 2600, 3400, 4500, 5700, 7600)
BLOCK = 31
"""Frames of a block (0.5 s) whose lowest level is taken."""
BLOCK_S = BLOCK * HOP / RATE
PART = 240 * BLOCK
"""Frames that are in memory at a time: two minutes."""
SIDE = 30
"""Most blocks on either side of an instant."""
LEAST_BLOCKS = 6
"""Fewest blocks on either side."""
LEAST_PIECES = 4
"""Fewest pieces of pause on the louder side."""
LEAST_PAUSES = 3
"""Fewest pauses on the louder side."""
PIECE_S = 0.2
TRIM = 2
"""Frames left out at both ends of a pause."""
AROUND = 94
"""Frames on either side of a pause (1.5 s) above whose lowest level it must not lie far."""
LOWEST_DB = -105.0
"""Band levels below this are taken as this: what lies there is arithmetic, not surroundings."""


@dataclass(frozen=True)
class Surroundings:
    """What the recording shows of its background."""

    start_s: NDArray[np.float64]
    """Start of each piece of pause, [pieces]."""
    end_s: NDArray[np.float64]
    pause: NDArray[np.int64]
    """Which pause each piece belongs to, [pieces]."""
    floor_db: NDArray[np.float64]
    """Floor of each piece per band, [pieces, bands]."""
    dips_db: NDArray[np.float64]
    """Lowest level per band in each block of 0.5 s, NaN in digital silence, [blocks, bands]."""


@dataclass(frozen=True)
class Change:
    """The strongest change."""

    from_s: float
    """Last instant that still shows the surroundings before, s."""
    to_s: float
    """First instant that shows those behind, s."""
    margin_db: float
    """How far the louder side's lowest levels lie over the usual dips of the other; mean of the four clearest bands."""
    change_db: float
    """The same with its sign: negative where the floor falls."""
    spread_db: float
    """Spread of the louder side's pauses in those bands (10th to 75th percentile)."""
    gap_db: float
    """How far the louder side's pauses lie above its lowest levels."""


class NoiseFloor(Method):
    """Persistent changes of the background noise."""

    id = "signal.noise-floor"
    title = "Background noise floor"
    purpose = "Compares the background noise of the pauses along the recording; material from elsewhere brings its own."
    domain = Domain(min_seconds=4.0, min_speech_s=1.0)
    least_margin_db: ClassVar[float] = 8.0
    """Margin between the sides from which a change counts."""
    doubtful_margin_db: ClassVar[float] = 6.0
    """Margin from which the answer is inconclusive."""
    most_spread_db: ClassVar[float] = 4.0
    """Largest spread of the louder side: breaths, gates and gain control scatter more."""
    most_gap_db: ClassVar[float] = 4.5
    """How far the louder side's pauses may lie above its lowest levels."""
    longest_s: ClassVar[float] = 5.0
    """Longest interval that a change may lie in, s."""
    least_pause_s: ClassVar[float] = 0.16
    """Shortest pause, s."""
    near_lowest_db: ClassVar[float] = 6.0
    """How far a pause may lie above the lowest level within 1.5 s."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_margin_db": self.least_margin_db,
            "doubtful_margin_db": self.doubtful_margin_db,
            "most_spread_db": self.most_spread_db,
            "most_gap_db": self.most_gap_db,
            "longest_s": self.longest_s,
            "least_pause_s": self.least_pause_s,
            "near_lowest_db": self.near_lowest_db,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """Pauses and dips of ten bands, and the instant that divides them best."""
        seen = self._surroundings(exhibit)
        change = strongest_change(seen)
        pauses = len(np.unique(seen.pause))
        measurements: dict[str, Measurement] = {"pauses": pauses, "pieces": len(seen.pause)}
        if len(seen.pause):
            measurements["floor_db_per_bin"] = round(float(np.median(seen.floor_db.mean(axis=1))), 1)
        figure = self._figure(seen, change)
        if change is None:
            return self.finding(
                "could_not_test",
                reasons=[
                    f"Pauses of {self.least_pause_s:g} s or more: {pauses}; the comparison needs at least "
                    f"{LEAST_PAUSES} on the louder side of an instant and {LEAST_BLOCKS * BLOCK_S:g} s on either side."
                ],
                measurements=measurements,
                figures=[figure],
            )
        measurements |= {
            "margin_db": round(change.margin_db, 1),
            "spread_db": round(change.spread_db, 1),
            "gap_db": round(change.gap_db, 1),
            "change_from_s": round(change.from_s, 2),
            "change_to_s": round(change.to_s, 2),
        }
        steady = change.spread_db <= self.most_spread_db and change.gap_db <= self.most_gap_db
        sudden = change.to_s - change.from_s <= self.longest_s
        where = f"Between {change.from_s:.2f} s and {change.to_s:.2f} s"
        if change.margin_db >= self.least_margin_db and steady and sudden:
            return self.finding(
                "inconsistent",
                exhibit=exhibit,
                reasons=[
                    f"{where} the background noise changes for good (by {change.change_db:+.0f} dB or more in several "
                    "bands): inconsistent with one recording in unchanged surroundings.",
                    "A machine switched on or off in the room, or a noise suppressor, would leave the same trace.",
                ],
                measurements=measurements,
                segments=[
                    Segment(start_s=change.from_s, end_s=change.to_s, note=f"noise floor {change.change_db:+.0f} dB")
                ],
                figures=[figure],
            )
        if change.margin_db >= self.doubtful_margin_db and steady:
            said = "less clearly or suddenly than a join of unlike surroundings would have it: inconclusive."
            reasons = [f"{where} the background noise changes by {change.change_db:+.0f} dB, {said}"]
            return self.finding("inconclusive", reasons=reasons, measurements=measurements, figures=[figure])
        said = "shows no lasting change: consistent with unchanged surroundings. Joins of like noise are not seen."
        reasons = [f"The background noise ({pauses} pauses, and the dips between sounds) {said}"]
        return self.finding("consistent", reasons=reasons, measurements=measurements, figures=[figure])

    def _surroundings(self, exhibit: Exhibit) -> Surroundings:
        """Pieces of the pauses, and dips."""
        bands = usable_bands(exhibit, EDGES_HZ)
        with Rows(band_levels(exhibit, EDGES_HZ[: bands + 1], HOP), bands, np.float32) as levels:
            return self._seen(levels)

    def _seen(self, levels: Rows) -> Surroundings:
        """Out of band levels [frames, bands], dBFS."""
        rows: list[tuple[float, float, int]] = []
        floors: list[NDArray[np.float64]] = []
        for number, (first, last) in enumerate(self._pauses(levels)):
            cuts = np.linspace(first, last, max(1, int((last - first) * HOP / RATE / PIECE_S)) + 1).astype(int)
            for start, end in itertools.pairwise(cuts):
                rows.append((start * HOP / RATE, end * HOP / RATE, number))
                floors.append(np.maximum(np.percentile(levels[start:end], 30, axis=0), LOWEST_DB))
        table = np.array(rows, dtype=np.float64).reshape(-1, 3)
        numbers = table[:, 2].astype(np.int64)
        pieces = np.array(floors).reshape(-1, levels.columns)
        return Surroundings(table[:, 0], table[:, 1], numbers, pieces, _dips(levels))

    def _pauses(self, levels: Rows) -> list[tuple[int, int]]:
        """Runs of frames near the lowest level of their surroundings, trimmed."""
        parts = [self._quiet(rows)[inner] for inner, rows in levels.parts(PART, AROUND + 4)]
        quiet = np.concatenate([np.zeros(0, np.bool_), *parts])
        edges = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
        least = round(self.least_pause_s * RATE / HOP)
        runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
        return [(start + TRIM, end - TRIM) for start, end in runs if end - start >= least]

    def _quiet(self, levels: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which frames lie near the lowest level around them; digital silence is no pause."""
        total = ndimage.uniform_filter1d(levels.mean(axis=1), 3, mode="nearest")
        silent = ndimage.binary_dilation(levels.mean(axis=1) < LOWEST_DB - 13.0, iterations=3)
        heard = np.where(silent, np.inf, total)
        near = heard <= ndimage.minimum_filter1d(heard, 2 * AROUND + 1, mode="nearest") + self.near_lowest_db
        return np.asarray(near & ~silent)

    def _figure(self, seen: Surroundings, change: Change | None) -> Figure:
        marks: tuple[tuple[float, str], ...] = ()
        if change is not None and change.margin_db >= self.doubtful_margin_db:
            marks = ((round(change.to_s, 2), f"{change.change_db:+.0f} dB"),)
        dips = seen.dips_db.mean(axis=1) if len(seen.dips_db) else np.zeros(0)
        floor = seen.floor_db.mean(axis=1) if len(seen.pause) else np.zeros(0)
        series = (
            curve("pauses", 0.5 * (seen.start_s + seen.end_s), floor, style="points", digits=1),
            curve("lowest level of each half second", (np.arange(len(dips)) + 0.5) * BLOCK_S, dips, digits=1),
        )
        return Figure(
            kind="time",
            title="Background noise",
            x_label="time (s)",
            y_label="level per bin (dBFS)",
            series=series,
            marks=marks,
        )


def _dips(levels: Rows) -> NDArray[np.float64]:
    """Lowest level per band, over 48 ms, in each block of half a second; NaN where there is digital silence."""
    found = [np.zeros((0, levels.columns))]
    for inner, rows in levels.parts(PART, 1):
        count = (inner.stop - inner.start) // BLOCK
        blocks = slice(inner.start, inner.start + count * BLOCK)
        smooth = ndimage.uniform_filter1d(rows, 3, axis=0, mode="nearest")[blocks]
        dips = np.maximum(smooth.reshape(count, BLOCK, levels.columns).min(axis=1), LOWEST_DB).astype(np.float64)
        silent = (rows[blocks].mean(axis=1) < LOWEST_DB - 13.0).reshape(count, BLOCK).any(axis=1)
        found.append(np.where(silent[:, None], np.nan, dips))
    return np.concatenate(found)


def strongest_change(seen: Surroundings) -> Change | None:
    """The change with the widest margin; None where nothing can be compared."""
    best: Change | None = None
    heard: NDArray[np.bool_] = np.asarray(np.isfinite(seen.dips_db).all(axis=1), dtype=np.bool_)
    for at in range(LEAST_BLOCKS, len(seen.dips_db) - LEAST_BLOCKS + 1):
        sides = (np.arange(max(at - SIDE, 0), at), np.arange(at, min(at + SIDE, len(seen.dips_db))))
        sides = (sides[0][heard[sides[0]]], sides[1][heard[sides[1]]])
        if min(len(side) for side in sides) < LEAST_BLOCKS:
            continue
        for loud, quiet, rising in ((sides[1], sides[0], True), (sides[0], sides[1], False)):
            first, last = np.searchsorted(seen.start_s, (loud[0] * BLOCK_S, (loud[-1] + 1) * BLOCK_S))
            if last - first < LEAST_PIECES or len(np.unique(seen.pause[first:last])) < LEAST_PAUSES:
                continue
            hard = np.percentile(seen.dips_db[loud], 10, axis=0)
            margin = hard - np.percentile(seen.dips_db[quiet], 40, axis=0)
            top = np.argsort(-margin, kind="stable")[:4]
            size = float(margin[top].mean())
            if best is not None and size <= best.margin_db:
                continue
            pauses = seen.floor_db[first:last][:, top]
            low, mid, high = np.percentile(pauses, (10, 50, 75), axis=0)
            dipped = quiet[(seen.dips_db[quiet][:, top] - hard[top]).mean(axis=1) <= -0.5 * size]
            if not len(dipped):
                continue
            edge, shown = (dipped[-1], seen.start_s[first]) if rising else (dipped[0], seen.end_s[last - 1])
            begin, end = sorted((float(edge + 0.5) * BLOCK_S, float(shown)))
            best = Change(
                from_s=begin - 0.5 * BLOCK_S,
                to_s=end + 0.5 * BLOCK_S,
                margin_db=size,
                change_db=size if rising else -size,
                spread_db=float((high - low).mean()),
                gap_db=float((mid - hard[top]).mean()),
            )
    return best
