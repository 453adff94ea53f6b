"""Phase of the partials across every instant: a cut inside a vowel or a tone leaves them at another phase.

Inside a steady vowel, hum or tone, the phase of every partial follows from its frequency. A cut moves all partials at
once to another phase while their frequencies and amplitudes may go on; a fade of some milliseconds blurs the moment but
not the jump. Sources: `_harmonics`; the same question asked of the mains hum is described in D. P. Nicolalde Rodriguez,
J. A. Apolinario Jr. and L. W. P. Biscainho, "Audio authenticity: detecting ENF discontinuity with high precision phase
analysis", IEEE Trans. Information Forensics and Security 5(3), 2010; phase derivatives of speech: H. A. Murthy and
B. Yegnanarayana, "Group delay functions and its applications in speech technology", Sadhana 36(5), 2011.

The score of an instant is the mean of 1 - cos(error of the predicted phase) over the partials that go on, less the
larger such mean of the frame pairs just before and just after. It is taken where both of these are regular and enough
of the sound goes on; the phase is compared between frames of 24 ms whose centres lie 10 ms before and after.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import even_curve, instants
from forensics.methods._grid import HOP_S, on_grid, places
from forensics.methods._harmonics import RATE, phase_jumps
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment

GAP = 2
"""Instants between the place and the centres of the frames on either side."""
UNJUDGED = -2.0
"""Score of instants that are not judged."""
EDGE_S = 0.2
"""Sound at both ends that is not judged, seconds."""
SILENCE = 1e-4
"""RMS below which an instant is not judged, parts of full scale."""


class PhaseContinuity(Method):
    """Jumps of phase of several partials at once."""

    id = "signal.phase-continuity"
    version = "2"
    title = "Phase continuity of the partials"
    purpose = "Looks inside vowels and tones for instants at which all partials jump to another phase."
    domain = Domain(min_seconds=1.0, min_sample_rate=16000)
    threshold: ClassVar[float] = 1.3
    """Score from which an instant counts as a jump (0 continuous, 1 unrelated phases)."""
    doubt: ClassVar[float] = 0.9
    """Score from which an instant is reported as inconclusive."""
    least_kept: ClassVar[float] = 0.2
    """Share of the amplitude that must go on at the same frequency, across the instant and beside it."""
    most_around: ClassVar[float] = 0.2
    """Largest mean phase error beside the instant: an irregular voice is not judged."""
    most_jumps: ClassVar[int] = 6
    """More a minute are typical of a creaky voice or of packet loss, and are inconclusive."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "threshold": self.threshold,
            "doubt": self.doubt,
            "least_kept": self.least_kept,
            "most_around": self.most_around,
            "most_jumps_per_minute": self.most_jumps,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """Scores of the 5 ms grid [instants]; the highest within 0.15 s at or above the threshold are jumps."""
        scores = on_grid(exhibit, RATE, self._scores)
        edge = round(EDGE_S / HOP_S)
        scores[:edge] = scores[-edge:] = UNJUDGED
        judged = float((scores > UNJUDGED).mean())
        found = [(at * HOP_S, float(scores[at])) for at in places(scores, self.doubt)]
        jumps = [place for place in found if place[1] >= self.threshold]
        unsure = [place for place in found if place[1] < self.threshold]
        listed = [(at * HOP_S, float(scores[at])) for at in places(scores, 0.4)]
        top = float(scores.max())
        outcome: Outcome = "consistent"
        if len(jumps) > max(self.most_jumps * exhibit.seconds / 60.0, 3.0):
            outcome = "inconclusive"
            reason = (
                f"The partials jump in phase {len(jumps)} times; so many jumps are typical of a creaky voice or of "
                "packets lost in transmission: inconclusive."
            )
        elif jumps:
            outcome = "inconsistent"
            reason = (
                f"At {instants([at for at, _ in jumps])} all partials leave the phase that their frequencies predict, "
                f"although they are regular before and after (score {top:.2f}, threshold {self.threshold:g}): "
                "inconsistent with one continuous sound. Samples lost in recording or transmission leave the same "
                "trace."
            )
        elif unsure:
            outcome = "inconclusive"
            reason = (
                f"At {instants([at for at, _ in unsure])} the phase of the partials is unusual (score {top:.2f}), "
                f"but not beyond what voices do by themselves (threshold {self.threshold:g}): inconclusive."
            )
        else:
            reason = (
                f"Inside regular voice and tones no phase jump reaches the threshold of {self.threshold:g}: consistent "
                "with continuous sound."
            )
        measurements: dict[str, Measurement] = {
            "highest_score": round(top, 3) if judged else None,
            "jumps": len(jumps),
            "judged_share": round(judged, 3),
            "places_s": tuple(round(at, 3) for at, _ in listed[:200]),
            "place_scores": tuple(round(score, 3) for _, score in listed[:200]),
        }
        shown = jumps or unsure
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=[reason, f"{100 * judged:.0f} % of the recording is regular enough and was judged."],
            measurements=measurements,
            segments=[
                Segment(start_s=at - 0.01, end_s=at + 0.01, note=f"phase jump of the partials, score {score:.2f}")
                for at, score in shown
            ],
            figures=[_figure(scores, [at for at, _ in shown], self.threshold)],
        )

    def _scores(self, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        """Score of every instant, `UNJUDGED` where the sound is not regular, [instants]."""
        (phase,) = phase_jumps(samples, (GAP,))
        hop, count = round(HOP_S * rate), len(phase.jump)
        power = np.square(samples[: hop * count].reshape(count, hop), dtype=np.float64).mean(axis=1)
        judged = (
            (phase.kept > self.least_kept)
            & (phase.kept_around > self.least_kept)
            & (phase.around < self.most_around)
            & (power > SILENCE**2)
        )
        return np.where(judged, phase.jump - phase.around, UNJUDGED).astype(np.float32)


def _figure(scores: NDArray[np.float32], shown: list[float], threshold: float) -> Figure:
    return Figure(
        kind="time",
        title="Phase jumps of the partials",
        x_label="time (s)",
        y_label="mean of 1 - cos(phase error), less that around",
        series=(
            even_curve(
                "instants inside regular sound", scores, HOP_S, kept=scores > UNJUDGED, style="points", digits=3
            ),
        ),
        marks=tuple((round(at, 3), "") for at in shown[:20]),
        levels=((threshold, "threshold"),),
    )
