"""Joins of one speaker and one session, by a small trained network that hears 0.3 s on either side of every instant.

A join that is faded, or that falls into a pause or a consonant, leaves no single trace that decides. A network that
was shown thousands of joins of the same voice and room beside unedited speech of the same recordings weighs what is
there together: sounds that cannot follow each other, pitch and partials that break off, a floor that changes, samples
that no predictor expects. The idea is that of boundary detection in partially spoofed audio (L. Zhang, X. Wang,
E. Cooper, N. Evans and J. Yamagishi, "The PartialSpoof Database and Countermeasures for the Detection of Short Fake
Speech Segments Embedded in an Utterance", IEEE/ACM Trans. Audio, Speech, Lang. Process., 2022), here asked of joins
of genuine sound. Features and network: `detectors/boundary.py`; what they learnt from: the card beside the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from detectors.boundary_card import BoundaryCard
from detectors.card import WEIGHTS
from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import even_curve, instants
from forensics.methods._grid import HOP_S, on_grid, places, shifted
from forensics.records import Figure, Finding, Measurement, ModelFacts, Outcome, Scalar, Segment
from synth.card import read_card

if TYPE_CHECKING:
    from detectors.boundary import BoundaryScorer

RATE = 16_000
UNJUDGED = -20.0
"""Score of instants that are not judged."""
EDGE_S = 0.2
"""Sound at both ends that is not judged, seconds."""
SILENCE = 1e-4
"""Largest sample within the 50 ms before or after up to which an instant is not judged, parts of full scale."""
SIDE = 10
"""Instants of 5 ms on either side that must hold sound."""


class SpliceTrained(Method):
    """Joins by the trained boundary detector."""

    id = "signal.splice-trained"
    title = "Joins, by a trained detector"
    purpose = "Looks for instants at which voice, room and waveform go on differently than recordings do."
    domain = Domain(min_seconds=1.0, min_sample_rate=8000)
    most_joins: ClassVar[int] = 6
    """More a minute are typical of sound that the detector does not know, and are inconclusive."""

    def __init__(self) -> None:
        self.card: BoundaryCard = read_card(WEIGHTS / "boundary_card.yaml", BoundaryCard)
        self.version = f"weights {self.card.version}"  # type: ignore[misc]

    @property
    def models(self) -> tuple[ModelFacts, ...]:
        return (ModelFacts(name=self.card.name, version=self.card.version, sha256=self.card.sha256),)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "threshold": self.card.threshold,
            "doubt": self.card.doubt,
            "most_joins_per_minute": self.most_joins,
            "least_sample": SILENCE,
            "weights_sha256": self.card.sha256,
        }

    @cached_property
    def scorer(self) -> BoundaryScorer:
        """The weights, loaded on first use."""
        from detectors.boundary import load_boundary

        return load_boundary(WEIGHTS / self.card.weights)

    def examine(self, exhibit: Exhibit) -> Finding:
        """Scores of the 5 ms grid [instants]; the highest within 0.15 s at or above the threshold are joins."""
        threshold = self.card.threshold
        scores = on_grid(exhibit, RATE, self._scores)
        edge = round(EDGE_S / HOP_S)
        scores[:edge] = scores[-edge:] = UNJUDGED
        judged = float((scores > UNJUDGED).mean())
        found = [(at * HOP_S, float(scores[at])) for at in places(scores, self.card.doubt)]
        joins = [place for place in found if place[1] >= threshold]
        unsure = [place for place in found if place[1] < threshold]
        top = float(scores.max())
        outcome: Outcome = "consistent"
        if len(joins) > max(self.most_joins * exhibit.seconds / 60.0, 3.0):
            outcome = "inconclusive"
            reason = (
                f"The detector names {len(joins)} joins, more than edits would leave: typical of sound that it does "
                "not know: inconclusive."
            )
        elif joins:
            outcome = "inconsistent"
            reason = (
                f"At {instants([at for at, _ in joins])} the sound goes on differently than one recording does (score "
                f"{top:.1f}, threshold {threshold:g}): inconsistent with one continuous recording. Samples lost in "
                "recording or transmission leave the same trace."
            )
        elif unsure:
            outcome = "inconclusive"
            reason = (
                f"At {instants([at for at, _ in unsure])} the sound comes near what a join leaves (score {top:.1f}, "
                f"threshold {threshold:g}): inconclusive."
            )
        else:
            reason = (
                f"No instant reaches the threshold of {threshold:g} (highest score {top:.1f}): consistent with one "
                "continuous recording. Most joins with a fade, and of sound that was coded with loss, stay below it."
            )
        measurements: dict[str, Measurement] = {
            "highest_score": round(top, 2) if judged else None,
            "joins": len(joins),
            "judged_share": round(judged, 3),
        }
        shown = joins or unsure
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=[reason],
            measurements=measurements,
            segments=[
                Segment(start_s=at - 0.01, end_s=at + 0.01, note=f"trained detector of joins, score {score:.1f}")
                for at, score in shown
            ],
            figures=[_figure(scores, [at for at, _ in shown], threshold)],
        )

    def _scores(self, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        """Log odds of a join at every instant, `UNJUDGED` inside digital silence: [instants]."""
        hop = round(HOP_S * rate)
        scores = self.scorer(samples)
        peak = np.abs(samples[: len(scores) * hop]).reshape(len(scores), hop).max(axis=1)
        after = maximum_filter1d(peak, SIDE, origin=-(SIDE // 2), mode="constant")
        before = shifted(after, SIDE)
        heard = np.minimum(before, after) > SILENCE
        return np.where(heard, scores, UNJUDGED).astype(np.float32)


def _figure(scores: NDArray[np.float32], shown: list[float], threshold: float) -> Figure:
    return Figure(
        kind="time",
        title="Trained detector of joins",
        x_label="time (s)",
        y_label="score (log odds of a join)",
        series=(even_curve("", scores, HOP_S, kept=scores > UNJUDGED, least=-12.0, digits=2),),
        marks=tuple((round(at, 3), "") for at in shown[:20]),
        levels=((threshold, "threshold"),),
    )
