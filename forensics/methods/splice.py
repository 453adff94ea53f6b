"""Butt splices: instants at which neither the sound before predicts what follows, nor the sound after what precedes.

Linear prediction describes some 25 ms of speech well. Where two recordings are joined without a fade, the first sample
after the join is a surprise to a predictor fitted before it, and the last sample before the join is a surprise to a
backward predictor fitted after it; and both predictors work on their own side right up to the join. A click, a plosive
or a glottal pulse surprises one of them inside its own side as well, so it scores low. Sources: the detection of
discontinuities by autoregressive residuals, S. J. Godsill and P. J. W. Rayner, "Digital Audio Restoration", Springer
1998; joins as traces of editing: SWGDE Best Practices for Digital Audio Authentication.

The score is the harmonic mean of the two surprises, each divided by the largest prediction error on its own side;
where the level falls by 12 dB or more it is the geometric mean, since natural sound starts but never stops at once.
Joins in noise or in silence, joins with fades, and joins that were coded with loss afterwards stay below the threshold.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, instants
from forensics.methods._prediction import ORDER, QUIET, SIDE_S, Signal, around, candidates, level, surprise
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment

NEAR = 3
"""Samples on either side of a candidate at which the join is tried."""


@dataclass(frozen=True)
class Break:
    """An instant that both predictors miss."""

    at_s: float
    score: float
    """Mean of the two surprises, each in units of the largest error on its own side."""
    before_db: float
    """RMS of the 5 ms before, dBFS."""
    after_db: float
    """RMS of the 5 ms after, dBFS."""
    jump_db: float
    """Smaller of the two prediction errors, dBFS."""


class Splice(Method):
    """Joins without a fade, by forward and backward linear prediction."""

    id = "signal.splice"
    version = "1"
    title = "Butt splices"
    purpose = "Looks for instants at which the waveform breaks off and goes on as if from elsewhere."
    domain = Domain(min_seconds=0.5, min_sample_rate=8000)
    threshold: ClassVar[float] = 8.0
    """Score from which an instant counts as a join."""
    doubt: ClassVar[float] = 6.0
    """Score from which an instant is reported as inconclusive."""
    fall_db: ClassVar[float] = 12.0
    """A fall of level by this much within a sample: sound starts at once, but does not stop at once."""
    onset_db: ClassVar[float] = 12.0
    """A rise of level by more than this may be the onset of a sound (a plosive, a click) and does not count."""
    overshoot_db: ClassVar[float] = 10.0
    """A jump this far above the level on both sides is a single spike and does not count."""
    least_jump_dbfs: ClassVar[float] = -52.0
    """Smaller jumps are left to electrical interference and do not count."""
    most_joins: ClassVar[int] = 8
    """More joins a minute than this look like electrical interference and are inconclusive."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "threshold": self.threshold,
            "doubt": self.doubt,
            "fall_db": self.fall_db,
            "onset_db": self.onset_db,
            "overshoot_db": self.overshoot_db,
            "least_jump_dbfs": self.least_jump_dbfs,
            "most_joins_per_minute": self.most_joins,
            "order": ORDER,
            "side_s": SIDE_S,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        breaks = list(_breaks(exhibit, self.fall_db))
        kept = [b for b in breaks if self._may_be_join(b)]
        joins = [b for b in kept if b.score >= self.threshold]
        doubtful = [b for b in kept if self.doubt <= b.score < self.threshold]
        most = max(self.most_joins * exhibit.seconds / 60.0, 4.0)
        top = max((b.score for b in kept), default=0.0)
        strongest = max(kept, key=lambda b: b.score, default=None)
        measurements: dict[str, Measurement] = {
            "strongest_score": round(top, 2),
            "strongest_at_s": round(strongest.at_s, 4) if strongest else None,
            "joins": len(joins),
            "joins_at_s": tuple(round(b.at_s, 4) for b in joins[:50]),
            "doubtful": len(doubtful),
            "spikes_and_onsets_left_out": len([b for b in breaks if b.score >= self.threshold]) - len(joins),
        }
        outcome: Outcome = "consistent"
        shown: list[Break] = []
        if len(joins) > most:
            outcome, shown = "inconclusive", joins
            reasons = [
                f"The waveform breaks {len(joins)} times; so many breaks are typical of electrical interference or of "
                "packets lost in transmission, from which joins cannot be told: inconclusive."
            ]
        elif joins:
            outcome, shown = "inconsistent", joins
            reasons = [
                f"At {instants([b.at_s for b in joins])} the sound before does not lead to the sound after, although "
                f"both are predictable by themselves (score {top:.1f}, threshold {self.threshold:g}): inconsistent "
                "with one continuous waveform.",
                "A drop-out while recording or transmitting, in which samples were lost, would leave the same trace.",
            ]
        elif doubtful:
            outcome, shown = "inconclusive", doubtful
            reasons = [
                f"At {instants([b.at_s for b in doubtful])} the waveform is unusually hard to predict from either "
                f"side (score {top:.1f}), but not beyond what speech and clicks reach by themselves (threshold "
                f"{self.threshold:g}): inconclusive."
            ]
        else:
            reasons = [
                f"No instant breaks the waveform beyond what speech does by itself (highest score {top:.1f}, "
                f"threshold {self.threshold:g}): consistent with a continuous waveform. Joins inside silence or noise, "
                "joins with a fade and joins coded with loss afterwards stay below the threshold."
            ]
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=[
                Segment(start_s=b.at_s - 0.01, end_s=b.at_s + 0.01, note=f"break of the waveform, score {b.score:.1f}")
                for b in shown
            ],
            figures=self._figures(exhibit, kept, shown),
        )

    def _may_be_join(self, instant: Break) -> bool:
        rise = instant.after_db - instant.before_db
        overshoot = instant.jump_db - max(instant.before_db, instant.after_db)
        return rise <= self.onset_db and overshoot <= self.overshoot_db and instant.jump_db >= self.least_jump_dbfs

    def _figures(self, exhibit: Exhibit, kept: list[Break], shown: list[Break]) -> list[Figure]:
        points = [b for b in kept if b.score > 0.5]
        figures = [
            Figure(
                kind="time",
                title="Breaks of the waveform",
                x_label="time (s)",
                y_label="score",
                series=(
                    curve(
                        "instants hardest to predict",
                        np.array([b.at_s for b in points]),
                        np.array([min(b.score, 50.0) for b in points]),
                        style="points",
                        digits=2,
                    ),
                ),
                marks=tuple((round(b.at_s, 3), "join" if b.score >= self.threshold else "?") for b in shown[:20]),
                levels=((self.threshold, "threshold"),),
            )
        ]
        if shown:
            worst = max(shown, key=lambda b: b.score)
            start = max(worst.at_s - 0.01, 0.0)
            sound = exhibit.recording.excerpt(start, worst.at_s + 0.01)
            times = 1000.0 * (start - worst.at_s + np.arange(len(sound.mono)) / sound.rate)
            figures.append(
                Figure(
                    kind="chart",
                    title=f"Waveform around {worst.at_s:.3f} s",
                    x_label="time from the break (ms)",
                    y_label="amplitude (full scale = 1)",
                    series=(curve("", times, sound.mono.astype(np.float64), digits=5),),
                    marks=((0.0, "break"),),
                )
            )
        return figures


def _breaks(exhibit: Exhibit, fall_db: float) -> Iterator[Break]:
    """Scored candidates in time order."""
    rate = exhibit.facts.sample_rate
    side, near = int(SIDE_S * rate), int(0.005 * rate)
    for candidate in candidates(exhibit):
        first, samples = around(exhibit, candidate, side + NEAR + 1)
        found = _best(samples, candidate - first, side, fall_db)
        if found is not None:
            score, at, jump = found
            yield Break(
                at_s=(first + at) / rate,
                score=score,
                before_db=level(samples[at - near : at]),
                after_db=level(samples[at : at + near]),
                jump_db=20.0 * float(np.log10(max(jump, 1e-6))),
            )


def _best(samples: Signal, candidate: int, side: int, fall_db: float) -> tuple[float, int, float] | None:
    """The highest score near a candidate as (score, first sample after the join, jump)."""
    best: tuple[float, int, float] | None = None
    for at in range(candidate - NEAR, candidate + NEAR + 1):
        if at < side + 1 or at + side + 1 > len(samples):
            continue
        left, right = samples[at - side : at + 1], samples[at - 1 : at + side][::-1]
        near = side // 10
        if np.ptp(left[-near:-1]) < QUIET or np.ptp(right[-near:-1]) < QUIET:
            continue  # next to digital silence: another method's question
        forward, usual_forward = surprise(left)
        backward, usual_backward = surprise(right)
        one, other = forward / usual_forward, backward / usual_backward
        fall = level(samples[at - side // 5 : at]) - level(samples[at : at + side // 5])
        score = math.sqrt(one * other) if fall >= fall_db else 2.0 * one * other / max(one + other, 1e-9)
        if best is None or score > best[0]:
            best = (score, at, min(forward, backward))
    return best
