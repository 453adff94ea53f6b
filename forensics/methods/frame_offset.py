"""Where the frame grid of an earlier lossy coding breaks.

Sound that was coded as MP3 or AAC as a whole has one frame grid from beginning to end. Material that was removed,
inserted or replaced after decoding shifts the grid, or breaks it. Source: R. Yang, Z. Qu and J. Huang, "Exposing MP3
audio forgeries using frame offsets", ACM Trans. Multimedia Comput. Commun. Appl. 8(S2), 2012; for AAC: R. Korycki,
"Detection of montage in lossy compressed digital audio recordings", Archives of Acoustics 39(1), 2014. How the grid is
found: `forensics.methods._coding_grid`.

The strongest grid is followed through the recording, some twelve frames a second. Stretches of lively frames that do
not show it are searched for another grid of the same kind; one that is found there, in frames that the search did not
use, is a break.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._coding_grid import (
    LEAST_POWER,
    Excerpts,
    Grid,
    against_chance,
    bank,
    distances,
    earlier_grids,
    find_grids,
    references,
    scan,
    sound_of,
)
from forensics.methods._frames import curve, instants
from forensics.methods._mdct import Bank, Coder
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

FRAMES_A_SECOND = 12.0
BATCH = 24
AROUND = 16
"""Random starts that every frame is compared with."""
WINDOW = 5
"""Lively frames over which the support of the grid is taken (median)."""
LEAST_FRAMES = 4
"""Fewest lively frames of a stretch."""
STRETCHES = 12
"""Most stretches that are searched in a round."""
ROUNDS = 4
"""Most rounds of searching: each looks where none of the grids found so far shows."""


@dataclass(frozen=True)
class Track:
    """The support of a grid along the recording."""

    starts: NDArray[np.intp]
    """First sample of each frame, [frames]."""
    support: NDArray[np.float64]
    """Distance of each frame from chance, standard deviations, [frames]."""
    lively: NDArray[np.bool_]
    """Whether most runs of lines hold sound above the rounding noise, [frames]."""


GRID_CODECS = ("mp3", "mp3float", "aac")
"""Lossy codecs whose own grid is known, so that another one can be told from it."""


class FrameOffset(Method):
    """Breaks of the frame grid of an earlier coding."""

    id = "signal.frame-offset"
    version = "2"
    title = "Frame grid of an earlier coding"
    purpose = "Follows the frame grid of an earlier MP3 or AAC coding and looks for places where it shifts or breaks."
    domain = Domain(min_seconds=2.0, min_sample_rate=8000)
    least_strength: ClassVar[float] = 5.0
    """Distance from chance of the grid that is followed, standard deviations over all tested frames."""
    least_per_frame: ClassVar[float] = 2.5
    """Distance from chance of a single lively frame (median) from which the grid can be followed."""
    least_other: ClassVar[float] = 6.5
    """Distance from chance of another grid within a stretch."""
    lost: ClassVar[float] = 0.3
    """Share of the usual support below which a stretch counts as without the grid."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_strength": self.least_strength,
            "least_per_frame": self.least_per_frame,
            "least_other_strength": self.least_other,
            "lost_share": self.lost,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """Find the grid, follow it, and search the stretches without it for another one."""
        facts = exhibit.facts
        if not facts.lossless and facts.codec not in GRID_CODECS:
            reason = f"The file is coded as {facts.codec} now, whose own frames disturb the grid of an earlier coding."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        parts, grids = find_grids(exhibit)
        _, earlier = earlier_grids(exhibit, grids, self.least_strength)
        if not earlier:
            reason = "No frame grid of an earlier MP3 or AAC coding was found, so there is none that could break."
            return self.finding("could_not_test", reasons=[reason])
        coders = {grid.coder.name: grid for grid in reversed(earlier)}
        findings = [self._follow_grid(exhibit, parts, grid) for grid in earlier if coders[grid.coder.name] is grid]
        return next((finding for finding in findings if finding.outcome == "inconsistent"), findings[0])

    def _follow_grid(self, exhibit: Exhibit, parts: Excerpts, grid: Grid) -> Finding:
        """The finding on one grid: the strongest of its coder."""
        lines = bank(grid.coder, parts)
        assert lines is not None  # noqa: S101  (a grid was found with it)
        track = follow(exhibit, lines, grid.offset)
        lively = track.support[track.lively]
        usual = float(np.median(lively[lively > np.median(lively)])) if len(lively) > 2 else 0.0
        measurements: dict[str, Measurement] = {
            "coder": grid.coder.name,
            "frame_offset_samples": grid.offset,
            "support_per_frame_sd": round(usual, 2),
            "frames_followed": len(lively),
        }
        if usual < self.least_per_frame or len(lively) < 2 * LEAST_FRAMES:
            reason = (
                f"The best candidate for a frame grid ({grid.coder.name}) shows too weakly in single frames "
                f"({usual:.1f} standard deviations) to be followed along time; it may be chance."
            )
            return self.finding("could_not_test", reasons=[reason], measurements=measurements)
        offsets, supports = self._all_grids(exhibit, lines, track, grid.offset, usual)
        rate, centre = exhibit.facts.sample_rate, grid.coder.taps / 2
        runs = self._runs(track, supports)
        places = [(_split(track, supports, one, other) + centre) / rate for one, other in itertools.pairwise(runs)]
        held = np.bincount([run[0] for run in runs], [run[2] - run[1] for run in runs], len(offsets))
        main = int(np.argmax(held))
        measurements |= {
            "breaks": len(places),
            "other_offsets_samples": tuple(o for i, o in enumerate(offsets) if i != main and held[i]),
        }
        breaks = bool(places)
        if breaks:
            elsewhere = ", ".join(str(o) for i, o in enumerate(offsets) if i != main and held[i])
            reasons = [
                f"The {grid.coder.name} frames of the earlier coding start at {offsets[main]} (modulo "
                f"{grid.coder.hop} samples) in most of the recording, but at {elsewhere} elsewhere; the grid shifts "
                f"at {instants(places)}.",
                "A coding of one continuous recording has one grid from beginning to end: inconsistent with it, and "
                "what removing, inserting or replacing material after decoding leaves. A decoder that lost frames on "
                "a broken file or link could shift the grid too.",
            ]
        else:
            reasons = [
                f"The {grid.coder.name} frames of the earlier coding start at {grid.offset} (modulo {grid.coder.hop} "
                "samples), and no passage shows another start: consistent with a continuous recording. An edit before "
                "that coding, or one by whole frames, leaves the grid as it is."
            ]
        return self.finding(
            "inconsistent" if breaks else "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=[Segment(start_s=max(at - 0.06, 0.0), end_s=at + 0.06, note="frame grid shifts") for at in places],
            figures=[_figure(track, grid.coder, rate, usual, places)],
        )

    def _all_grids(
        self, exhibit: Exhibit, lines: Bank, track: Track, offset: int, usual: float
    ) -> tuple[list[int], NDArray[np.float64]]:
        """Frame offsets that some passage shows, and their support in the frames of the track, [offsets, frames]."""
        offsets, supports = [offset], [track.support]
        searched: set[tuple[int, int]] = set()
        for _ in range(ROUNDS):
            best = np.max([_smooth(track, support) for support in supports], axis=0)
            fresh = [run for run in _stretches(track, best < self.lost * usual) if run not in searched]
            found: list[int] = []
            for first, last in fresh[:STRETCHES]:
                searched.add((first, last))
                other = self._other(exhibit, lines, track, first, last, offsets + found)
                if other is not None:
                    found.append(other)
            if not found:
                break
            for other in found:
                shifted = follow(exhibit, lines, other)
                nearest = np.abs(shifted.starts[:, None] - track.starts[None, :]).argmin(axis=0)
                offsets.append(other)
                supports.append(shifted.support[nearest])
        return offsets, np.array(supports)

    def _runs(self, track: Track, supports: NDArray[np.float64]) -> list[tuple[int, int, int]]:
        """Runs of lively frames that show one grid: (grid, first frame, last frame), in order of time."""
        index = np.flatnonzero(track.lively)
        smooth = np.stack([_smooth(track, support) for support in supports])[:, index]
        label = np.where(smooth.max(axis=0) >= self.least_per_frame, smooth.argmax(axis=0), -1)
        runs: list[tuple[int, int, int]] = []
        for grid, group in itertools.groupby(np.flatnonzero(label >= 0), key=lambda i: int(label[i])):
            members = list(group)
            if len(members) < LEAST_FRAMES - 1:
                continue
            first, last = int(index[members[0]]), int(index[members[-1]])
            if runs and runs[-1][0] == grid:
                runs[-1] = (grid, runs[-1][1], last)
            else:
                runs.append((grid, first, last))
        return runs

    def _other(
        self, exhibit: Exhibit, lines: Bank, track: Track, first: int, last: int, known: list[int]
    ) -> int | None:
        """A start that is not yet known and that the frames between two frames of the track show."""
        recording, coder = exhibit.recording, lines.coder
        begin, end = int(track.starts[first]), int(track.starts[last]) + coder.taps
        hops = np.arange(begin, end - lines.span + 1, coder.hop)
        hops = hops[np.unique(np.linspace(0, len(hops) - 1, 16).round().astype(int))] if len(hops) > 16 else hops
        pieces = [(int(start), sound_of(recording, int(start), int(start) + lines.span)) for start in hops]
        pieces.sort(key=lambda piece: -float(np.square(np.diff(piece[1])).sum()))
        scanned = 2 if len(pieces) >= 5 else 1
        if len(pieces) < scanned + 2:
            return None
        offsets = scan(lines, pieces[:scanned], 4)
        apart = (offsets[:, None] - np.array(known) + coder.hop // 2) % coder.hop - coder.hop // 2
        offsets = offsets[np.abs(apart).min(axis=1) > 2]
        if not len(offsets):
            return None
        scores = distances(lines, pieces[scanned:], offsets, references(coder, offsets))
        strength = scores.sum(axis=0) / np.sqrt(len(scores))
        best = int(np.argmax(strength))
        return int(offsets[best]) if strength[best] >= self.least_other else None


def follow(exhibit: Exhibit, lines: Bank, offset: int) -> Track:
    """The support of the grid, some `FRAMES_A_SECOND` frames a second, in batches."""
    coder, recording, rate = lines.coder, exhibit.recording, exhibit.facts.sample_rate
    stride = max(int(rate / FRAMES_A_SECOND / coder.hop), 1) * coder.hop
    margin = coder.hop // 2
    starts = np.arange(offset + coder.hop, recording.frames - coder.taps - margin, stride, dtype=np.intp)
    beside = np.random.default_rng(1).permutation(np.arange(4, margin))[:AROUND] * np.resize([1, -1], AROUND)
    relative = np.append(beside, 0)
    support, level = [np.zeros(0)], [np.zeros(0)]
    for chunk in range(0, len(starts), BATCH):
        mine = starts[chunk : chunk + BATCH]
        base = int(mine[0]) - margin
        sound = sound_of(recording, base, int(mine[-1]) + coder.taps + margin)
        shown = np.moveaxis(lines.at(sound, mine[:, None] - base + relative), 2, 0)
        support.append(against_chance(shown, AROUND)[:, 0])
        level.append((np.square(shown[..., :AROUND]).mean(axis=(2, 3)) > LEAST_POWER).mean(axis=1))
    return Track(starts, np.concatenate(support), np.concatenate(level) >= 0.5)


def _smooth(track: Track, support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Median over `WINDOW` lively frames, [frames]; frames that are not lively have the value of the last one."""
    index = np.flatnonzero(track.lively)
    padded = np.pad(support[index], WINDOW // 2, mode="edge")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, WINDOW), axis=1)
    last = np.maximum(np.searchsorted(index, np.arange(len(support)), side="right") - 1, 0)
    spread: NDArray[np.float64] = median[last]
    return spread


def _stretches(track: Track, off: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of at least `LEAST_FRAMES` lively frames that are off: first and last frame."""
    index = np.flatnonzero(track.lively)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], off[index].astype(np.int8), [0]])))
    return [
        (int(index[a]), int(index[b - 1]))
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if b - a >= LEAST_FRAMES
    ]


def _split(
    track: Track, supports: NDArray[np.float64], one: tuple[int, int, int], other: tuple[int, int, int]
) -> float:
    """First sample, between two frames, at which one grid gives way to the other."""
    first, last = max(one[2] - WINDOW, one[1]), min(other[1] + WINDOW, other[2])
    frames = np.arange(first, last + 1)[track.lively[first : last + 1]]
    gain = np.cumsum(supports[one[0], frames] - supports[other[0], frames])
    at = int(np.argmax(gain[:-1])) if len(gain) > 1 else 0
    return float(track.starts[frames[at]] + track.starts[frames[min(at + 1, len(frames) - 1)]]) / 2


def _figure(track: Track, coder: Coder, rate: int, usual: float, places: list[float]) -> Figure:
    times = (track.starts[track.lively] + coder.taps / 2) / rate
    return Figure(
        kind="time",
        title=f"Support of the {coder.name} frame grid",
        x_label="time (s)",
        y_label="distance from chance (standard deviations)",
        series=(curve("", times, track.support[track.lively], digits=2),),
        marks=tuple((round(at, 3), "grid shifts") for at in places[:20]),
        levels=((round(usual, 2), "usual"),),
    )
