"""Upper band edge of the long-term spectrum against the nominal rate, and stretches that lack the band of the rest.

A recording that was resampled upwards, or coded with loss before, ends in its spectrum below half its sample rate.
That tells of its history but not of editing: telephones, voice assistants and music services deliver such recordings.
What one unedited recording does not do is to lose the room noise of its upper band for a while and get it back: a
stretch in which even speech has less there than pauses have elsewhere comes from a narrower source. Sources: SWGDE
Best Practices for Digital Audio Authentication; ENFSI FSA-BPM-002 (long-term average spectrum); the band edge itself
is measured by `synth.measures.band_edge`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, even_curve, frame_length, frames, runs
from forensics.methods._rows import Rows
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment
from synth.measures import BandEdge as Edge
from synth.measures import band_edge

FRAME_S = 0.02
BLOCK = 10
"""Frames of a block (0.2 s)."""
SPLITS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Lower edges of the upper bands that are watched, as shares of the Nyquist frequency."""
FLOOR_DB = -125.0


@dataclass(frozen=True)
class Loss:
    """Stretches that lack the upper band."""

    spans: tuple[tuple[float, float], ...]
    """Seconds."""
    above_hz: float
    """Lower edge of the band that is missing."""
    gap_db: float
    """Level of the band in the quietest frames elsewhere minus its level in the loudest frames of the stretches."""


class BandEdge(Method):
    """Band edge of the whole, and changes of the band within it."""

    id = "signal.band-edge"
    version = "1"
    title = "Upper band edge"
    purpose = "Measures where the spectrum ends and looks for stretches whose band is narrower than the rest."
    domain = Domain(min_seconds=1.0, min_sample_rate=8000)
    least_gap_db: ClassVar[float] = 8.0
    """Distance between the band's level in the narrow stretch and its lowest level elsewhere, dB."""
    least_s: ClassVar[float] = 0.4
    """Shortest stretch, seconds."""
    least_speech_s: ClassVar[float] = 0.2
    """Speech that the stretch must hold, seconds."""
    narrow_share: ClassVar[float] = 0.8
    """A band edge below this share of the Nyquist frequency is named."""
    steep_db: ClassVar[float] = 20.0
    """Drop across the edge from which resampling or earlier coding is named."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_gap_db": self.least_gap_db,
            "least_stretch_s": self.least_s,
            "least_speech_s": self.least_speech_s,
            "narrow_share": self.narrow_share,
            "steep_db": self.steep_db,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        edge = band_edge(exhibit.recording)
        with Rows(_upper_levels(exhibit), len(SPLITS), np.float64) as upper:
            loss = self._loss(exhibit, upper) if exhibit.facts.lossless else None
            figures = _figures(edge, upper, loss)
        share = edge.hz / edge.nyquist_hz
        narrow = share < self.narrow_share and edge.step_db >= self.steep_db and exhibit.facts.lossless
        measurements: dict[str, Measurement] = {
            "band_edge_hz": round(edge.hz, 0),
            "nyquist_hz": edge.nyquist_hz,
            "band_share": round(share, 3),
            "edge_step_db": round(edge.step_db, 1),
            "narrower_than_rate": narrow,
            "narrow_stretches": len(loss.spans) if loss else 0,
            "narrow_above_hz": round(loss.above_hz) if loss else None,
            "narrow_gap_db": round(loss.gap_db, 1) if loss else None,
        }
        outcome: Outcome = "consistent"
        segments: list[Segment] = []
        whole = (
            f"The long-term spectrum ends at {edge.hz / 1000:.1f} kHz of the {edge.nyquist_hz / 1000:.1f} kHz that the "
            "sample rate can hold"
        )
        if loss is not None:
            outcome = "inconsistent"
            segments = [
                Segment(start_s=a, end_s=b, note=f"no sound above {loss.above_hz:.0f} Hz") for a, b in loss.spans
            ]
            reasons = [
                f"In {', '.join(f'{a:.2f} to {b:.2f} s' for a, b in loss.spans[:5])} even speech has less sound above "
                f"{loss.above_hz:.0f} Hz than the pauses elsewhere ({loss.gap_db:.0f} dB less): inconsistent with one "
                "recording through one channel, and what an insertion from a narrower source leaves.",
                "A codec or a radio link that switched its bandwidth during the recording would leave the same trace.",
            ]
        elif narrow:
            outcome = "inconclusive" if share < 0.6 else "consistent"
            reasons = [
                f"{whole}, with a drop of {edge.step_db:.0f} dB: the sound was resampled upwards, low-passed or coded "
                "with loss before it came into this lossless file. Telephones, recorder settings and re-encoding do "
                "so in ordinary use, and so does processing"
                + (": inconclusive." if outcome == "inconclusive" else "; by itself this is consistent.")
            ]
        else:
            reasons = [f"{whole}, and no stretch is narrower than the rest: consistent."]
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            traces=[f"narrower band than the file can hold: up to {edge.hz / 1000:.1f} kHz"] if narrow else (),
            measurements=measurements,
            segments=segments,
            figures=figures,
        )

    def _loss(self, exhibit: Exhibit, upper: Rows) -> Loss | None:
        frame_s = frame_length(exhibit, FRAME_S) / exhibit.facts.sample_rate
        count = len(upper) // BLOCK
        if count < 5:
            return None
        speech = np.asarray(exhibit.activity.speech, dtype=bool)
        index = np.minimum(((np.arange(count * BLOCK) + 0.5) * frame_s / 0.02).astype(int), max(len(speech) - 1, 0))
        spoken = (speech[index] if len(speech) else np.zeros(count * BLOCK, dtype=bool)).reshape(count, BLOCK)
        best: Loss | None = None
        for column, split in enumerate(SPLITS):
            levels = upper.column(column)
            found = self._dead_blocks(levels[: count * BLOCK].reshape(count, BLOCK), spoken)
            if found is None or (best is not None and found[1] <= best.gap_db):
                continue
            dead, gap = found
            spans = [_refine(levels, int(a) * BLOCK, int(b) * BLOCK, frame_s) for a, b in zip(*runs(dead), strict=True)]
            best = Loss(tuple(spans), split * exhibit.facts.sample_rate / 2, gap)
        return best

    def _dead_blocks(
        self, blocks: NDArray[np.float64], spoken: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], float] | None:
        """Blocks [blocks] without the upper band, and the gap to the others; None if there are no such blocks."""
        loud, quiet = np.percentile(blocks, 90, axis=1), np.percentile(blocks, 10, axis=1)
        order = np.argsort(loud)
        for position in np.argsort(-np.diff(loud[order]))[:3]:
            dead = np.zeros(len(loud), dtype=bool)
            dead[order[: position + 1]] = True
            near = dead | np.roll(dead, 1) | np.roll(dead, -1)
            live = ~near
            if live.sum() < 3 or spoken[dead].sum() * FRAME_S < self.least_speech_s:
                continue
            if (~spoken[live]).sum() * FRAME_S < 0.2:
                continue  # no pause to compare with
            starts, ends = runs(dead)
            lengths = ends - starts
            if len(lengths) > 3 or lengths.min() * BLOCK * FRAME_S < self.least_s:
                continue
            gap = float(np.percentile(quiet[live], 2) - loud[dead].max())
            if gap >= self.least_gap_db:
                return dead, gap
        return None


def _refine(levels: NDArray[np.float64], first: int, last: int, frame_s: float) -> tuple[float, float]:
    """Move both ends of a stretch [first, last) of frames to where the level crosses halfway, in seconds."""
    inside = float(np.percentile(levels[first:last], 90))
    while first > 0 and levels[first - 1] < inside + 4.0:
        first -= 1
    while last < len(levels) and levels[last] < inside + 4.0:
        last += 1
    return first * frame_s, last * frame_s


def _upper_levels(exhibit: Exhibit) -> Iterator[NDArray[np.float64]]:
    """Level above each of SPLITS in frames of 20 ms, dBFS, mean of the channels, in batches [frames, splits]."""
    length = frame_length(exhibit, FRAME_S)
    window = np.hanning(length).astype(np.float32)
    scale = float(np.sum(np.square(window), dtype=np.float64)) * length / 2
    starts = [int(split * (length // 2 + 1)) for split in SPLITS]
    for batch in frames(exhibit, FRAME_S):
        power = np.square(np.abs(np.fft.rfft(batch.mean(axis=2) * window, axis=1)))
        total = np.cumsum(power[:, ::-1], axis=1, dtype=np.float64)[:, ::-1]
        yield 10.0 * np.log10(total[:, starts] / scale + 10 ** (FLOOR_DB / 10))


def _figures(edge: Edge, upper: Rows, loss: Loss | None) -> list[Figure]:
    figures = [
        Figure(
            kind="chart",
            title="Long-term spectrum",
            x_label="frequency (kHz)",
            y_label="level (dB)",
            series=(
                curve(
                    "", np.asarray(edge.frequencies) / 1000.0, np.asarray(edge.levels_db, dtype=np.float64), digits=1
                ),
            ),
            marks=((round(edge.hz / 1000.0, 3), "band edge"), (round(edge.nyquist_hz / 1000.0, 3), "half the rate")),
        )
    ]
    if len(upper):
        shares = np.array(SPLITS) * edge.nyquist_hz
        column = int(np.argmin(np.abs(shares - (loss.above_hz if loss else 0.5 * edge.nyquist_hz))))
        spans = tuple(Segment(start_s=a, end_s=b, note="narrow band") for a, b in (loss.spans if loss else ()))
        figures.append(
            Figure(
                kind="time",
                title=f"Level above {shares[column] / 1000.0:.1f} kHz",
                x_label="time (s)",
                y_label="level (dBFS)",
                series=(even_curve("", upper.column(column), FRAME_S, offset=0.5, digits=1),),
                spans=spans,
            )
        )
    return figures
