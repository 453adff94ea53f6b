"""Clipped peaks: at which level the waveform is cut off, and passages that are cut off lower than the rest.

A converter, or a program that writes integers, cuts off what is above its limit; for a whole recording that is ordinary
and is named as a trace, whether it lies at full scale or below (clipped first, attenuated later). But the limit is one
and the same throughout a recording: where peaks stand at a plateau in one passage and rise above that level in
another, the passage was scaled after it was clipped, or comes from elsewhere. Sources: SWGDE Best Practices for Digital
Audio Authentication and ENFSI FSA-BPM-002 name clipping among the features of a recording; the measure is our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._codes import LAWS, LEAST_CHANGES, changes, codes_between, depth, law_grid
from forensics.methods._flat_tops import BLOCK_S, TOLERANCE, Tops, flat_tops
from forensics.methods._frames import curve
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

MOST_CHANNELS = 2
"""Channels that are examined, the first ones."""
FULL = 32768.0


@dataclass(frozen=True)
class Passage:
    """A stretch whose peaks are cut off at one level."""

    start_s: float
    end_s: float
    level: float
    """Level of the plateau as a positive number, in steps of 16 bits."""
    upper: bool
    """Whether the positive or the negative peaks are meant."""
    tops: int
    samples: int
    """Samples that stand on the plateau."""
    exceeded: int
    """Blocks of 50 ms elsewhere whose peak rises above the plateau."""
    before_s: float | None
    """End of the last such block before the passage, seconds."""
    after_s: float | None
    """Start of the first such block after it, seconds."""

    @property
    def dbfs(self) -> float:
        return 20.0 * float(np.log10(self.level / FULL))


class Clipping(Method):
    """Plateaus of clipped peaks, and passages whose plateau lies below the peaks of the rest."""

    id = "signal.clipping"
    version = "1"
    title = "Clipping"
    purpose = "Looks for peaks that are cut off, and for passages that are cut off lower than the rest."
    domain = Domain(min_seconds=0.5, lossless_only=True)
    least_tops: ClassVar[int] = 5
    """Fewest flat tops at one level that make a plateau."""
    least_excess_db: ClassVar[float] = 0.3
    """How far peaks elsewhere must rise above a plateau, dB."""
    least_blocks: ClassVar[int] = 3
    """In how many blocks of 50 ms they must."""
    least_bits: ClassVar[int] = 12
    """Bits that must be used: with fewer, peaks look flat anyway."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_tops": self.least_tops,
            "least_excess_db": self.least_excess_db,
            "least_blocks": self.least_blocks,
            "least_bits": self.least_bits,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        used = exhibit.facts.effective_bits
        if used is not None and used < self.least_bits:
            reason = f"Only {used} bits are used: peaks look flat in such steps, clipped or not."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        if _companded(exhibit):
            reason = "The samples have the coarse steps of A-law or mu-law, in which peaks look flat, clipped or not."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        step = float(2 ** max(16 - used, 0)) if used is not None else 1.0
        sides: list[Tops] = []
        passages: list[Passage] = []
        for channel in range(min(exhibit.facts.channels, MOST_CHANNELS)):
            for upper, tops in zip((True, False), flat_tops(exhibit, channel, step), strict=True):
                sides.append(tops)
                passages += self._passages(tops, upper, step)
        breaks = [p for p in passages if p.exceeded >= self.least_blocks]
        share = sum(p.samples for p in passages) / (exhibit.recording.frames * len(sides) / 2)
        peak = max(float(tops.peaks.max()) for tops in sides)
        most = {
            upper: max((p for p in passages if p.upper == upper), key=_tops, default=None) for upper in (True, False)
        }
        measurements: dict[str, Measurement] = {
            "peak_dbfs": round(20.0 * float(np.log10(max(peak, 1e-3) / FULL)), 2),
            "clipped_share": round(share, 6),
            "flat_tops": sum(len(tops.at_s) for tops in sides),
            "plateau_upper_dbfs": _level(most[True]),
            "plateau_lower_dbfs": _level(most[False]),
            "one_sided": bool(passages) and (most[True] is None) != (most[False] is None),
            "peaks_within_1_db": round(_near_top(sides), 4),
            "clipped_passages": len(passages),
            "lower_passages": len(breaks),
        }
        traces: list[str] = []
        if passages:
            strongest = max(passages, key=_tops)
            where = "" if strongest.level > FULL - 4 * step else ", below full scale"
            side = (
                (", positive peaks only" if most[False] is None else ", negative peaks only")
                if (measurements["one_sided"])
                else ""
            )
            traces.append(f"clipped at {strongest.dbfs:.2f} dBFS{where} ({100 * share:.2g} % of the samples{side})")
        if breaks:
            first = breaks[0]
            reasons = [
                f"From {first.start_s:.2f} to {first.end_s:.2f} s the peaks are cut off at {first.dbfs:.1f} dBFS, but "
                f"elsewhere they rise above that level in {first.exceeded} blocks of 50 ms: inconsistent with one "
                "recording through one converter at one gain, and what a passage leaves that was clipped first and "
                "scaled afterwards.",
                "A recorder or a program that changed a digital gain behind its converter would leave the same trace.",
            ]
        elif passages:
            reasons = [
                f"Peaks are cut off ({'; '.join(traces)}), and nowhere do they rise above the plateau: consistent with "
                "one recording that was driven too far."
            ]
        else:
            reasons = [
                "No plateau of clipped peaks was found: consistent with a recording below its limit. Limiters, filters "
                "and lossy coding after clipping round the tops, and are not found."
            ]
        return self.finding(
            "inconsistent" if breaks else "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            traces=traces,
            segments=_segments(breaks),
            figures=[self._figure(sides, passages, breaks)],
        )

    def _passages(self, tops: Tops, upper: bool, step: float) -> list[Passage]:
        """Stretches of one polarity that are cut off at one level and never rise above it."""
        found: list[Passage] = []
        order = np.argsort(tops.level, kind="stable")
        cuts = np.flatnonzero(np.diff(tops.level[order]) > TOLERANCE * step)
        for cluster in np.split(order, cuts + 1):
            if len(cluster) < self.least_tops or np.ptp(tops.level[cluster]) > 3 * TOLERANCE * step:
                continue
            level = float(np.median(tops.level[cluster]))
            above = np.flatnonzero(tops.peaks > level * 10 ** (self.least_excess_db / 20) + 4 * step)
            index = np.sort(cluster)
            at = tops.at_s[index]
            group = np.searchsorted(above * BLOCK_S, at)
            for number in np.unique(group):
                mine = index[group == number]
                if len(mine) < self.least_tops:
                    continue
                start, end = float(tops.at_s[mine[0]]), float(tops.at_s[mine[-1]])
                before = above[above * BLOCK_S < start]
                after = above[above * BLOCK_S > end]
                found.append(
                    Passage(
                        start_s=start,
                        end_s=end,
                        level=level,
                        upper=upper,
                        tops=len(mine),
                        samples=int(tops.samples[mine].sum()),
                        exceeded=len(above),
                        before_s=min(float(before[-1] + 1) * BLOCK_S, start) if len(before) else None,
                        after_s=float(after[0]) * BLOCK_S if len(after) else None,
                    )
                )
        return found

    def _figure(self, sides: list[Tops], passages: list[Passage], breaks: list[Passage]) -> Figure:
        series = []
        for name, sign, tops in zip(("positive peaks", "negative peaks"), (1, -1), sides[:2], strict=True):
            times = (np.arange(len(tops.peaks)) + 0.5) * BLOCK_S
            series.append(curve(name, times, sign * tops.peaks / FULL))
        levels = {round((1 if p.upper else -1) * p.level / FULL, 4): f"clipped at {p.dbfs:.2f} dBFS" for p in passages}
        return Figure(
            kind="time",
            title="Peaks of 50 ms, and plateaus",
            x_label="time (s)",
            y_label="part of full scale",
            series=tuple(series),
            spans=tuple(Segment(start_s=p.start_s, end_s=p.end_s, note="cut off lower") for p in breaks[:20]),
            levels=tuple(sorted(levels.items())[:8]),
        )


def _segments(breaks: list[Passage]) -> list[Segment]:
    """Where the limit changes: between the last peak above the plateau and the first top on it, and back."""
    spans = []
    for found in breaks:
        note = f"limit changes to or from {found.dbfs:.1f} dBFS"
        if found.before_s is not None:
            spans.append(Segment(start_s=found.before_s - 0.02, end_s=found.start_s + 0.02, note=note))
        if found.after_s is not None:
            spans.append(Segment(start_s=found.end_s - 0.02, end_s=max(found.after_s, found.end_s) + 0.02, note=note))
    return spans


def _companded(exhibit: Exhibit) -> bool:
    """Whether the loud samples of the first 10 s all lie on a table of G.711."""
    bits = depth(exhibit)
    if bits is None or bits < 16:
        return False
    codes = codes_between(exhibit, bits, 0, 0, 10 * exhibit.facts.sample_rate)
    loud = codes[np.abs(codes) > 1 << (bits - 8)]
    return changes(loud) >= LEAST_CHANGES and any(not law_grid(law, bits).off(loud).any() for law in LAWS)


def _near_top(sides: list[Tops]) -> float:
    """Share of blocks whose peak comes within 1 dB of the highest of its side: large where a limiter works."""
    near = [float(np.mean(tops.peaks >= 0.891 * tops.peaks.max())) for tops in sides if tops.peaks.max() > 0]
    return max(near, default=0.0)


def _tops(passage: Passage) -> int:
    return passage.tops


def _level(passage: Passage | None) -> float | None:
    return None if passage is None else round(passage.dbfs, 2)
