"""Level of the converter's constant offset, and where it changes.

A recorder's converter leaves a small constant (DC) offset that stays nearly the same within one recording; a passage
that comes from another device or was processed apart can shift it. Sources: B. E. Koenig and D. S. Lacey, "Forensic
authentication of digital audio recordings", J. Audio Eng. Soc. 57(9), 2009; SWGDE Best Practices for Digital Audio
Authentication; ENFSI Best Practice Manual for Digital Audio Authenticity Analysis (FSA-BPM-002).

The mean of 50 ms blocks, smoothed over 0.25 s, is compared on both sides of every instant: the step between the
medians of up to 2 s before and after, divided by the range (5th to 95th percentile) of the offset within either side.
Rumble, wind and breath move the offset within both sides and so keep the ratio low; a step stands out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, frame_length, frames, instants
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

BLOCK_S = 0.05
SMOOTHING = np.array([0.25, 0.75, 1.0, 0.75, 0.25]) / 3.0
SIDE = 40
"""Most blocks on either side of an instant."""
LEAST = 13
"""Fewest blocks on either side."""
GUARD = 3
"""Blocks next to the instant that the smoothing blurs; left out on both sides."""


class DcOffset(Method):
    """Steps of the constant offset, per channel."""

    id = "signal.dc-offset"
    version = "1"
    title = "Constant (DC) offset"
    purpose = "Measures the constant offset of each channel and looks for steps, which a join of unlike sources leaves."
    domain = Domain(min_seconds=2.0, lossless_only=True)
    least_step: ClassVar[float] = 2e-4
    """Smallest step that counts, parts of full scale."""
    least_ratio: ClassVar[float] = 2.5
    """Smallest ratio of a step to the range of the offset on either side."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {"least_step_fs": self.least_step, "least_step_to_range": self.least_ratio, "block_s": BLOCK_S}

    def examine(self, exhibit: Exhibit) -> Finding:
        """Block means in parts of full scale, [blocks, channels]; the strongest steps, each once."""
        block_s = frame_length(exhibit, BLOCK_S) / exhibit.facts.sample_rate
        means = np.concatenate([batch.mean(axis=1, dtype=np.float64) for batch in frames(exhibit, BLOCK_S)])
        steps: list[tuple[float, float, float, int]] = []
        strongest = 0.0
        for channel in range(means.shape[1]):
            found, ratio = self._steps(means[:, channel])
            strongest = max(strongest, ratio)
            steps += [((block * block_s), step, value, channel) for block, step, value in found]
        steps.sort()
        offsets = np.median(means, axis=0)
        largest = max((abs(step) for _, step, _, _ in steps), default=0.0)
        measurements: dict[str, Measurement] = {
            "offset_fs": tuple(round(float(value), 7) for value in offsets),
            "largest_offset_dbfs": round(20 * float(np.log10(max(np.abs(offsets).max(), 1e-8))), 1),
            "steps": len(steps),
            "largest_step_fs": round(largest, 6),
            "strongest_step_to_range": round(strongest, 2),
        }
        segments = [
            Segment(start_s=max(at - block_s, 0.0), end_s=at + block_s, note=f"offset step {step:+.2g} of full scale")
            for at, step, _, _ in steps
        ]
        where = instants([at for at, *_ in steps])
        if steps:
            reasons = [
                f"The constant offset steps at {where}: the largest step is {largest:.2g} of full scale, more than "
                f"{self.least_ratio:g} times the range of the offset before and after it.",
                "Such a step is inconsistent with one continuous recording on one device; a change of input or of the "
                "recorder's settings during the recording would leave the same trace.",
            ]
        else:
            reasons = [
                f"The offset of {', '.join(f'{value:.2g}' for value in offsets)} of full scale shows no step above "
                f"{self.least_step:g} that stands out from its own variation: consistent with a continuous recording. "
                "A join of recordings with equal offsets leaves no step."
            ]
        return self.finding(
            "inconsistent" if steps else "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=segments,
            figures=[self._figure(means, block_s, steps)],
        )

    def _steps(self, means: NDArray[np.float64]) -> tuple[list[tuple[int, float, float]], float]:
        """Steps of one channel as (block, step, ratio), and the strongest ratio of all instants."""
        smooth = np.convolve(np.pad(means, 2, mode="edge"), SMOOTHING, mode="valid")
        candidates: list[tuple[float, int, float]] = []
        strongest = 0.0
        for block in range(LEAST + GUARD - 1, len(smooth) - LEAST - GUARD + 2):
            before = smooth[max(block - SIDE, 0) : block - GUARD + 1]
            after = smooth[block + GUARD - 1 : block + SIDE]
            step = float(np.median(after) - np.median(before))
            if abs(step) < self.least_step:
                continue
            ratio = abs(step) / max(_range(before), _range(after), 1e-6)
            strongest = max(strongest, ratio)
            if ratio >= self.least_ratio:
                candidates.append((ratio, block, step))
        steps: list[tuple[int, float, float]] = []
        while candidates:
            top = max(ratio for ratio, _, _ in candidates)
            near = [row for row in candidates if row[0] >= 0.5 * top]
            anchor = max(near)[1]
            cluster = [row for row in candidates if abs(row[1] - anchor) <= LEAST]
            step = max(cluster)[2]
            steps.append((_locate(means, anchor), step, top))
            candidates = [row for row in candidates if abs(row[1] - anchor) > LEAST]
        return steps, strongest

    def _figure(
        self, means: NDArray[np.float64], block_s: float, steps: list[tuple[float, float, float, int]]
    ) -> Figure:
        times = (np.arange(len(means)) + 0.5) * block_s
        series = [
            curve(f"channel {index + 1}", times, 1000 * means[:, index]) for index in range(min(means.shape[1], 4))
        ]
        return Figure(
            kind="time",
            title="Constant offset, means of 50 ms",
            x_label="time (s)",
            y_label="offset (thousandths of full scale)",
            series=tuple(series),
            marks=tuple((round(at, 3), "step") for at, *_ in steps[:20]),
        )


def _range(values: NDArray[np.float64]) -> float:
    low, high = np.percentile(values, [5, 95])
    return float(high - low)


def _locate(means: NDArray[np.float64], anchor: int) -> int:
    """The block boundary near `anchor` at which two constants describe the surrounding 1.3 s best (least squares)."""
    start, end = max(anchor - LEAST, 0), min(anchor + LEAST, len(means))
    part = means[start:end]
    costs = [
        (part[:cut].var() * cut + part[cut:].var() * (len(part) - cut), cut) for cut in range(2, max(len(part) - 1, 3))
    ]
    return start + min(costs)[1]
