"""Joins hidden by a fade, inside steady voiced sound: several weak cues weighed together at every instant.

A cross-fade of 3 to 30 ms removes the step that a butt join leaves. What can remain are a change of spectral shape that
is quicker than the voice's own, partials that do not go on in phase, a dip of the level and a bend of the rumble; none
of them decides alone. They are weighed by logistic regression (D. R. Cox, "The regression analysis of binary
sequences", J. R. Stat. Soc. B 20(2), 1958), whose constants stand below; they were fitted as docs/methods.md states.
The cues and their sources are in `_join_cues`.

Only instants with steady voice on both sides are judged: elsewhere (pauses, consonants, changes of sound) the cues do
not tell a join from speech at the error rate that is asked for, and the method says what share it judged.
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
from forensics.methods._join_cues import LEAST_ABOVE_DB, LEAST_KEPT, MOST_AROUND, NAMES, RATE, join_cues
from forensics.records import Figure, Finding, Measurement, Outcome, Scalar, Segment

WEIGHTS: Mapping[str, tuple[float, float, float]] = {
    "shape_20": (5.126, 2.323, 0.952),
    "phase": (0.194, 0.152, 0.705),
    "rumble_bend": (-9.027, 8.464, 0.695),
    "partials_around": (0.487, 0.159, 0.257),
    "distance_40": (8.173, 4.305, -1.443),
    "dip_20": (-4.389, 3.32, -0.196),
    "phase_contrast": (-0.048, 0.144, 0.529),
    "dip_40": (-2.709, 3.32, -0.291),
    "rumble_level": (-63.696, 9.815, 0.283),
    "distance_10_contrast": (-1.06, 2.999, 0.174),
    "rough_before": (3.751, 1.494, -0.168),
    "rough_after": (3.803, 1.559, 0.191),
    "shape_40": (6.008, 2.62, -0.046),
    "shape_10_contrast": (0.709, 1.36, 0.408),
}
"""Of each cue: mean and standard deviation in unedited steady voice, and weight."""
BIAS = -9.319
MOST = 5.0
"""Cues count up to this many standard deviations from their mean."""
UNJUDGED = -20.0
"""Score of instants that are not judged."""
EDGE_S = 0.2
"""Sound at both ends that is not judged, seconds."""
LEAST_BAND_HZ = 4500.0
STEEP_DB = 25.0
"""A spectrum that ends below `LEAST_BAND_HZ` by a step of this much has passed a telephone channel, dB."""


class SpliceFaded(Method):
    """Joins with a fade inside voiced sound, by a weighted sum of cues."""

    id = "signal.splice-faded"
    version = "2"
    title = "Joins hidden by a fade"
    purpose = "Looks inside voiced sound for instants at which spectrum, phase and rumble break together."
    domain = Domain(min_seconds=1.0, min_sample_rate=RATE, lossless_only=True)
    threshold: ClassVar[float] = 1.4
    """Score (natural-log odds of the regression) from which an instant counts as a join."""
    doubt: ClassVar[float] = 0.6
    """Score from which an instant is reported as inconclusive."""
    most_joins: ClassVar[int] = 6
    """More a minute are typical of a hoarse voice or of interference, and are inconclusive."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "threshold": self.threshold,
            "doubt": self.doubt,
            "most_joins_per_minute": self.most_joins,
            "least_band_hz": LEAST_BAND_HZ,
            "steep_band_edge_db": STEEP_DB,
            "least_partials_around": LEAST_KEPT,
            "most_phase_error_around": MOST_AROUND,
            "least_level_above_quietest_db": LEAST_ABOVE_DB,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """Scores of the 5 ms grid [instants]; the highest within 0.15 s at or above the threshold are joins."""
        edge_of = exhibit.band_edge
        if edge_of.hz < LEAST_BAND_HZ and edge_of.step_db >= STEEP_DB:
            reason = (
                f"The sound ends at {edge_of.hz / 1000:.1f} kHz, as on the telephone; the cues were chosen on sound "
                "up to 7 kHz."
            )
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        scores = on_grid(exhibit, RATE, _scores)
        edge = round(EDGE_S / HOP_S)
        scores[:edge] = scores[-edge:] = UNJUDGED
        judged = float((scores > UNJUDGED).mean())
        found = [(at * HOP_S, float(scores[at])) for at in places(scores, self.doubt)]
        joins = [place for place in found if place[1] >= self.threshold]
        unsure = [place for place in found if place[1] < self.threshold]
        listed = [(at * HOP_S, float(scores[at])) for at in places(scores, -3.0)]
        top = float(scores.max())
        outcome: Outcome = "consistent"
        if len(joins) > max(self.most_joins * exhibit.seconds / 60.0, 3.0):
            outcome = "inconclusive"
            reason = (
                f"The cues break {len(joins)} times, more than edits would: typical of a hoarse voice: inconclusive."
            )
        elif joins:
            outcome = "inconsistent"
            reason = (
                f"At {instants([at for at, _ in joins])} the spectrum changes faster than the voice around it does, "
                f"and the partials do not go on in phase (score {top:.1f}, threshold {self.threshold:g}): inconsistent "
                "with one continuous utterance. A sudden creak of the voice can leave a similar trace."
            )
        elif unsure:
            outcome = "inconclusive"
            reason = (
                f"At {instants([at for at, _ in unsure])} the cues come near what a faded join leaves (score "
                f"{top:.1f}, threshold {self.threshold:g}): inconclusive."
            )
        else:
            reason = (
                f"No instant inside steady voice breaks the cues together (threshold {self.threshold:g}): consistent "
                "with continuous speech. Most joins with a fade leave less than this."
            )
        measurements: dict[str, Measurement] = {
            "highest_score": round(top, 2) if judged else None,
            "joins": len(joins),
            "judged_share": round(judged, 3),
            "places_s": tuple(round(at, 3) for at, _ in listed[:200]),
            "place_scores": tuple(round(score, 2) for _, score in listed[:200]),
        }
        shown = joins or unsure
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=[
                reason,
                f"{100 * judged:.0f} % of the recording is steady voice and was judged; joins elsewhere "
                "are left to other methods.",
            ],
            measurements=measurements,
            segments=[
                Segment(start_s=at - 0.01, end_s=at + 0.01, note=f"cues of a faded join, score {score:.1f}")
                for at, score in shown
            ],
            figures=[_figure(scores, [at for at, _ in shown], self.threshold)],
        )


def _scores(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Log odds of a join at every instant, `UNJUDGED` where there is no steady voice, [instants]."""
    cues = join_cues(samples, rate)
    constants = np.array([WEIGHTS[name] for name in NAMES])
    standard = np.clip((cues[:, 1:] - constants[:, 0]) / constants[:, 1], -MOST, MOST)
    return np.where(cues[:, 0] > 0, standard @ constants[:, 2] + BIAS, UNJUDGED).astype(np.float32)


def _figure(scores: NDArray[np.float32], shown: list[float], threshold: float) -> Figure:
    kept = scores > UNJUDGED
    return Figure(
        kind="time",
        title="Cues of a faded join",
        x_label="time (s)",
        y_label="score (log odds)",
        series=(
            even_curve("instants inside steady voice", scores, HOP_S, kept=kept, least=-12.0, style="points", digits=2),
        ),
        marks=tuple((round(at, 3), "") for at in shown[:20]),
        levels=((threshold, "threshold"),),
    )
