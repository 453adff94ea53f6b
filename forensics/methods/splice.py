"""Butt splices: instants at which neither the sound before predicts what follows, nor the sound after what precedes.

Linear prediction describes some 25 ms of speech well. Where two recordings are joined without a fade, the first sample
after the join is a surprise to a predictor fitted before it, and the last sample before the join is a surprise to a
backward predictor fitted after it; and both predictors work on their own side right up to the join. A click, a plosive
or a glottal pulse surprises one of them inside its own side as well, so it scores low. Sources: the detection of
discontinuities by autoregressive residuals, S. J. Godsill and P. J. W. Rayner, "Digital Audio Restoration", Springer
1998; joins as traces of editing: SWGDE Best Practices for Digital Audio Authentication.

The score is the harmonic mean of the two surprises, each divided by the largest prediction error on its own side;
where the level falls by 12 dB or more it is the geometric mean, since natural sound starts but never stops at once.

Second evidence, in lossless files whose upper band is empty: a join is a step, and shows for a millisecond in the band
that the low-pass filter of the recording left empty (`_out_of_band`). Joins of sounds that happen to fit, joins with
fades, and joins that were coded with loss afterwards stay below both thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, even_curve, instants
from forensics.methods._out_of_band import LEAST_CONTRAST_DB, TAPS, WINDOW_S, OutOfBand, Peak, out_of_band
from forensics.methods._prediction import ORDER, QUIET, SIDE_S, Signal, around, candidates, level, surprise
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment

NEAR = 3
"""Samples on either side of a candidate at which the join is tried."""
SAME_S = 0.01
"""Joins found by both evidences this near to each other are one join, seconds."""
COMPANDED = ("pcm_alaw", "pcm_mulaw")
"""Codecs whose quantisation noise follows the sound, so that no band is empty of it."""


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
    """Joins without a fade, by forward and backward linear prediction, and by what they leave in an empty band."""

    id = "signal.splice"
    version = "2"
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
    band_threshold_db: ClassVar[float] = 18.0
    """Score from which a peak in the empty band counts as a join, dB."""
    band_doubt_db: ClassVar[float] = 14.0
    """Score from which a peak in the empty band is reported as inconclusive, dB."""
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
            "band_threshold_db": self.band_threshold_db,
            "band_doubt_db": self.band_doubt_db,
            "band_least_contrast_db": LEAST_CONTRAST_DB,
            "band_filter_taps": TAPS,
            "most_joins_per_minute": self.most_joins,
            "order": ORDER,
            "side_s": SIDE_S,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        breaks = list(_breaks(exhibit, self.fall_db))
        kept = [b for b in breaks if self._may_be_join(b)]
        joins = [b for b in kept if b.score >= self.threshold]
        doubtful = [b for b in kept if self.doubt <= b.score < self.threshold]
        band = out_of_band(exhibit) if exhibit.facts.lossless and exhibit.facts.codec not in COMPANDED else None
        peaks = band.peaks if band else ()
        steps = [p for p in peaks if p.score >= self.band_threshold_db]
        faint = [p for p in peaks if self.band_doubt_db <= p.score < self.band_threshold_db]
        places = _merged([b.at_s for b in joins], [p.at_s for p in steps])
        unsure = _merged([b.at_s for b in doubtful], [p.at_s for p in faint])
        most = max(self.most_joins * exhibit.seconds / 60.0, 4.0)
        top = max((b.score for b in kept), default=0.0)
        strongest = max(kept, key=lambda b: b.score, default=None)
        highest = max(peaks, key=lambda p: p.score, default=None)
        measurements: dict[str, Measurement] = {
            "strongest_score": round(top, 2),
            "strongest_at_s": round(strongest.at_s, 4) if strongest else None,
            "joins": len(places),
            "joins_at_s": tuple(round(at, 4) for at in places[:50]),
            "doubtful": len(unsure),
            "spikes_and_onsets_left_out": len([b for b in breaks if b.score >= self.threshold]) - len(joins),
            "joins_by_prediction": len(joins),
            "joins_by_empty_band": len(steps),
            "empty_band_from_hz": round(band.from_hz) if band else None,
            "empty_band_contrast_db": round(band.contrast_db, 1) if band else None,
            "highest_band_score_db": round(highest.score, 1) if highest else None,
            "highest_band_at_s": round(highest.at_s, 4) if highest else None,
        }
        outcome: Outcome = "consistent"
        shown: list[float] = []
        reasons: list[str] = []
        if len(places) > most:
            outcome, shown = "inconclusive", places
            reasons = [
                f"The waveform breaks {len(places)} times; so many breaks are typical of electrical interference or of "
                "packets lost in transmission, from which joins cannot be told: inconclusive."
            ]
        elif places:
            outcome, shown = "inconsistent", places
            if joins:
                reasons.append(
                    f"At {instants([b.at_s for b in joins])} the sound before does not lead to the sound after, "
                    f"although both are predictable by themselves (score {top:.1f}, threshold {self.threshold:g}): "
                    "inconsistent with one continuous waveform."
                )
            if steps and band and highest:
                reasons.append(
                    f"At {instants([p.at_s for p in steps])} the otherwise empty band above "
                    f"{band.from_hz / 1000:.1f} kHz holds, for about a millisecond, up to {highest.score:.0f} dB more "
                    f"than anywhere within half a second (threshold {self.band_threshold_db:g} dB): inconsistent with "
                    "sound that passed the low-pass filter of this recording as one piece."
                )
            reasons.append(
                "A drop-out while recording or transmitting, in which samples were lost, would leave the same trace."
            )
        elif unsure:
            outcome, shown = "inconclusive", unsure
            if doubtful:
                reasons.append(
                    f"At {instants([b.at_s for b in doubtful])} the waveform is unusually hard to predict from either "
                    f"side (score {top:.1f}), but not beyond what speech and clicks reach by themselves (threshold "
                    f"{self.threshold:g}): inconclusive."
                )
            if faint and band and highest:
                reasons.append(
                    f"At {instants([p.at_s for p in faint])} the otherwise empty band above "
                    f"{band.from_hz / 1000:.1f} kHz holds a short peak of {highest.score:.1f} dB, below the threshold "
                    f"of {self.band_threshold_db:g} dB: inconclusive."
                )
        else:
            reasons = [
                f"No instant breaks the waveform beyond what speech does by itself (highest score {top:.1f}, "
                f"threshold {self.threshold:g}): consistent with a continuous waveform. Joins inside silence or noise, "
                "joins with a fade and joins coded with loss afterwards stay below the threshold."
            ]
        if band is None:
            reasons.append(
                f"The band above the recording was not searched for steps: it is not empty with the codec "
                f"{exhibit.facts.codec}, which loses detail."
            )
        elif not band.empty:
            reasons.append(
                f"The upper band was not searched for steps: it lies only {band.contrast_db:.0f} dB below the sound "
                f"({LEAST_CONTRAST_DB:g} dB are needed)."
            )
        elif not steps:
            reasons.append(
                f"The empty band above {band.from_hz / 1000:.1f} kHz shows no isolated peak of "
                f"{self.band_threshold_db:g} dB or more."
            )
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=[
                Segment(start_s=at - 0.01, end_s=at + 0.01, note=_note(at, [*joins, *doubtful], [*steps, *faint]))
                for at in shown
            ],
            figures=self._figures(exhibit, kept, shown, band),
        )

    def _may_be_join(self, instant: Break) -> bool:
        rise = instant.after_db - instant.before_db
        overshoot = instant.jump_db - max(instant.before_db, instant.after_db)
        return rise <= self.onset_db and overshoot <= self.overshoot_db and instant.jump_db >= self.least_jump_dbfs

    def _figures(self, exhibit: Exhibit, kept: list[Break], shown: list[float], band: OutOfBand | None) -> list[Figure]:
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
                marks=tuple((round(at, 3), "") for at in shown[:20]),
                levels=((self.threshold, "threshold"),),
            )
        ]
        if band is not None and band.empty:
            figures.append(_band_figure(band, shown, self.band_threshold_db))
        if shown:
            scores = {b.at_s: b.score / self.threshold for b in kept}
            scores |= {p.at_s: p.score / self.band_threshold_db for p in (band.peaks if band else ())}
            worst = max(shown, key=lambda at: scores.get(at, 0.0))
            start = max(worst - 0.01, 0.0)
            sound = exhibit.recording.excerpt(start, worst + 0.01)
            times = 1000.0 * (start - worst + np.arange(len(sound.mono)) / sound.rate)
            figures.append(
                Figure(
                    kind="chart",
                    title=f"Waveform around {worst:.3f} s",
                    x_label="time from the break (ms)",
                    y_label="amplitude (full scale = 1)",
                    series=(curve("", times, sound.mono.astype(np.float64), digits=5),),
                    marks=((0.0, "break"),),
                )
            )
        return figures


def _merged(first: list[float], second: list[float]) -> list[float]:
    """Instants of both lists in time order; one of the second that is one of the first is named once."""
    return sorted([*first, *(at for at in second if all(abs(at - other) > SAME_S for other in first))])


def _note(at: float, breaks: list[Break], peaks: list[Peak]) -> str:
    """What was seen at an instant."""
    seen = [f"break of the waveform, score {b.score:.1f}" for b in breaks if abs(b.at_s - at) <= SAME_S]
    seen += [f"peak in the empty band, {p.score:.0f} dB" for p in peaks if abs(p.at_s - at) <= SAME_S]
    return "; ".join(seen)


def _band_figure(band: OutOfBand, shown: list[float], threshold_db: float) -> Figure:
    """Level of the empty band, and what a join would have to reach above the half second on either side."""
    levels = band.levels_db
    reach = round(0.5 / WINDOW_S)
    padded = np.pad(levels, reach, constant_values=-150.0)
    around = np.lib.stride_tricks.sliding_window_view(padded, reach - 1).max(axis=1)
    needed = np.maximum(around[: len(levels)], around[reach + 2 :][: len(levels)]) + threshold_db
    return Figure(
        kind="time",
        title="Level of the empty band",
        x_label="time (s)",
        y_label="level (dBFS)",
        series=(
            even_curve(f"above {band.from_hz / 1000:.1f} kHz", levels, WINDOW_S, offset=0.5, digits=1),
            even_curve("level from which a peak counts as a join", needed, WINDOW_S, offset=0.5, digits=1),
        ),
        marks=tuple((round(at, 3), "") for at in shown[:20]),
    )


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
