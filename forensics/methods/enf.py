"""Mains hum: whether it is there, and whether its phase goes on without a jump.

Sources: C. Grigoras, "Digital audio recording analysis: the electric network frequency (ENF) criterion", Int. J. Speech
Language and the Law 12(1), 2005; D. P. Nicolalde Rodriguez, J. A. Apolinario and L. W. P. Biscainho, "Audio
authenticity: detecting ENF discontinuity with high precision phase analysis", IEEE TIFS 5(3), 2010. The arithmetic is
in `_hum` (lines and presence) and `_hum_phase` (jumps).

Hum is present when the comb of harmonics of 50 or 60 Hz stands out of its surroundings further than any comb shifted
sideways. It is named as a trace: hum is ordinary. In at least 20 s of sound the phase of all harmonics is followed;
where it jumps, while the frequency wanders slowly on both sides, something was taken out or put in. A cut moves every
line at once, so the jump has to show from one second to the next, in the strongest line or in two. A line whose
frequency differs from one 8 s to the next by more than a grid's does is no mains hum that could be followed (NERC,
standard BAL-001-2: the frequency of the loosest large grid of North America, ERCOT, is to stay within 30 mHz, root mean
square over a year of minutes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, instants
from forensics.methods._hum import HOP_S, NOMINAL_HZ, Standing, standing, stretches
from forensics.methods._hum_phase import HIGHEST_HARMONIC, SIDE, STEP, Phases, phases
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

STRETCH_S = 16.0
MOST_LINES = 5


class Enf(Method):
    """Presence of mains hum and jumps of its phase."""

    id = "signal.enf"
    version = "2"
    title = "Electric network frequency"
    purpose = "Looks for mains hum and follows its phase, which jumps where material was removed or inserted."
    domain = Domain(min_seconds=4.0)
    least_score: ClassVar[float] = 40.0
    """Score at which a comb of harmonics counts as present in a stretch."""
    over_decoys: ClassVar[float] = 2.0
    """Least ratio of the score to the largest score of a shifted comb."""
    least_share: ClassVar[float] = 0.25
    """Least share of the stretches with hum."""
    least_track_s: ClassVar[float] = 20.0
    """Shortest recording whose continuity is tested, s."""
    least_line: ClassVar[float] = 10.0
    """Mean energy over the decoys' from which a line is followed."""
    least_gain: ClassVar[float] = 40.0
    """Least energy gained by a phase jump, in units of the decoys' mean."""
    least_gain_share: ClassVar[float] = 0.07
    """The same as a share of the energy of all lines; the wander of the frequency stays below it."""
    least_lines: ClassVar[int] = 2
    """Fewest harmonics in which a jump counts."""
    least_side: ClassVar[float] = 20.0
    """Least energy of the hum on the weaker side of a jump."""
    least_line_gain: ClassVar[float] = 10.0
    """Least energy gained in each of two lines for a jump to count that does not show in the strongest."""
    most_scatter_mhz: ClassVar[float] = 30.0
    """Scatter of the frequency between windows 8 s apart above which the hum is no grid's, mHz."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_score": self.least_score,
            "over_decoys": self.over_decoys,
            "least_share": self.least_share,
            "least_track_s": self.least_track_s,
            "least_line": self.least_line,
            "least_gain": self.least_gain,
            "least_gain_share": self.least_gain_share,
            "least_lines": self.least_lines,
            "least_side": self.least_side,
            "least_line_gain": self.least_line_gain,
            "most_scatter_mhz": self.most_scatter_mhz,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """Scores of both nominal frequencies every 16 s; where one is present, its phase in a second pass."""
        rows = [[standing(lines, nominal) for nominal in NOMINAL_HZ] for lines in stretches(exhibit, STRETCH_S)]
        present = np.array([[self._present(one) for one in row] for row in rows])
        share = present.mean(axis=0)
        scores = np.array([[one.score for one in row] for row in rows])
        chosen = int(np.lexsort((scores.sum(axis=0), share))[-1])
        nominal = NOMINAL_HZ[chosen]
        measurements: dict[str, Measurement] = {
            "score_50_hz": round(float(scores[:, 0].mean()), 1),
            "score_60_hz": round(float(scores[:, 1].mean()), 1),
            "stretches": len(rows),
            "stretches_with_hum": int(present[:, chosen].sum()),
        }
        times = np.asarray((np.arange(len(rows)) + 0.5) * min(STRETCH_S, exhibit.seconds), dtype=np.float64)
        if share[chosen] < self.least_share:
            said = "No mains hum stands out (50 and 60 Hz and their harmonics up to 800 Hz): its continuity could not"
            figure = self._scores(times, scores)
            return self.finding(
                "could_not_test", reasons=[f"{said} be tested."], measurements=measurements, figures=[figure]
            )
        held = [row[chosen] for row, there in zip(rows, present[:, chosen], strict=True) if there]
        energy = np.mean([one.lines for one in held], axis=0)
        level = np.max([one.level_dbfs for one in held], axis=0)
        heard = np.flatnonzero(energy >= self.least_line)
        heard = heard if len(heard) else energy.argmax()[None]
        offset = float(np.median([one.offset_hz for one in held]))
        measurements |= {
            "nominal_hz": nominal,
            "fundamental_hz": round(nominal + offset, 3),
            "lines_hz": tuple(int(nominal * (line + 1)) for line in heard),
            "strongest_line_hz": int(nominal * (heard[level[heard].argmax()] + 1)),
            "strongest_line_dbfs": round(float(level[heard].max()), 1),
        }
        trace = f"{nominal} Hz mains hum"
        if exhibit.seconds < self.least_track_s:
            said = f"Hum of the mains ({nominal} Hz) is present; {exhibit.seconds:.1f} s are too short to follow it"
            return self.finding(
                "inconclusive",
                reasons=[f"{said} ({self.least_track_s:g} s are needed): inconclusive as to continuity."],
                measurements=measurements,
                figures=[self._scores(times, scores)],
                traces=[trace],
            )
        followed = heard[heard < HIGHEST_HARMONIC]
        followed = followed[np.argsort(-energy[followed], kind="stable")][:MOST_LINES]
        measurements["lines_followed"] = len(followed)
        floor = np.mean([one.floor for one in held], axis=0).astype(np.float32)
        parts = [phases(lines, nominal, offset, followed, floor) for lines in stretches(exhibit, 32.0, 8.0)]
        return self._followed(
            exhibit, parts, int(level[followed].argmax()) if len(followed) else 0, nominal, trace, measurements
        )

    def _present(self, one: Standing) -> bool:
        return one.score >= self.least_score and one.score >= self.over_decoys * one.decoy

    def _followed(
        self,
        exhibit: Exhibit,
        parts: list[Phases],
        strongest: int,
        nominal: int,
        trace: str,
        measurements: dict[str, Measurement],
    ) -> Finding:
        """The answer from the phases of all stretches; `strongest` is the loudest of the lines followed."""
        at, first = np.unique(np.concatenate([part.at_s for part in parts]), return_index=True)
        gain, energy, weaker, offset, line_gain, line_energy = (
            np.concatenate([getattr(part, name) for part in parts])[first]
            for name in ("gain", "energy", "weaker", "offset_hz", "line_gain", "line_energy")
        )
        followed = measurements["lines_followed"]
        clear = weaker >= self.least_side
        covered = float(clear.mean()) if len(at) else 0.0
        turns = line_gain >= self.least_gain_share * line_energy
        shown = turns[:, strongest] | ((turns & (line_gain >= self.least_line_gain)).sum(axis=1) >= self.least_lines)
        jumps = self._jumps(at, gain, energy, clear & shown)
        scatter = _scatter_mhz(at, offset, clear)
        measurements |= {
            "followed_share": round(covered, 3),
            "frequency_sd_mhz": round(float(1000 * offset[clear].std()), 2) if clear.any() else None,
            "frequency_scatter_mhz": None if scatter is None else round(scatter, 2),
            "phase_jumps": len(jumps),
            "phase_jumps_at_s": tuple(round(jump[0], 2) for jump in jumps[:50]),
            "largest_gain_share": round(float((gain / np.maximum(energy, 1.0))[clear].max(initial=0.0)), 3),
        }
        figure = Figure(
            kind="time",
            title=f"Mains frequency over {nominal} Hz (8 s windows), and phase jumps found",
            x_label="time (s)",
            y_label="deviation (mHz)",
            series=(curve("", at, np.where(clear, 1000.0 * offset, np.nan), digits=1),),
            marks=tuple((round(jump[0], 2), "phase jump") for jump in jumps[:20]),
        )
        if scatter is not None and scatter > self.most_scatter_mhz:
            said = (
                f"The frequency of the hum scatters by {scatter:.0f} mHz from one 8 s to the next, more than the mains "
                f"do ({self.most_scatter_mhz:g} mHz): it is no steady hum that could be followed, inconclusive."
            )
            return self.finding(
                "inconclusive", reasons=[said], measurements=measurements, figures=[figure], traces=[trace]
            )
        if jumps and isinstance(followed, int) and followed < self.least_lines:
            said = f"The phase of the one line that can be followed jumps at {instants([jump[0] for jump in jumps])};"
            return self.finding(
                "inconclusive",
                reasons=[f"{said} jumps count where {self.least_lines} harmonics or more show them: inconclusive."],
                measurements=measurements,
                figures=[figure],
                traces=[trace],
            )
        if jumps:
            where = instants([jump[0] for jump in jumps])
            segments = [Segment(start_s=a, end_s=b, note="phase of the mains hum jumps") for _, a, b in jumps]
            return self.finding(
                "inconsistent",
                exhibit=exhibit,
                reasons=[
                    f"The phase of the mains hum ({nominal} Hz and harmonics) jumps at {where}: inconsistent with one "
                    "continuous recording of the same mains.",
                    "A recorder that drops samples, or a clock that is corrected in steps, would leave the same trace.",
                ],
                measurements=measurements,
                segments=segments,
                figures=[figure],
                traces=[trace],
            )
        if covered < 0.5:
            said = "Hum of the mains is present, but too weak or too often covered to follow its phase: inconclusive."
            return self.finding(
                "inconclusive", reasons=[said], measurements=measurements, figures=[figure], traces=[trace]
            )
        said = (
            f"The phase of the mains hum ({nominal} Hz and harmonics) goes on without a jump over {covered:.0%} of the "
            "recording: consistent with one continuous recording. Edits by whole periods of the hum, and hum added "
            "after an edit, leave no jump."
        )
        return self.finding("consistent", reasons=[said], measurements=measurements, figures=[figure], traces=[trace])

    def _jumps(
        self,
        at: NDArray[np.float64],
        gain: NDArray[np.float32],
        energy: NDArray[np.float32],
        clear: NDArray[np.bool_],
    ) -> list[tuple[float, float, float]]:
        """Instant and interval of each jump: peaks of the gain, an interval where it stays near the peak."""
        hit = clear & (gain >= self.least_gain) & (gain >= self.least_gain_share * energy)
        left = np.where(hit, gain, 0.0)
        found: list[tuple[float, float, float]] = []
        while left.any():
            peak = int(left.argmax())
            near = np.abs(at - at[peak]) <= 1.5
            flat = at[near & (gain >= 0.8 * gain[peak])]
            found.append((float(at[peak]), float(flat.min()) - 2 * HOP_S, float(flat.max()) + 2 * HOP_S))
            left[np.abs(at - at[peak]) < 4.0] = 0.0
        return sorted(found)

    def _scores(self, times: NDArray[np.float64], scores: NDArray[np.float64]) -> Figure:
        return Figure(
            kind="time",
            title="How far the harmonics of the mains stand out",
            x_label="time (s)",
            y_label="score",
            series=tuple(
                curve(f"{nominal} Hz", times, scores[:, index], style="points", digits=1)
                for index, nominal in enumerate(NOMINAL_HZ)
            ),
            levels=((self.least_score, "counts as present"),),
        )


def _scatter_mhz(at: NDArray[np.float64], offset: NDArray[np.float32], clear: NDArray[np.bool_]) -> float | None:
    """Standard deviation of the frequency within pairs of windows that follow one another, mHz; no slow drift.

    None where fewer than 4 s of such pairs have hum in both windows.
    """
    apart = round(2 * SIDE / STEP)
    after = np.minimum(np.searchsorted(at, at + apart * STEP * HOP_S - 0.01), max(len(at) - 1, 0))
    both = clear & clear[after] & (np.abs(at[after] - at - apart * STEP * HOP_S) < 0.01)
    if both.sum() * STEP * HOP_S < 4.0:
        return None
    step = 1000.0 * (offset[after] - offset)[both].astype(np.float64)
    return float(np.sqrt(np.mean(np.square(step)) / 2.0))
