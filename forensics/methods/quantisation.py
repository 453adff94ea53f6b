"""Which codes of its bit depth a recording uses, and passages that use others than the rest.

Every conversion leaves its grid in the codes: 8 or 16 bits in a deeper file are multiples of a power of two, G.711
telephony gives only the 255 values of its table, and a digital gain leaves a periodic comb in the histogram. For a
whole file this tells of its history (it is named as a trace). Within one unedited recording the grid does not change;
a passage with another grid came from another source or was scaled apart. Sources: ITU-T Recommendation G.711; M. C.
Stamm and K. J. R. Liu, IEEE Trans. Information Forensics and Security 5(3), 2010 (gaps and peaks of the histogram);
ENFSI Best Practice Manual for Digital Audio Authenticity Analysis (FSA-BPM-002).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._codes import (
    LAWS,
    LEAST_CHANGES,
    Grid,
    Law,
    changes,
    code_blocks,
    codes_between,
    depth,
    grid_change,
    in_16_bits,
    law_grid,
    step_grid,
    trailing_zeros,
)  # fmt: skip
from forensics.methods._comb import SIZE, Line, Trail, empty_share, gain_db, lines, phasors, turn
from forensics.methods._frames import curve, instants
from forensics.methods._passages import changes_of
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

BLOCK_S = 0.25
WINDOW = 24
"""Blocks of a stretch (6 s) whose histogram is searched for combs of its own."""
SLOWEST = 0.1
"""Combs of fewer cycles a code are not compared between passages: automatic gain control leaves such (over 20 dB)."""
GROUPS = (1, 2, 4)
"""Blocks that are taken together to look for a comb: more of them show a weaker one."""
MOST_CHANNELS = 2
"""Channels that are examined, the first ones."""
LOUD = 256
"""Codes of 16 bits beyond this tell the tables of the laws from plain coarse quantisation."""
HALVINGS = 0.005
"""Share of unused codes from which a line at a multiple of 1/64 is a gain, and not a converter's uneven bits."""


@dataclass(frozen=True)
class Survey:
    """One channel, block by block."""

    zeros: NDArray[np.int64]
    """Lowest bits that no code of the block uses, [blocks]; -1 where too few codes differ to tell."""
    off_law: NDArray[np.int64]
    """Loud codes outside the table of each law, [blocks, laws]; -1 where the block cannot tell."""
    histogram: NDArray[np.int64]
    """Uses of every code of 16 bits, [65536]."""
    windows: tuple[tuple[Line, ...], ...]
    """Lines of the stretches' own histograms."""

    def on_law(self, law: Law) -> bool:
        """Whether every block that tells lies on the table of a law."""
        told = self.off_law[:, LAWS.index(law)]
        told = told[told >= 0]
        return len(told) >= 2 and not told.any()

    @property
    def unused(self) -> int | None:
        """Lowest bits that are never used; None where too few codes differ to tell."""
        told = self.zeros[self.zeros >= 0]
        return int(told.min()) if len(told) else None


@dataclass(frozen=True)
class Break:
    """An instant at which the grid of the codes changes."""

    at_s: float
    said: str


class Quantisation(Method):
    """Effective bits, tables of companding laws, combs of the histogram, and their changes."""

    id = "signal.quantisation"
    version = "1"
    title = "Quantisation"
    purpose = "Examines which codes the samples use, and looks for passages whose codes lie on another grid."
    domain = Domain(min_seconds=1.0, lossless_only=True)
    least_score: ClassVar[float] = 30.0
    """Power of a line of the characteristic function over the usual power."""
    least_blocks: ClassVar[int] = 2
    """Shortest passage on either side of a change, blocks of 0.25 s."""
    most_changes: ClassVar[int] = 8
    """More changes than this are a gain that moves, not passages."""
    present: ClassVar[float] = 18.0
    """Power of a line within a block over its number of samples, from which the block has the comb."""
    absent: ClassVar[float] = 7.0
    """The same, below which it lacks the comb."""
    least_expected: ClassVar[float] = 30.0
    """Power that a comb must be able to show in a block before the block can lack it."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_line_score": self.least_score,
            "least_blocks": self.least_blocks,
            "most_changes": self.most_changes,
            "present": self.present,
            "absent": self.absent,
            "least_expected": self.least_expected,
            "block_s": BLOCK_S,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        bits = depth(exhibit)
        if bits is None:
            reason = f"Samples of the format {exhibit.facts.sample_format} are no integers, and have no codes to count."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        surveys = self._survey(exhibit, bits)
        breaks: list[Break] = []
        for channel, survey in enumerate(surveys):
            found = self._grid_breaks(exhibit, bits, channel, survey)
            breaks += found or self._comb_breaks(exhibit, bits, channel, survey)
        breaks.sort(key=lambda found: found.at_s)
        first, unused = surveys[0], min((s.unused for s in surveys if s.unused is not None), default=None)
        law = next((law for law in LAWS if all(survey.on_law(law) for survey in surveys)), None)
        spare = max((unused or 0) - max(bits - 16, 0), 0)
        histogram = _spread(first.histogram, spare)
        empty = empty_share(histogram) if bits >= 16 and not law else 0.0
        line = next(iter(lines(histogram, self.least_score)), None) if bits >= 16 and not law else None
        if line is not None and line.of_halvings and empty < HALVINGS:
            line = None
        traces = _traces(bits, unused or 0, law, line, empty)
        gain = gain_db(line, empty) if line else None
        measurements: dict[str, Measurement] = {
            "bit_depth": bits,
            "bits_used": bits - unused if unused is not None else None,
            "companding_law": law,
            "unused_codes_share": round(empty, 4),
            "comb_cycles_per_code": round(line.frequency, 5) if line else None,
            "comb_depth": round(line.amplitude, 4) if line else None,
            "comb_score": round(line.score, 1) if line else None,
            "gain_db": round(gain, 2) if gain is not None else None,
            "grid_changes": len(breaks),
        }
        if breaks:
            reasons = [
                f"The grid of the codes changes at {instants([found.at_s for found in breaks])} ({breaks[0].said}): "
                "inconsistent with one recording through one converter at one digital gain, and what a passage from "
                "another source, or one that was scaled apart, leaves.",
                "A recorder or a program that switched a digital gain during the recording would leave the same trace.",
            ]
        else:
            used = f"{bits - unused} of {bits} bits are used" if unused is not None else "Few codes are used at all"
            reasons = [
                f"{used}, and no passage uses codes of another grid: consistent with one recording. Resampling, "
                "filtering, mixing, dither and lossy coding wipe such traces out, so their absence says little."
            ]
        if traces:
            reasons.append(f"Named from the codes: {'; '.join(traces)}. By itself this is ordinary processing.")
        return self.finding(
            "inconsistent" if breaks else "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            traces=traces,
            segments=[Segment(start_s=b.at_s - 0.02, end_s=b.at_s + 0.02, note=b.said) for b in breaks],
            figures=_figures(surveys, bits, breaks),
        )

    def _survey(self, exhibit: Exhibit, bits: int) -> list[Survey]:
        count = min(exhibit.facts.channels, MOST_CHANNELS)
        grids = [law_grid(law, bits) for law in LAWS] if bits >= 16 else []
        zeros: list[list[int]] = [[] for _ in range(count)]
        off_law: list[list[list[int]]] = [[] for _ in range(count)]
        part, total = np.zeros((2, count, SIZE), dtype=np.int64)
        found: list[list[tuple[Line, ...]]] = [[] for _ in range(count)]
        for index, block in enumerate(code_blocks(exhibit, BLOCK_S), start=1):
            for channel in range(count):
                codes = np.ascontiguousarray(block[:, channel])
                zeros[channel].append(trailing_zeros(codes) if changes(codes) >= LEAST_CHANGES else -1)
                off_law[channel].append([-1] * len(LAWS))
                if bits < 16:
                    continue
                part[channel] += np.bincount(in_16_bits(codes, bits), minlength=SIZE)
                loud = codes[np.abs(codes) > LOUD << (bits - 16)]
                if changes(loud) >= LEAST_CHANGES:
                    off_law[channel][-1] = [int(np.count_nonzero(grid.off(loud))) for grid in grids]
                if index % WINDOW == 0:
                    found[channel].append(lines(part[channel], self.least_score, most=2))
                    total[channel] += part[channel]
                    part[channel] = 0
        return [
            Survey(np.array(zeros[c]), np.array(off_law[c]).reshape(-1, len(LAWS)), total[c] + part[c], tuple(found[c]))
            for c in range(count)
        ]

    def _grid_breaks(self, exhibit: Exhibit, bits: int, channel: int, survey: Survey) -> list[Break]:
        """Changes between codes on a coarse grid (a law's table, multiples of a power of two) and others."""
        if any(survey.on_law(law) for law in LAWS):
            return []
        tried: list[tuple[Grid, NDArray[np.int64]]] = []
        if bits >= 16:
            for index, law in enumerate(LAWS):
                off = survey.off_law[:, index]
                tried.append((law_grid(law, bits), np.where(off < 0, 0, np.where(off == 0, 1, -1))))
        for zeros in sorted({int(z) for z in survey.zeros if 0 < z < 32}, reverse=True):
            states = np.where(survey.zeros < 0, 0, np.where(survey.zeros >= zeros, 1, -1))
            tried.append((step_grid(zeros, bits), states))
        for grid, states in tried:
            steps = changes_of(states.tolist(), self.least_blocks, self.most_changes)
            if steps:
                return [
                    Break(
                        grid_change(
                            exhibit, grid, channel, step.last * BLOCK_S, (step.first + 1) * BLOCK_S, not step.has
                        ),
                        f"only {grid.said} {'from here' if step.has else 'up to here'}",
                    )
                    for step in steps
                ]
        return []

    def _comb_breaks(self, exhibit: Exhibit, bits: int, channel: int, survey: Survey) -> list[Break]:
        """Changes of the combs: blocks in which a line is there, and blocks in which it is not."""
        if bits < 16 or any(survey.on_law(law) for law in LAWS):
            return []
        rows = [line for window in survey.windows for line in window] + [*lines(survey.histogram, self.least_score)]
        chosen: list[Line] = []
        for line in sorted(rows, key=lambda line: -line.score):
            if (
                len(chosen) < 4
                and line.frequency >= SLOWEST
                and all(abs(line.bin - other.bin) > 32 for other in chosen)
            ):
                chosen.append(line)
        trails = zip(chosen, _trails(exhibit, bits, channel, chosen), strict=True)
        for line, trail, group in [(line, trail.grouped(group), group) for line, trail in trails for group in GROUPS]:
            states = trail.states(line, self.present, self.absent, self.least_expected)
            steps = changes_of(states.tolist(), self.least_blocks, self.most_changes)
            if steps:
                has = states > 0
                mean = complex(trail.sums[has].sum() / trail.counts[has].sum())
                length = group * BLOCK_S * exhibit.recording.rate
                breaks = []
                for step in steps:
                    start, end = round(step.last * length), round((step.first + 1) * length)
                    places = in_16_bits(codes_between(exhibit, bits, channel, start, end), bits)
                    at = (start + turn(places, line, mean, step.has)) / exhibit.recording.rate
                    said = f"histogram comb of {line.frequency:.4f} cycles a code"
                    breaks.append(Break(at, f"{said} {'from here' if step.has else 'up to here'}"))
                return breaks
        return []


def _trails(exhibit: Exhibit, bits: int, channel: int, chosen: list[Line]) -> list[Trail]:
    if not chosen:
        return []
    tables = [phasors(line) for line in chosen]
    sums: list[list[complex]] = []
    counts: list[int] = []
    spread: list[float] = []
    for block in code_blocks(exhibit, BLOCK_S):
        places = in_16_bits(np.ascontiguousarray(block[:, channel]), bits)
        sums.append([complex(table[places].sum(dtype=np.complex128)) for table in tables])
        counts.append(len(places))
        quarter = len(places) // 4
        ranked = np.partition(places, (quarter, len(places) - 1 - quarter))
        spread.append(0.5 * float(ranked[len(places) - 1 - quarter] - ranked[quarter]))
    by_line = np.array(sums, dtype=np.complex128).T
    return [Trail(row, np.array(counts), np.array(spread)) for row in by_line]


def _spread(histogram: NDArray[np.int64], unused: int) -> NDArray[np.int64]:
    """The histogram of codes divided by 2**unused, where those lowest bits are never used."""
    if unused <= 0:
        return histogram
    values = histogram[(SIZE // 2) % (1 << unused) :: 1 << unused]
    out = np.zeros_like(histogram)
    first = SIZE // 2 - len(values) // 2
    out[first : first + len(values)] = values
    return out


def _traces(bits: int, unused: int, law: Law | None, line: Line | None, empty: float) -> list[str]:
    traces = []
    if law:
        traces.append(f"{law} (G.711) coding once, decoded to linear samples")
    elif 0 < unused < 32:
        known = {8: "8-bit sound", 13: "13-bit sound, as decoders of GSM and AMR give,", 16: "16-bit sound"}
        used = bits - unused
        traces.append(f"{known.get(used, f'{used}-bit sound')} in a {bits}-bit file (padded)")
    if line is not None:
        gain = gain_db(line, empty)
        said = f"digital gain of {gain:+.1f} dB" if gain is not None else "digital gain or volume change"
        traces.append(f"{said} after the sound was quantised (comb in the histogram)")
    return traces


def _figures(surveys: list[Survey], bits: int, breaks: list[Break]) -> list[Figure]:
    first = surveys[0]
    marks = tuple((round(found.at_s, 3), "grid changes") for found in breaks[:20])
    times = (np.arange(len(first.zeros)) + 0.5) * BLOCK_S
    used = [np.where((s.zeros < 0) | (s.zeros > bits), np.nan, bits - s.zeros.astype(np.float64)) for s in surveys]
    figures = [
        Figure(
            kind="time",
            title="Bits used, blocks of 0.25 s",
            x_label="time (s)",
            y_label="bits",
            series=tuple(curve(f"channel {c + 1}", times, row, style="steps", digits=0) for c, row in enumerate(used)),
            marks=marks,
        )
    ]
    if bits >= 16:
        near = np.arange(-80.0, 81.0)
        uses = first.histogram[SIZE // 2 - 80 : SIZE // 2 + 81].astype(np.float64)
        figures.append(
            Figure(
                kind="chart",
                title="How often each code near zero is used",
                x_label="code (16 bits)",
                y_label="samples",
                series=(curve("", near, uses, style="bars", digits=0),),
            )
        )
    return figures
