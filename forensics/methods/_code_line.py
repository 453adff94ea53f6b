"""What the two methods that read codes share: card, models, domain, and how an LR of "made by this checkpoint" is told.

The lines compare our own checkpoint with people. A low value says that the checkpoint did not make the clip, and says
nothing about any other generator; so the finding's `log10_lr`, which is of machine against person, is 0 there.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from detectors.codes.card import CodeLine, CodesCard, codes_card, tables_of
from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.records import Finding, Measurement, ModelFacts, Outcome, Scalar
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from detectors.codes.measuring import CodeMeasurer, Measured

RATE = 16_000
MOST_S = 300.0
"""Of a longer recording, the first five minutes are measured."""


class CodeMethod(Method):
    """Reads codes; could_not_test with the reason where no card ships, or the card is of another voice model."""

    bears_on: ClassVar[Literal["integrity", "origin", "quality"]] = "origin"
    likelihood: ClassVar[bool]
    """Whether the GPT is asked."""

    def __init__(self, transcript: str = "") -> None:
        self.transcript = transcript
        self.card: CodesCard | None = None
        self.missing = ""
        try:
            self.card = codes_card()
            self.version = f"card {self.card.version}"  # type: ignore[misc]
            self.domain = Domain(min_speech_s=self.card.min_speech_seconds, min_snr_db=self.card.min_snr_db)
        except VoxproofError as error:
            self.missing = f"{error}"

    @property
    def models(self) -> tuple[ModelFacts, ...]:
        card = self.card
        return () if card is None else (ModelFacts(name=card.name, version=card.version, sha256=card.sha256),)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        if self.card is None:
            return {}
        line = self.card.line(self.id)
        return {
            "checkpoint": self.card.checkpoint,
            "lower_log10_lr": line.bounds.lower,
            "upper_log10_lr": line.bounds.upper,
            "min_band_hz": self.card.min_band_hz,
            "longest_s": MOST_S,
        }

    def run(self, exhibit: Exhibit) -> Finding:
        if self.card is None:
            return self.finding("could_not_test", reasons=[self.missing], in_domain=False)
        return super().run(exhibit)

    def examine(self, exhibit: Exhibit) -> Finding:
        card = self.card
        assert card is not None  # noqa: S101 (`run` has looked)
        edge = exhibit.band_edge.hz
        if edge < card.min_band_hz:
            reason = f"The spectrum ends at {edge:.0f} Hz; the lines were calibrated from {card.min_band_hz:g} Hz."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        try:
            measurer = loaded()
        except ModuleNotFoundError as error:
            reason = f"The voice model needs {error.name}, which is not installed: pip install 'voxproof[lite]'."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        sound = np.asarray(exhibit.recording.excerpt(0.0, min(exhibit.seconds, MOST_S)).mono, np.float32)
        measured = self._measured(sound, exhibit, measurer)
        line = card.line(self.id)
        answer = line.log10_lr(measured.measures)
        if answer is None:
            reason = "No window of 5 s of the recording holds a second of speech to be measured."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
        return self.answered(exhibit, measured, line, *answer)

    def _measured(self, sound: NDArray[np.float32], exhibit: Exhibit, measurer: CodeMeasurer) -> Measured:
        import soxr

        rate = exhibit.facts.sample_rate
        samples = sound if rate == RATE else np.asarray(soxr.resample(sound, rate, RATE), np.float32)
        known = measurer if self.likelihood else measurer.without_gpt()
        return known.measure(samples, exhibit.activity.speech, self.transcript)

    @abstractmethod
    def answered(
        self, exhibit: Exhibit, measured: Measured, line: CodeLine, value: float, bounds: tuple[float, float]
    ) -> Finding:
        """The finding of a clip that was measured."""

    def told(self, value: float, bounds: tuple[float, float]) -> tuple[Outcome, list[str], float, tuple[float, float]]:
        """Outcome, reasons, and LR with bounds of machine against person, from those of checkpoint against person."""
        card = self.card
        assert card is not None  # noqa: S101
        lower, upper = bounds
        outcome: Outcome = "inconsistent" if lower > 0 else "inconclusive"
        if lower > 0:
            said = f"The codes are more like those that {card.checkpoint} draws than like a person's."
        elif upper < 0:
            said = (
                f"The codes are more like a person's than like those that {card.checkpoint} draws; "
                "of other generators this says nothing."
            )
        else:
            said = f"The codes tell no difference between {card.checkpoint} and a person."
        reasons = [
            said,
            f"Calibrated for {card.checkpoint} and no other generator, on {card.voices} voices.",
        ]
        reasons += [
            f"On voices not used for it, {one.condition}: AUC {one.auc:.2f} ({one.clones} clones, {one.others} others)."
            for one in card.line(self.id).figures
            if one.condition.startswith("5 s")
        ]
        return outcome, reasons, max(value, 0.0), (max(lower, 0.0), max(upper, 0.0))

    def placed(self, measures: Mapping[str, float], names: tuple[str, ...]) -> dict[str, Measurement]:
        """Measures, and of each the share of people's reference clips that lie below it."""
        assert self.card is not None  # noqa: S101
        found: dict[str, Measurement] = {}
        for name in names:
            if name in measures and np.isfinite(measures[name]):
                found[name] = round(measures[name], 4)
                reference = self.card.distribution(name)
                if reference is not None:
                    found[f"{name}.people_below"] = round(reference.place(measures[name]), 3)
        return found


def with_transcript(battery: Sequence[Method], transcript: str) -> tuple[Method, ...]:
    """The battery, its code methods told what is said."""
    return tuple(type(m)(transcript) if isinstance(m, CodeMethod) else m for m in battery)


@cache
def loaded() -> CodeMeasurer:
    """Ear, tables and GPT, for both methods; VoxproofError where the card is of another voice model."""
    from detectors.codes.hearing import CodeEar, lite_models
    from detectors.codes.learnt import measurer_of

    card = codes_card()
    models = lite_models()
    card.require(models.hashes)
    return measurer_of(tables_of(card), CodeEar.of(models), models.gpt)
