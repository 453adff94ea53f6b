"""A trained line of evidence as an examination method: machine or person, with an LR and its place in the clip.

The weights, calibration, bounds and domain are those of the line's card (detectors/weights); `voxproof models card`
prints it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.card import WEIGHTS, Card
from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve
from forensics.records import GRID_S, ErrorRate, Figure, Finding, ModelFacts, Outcome, Scalar, Segment
from forensics.words import mistakes
from synth.card import read_card

if TYPE_CHECKING:
    from detectors.domain import SpeechDomain
    from detectors.speech import SpeechDetector

RATE = 16_000
SMOOTHING_S = 1.0
LEAST_SEGMENT_S = 0.5


class TrainedLine(Method):
    """Scores speech in windows; the clip's LR is calibrated, bounded and capped by the card.

    It abstains on sound that lies too far from what the line learnt from (detectors/domain.py).
    """

    weights: ClassVar[str]
    """Name of the weights and of their card in detectors/weights, without suffix."""
    bears_on: ClassVar[Literal["integrity", "origin", "quality"]] = "origin"

    def __init__(self) -> None:
        self.card: Card = read_card(WEIGHTS / f"{self.weights}.yaml", Card)
        self.version = f"weights {self.card.version}"  # type: ignore[misc]
        limits = self.card.domain
        self.domain = Domain(min_speech_s=limits.min_speech_seconds, min_snr_db=limits.min_snr_db)

    @property
    def models(self) -> tuple[ModelFacts, ...]:
        return (ModelFacts(name=self.card.name, version=self.card.version, sha256=self.card.sha256),)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "threshold_machine_log10_lr": self.card.thresholds.machine,
            "threshold_human_log10_lr": self.card.thresholds.human,
            "cap_log10_lr": self.card.calibration.cap,
            "min_band_hz": self.card.domain.min_band_hz,
            "max_distance": self.learnt.facts.limit,
            "domain_sha256": self.learnt.sha256,
        }

    @cached_property
    def detector(self) -> SpeechDetector:
        """The weights, loaded on first use."""
        from detectors.speech import SpeechDetector

        return SpeechDetector.load(WEIGHTS / f"{self.weights}.safetensors")

    @cached_property
    def learnt(self) -> SpeechDomain:
        """Where the speech lies that the line learnt from, loaded on first use."""
        from detectors.domain import load_domains

        return load_domains({self.card.name: self.card.sha256})[self.card.name]

    def examine(self, exhibit: Exhibit) -> Finding:
        """Scores of the clip and of every 20 ms; LR positive for a machine."""
        edge = exhibit.band_edge.hz
        if edge < self.card.domain.min_band_hz:
            needs = f"the detector was validated from {self.card.domain.min_band_hz:g} Hz"
            reason = f"The spectrum ends at {edge:.0f} Hz; {needs}."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        scores = self.detector.score(exhibit.recording.resampled(RATE))
        if scores.windows == 0:
            reason = "No window of the recording holds enough speech to be scored."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        distance = float(self.learnt.distance(scores.units))
        share = self.learnt.percentile(distance)
        measured = {"distance": round(distance, 3), "distance_percentile": round(share, 1)}
        if not self.learnt.holds(distance):
            facts = self.learnt.facts
            reason = (
                f"The sound lies further from what the detector learnt from than {facts.limit_percentile:g} % of the "
                f"held-out crops (distance {distance:.2f}, limit {facts.limit:.2f}): it does not know such sound."
            )
            return self.finding(
                "could_not_test", exhibit=exhibit, reasons=[reason], in_domain=False, measurements=measured
            )
        value, (lower, upper) = scores.log10_lr, scores.log10_lr_bounds
        thresholds = self.card.thresholds
        outcome: Outcome
        if lower > thresholds.machine:
            outcome, said = (
                "inconsistent",
                "The speech is inconsistent with speech of a person, as the detector knows it.",
            )
        elif upper < thresholds.human:
            outcome, said = "consistent", "The speech is consistent with speech of a person, as the detector knows it."
        else:
            outcome, said = "inconclusive", "The score does not lie clearly on either side of the shipped thresholds."
        smooth = _smoothed(scores.frame_log10_lr)
        segments = list(_segments(smooth, thresholds.machine)) if outcome != "consistent" else []
        return self.finding(
            outcome,
            reasons=[said, *mistakes(self.card.figures, outcome)],
            exhibit=exhibit,
            measurements={
                "scored_speech_s": round(scores.speech_seconds, 2),
                "windows": scores.windows,
                "logit": round(scores.logit, 4),
                "largest_1s_log10_lr": _rounded(smooth, np.nanmax),
                "smallest_1s_log10_lr": _rounded(smooth, np.nanmin),
                **measured,
            },
            segments=segments,
            figures=[self._figure(smooth, segments)],
            log10_lr=round(value, 4),
            log10_lr_bounds=(round(lower, 4), round(upper, 4)),
        )

    def finding(self, *arguments: object, **named: object) -> Finding:
        """As every method's, with the error rates of the card."""
        made: Finding = super().finding(*arguments, **named)  # type: ignore[arg-type]
        rates = tuple(
            ErrorRate(
                condition=figure.condition,
                positives=figure.machine,
                hits=round(figure.machine * figure.true_positive_rate),
                negatives=figure.human,
                false_alarms=round(figure.human * figure.false_positive_rate),
            )
            for figure in self.card.figures
        )
        return made.model_copy(update={"error_rates": rates})

    def _figure(self, smooth: NDArray[np.float64], segments: list[Segment]) -> Figure:
        times = np.arange(len(smooth)) * GRID_S
        return Figure(
            kind="time",
            title=f"{self.title}, log10 LR over one second",
            x_label="time (s)",
            y_label="log10 LR (+ machine)",
            series=(curve("", times, smooth),),
            spans=tuple(segments),
            levels=(
                (self.card.thresholds.machine, "machine"),
                (self.card.thresholds.human, "person"),
            ),
        )


def _smoothed(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    """Moving average over one second of the scored frames, nan where none was scored: [frames]."""
    width = round(SMOOTHING_S / GRID_S)
    known = np.isfinite(frames)
    kernel = np.ones(width)
    total = np.convolve(np.where(known, frames, 0.0), kernel, "same")[: len(frames)]
    count = np.convolve(known.astype(float), kernel, "same")[: len(frames)]
    return np.where(known & (count > 0), total / np.maximum(count, 1), np.nan)


def _segments(smooth: NDArray[np.float64], threshold: float) -> Iterator[Segment]:
    """Stretches of at least half a second whose averaged log10 LR lies above the threshold."""
    above = np.nan_to_num(smooth, nan=-np.inf) > threshold
    at = 0
    for value, run in itertools.groupby(above):
        length = len(list(run))
        if value and length * GRID_S >= LEAST_SEGMENT_S:
            lr = round(float(np.nanmean(smooth[at : at + length])), 2)
            yield Segment(start_s=at * GRID_S, end_s=(at + length) * GRID_S, log10_lr=lr)
        at += length


def _rounded(values: NDArray[np.float64], reduce: np.ufunc | object) -> float | None:
    """A reduction of the finite values, to two digits; None when there are none."""
    return round(float(reduce(values)), 2) if np.isfinite(values).any() else None  # type: ignore[operator]
