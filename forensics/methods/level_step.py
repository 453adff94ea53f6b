"""Steps of the level: instants from which everything is louder or quieter by one factor, and steps of the noise floor.

When an editor changes the volume from one sample to the next, the sound after the step still continues the sound
before it once it is scaled back. So at every instant where linear prediction fails, the gain is sought with which the
samples after it continue the prediction, from both sides. A natural onset has no such gain; a volume step has one, and
both sides agree on it. Source of the prediction: S. J. Godsill and P. J. W. Rayner, "Digital Audio Restoration",
Springer 1998; gain changes as traces of editing: SWGDE Best Practices for Digital Audio Authentication.

Steps of the noise floor inside a pause are reported too, but noise gates and noise suppression make them in unedited
recordings, so they are inconclusive by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import even_curve, instants
from forensics.methods._prediction import ORDER, SIDE_S, Signal, around, candidates, fit, level
from forensics.methods._rows import Rows
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment

RATE = 16000
HOP, WINDOW = 160, 256
BANDS_HZ = (200, 500, 900, 1400, 2000, 2700, 3400)
HALF = 15
"""Frames of 10 ms on either side of a step of the noise floor."""
CONTEXT = 200
"""Frames in which the floor of a side is sought."""
PART = 6000
"""Frames compared at once: a minute, so that hours take no more memory."""


@dataclass(frozen=True)
class Step:
    """A change of the level within a sample."""

    at_s: float
    gain_db: float
    """Level after minus level before."""
    score: float
    """How many times smaller the prediction error gets when the sound after is scaled back."""


class LevelStep(Method):
    """Volume steps within the waveform, and steps of the noise floor in pauses."""

    id = "signal.level-step"
    version = "1"
    title = "Level and noise-floor steps"
    purpose = "Looks for instants from which the sound goes on louder or quieter by one factor."
    domain = Domain(min_seconds=0.5, min_sample_rate=8000)
    threshold: ClassVar[float] = 20.0
    """Improvement of the prediction, ratio of powers."""
    least_gain_db: ClassVar[float] = 2.0
    """Smallest step, dB."""
    most_gain_db: ClassVar[float] = 30.0
    """Largest step, dB."""
    agreement_db: ClassVar[float] = 1.5
    """Largest disagreement of the gain found from before and from after, dB."""
    least_level_dbfs: ClassVar[float] = -65.0
    """Level that the louder side must reach."""
    floor_step_db: ClassVar[float] = 10.0
    """Step of the noise floor inside a pause that is reported as inconclusive, dB."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "threshold": self.threshold,
            "least_gain_db": self.least_gain_db,
            "most_gain_db": self.most_gain_db,
            "agreement_db": self.agreement_db,
            "least_level_dbfs": self.least_level_dbfs,
            "floor_step_db": self.floor_step_db,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        steps = self._steps(exhibit)
        with Rows(_band_levels(exhibit), len(BANDS_HZ) - 1, np.float64) as levels:
            total = np.concatenate([np.zeros(0), *(rows.mean(axis=1) for _, rows in levels.parts(PART, 0))])
            floor = _floor_steps(levels, total, self.floor_step_db)
        largest = max(steps, key=lambda step: abs(step.gain_db), default=None)
        sizes = [size for _, size in floor]
        deepest = float(np.abs(np.array([0.0, *sizes])).max())
        measurements: dict[str, Measurement] = {
            "steps": len(steps),
            "steps_at_s": tuple(round(step.at_s, 4) for step in steps[:50]),
            "largest_step_db": round(largest.gain_db, 2) if largest else 0.0,
            "floor_steps": len(floor),
            "floor_steps_at_s": tuple(round(at, 2) for at, _ in floor[:50]),
            "largest_floor_step_db": round(deepest, 1),
        }
        outcome: Outcome = "consistent"
        segments: list[Segment] = []
        reasons: list[str] = []
        if steps and largest:
            outcome = "inconsistent"
            segments = [
                Segment(start_s=s.at_s - 0.01, end_s=s.at_s + 0.01, note=f"level step of {s.gain_db:+.1f} dB")
                for s in steps
            ]
            reasons.append(
                f"At {instants([s.at_s for s in steps])} the waveform goes on scaled by one factor from one sample to "
                f"the next (largest step {largest.gain_db:+.1f} dB): inconsistent with one continuous recording at a "
                "constant gain."
            )
            reasons.append("A recorder that switches its gain in steps would leave the same trace.")
        elif floor:
            outcome = "inconclusive"
            segments = [Segment(start_s=at - 0.02, end_s=at + 0.02, note=f"floor {size:+.0f} dB") for at, size in floor]
            reasons.append(
                f"The noise floor steps inside a pause at {instants([at for at, _ in floor])} (largest step "
                f"{deepest:.0f} dB). Noise gates, noise suppression and discontinuous "
                "transmission do this in unedited recordings, and so does a join in a pause: inconclusive."
            )
        else:
            reasons.append(
                "No instant was found from which the waveform goes on scaled by one factor, and the noise floor does "
                "not step inside a pause: consistent with a recording at a steady gain. Steps inside noise, gradual "
                "changes and steps that were coded with loss afterwards are not found."
            )
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=segments,
            figures=[self._figure(total, steps, floor)],
        )

    def _steps(self, exhibit: Exhibit) -> list[Step]:
        rate = exhibit.facts.sample_rate
        side = int(SIDE_S * rate)
        steps: list[Step] = []
        for candidate in candidates(exhibit):
            first, samples = around(exhibit, candidate, side + ORDER + 2)
            tried = [
                self._try(samples, at, side, (first + at) / rate)
                for at in range(candidate - first - 2, candidate - first + 3)
                if at >= side + ORDER and at + side + ORDER <= len(samples)
            ]
            found = [step for step in tried if step is not None]
            if found:
                steps.append(max(found, key=lambda step: step.score))
        return steps

    def _try(self, samples: Signal, at: int, side: int, at_s: float) -> Step | None:
        """The gain step at a sample, if both sides see one and agree."""
        if max(level(samples[at - side : at]), level(samples[at : at + side])) < self.least_level_dbfs:
            return None
        forward = _rescaled(samples[at - side : at + ORDER], side)
        if forward is None or forward[0] < self.threshold:
            return None
        backward = _rescaled(samples[at - ORDER : at + side][::-1], side)
        if backward is None or backward[0] < self.threshold:
            return None
        gain = 0.5 * (forward[1] - backward[1])
        if (
            abs(forward[1] + backward[1]) > self.agreement_db
            or not self.least_gain_db <= abs(gain) <= self.most_gain_db
        ):
            return None
        return Step(at_s=at_s, gain_db=gain, score=min(forward[0], backward[0]))

    def _figure(self, total: NDArray[np.float64], steps: list[Step], floor: list[tuple[float, float]]) -> Figure:
        marks = [(round(step.at_s, 3), f"{step.gain_db:+.1f} dB") for step in steps[:20]]
        marks += [(round(at, 2), f"floor {size:+.0f} dB") for at, size in floor[: 20 - len(marks)]]
        return Figure(
            kind="time",
            title="Level between 200 and 3400 Hz, and steps found",
            x_label="time (s)",
            y_label="mean band level (dB)",
            series=(even_curve("", total, HOP / RATE, offset=0.5, digits=1),),
            marks=tuple(marks),
        )


def _rescaled(sound: Signal, side: int) -> tuple[float, float] | None:
    """Improvement of the prediction across the end of `side` samples by the best gain, and that gain in dB.

    `sound` holds `side` samples before the instant and ORDER samples after it.
    """
    before, after = sound[:side], sound[side:]
    weights, usual = fit(before)
    joined = np.concatenate([before[-ORDER:], after])
    own, carried = np.empty(ORDER), np.empty(ORDER)
    for index in range(ORDER):
        past = joined[index : index + ORDER][::-1]  # past[k] lies k + 1 samples back
        own[index] = after[index] - weights[:index] @ past[:index]
        carried[index] = weights[index:] @ past[index:]
    power = float(own @ own)
    scale = float(own @ carried) / power if power > 0 else 0.0
    if scale <= 1e-3:
        return None
    plain = float(np.sum(np.square(own - carried)))
    scaled = float(np.sum(np.square(scale * own - carried)))
    return plain / max(scaled, ORDER * usual, 1e-12), -20.0 * float(np.log10(scale))


def _band_levels(exhibit: Exhibit) -> Iterator[NDArray[np.float64]]:
    """Band levels in dB every 10 ms, in batches [frames, bands], of the recording at 16 kHz."""
    window = np.hanning(WINDOW).astype(np.float32)
    bins = np.fft.rfftfreq(WINDOW, 1 / RATE)
    edges = np.searchsorted(bins, BANDS_HZ)
    rest = np.zeros(0, dtype=np.float32)
    for block in exhibit.recording.resampled(RATE, seconds=5.0):
        rest = np.concatenate([rest, block])
        if len(rest) < WINDOW:
            continue
        framed = sliding_window_view(rest, WINDOW)[::HOP]
        power = np.square(np.abs(np.fft.rfft(framed * window, axis=1)))
        mean = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1) / np.diff(edges)
        yield np.asarray(10.0 * np.log10(mean / WINDOW + 1e-11), dtype=np.float64)
        rest = rest[len(framed) * HOP :]


def _is_steady(runs: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether the level of each run [runs, HALF] neither scatters nor drifts."""
    drift = np.abs(runs[:, : HALF // 2].mean(axis=1) - runs[:, -(HALF // 2) :].mean(axis=1))
    return np.asarray((runs.std(axis=1) < 2.0) & (drift < 1.5))


def _distances(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Root mean square over the bands of the change from each run to the next but two frames, dB."""
    sums = np.zeros((len(levels) + 1, levels.shape[1]))
    np.cumsum(levels, axis=0, out=sums[1:])
    means = (sums[HALF:] - sums[:-HALF]) / HALF
    return np.asarray(np.sqrt(np.mean(np.square(means[HALF + 2 :] - means[: -HALF - 2]), axis=1)))


def _means(total: NDArray[np.float64], first: int, last: int) -> NDArray[np.float64]:
    """Mean level of each run that begins from frame `first` to `last`, as far as there are any."""
    frames = total[max(first, 0) : last + HALF]
    return np.asarray(sliding_window_view(frames, HALF).mean(axis=1))


def _floor_steps(levels: Rows, total: NDArray[np.float64], least_db: float) -> list[tuple[float, float]]:
    """Steps of the floor as (seconds, dB): steady noise on both sides, each near the lowest level of its own side."""
    beyond = 2 * HALF + 1
    hits: list[tuple[float, int]] = []
    for first in range(0, len(levels) - beyond, PART):
        rows = slice(first, first + PART + beyond)
        sizes = _distances(levels[rows])
        steady = _is_steady(sliding_window_view(total[rows], HALF))
        found = np.flatnonzero(steady[: -HALF - 2] & steady[HALF + 2 :] & (sizes >= least_db))
        hits += [(float(sizes[index]), first + int(index)) for index in found]
    kept: list[tuple[float, float]] = []
    for _, left in sorted(hits, key=lambda hit: -hit[0])[:2000]:
        right = left + HALF + 2
        before, after = _means(total, left - CONTEXT, left), _means(total, right, right + CONTEXT - 1)
        quiet = before[-1] < before.min() + 3.0 and after[0] < after.min() + 3.0
        if quiet and all(abs((right - 1) * HOP / RATE - at) > 0.3 for at, _ in kept):
            kept.append(((right - 1) * HOP / RATE, float(after[0] - before[-1])))
    return sorted(kept)
