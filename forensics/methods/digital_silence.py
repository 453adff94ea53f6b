"""Digital silence: stretches in which every sample of every channel is the same.

A microphone and its converter always leave a little noise, so a recording does not fall from its noise to exactly
constant samples and back within a sample; a passage that was muted, overwritten or inserted does. Sources: SWGDE Best
Practices for Digital Audio Authentication; ENFSI Best Practice Manual for Digital Audio Authenticity Analysis
(FSA-BPM-002).

A run counts against continuity only where sound stops and starts abruptly: the 5 ms before and after it both stand
above 8 quantisation steps. Silence that a very quiet recording reaches by itself, and padding at either end, does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.methods._frames import curve, decibels, frame_length, frames, instants
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment
from synth.audio import Waveform

FLANK_S = 0.005
NOTED_S = 0.01
"""Shortest run that is noted, seconds."""
MOST_RUNS = 500
"""Most runs, longest first, whose surroundings are looked at."""


@dataclass(frozen=True)
class Run:
    """A stretch of identical samples."""

    start_s: float
    """First sample, seconds."""
    end_s: float
    """End of the last sample, seconds."""
    value: float
    """The repeated value in the first channel, parts of full scale."""
    before: float | None
    """RMS of the 5 ms before, about the value, parts of full scale; None at the start of the recording."""
    after: float | None
    """The same for the 5 ms after; None at the end of the recording."""

    @property
    def seconds(self) -> float:
        return self.end_s - self.start_s


class DigitalSilence(Method):
    """Runs of constant samples, and how sound stops and starts around them."""

    id = "signal.digital-silence"
    version = "1"
    title = "Digital silence"
    purpose = "Looks for stretches of exactly constant samples, which muting, padding and inserting leave."
    least_s: ClassVar[float] = 0.02
    """Shortest interior run that counts, seconds."""
    least_s_lossy: ClassVar[float] = 0.1
    """Shortest interior run that is reported in a lossy codec, seconds."""
    least_flank_steps: ClassVar[float] = 8.0
    """RMS of the sound on either side, in quantisation steps."""
    least_flank: ClassVar[float] = 1e-4
    """RMS of the sound on either side, parts of full scale."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_run_s": self.least_s,
            "least_run_lossy_s": self.least_s_lossy,
            "least_flank_steps": self.least_flank_steps,
            "least_flank_fs": self.least_flank,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        runs, quantum, constant = _runs(exhibit)
        total = exhibit.seconds
        interior = [run for run in runs if run.before is not None and run.after is not None]
        flank = max(self.least_flank_steps * quantum, self.least_flank)
        audible = [run for run in interior if run.seconds >= self.least_s and abs(run.value) < 0.9]
        abrupt = [run for run in audible if min(run.before or 0.0, run.after or 0.0) >= flank]
        lossless = exhibit.facts.lossless
        long_lossy = [] if lossless else [run for run in interior if run.seconds >= self.least_s_lossy]
        lead = sum(run.seconds for run in runs if run.before is None)
        tail = sum(run.seconds for run in runs if run.after is None and run.before is not None)
        measurements: dict[str, Measurement] = {
            "constant_runs": len(runs),
            "constant_s": round(sum(run.seconds for run in runs), 3),
            "leading_silence_s": round(lead, 3),
            "trailing_silence_s": round(tail, 3),
            "longest_interior_run_s": round(max((run.seconds for run in interior), default=0.0), 3),
            "abrupt_runs": len(abrupt),
            "quantisation_step_dbfs": round(20 * float(np.log10(max(quantum, 1e-8))), 1),
            "constant_channels": constant,
        }
        reasons: list[str] = []
        outcome: Outcome = "consistent"
        shown: list[Run] = []
        if runs and lead >= total - FLANK_S:
            outcome, shown = "inconclusive", runs
            reasons.append("Every sample has the same value: there is no sound to examine.")
        elif abrupt and lossless:
            outcome, shown = "inconsistent", abrupt
            reasons.append(
                f"The sound stops within one sample, stays exactly constant and starts again as abruptly at "
                f"{instants([run.start_s for run in abrupt])} (longest {max(r.seconds for r in abrupt):.3f} s): "
                "inconsistent with the unbroken noise of a microphone recording."
            )
            reasons.append(
                "A muted passage, a drop-out in transmission or a hard noise gate would leave the same trace."
            )
        elif long_lossy:
            outcome, shown = "inconclusive", long_lossy
            reasons.append(
                f"Constant samples lie inside the recording at {instants([run.start_s for run in long_lossy])}; in "
                f"the lossy codec {exhibit.facts.codec} a muted passage cannot be told from very quiet sound or from "
                "discontinuous transmission: inconclusive."
            )
        elif interior:
            reasons.append(
                f"{len(interior)} runs of constant samples (longest {max(r.seconds for r in interior):.3f} s) lie "
                "where the sound itself fades to a few quantisation steps: consistent with a quiet or gated recording."
            )
        else:
            reasons.append(
                f"No stretch of {NOTED_S * 1000:g} ms or more inside the recording is exactly constant: consistent "
                "with an unbroken recording."
            )
        if outcome == "consistent" and lead + tail >= NOTED_S:
            reasons.append(
                f"Digital silence stands at the ends ({lead:.3f} s at the start, {tail:.3f} s at the end); encoders, "
                "players and trimming write it, and it says nothing about what lies between."
            )
        if constant and outcome != "inconclusive":
            reasons.append(f"Channel {', '.join(str(c) for c in constant)} is constant throughout.")
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=[Segment(start_s=r.start_s, end_s=r.end_s, note="digital silence") for r in shown],
            figures=[_figure(exhibit, runs, shown)],
        )


def _runs(exhibit: Exhibit) -> tuple[list[Run], float, tuple[int, ...]]:
    """Runs of at least 10 ms, the smallest step between unequal samples, and the numbers of constant channels."""
    rate, total = exhibit.facts.sample_rate, exhibit.recording.frames
    least = max(int(NOTED_S * rate), 2)
    spans: list[tuple[int, int]] = []
    quantum, done, open_start = 1.0, 0, 0
    last: NDArray[np.float32] | None = None
    varied: NDArray[np.bool_] = np.zeros(exhibit.facts.channels, dtype=bool)
    for block in exhibit.recording.blocks(seconds=1.0):
        joined = block if last is None else np.concatenate([last, block])
        steps = np.abs(np.diff(joined, axis=0))
        moved = steps > 0
        varied |= moved.any(axis=0)
        if moved.any():
            quantum = min(quantum, float(steps[moved].min()))
        # First sample after every change, counted from the start of the recording.
        starts = np.concatenate([[open_start], np.flatnonzero(moved.any(axis=1)) + done + (last is None)])
        spans += [(int(starts[i]), int(starts[i + 1])) for i in np.flatnonzero(np.diff(starts) >= least)]
        open_start, last = int(starts[-1]), block[-1:]
        done += len(block)
    if done - open_start >= least:
        spans.append((open_start, done))
    runs = [_run(exhibit, start, end, end >= total) for start, end in sorted(spans, key=_shorter)[:MOST_RUNS]]
    constant = tuple(int(index) + 1 for index in np.flatnonzero(~varied))
    return sorted(runs, key=lambda run: run.start_s), quantum, constant


def _shorter(span: tuple[int, int]) -> int:
    return span[0] - span[1]


def _run(exhibit: Exhibit, start: int, end: int, at_end: bool) -> Run:
    rate = exhibit.facts.sample_rate
    value = exhibit.recording.excerpt(start / rate, (start + 1) / rate).samples[0]
    before = (
        None if start == 0 else _rms(exhibit.recording.excerpt(max(start / rate - FLANK_S, 0), start / rate), value)
    )
    after = None if at_end else _rms(exhibit.recording.excerpt(end / rate, end / rate + FLANK_S), value)
    return Run(start_s=start / rate, end_s=end / rate, value=float(value[0]), before=before, after=after)


def _rms(sound: Waveform, value: NDArray[np.float32]) -> float:
    """RMS about the run's value, in the channel where it is largest."""
    if not len(sound.samples):
        return 0.0
    return float(np.sqrt(np.mean(np.square(sound.samples - value), axis=0, dtype=np.float64)).max())


def _figure(exhibit: Exhibit, runs: list[Run], shown: list[Run]) -> Figure:
    step = max(0.01, exhibit.seconds / 20000)
    levels = np.concatenate([_levels(batch) for batch in frames(exhibit, step)] or [np.zeros(0)])
    step = frame_length(exhibit, step) / exhibit.facts.sample_rate
    spans = [Segment(start_s=run.start_s, end_s=run.end_s, note="constant") for run in (shown or runs)[:50]]
    return Figure(
        kind="time",
        title="Level and runs of constant samples",
        x_label="time (s)",
        y_label="level (dBFS)",
        series=(
            curve("level, 10 ms" if step < 0.011 else "level", (np.arange(len(levels)) + 0.5) * step, levels, digits=1),
        ),
        spans=tuple(spans),
    )


def _levels(batch: NDArray[np.float32]) -> NDArray[np.float64]:
    return decibels(np.mean(np.square(batch - batch.mean(axis=1, keepdims=True)), axis=(1, 2)))
