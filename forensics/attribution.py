"""Which generator made the speech of an exhibit, if a machine did: asked only where the verdict supports a machine.

The question takes that a machine made the speech as given, so it has no part in the verdict. Constants, bank and
thresholds: `detectors.attribution`; figures: docs/validation/attribution.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from forensics.exhibit import Exhibit
from forensics.method import Domain
from forensics.records import Attribution, ModelFacts, Verdict, Watermark
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from detectors.attribution import Answer, AttributionCard, Attributor
    from detectors.attribution_bank import Bank, Generator
    from detectors.attribution_sound import Statistics
    from detectors.inference import SpeechScorer

RATE = 16_000
NOT_ASKED = Attribution(outcome="could_not_test", reasons=("Which generator made the speech was not asked.",))
GIVEN = "That a machine made the speech is taken as given here."
MOST_NAMED = 5
"""Generators whose LR goes into a record, the best first."""
FEWEST = 3
"""Clips without which nothing is enrolled: fewer show what they say, not what made them."""
ADVISED, ADVISED_S = 10, 30.0
"""Clips, and seconds of speech, below which an enrolment is said to be small."""


@dataclass(frozen=True)
class Enrolment:
    """A generator that was put into a bank, and how well its own clips are found again."""

    generator: Generator
    enrolled: int
    """Generators that it was compared among, itself included."""
    left_out: int
    """Clips that were left out one at a time."""
    found: int
    """Of them, those nearest to the mean of the others."""
    named: int
    """Of them, those that the others would name: as alike as a name needs, too."""
    reasons: tuple[str, ...]
    """What the enrolment supports and what not, in full sentences."""


def heard(exhibit: Exhibit, scorer: SpeechScorer) -> Statistics:
    """What attribution hears of an exhibit."""
    from detectors.attribution_sound import statistics_of

    return statistics_of(scorer, exhibit.recording.resampled(RATE))


class AttributionExamination:
    """Compares exhibits with the shipped bank of generators, and with the user's own if one is named.

    A bank that is named is read at once, and an error says what is wrong with it. Constants and network are loaded with
    the first exhibit that is asked about.
    """

    def __init__(self, bank: Path | None = None) -> None:
        self.own = None if bank is None else self._read(bank)

    def examine(self, exhibit: Exhibit, verdict: Verdict, mark: Watermark) -> Attribution:
        """The answer for an exhibit with this verdict; never raises."""
        if verdict.outcome != "supports_machine" and not mark.shows_synthesis:
            said = {
                "supports_human": "The findings support that a person spoke, so no generator is asked for.",
                "inconclusive": "Whether a machine made the speech is inconclusive, so no generator is asked for.",
            }.get(
                verdict.outcome, "Whether a machine made the speech could not be tested, so no generator is asked for."
            )
            return _untested(said)
        return self.attribute(exhibit)

    def attribute(self, exhibit: Exhibit) -> Attribution:
        """The answer for an exhibit that is taken as made by a machine; never raises."""
        try:
            return self._attributed(exhibit)
        except VoxproofError as error:
            return _untested(f"{error}")
        except Exception as error:  # a fault here must not cost the examination
            return _untested(f"The attribution failed ({type(error).__name__}: {error}); please report it.")

    def facts(self) -> tuple[ModelFacts, ...]:
        """The constants that answer, and the user's bank; none where the constants are missing."""
        try:
            made = ModelFacts(name=self.card.name, version=self.card.version, sha256=self.card.sha256)
        except VoxproofError:
            return ()
        if self.own is None:
            return (made,)
        return made, ModelFacts(name="bank of the user's generators", version="", sha256=self.own.sha256)

    @cached_property
    def card(self) -> AttributionCard:
        """The card of the constants."""
        from detectors.attribution import CARD, AttributionCard
        from synth.card import read_card

        return read_card(CARD, AttributionCard)

    @cached_property
    def attributor(self) -> Attributor:
        """The constants."""
        from detectors.attribution import attributor

        return attributor()

    @cached_property
    def scorer(self) -> SpeechScorer:
        """The network that hears, which must be the one that the constants were learnt with."""
        from detectors.card import WEIGHTS, Card
        from detectors.inference import load_network
        from synth.card import checked_weights, read_card

        card = read_card(WEIGHTS / "speech.yaml", Card)
        if card.sha256 != self.card.speech_sha256:
            cause = "the constants of the attribution were learnt with another network than the one that ships"
            raise VoxproofError(cause, cure="Run python -m detectors.train.attribution, or reinstall voxproof.")
        return load_network(checked_weights(card, WEIGHTS))

    @cached_property
    def bank(self) -> Bank:
        """The shipped bank, and the user's before it."""
        shipped = self._read(None)
        return shipped if self.own is None else shipped.joined(self.own)

    def _read(self, path: Path | None) -> Bank:
        from detectors.attribution import BANK
        from detectors.attribution_bank import read_bank

        if path is None:
            from synth.card import sha256_of

            if sha256_of(BANK, cure="Reinstall voxproof.") != self.card.bank_sha256:
                raise VoxproofError("the bank differs from the card", path=BANK, cure="Reinstall voxproof.")
        return read_bank(path or BANK, self.card.sha256)

    def outside(self, exhibit: Exhibit) -> tuple[str, ...]:
        """Why an exhibit is not one that attribution was validated on; empty where it is."""
        domain = self.card.domain
        reasons = Domain(min_speech_s=domain.min_speech_seconds, min_snr_db=domain.min_snr_db).outside(exhibit)
        if not reasons and exhibit.band_edge.hz < domain.min_band_hz:
            reasons = (
                f"The spectrum ends at {exhibit.band_edge.hz:.0f} Hz; attribution was validated from "
                f"{domain.min_band_hz:g} Hz.",
            )
        return reasons

    def enrol(
        self, name: str, paths: Sequence[Path], bank: Path, *, family: str = "", source: str = "", licence: str = ""
    ) -> Enrolment:
        """Enrol a generator from clips that it made, and write the user's bank; the shipped one is never written."""
        from detectors.attribution_bank import Bank, Described, write_bank

        what = Described.checked(name, family, source, licence)
        cure = f"Give at least {FEWEST} different clips with speech, {ADVISED} or more if you can."
        if len(paths) < FEWEST:
            raise VoxproofError(f"{len(paths)} clips are too few to enrol a generator", cure=cure)
        found, hashes = [], set()
        for path in paths:
            with Exhibit.open(path) as exhibit:
                outside = self.outside(exhibit)
                if outside:
                    cause = " ".join(outside).rstrip(".")
                    raise VoxproofError(cause, path=path, cure="Enrol without this clip.")
                if exhibit.recording.stream_sha256 in hashes:
                    raise VoxproofError("the same sound is given twice", path=path, cure=cure)
                hashes.add(exhibit.recording.stream_sha256)
                found.append(heard(exhibit, self.scorer))
        made = self.attributor.enrol(what, found)
        again, named = 0, 0
        for n, one in enumerate(found):
            rest = self.attributor.enrol(what, [*found[:n], *found[n + 1 :]])
            bank_then, own = self.bank.with_one(rest), frozenset([name])
            answer = self.attributor.answer(self.attributor.embed(one.values), bank_then, own)
            again += answer.scores[0].name == name
            named += answer.outcome == "attributed" and answer.scores[0].name == name
        empty = Bank(summary="Generators enrolled by the user.", model=self.card.sha256)
        write_bank((self.own or empty).with_one(made), bank)
        reasons = []
        if 2 * named <= len(found):
            reasons.append(
                f"Its clips are hardly alike: {named} of {len(found)} would be named by the others. "
                "Is every clip of this one generator?"
            )
        if len(found) < ADVISED and made.seconds < ADVISED_S:
            reasons.append(f"That is a small enrolment: {ADVISED} clips or {ADVISED_S:g} s are advised.")
        reasons.append(
            "Clips of one voice, text or recording are alike for other reasons than their generator: enrol from "
            "several, and check with clips from elsewhere. How far names hold is not validated for your own enrolment."
        )
        return Enrolment(made, len(self.bank.with_one(made).generators), len(found), again, named, tuple(reasons))

    def _attributed(self, exhibit: Exhibit) -> Attribution:
        reasons = self.outside(exhibit)
        if reasons:
            return Attribution(outcome="could_not_test", reasons=reasons)
        sound = heard(exhibit, self.scorer)
        if sound.speech_seconds == 0:
            return _untested("No window of the recording holds enough speech to be compared.")
        own = frozenset(one.name for one in self.own.generators) if self.own else frozenset()
        return self._worded(self.attributor.answer(self.attributor.embed(sound.values), self.bank, own))

    def _worded(self, answer: Answer) -> Attribution:
        best, named, rule = answer.scores[0], answer.scores[:MOST_NAMED], self.card.open_set
        nearest = f"The nearest of {len(answer.scores)} enrolled generators is {best.name} (cosine {best.cosine:.2f})"
        if answer.outcome == "not_validated":
            return _untested(f"{nearest}; of its family ({best.family or 'none'}) the shipped bank was not validated.")
        said = {
            "none_of_these": f"{nearest}; below {rule.none_below:.2f} none of them is named.",
            "attributed": f"{nearest}"
            + (
                "; you enrolled it, and how far its name holds is not validated."
                if best.own_quartile is not None
                else "."
            ),
            "inconclusive": f"{nearest}; that is not enough to name it.",
        }[answer.outcome]
        if answer.outcome == "inconclusive" and best.own_quartile is None and rule.named_above is None:
            said += " On pages left out no likeness was found at which names are reliable, so no shipped name is given."
        return Attribution(
            outcome=answer.outcome,
            best=best.name if answer.outcome == "attributed" else None,
            log10_lr={one.name: round(one.log10_lr, 4) for one in named},
            log10_lr_bounds={
                one.name: (round(one.log10_lr_bounds[0], 4), round(one.log10_lr_bounds[1], 4)) for one in named
            },
            reasons=(said, GIVEN),
        )


def _untested(reason: str) -> Attribution:
    return Attribution(outcome="could_not_test", reasons=(reason,))
