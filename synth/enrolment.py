"""Making a consent: the reference is listened to, the spoken sentence compared with it, the record signed and kept."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from synth.canonical import canonical
from synth.challenge import open_challenge
from synth.consent import (
    CREATED,
    SCHEMA,
    Consent,
    ConsentError,
    ReferenceFacts,
    SpokenFacts,
    keep_copy,
    known_languages,
    parsed_consent,
    signed_message,
    widest_scope,
)
from synth.matching import Heard, Voices
from synth.register import Register
from synth.signing import SigningKey
from synth.spoken_words import words_spoken
from synth.utc import stamp


def create_consent(
    register: Register,
    subject: str,
    recording: str | Path,
    scope: str,
    until: datetime,
    *,
    languages: Sequence[str] = (),
    challenge_id: str | None = None,
    spoken: str | Path | None = None,
    voices: Voices,
) -> Consent:
    """Make, sign and register a consent; a challenge is used up only when the consent is made."""
    subject = _name(subject)
    widest, spoken_languages = widest_scope(scope), known_languages(languages)
    if until <= register.clock():
        raise ConsentError(f"a consent until {stamp(until)} has expired already", cure="Give a date to come.")
    if (challenge_id is None) != (spoken is None):
        raise ConsentError("a challenge and its recording belong together", cure="Give --challenge and --spoken.")
    if register.key is None:
        raise ConsentError("a consent is signed with the issuer's key, which was not given")
    heard = Heard.read(recording)
    print_ = voices.enrolled(heard)
    with register.exclusive():
        facts = None
        if challenge_id is not None and spoken is not None:
            facts = _spoken(register, challenge_id, Path(spoken), print_, voices)
        made = _signed(
            register.key,
            {
                "schema": SCHEMA,
                "consent_id": secrets.token_hex(8),
                "subject": subject,
                "scope": widest,
                "languages": spoken_languages,
                "created": stamp(register.clock()),
                "until": stamp(until),
                "reference": ReferenceFacts(
                    name=heard.name,
                    sha256=heard.file_sha256 or "",
                    samples_sha256=heard.samples_sha256,
                    seconds=round(heard.seconds, 3),
                    sample_rate=heard.rate,
                ).model_dump(mode="json"),
                "voiceprint": {"model": voices.model, "quantised": print_.hex(), "threshold": voices.threshold},
                "spoken": None if facts is None else facts.model_dump(mode="json"),
            },
        )
        keep_copy(register, made)
        used = {} if challenge_id is None else {"challenge_id": challenge_id}
        register.append(CREATED, {"consent_id": made.consent_id, "sha256": made.sha256, "scope": made.scope, **used})
    return made


def _spoken(register: Register, challenge_id: str, path: Path, print_: bytes, voices: Voices) -> SpokenFacts:
    """What is found about the spoken sentence; an error unless it is the same voice and, where checked, the words."""
    challenge = open_challenge(register, challenge_id)
    heard = Heard.read(path)
    similarity = voices.similarity(print_, heard)
    if not similarity >= voices.threshold:
        raise ConsentError(
            f"the sentence was spoken by another voice than the reference's (similarity {similarity:.2f}, "
            f"at least {voices.threshold:.2f} is needed)",
            path=path,
            cure="Let the subject speak it, close to the microphone and in a quiet room.",
        )
    words = words_spoken(heard, challenge)
    if words.checked and not words.right:
        raise ConsentError(
            f"other words were spoken than the challenge's ({words.detail})",
            path=path,
            cure=f'The sentence is: "{challenge.sentence}"',
        )
    return SpokenFacts(
        challenge_id=challenge_id,
        sentence=challenge.sentence,
        sha256=heard.file_sha256 or "",
        seconds=round(heard.seconds, 3),
        similarity=round(similarity, 4),
        words=words,
    )


def _signed(key: SigningKey, fields: dict[str, Any]) -> Consent:
    whole = {**fields, "key_id": key.key_id, "public_key": key.public.hex}
    return parsed_consent(canonical({**whole, "signature": key.sign(signed_message(whole))}).encode())


def _name(text: str) -> str:
    text = text.strip()
    if not text or len(text) > 200 or not text.isprintable():
        raise ConsentError("the subject needs a name of at most 200 printable letters")
    return text
