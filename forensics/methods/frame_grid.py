"""Traces of generators that make sound frame by frame: lines on a frame's grid, repeated frames, the sample count.

Speech models compute frames of 120 to 1024 samples and upsample them with strided convolutions, which can leave weak
tones at multiples of sample rate / stride, a sample count that is a whole number of frames, and frames that repeat
exactly. Lines are named only if far more of them lie on one grid than chance allows, and not if they are multiples of a
mains frequency or of the 1 kHz of USB converters. The sample count alone is never a
trace: every hop divides some human recordings. Sources: A. Odena, V. Dumoulin and C. Olah, "Deconvolution and
checkerboard artifacts", Distill, 2016; J. Pons et al., "Upsampling artifacts in neural audio synthesis", ICASSP 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, instants, runs
from forensics.methods._grid_lines import HOPS, Lines, OnGrid, find_lines, on_grid
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

COUNTED = (120, 128, 160, 200, 240, 256, 300, 320, 480, 512, 600, 640, 1024)
"""Hops that a sample count is tried with."""
LEAST_LAG = 64
"""Shortest period that counts as a frame: shorter ones are tones."""
CHUNK_S = 5.0


class FrameGrid(Method):
    """Lines on the grid of a generator's strides, exactly repeated frames, and the arithmetic of the sample count."""

    id = "signal.frame-grid"
    version = "1"
    title = "Frame grid of generators"
    purpose = (
        "Looks for what generators that work frame by frame leave: tones on a grid, repeated frames, whole frames."
    )
    bears_on = "origin"
    domain = Domain(min_seconds=1.5, min_sample_rate=8000)
    least_z: ClassVar[float] = 6.0
    """Height of a line in standard errors."""
    least_db: ClassVar[float] = 2.0
    """Mean height of a line, dB."""
    most_chance: ClassVar[float] = 1e-6
    """Probability of the lines' agreement with a grid by chance, below which it is named."""
    least_lines: ClassVar[int] = 3
    """Fewest lines on the grid."""
    least_share: ClassVar[float] = 0.5
    """Least share of the unexplained lines that lie on it."""
    least_repeats: ClassVar[float] = 2.0
    """Frames that a stretch must repeat exactly."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_z": self.least_z,
            "least_db": self.least_db,
            "most_chance": self.most_chance,
            "least_lines": self.least_lines,
            "least_share": self.least_share,
            "least_repeats": self.least_repeats,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        rate, count = exhibit.facts.sample_rate, exhibit.recording.frames
        found = find_lines(exhibit, self.least_z, self.least_db)
        grid = on_grid(found, rate)
        if grid is not None and (
            grid.chance > self.most_chance
            or grid.fitting < self.least_lines
            or grid.fitting < self.least_share * grid.lines
        ):
            grid = None
        repeats, lead, tail = _scan(exhibit, self.least_repeats)
        whole = [hop for hop in COUNTED if count % hop == 0]
        inner = [hop for hop in COUNTED if (count - lead - tail) % hop == 0 and lead + tail > 0]
        traces: list[str] = []
        if grid is not None:
            traces.append(
                f"narrow lines at multiples of {grid.spacing_hz:.2f} Hz (sample rate / {grid.hop}; {grid.fitting} of "
                f"{grid.lines} lines), as strided upsampling leaves"
            )
        if repeats:
            lags = sorted({lag for _, _, lag in repeats})
            traces.append(f"frames of {', '.join(str(lag) for lag in lags[:4])} samples repeated exactly")
        measurements: dict[str, Measurement] = {
            "samples": count,
            "hops_in_samples": tuple(whole),
            "hops_in_samples_by_chance": round(_by_chance(whole), 4),
            "hops_between_zeros": tuple(inner),
            "zeros_at_start": lead,
            "zeros_at_end": tail,
            "lines": int(np.count_nonzero(~found.explained)),
            "lines_explained": int(np.count_nonzero(found.explained)),
            "lines_on_grid": grid.fitting if grid else 0,
            "grid_hop": grid.hop if grid else None,
            "grid_spacing_hz": round(grid.spacing_hz, 3) if grid else None,
            "grid_chance": float(f"{grid.chance:.2g}") if grid else None,
            "repeated_frames": len(repeats),
        }
        counted = (
            f"The {count} samples are a whole number of frames of {', '.join(str(hop) for hop in whole)} samples; that "
            f"happens by chance with probability {_by_chance(whole):.2f}, and is no trace by itself."
            if whole
            else f"The {count} samples are no whole number of frames of any usual hop."
        )
        if traces:
            where = f" (at {instants([start for start, _, _ in repeats])})" if repeats else ""
            reasons = [
                f"Found: {'; '.join(traces)}{where}. Speech generators leave this, but so can a digital hum, a "
                "vocoder of a telephone, a loop or a drop-out that was concealed: inconclusive as to who spoke.",
                counted,
            ]
        else:
            reasons = [
                "No lines on the grid of a generator's frames and no exactly repeated frames were found: consistent "
                "with a recording. Most generators leave neither, so this says little about who spoke.",
                counted,
            ]
        return self.finding(
            "inconclusive" if traces else "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            traces=traces,
            segments=[Segment(start_s=a, end_s=b, note=f"frame of {lag} samples repeated") for a, b, lag in repeats],
            figures=[_figure(found, grid)],
        )


def _by_chance(hops: list[int]) -> float:
    """Probability that a sample count is a multiple of the largest of the hops, or of another one as large."""
    return 1.0 if not hops else min(sum(1.0 / hop for hop in COUNTED if hop >= max(hops)), 1.0)


def _scan(exhibit: Exhibit, least: float) -> tuple[list[tuple[float, float, int]], int, int]:
    """Stretches that repeat exactly after a hop, as (start s, end s, hop), and the zeros at both ends."""
    rate, total = exhibit.facts.sample_rate, exhibit.recording.frames
    lags = [hop for hop in HOPS if hop >= LEAST_LAG]
    reach = 4 * max(lags)
    repeats: list[tuple[float, float, int]] = []
    lead, tail, silent = 0, 0, True
    chunk = round(CHUNK_S * rate)
    for start in range(0, total, chunk):
        first = max(start - reach, 0)
        samples = exhibit.recording.samples(first, start + chunk)[:, 0]
        own = np.flatnonzero(samples[start - first :])
        if len(own):
            lead, silent = (lead + int(own[0]), False) if silent else (lead, False)
            tail = len(samples) - (start - first) - 1 - int(own[-1])
        else:
            lead, tail = (lead + len(samples) - (start - first), tail) if silent else (lead, tail + len(samples))
        if exhibit.facts.lossless and len(repeats) < 100:
            repeats += [
                ((first + a) / rate, (first + b) / rate, lag)
                for lag in lags
                for a, b in _repeated(samples, lag, int(least * lag))
            ]
    return _merged(repeats), lead, tail


def _repeated(samples: NDArray[np.float32], lag: int, least: int) -> list[tuple[int, int]]:
    """Runs of `least` samples or more that equal those `lag` before them, and are neither constant nor a tone."""
    if len(samples) <= lag + least:
        return []
    # A long run holds a whole frame, counted from the start, of which every eighth part equals the frame before.
    some = samples[: len(samples) // lag * lag].reshape(-1, lag)[:, :: lag // 8]
    if not (some[1:] == some[:-1]).all(axis=1).any():
        return []
    found = []
    for begin, end in zip(*runs(samples[lag:] == samples[:-lag]), strict=True):
        if end - begin < least:
            continue
        part = samples[begin : begin + 2 * lag]
        short = any(bool(np.array_equal(part[k:], part[:-k])) for k in range(1, LEAST_LAG))
        if float(part.std()) > 1e-3 and not short:
            found.append((int(begin), int(end + lag)))
    return found


def _merged(repeats: list[tuple[float, float, int]]) -> list[tuple[float, float, int]]:
    """Overlapping stretches once, with the shortest period."""
    kept: list[tuple[float, float, int]] = []
    for start, end, lag in sorted(repeats, key=lambda row: (row[2], row[0])):
        if all(end <= a or start >= b for a, b, _ in kept):
            kept.append((start, end, lag))
    return sorted(kept)


def _figure(found: Lines, grid: OnGrid | None) -> Figure:
    shown = found.frequencies > 0
    marks: list[tuple[float, str]] = []
    if grid is not None:
        marks = [
            (round(hertz / 1000.0, 4), f"{round(hertz / grid.spacing_hz)}/{grid.hop}")
            for hertz in found.hertz[~found.explained]
            if abs(hertz - grid.spacing_hz * round(hertz / grid.spacing_hz)) <= found.bin_hz
        ]
    return Figure(
        kind="chart",
        title="Narrow lines of the long-term spectrum",
        x_label="frequency (kHz)",
        y_label="level above the surroundings (dB)",
        series=(curve("", found.frequencies[shown] / 1000.0, found.contrast_db[shown], digits=2),),
        marks=tuple(marks[:20]),
    )
