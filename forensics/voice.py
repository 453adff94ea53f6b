"""Whether the speech of an exhibit has an enrolled voice: a calibrated speaker LR beside the verdict, never inside it.

The voice is that of the consent which an authenticated mark leads to, or one that the examiner names. A clone is made
to have the voice that was enrolled, so the answer says whose voice it is, not who or what spoke. The comparison and its
bounds: `synth.voiceprint`; figures: docs/voiceprint.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from forensics.exhibit import Exhibit
from forensics.method import Domain
from forensics.methods._frames import curve
from forensics.records import (
    GRID_S,
    EnrolledVoice,
    Figure,
    ModelFacts,
    Propositions,
    Series,
    VoiceComparison,
    Watermark,
)
from forensics.words import UNDECIDED, support
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from synth.consent import Consent
    from synth.register import Register
    from synth.voiceprint import Voiceprint
    from synth.voiceprint_card import VoiceprintCard

MOST_SPEECH_S, MOST_S = 55.0, 300.0
"""Speech and sound of a long exhibit that are heard, from its first speech on."""
LEAST_SNR_DB, LEAST_RATE = 10.0, 8000
"""Of the noisiest and the narrowest channel that the card's figures were measured through."""
A_CLONE = (
    "A clone of the enrolled voice is made to have that voice and gives the same answer: this says whose voice it is, "
    "not whether a person or a machine spoke, and has no part in the verdict on origin."
)


@dataclass(frozen=True)
class Enrolled:
    """A voice to compare with, or why it is not at hand."""

    facts: EnrolledVoice
    voice: Voiceprint | None
    notes: tuple[str, ...] = ()
    """What the report has to say of it, in full sentences."""


@dataclass(frozen=True)
class Questioned:
    """The voice of the exhibit, or why there is none to compare."""

    voice: Voiceprint | None
    reasons: tuple[str, ...] = ()
    in_domain: bool = True
    heard: tuple[float, float] | None = None
    """Part of the exhibit that was heard, seconds."""
    windows: tuple[tuple[float, float], ...] = ()
    """Places of the windows in the exhibit, seconds."""


class VoiceExamination:
    """Compares exhibits with the voices that their marks name, and with those that the examiner names.

    `named` are consents (file, or id in the register) and recordings (of at least 3 s of speech of one voice); they are
    read at once, and an error says what is wrong with one.
    """

    def __init__(self, named: Sequence[str | Path] = (), register: Path | None = None) -> None:
        self.register = register
        self.named = tuple(self._named(one) for one in named)

    def examine(self, exhibit: Exhibit, mark: Watermark) -> tuple[VoiceComparison, ...]:
        """One comparison for every voice that is named; never raises."""
        try:
            wanted = [*self._by_mark(mark), *self.named]
            questioned = self._questioned(exhibit) if any(one.voice for one in wanted) else Questioned(None)
            return tuple(self._compared(one, questioned, exhibit) for one in wanted)
        except VoxproofError as error:
            return self.untested(f"{error}", mark)
        except Exception as error:  # a fault here must not cost the examination
            return self.untested(f"The comparison failed ({type(error).__name__}: {error}); please report it.", mark)

    def untested(self, reason: str, mark: Watermark | None = None) -> tuple[VoiceComparison, ...]:
        """No voice could be compared, for one reason."""
        facts = [one.facts for one in self.named]
        if mark is not None and mark.consent_id:
            facts = [EnrolledVoice(source="consent", named_by="mark", consent_id=mark.consent_id), *facts]
        return tuple(self._comparison(one, (reason,)) for one in facts)

    @cached_property
    def _card(self) -> VoiceprintCard:
        from synth.voiceprint_card import voiceprint_card

        return voiceprint_card()

    @cached_property
    def _domain(self) -> Domain:
        least = self._card.min_speech_seconds
        return Domain(min_speech_s=least, min_snr_db=LEAST_SNR_DB, min_sample_rate=LEAST_RATE)

    def _named(self, name: str | Path) -> Enrolled:
        from synth.consent import ConsentError, kept_copy, read_consent
        from synth.register import Register

        path = Path(name)
        if not path.exists() and re.fullmatch("[0-9a-f]{16}", str(name)):
            kept = kept_copy(Register.open(self.register), str(name))
            if kept is None:
                cause = f"no copy of the consent {name} is kept beside the register"
                raise ConsentError(cause, cure="Give the consent's file, or the recording that was consented to.")
            return self._of_consent(kept, None)
        try:
            with path.open("rb") as stream:
                text = stream.read(64).lstrip()[:1] == b"{"
        except OSError as error:
            cure = "Give a consent (file or id) or a recording of the voice."
            raise VoxproofError(f"the voice cannot be read ({error.strerror})", path=path, cure=cure) from None
        return self._of_consent(read_consent(path), str(name)) if text else self._of_recording(path)

    def _of_consent(self, consent: Consent, path: str | None) -> Enrolled:
        from synth.register import Register
        from synth.voiceprint import stored_voice

        try:
            _, notes = _standing(Register.open(self.register), consent)
        except VoxproofError as error:
            notes = (f"The consent's signature is sound; whether it is registered is not known: {error}",)
        facts = EnrolledVoice(
            source="consent", named_by="examiner", consent_id=consent.consent_id, path=path, sha256=consent.sha256
        )
        return Enrolled(facts, stored_voice(bytes.fromhex(consent.voiceprint.quantised)), notes)

    def _of_recording(self, path: Path) -> Enrolled:
        from synth.matching import Heard
        from synth.voiceprint import VoiceprintError, hear_voice

        heard = Heard.read(path)
        try:
            voice = hear_voice(heard.samples, heard.rate, enrol=True)
        except VoiceprintError as error:
            raise VoiceprintError(error.cause, path=path, cure=error.cure) from None
        facts = EnrolledVoice(source="recording", named_by="examiner", path=str(path), sha256=heard.file_sha256)
        return Enrolled(facts, voice, (f"The enrolled recording holds {voice.speech_seconds:.1f} s of speech.",))

    def _by_mark(self, mark: Watermark) -> list[Enrolled]:
        """The voice of the consent under which the sound was issued, as the register beside it has it."""
        if mark.outcome != "found" or mark.authenticated is not True or mark.consent_id is None:
            return []
        from synth.consent import kept_copy
        from synth.register import Register
        from synth.voiceprint import stored_voice

        facts = EnrolledVoice(source="consent", named_by="mark", consent_id=mark.consent_id)
        try:
            register = Register.open(self.register)
            kept = kept_copy(register, mark.consent_id)
            if kept is None:
                return [Enrolled(facts, None, ("No copy of the consent is kept beside the register.",))]
            same, notes = _standing(register, kept)
            facts = facts.model_copy(update={"sha256": kept.sha256})
            voice = stored_voice(bytes.fromhex(kept.voiceprint.quantised)) if same else None
            return [Enrolled(facts, voice, notes)]
        except VoxproofError as error:
            return [Enrolled(facts, None, (f"The enrolled voice is not at hand: {error}",))]

    def _questioned(self, exhibit: Exhibit) -> Questioned:
        """The voice in the first minute or so of the exhibit's speech."""
        from synth.voiceprint import VoiceprintError, hear_voice, window_times

        outside = self._domain.outside(exhibit)
        if outside:
            return Questioned(None, outside, in_domain=False)
        spoken = np.flatnonzero(exhibit.activity.speech) * GRID_S
        last = min(spoken[: round(MOST_SPEECH_S / GRID_S)][-1], spoken[0] + MOST_S)
        start = max(float(spoken[0]) - 1.0, 0.0)
        sound = exhibit.recording.excerpt(start, float(last) + 1.0)
        heard = (round(start, 2), round(start + sound.seconds, 2))
        try:
            voice = hear_voice(sound.mono, sound.rate)
        except VoiceprintError as error:
            return Questioned(None, (f"{error}",), in_domain=False, heard=heard)
        if voice.one_voice is False:
            likeness, least = voice.likeness_of_halves, self._card.one_voice.cosine
            why = (
                f"The recording seems to hold more than one voice: the likeness of its two groups of windows is "
                f"{likeness:.2f}, at least {least:.2f} is one voice. Examine the passages of each voice by themselves."
            )
            return Questioned(None, (why,), in_domain=False, heard=heard)
        windows = tuple((start + a, start + b) for a, b in window_times(sound.mono, sound.rate) or ())
        told = () if voice.one_voice else ("There is too little speech to tell whether it holds one voice.",)
        return Questioned(voice, told, heard=heard, windows=windows)

    def _compared(self, enrolled: Enrolled, questioned: Questioned, exhibit: Exhibit) -> VoiceComparison:
        from synth.voiceprint import compare_voices

        if enrolled.voice is None or questioned.voice is None:
            reasons = enrolled.notes if enrolled.voice is None else questioned.reasons
            return self._comparison(enrolled.facts, reasons, questioned)
        found = compare_voices(enrolled.voice, questioned.voice)
        made = self._comparison(enrolled.facts, (), questioned)
        lower, upper = found.log10_lr_bounds
        supports = lower > 0 or upper < 0
        heard = questioned.heard or (0.0, exhibit.seconds)
        part = heard[0] > 1.5 or heard[1] < exhibit.seconds - 1.5
        held = self._card.calibration
        reasons = (
            f"Similarity {found.similarity:+.2f} over {questioned.voice.speech_seconds:.1f} s of speech"
            + (f" between {heard[0]:.1f} and {heard[1]:.1f} s." if part else "."),
            f"The LR is held between {held.lower:+.2f} and {held.upper:+.2f}, which is what the validation supports"
            + ("; its whole interval lies beyond." if lower == upper else "."),
            *questioned.reasons,
            *enrolled.notes,
            A_CLONE,
        )
        outcome = "supports_same_voice" if lower > 0 else "supports_other_voice" if upper < 0 else "inconclusive"
        h1, h2 = made.propositions.h1, made.propositions.h2
        update = {
            "outcome": outcome,
            "log10_lr": round(found.log10_lr, 4),
            "log10_lr_bounds": (round(lower, 4), round(upper, 4)),
            "words": support(found.log10_lr, h1, h2) if supports else UNDECIDED,
            "similarity": round(found.similarity, 4),
            "speech_seconds": round(questioned.voice.speech_seconds, 2),
            "reasons": reasons,
            "figures": self._figures(enrolled.voice, questioned),
        }
        return made.model_copy(update=update)

    def _comparison(
        self, facts: EnrolledVoice, reasons: tuple[str, ...], questioned: Questioned | None = None
    ) -> VoiceComparison:
        """A comparison that is not made (yet)."""
        from synth.voiceprint import PROPOSITIONS

        card = self._card
        measured = max((one.speakers for one in card.figures), default=0)
        channels = ", ".join(card.channels)
        return VoiceComparison(
            outcome="could_not_test",
            enrolled=facts,
            propositions=Propositions(h1=PROPOSITIONS[0], h2=PROPOSITIONS[1]),
            words="could not be compared",
            threshold=card.threshold.cosine,
            heard=None if questioned is None else questioned.heard,
            domain=f"{self._domain}; one voice; measured on {measured} speakers who were in no training, languages "
            f"{', '.join(card.languages)}, channels: {channels}",
            in_domain=questioned is not None and questioned.in_domain,
            model=ModelFacts(name=card.name, version=card.version, sha256=card.sha256),
            reasons=reasons or ("Not compared.",),
        )

    def _figures(self, enrolled: Voiceprint, questioned: Questioned) -> tuple[Figure, ...]:
        """The similarity of every window of 1.6 s of speech."""
        windows = None if questioned.voice is None else questioned.voice.windows
        if windows is None or len(windows) != len(questioned.windows):
            return ()
        alike = np.asarray(windows, np.float64) @ enrolled.embedding.astype(np.float64)
        middle = np.array([(a + b) / 2 for a, b in questioned.windows])
        series: list[Series] = [curve("one window of 1.6 s of speech", middle, alike, style="points")]
        return (
            Figure(
                kind="time",
                title="Similarity to the enrolled voice",
                x_label="time (s)",
                y_label="cosine",
                series=tuple(series),
                levels=((self._card.threshold.cosine, "threshold for whole recordings"),),
            ),
        )


def _standing(register: Register, consent: Consent) -> tuple[bool, tuple[str, ...]]:
    """Whether the record may be the registered one, and what else the register says of it."""
    from synth.consent import consent_state
    from synth.ledger import same_digest

    state = consent_state(register, consent.consent_id)
    if state.sha256 is None:
        return True, ("The consent's signature is sound, but it is not in the register.",)
    if not same_digest(state.sha256, consent.sha256):
        return False, ("The consent is another than the one that is registered under its id.",)
    return True, () if state.revoked is None else (f"The consent was revoked at {state.revoked}.",)
