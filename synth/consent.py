"""Consent: a signed record of whose voice may be cloned, for what, in which languages, until when.

The record holds the reference recording's hashes and its voiceprint, and what was found about the spoken challenge. It
is signed with the issuer's key (Ed25519 over its canonical JSON), registered by its hash, and can be revoked by an
entry in the register. Scopes contain one another: research < internal < commercial; a consent for one allows those
below it. The register itself holds no name: the record lies beside it, in `consents/`, and can be deleted there.
`synth.enrolment` makes consents.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from synth.canonical import canonical, parse
from synth.errors import VoxproofError
from synth.ledger import same_digest
from synth.ledger_file import replace_file
from synth.record import Record
from synth.register import Register, member
from synth.signing import PublicKey
from synth.utc import when

SCHEMA = "voxproof.consent/1"
CREATED, REVOKED = "consent.created", "consent.revoked"
ANY = "any"
"""In place of languages: all of them."""
LANGUAGE = re.compile(r"[a-z]{2,3}")

Scope = Literal["research", "internal", "commercial"]
SCOPES: tuple[Scope, ...] = ("research", "internal", "commercial")
"""Each contains those before it."""


class ConsentError(VoxproofError):
    """A consent that is not sound, or does not allow what is asked."""


class WordCheck(Record):
    """What is known of the words of a spoken sentence (`synth.spoken_words`)."""

    checked: bool
    recogniser: str | None
    """Which one heard it."""
    agreement: float | None
    """1 - edit distance / number of words, at least 0."""
    right: bool | None
    """Whether the agreement is high enough."""
    detail: str
    """In words, or why it was not checked."""


class ReferenceFacts(Record):
    """The recording that was consented to."""

    name: str
    """File name, without folders."""
    sha256: str
    """Of the file."""
    samples_sha256: str
    """Of rate and mono samples; the same for every copy without loss (`synth.matching.Heard`)."""
    seconds: float
    sample_rate: int
    """Hz."""


class VoiceprintFacts(Record):
    """The voice in it."""

    model: str
    """SHA-256 of the weights that made it."""
    quantised: str
    """The quantised embedding, hexadecimal."""
    threshold: float
    """Least similarity that counts as the same voice, from the model's card."""


class SpokenFacts(Record):
    """The spoken one-time sentence."""

    challenge_id: str
    sentence: str
    """What was to be spoken."""
    sha256: str
    """Of the recording's file."""
    seconds: float
    similarity: float
    """Of its voice and the reference's; at or above the threshold."""
    words: WordCheck
    """Whether the words were checked, and what came out."""


class Consent(Record):
    """The signed record; `read_consent` checks what it reads."""

    schema_: Literal["voxproof.consent/1"] = Field(alias="schema")
    consent_id: str
    """16 hexadecimal digits."""
    subject: str
    """Whose voice it is, as named at the making."""
    scope: Scope
    """The widest use allowed."""
    languages: tuple[str, ...]
    """ISO 639 codes (en, zh, yue, ja, ko, …), sorted; or `any` alone."""
    created: str
    """UTC, ISO 8601."""
    until: str
    """UTC, ISO 8601: last moment of its validity."""
    reference: ReferenceFacts
    voiceprint: VoiceprintFacts
    spoken: SpokenFacts | None
    """None: no sentence was spoken; the identity of the subject was not shown."""
    key_id: str
    """Id of the issuer's key."""
    public_key: str
    """The issuer's public key, 64 hexadecimal digits."""
    signature: str
    """Ed25519 signature of "voxproof.consent/1:" and the hash of the rest."""

    @property
    def sha256(self) -> str:
        """Of the canonical JSON, signature included; what the register holds."""
        return hashlib.sha256(canonical(self.as_json()).encode()).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """The members as they are written and signed."""
        return self.model_dump(mode="json", by_alias=True)

    def allows_scope(self, scope: Scope) -> bool:
        """Whether a use is within the consented scope."""
        return SCOPES.index(scope) <= SCOPES.index(self.scope)

    def allows_language(self, language: str) -> bool:
        """Whether a language (ISO 639 code) is consented to."""
        return ANY in self.languages or language in self.languages

    def expired(self, moment: datetime) -> bool:
        """Whether its last moment is before `moment`."""
        return moment > when(self.until)

    @property
    def text(self) -> str:
        """The file's contents: JSON to be read by people as well."""
        return json.dumps(self.as_json(), ensure_ascii=False, indent=2) + "\n"


def revoke_consent(register: Register, consent_id: str, reason: str = "") -> None:
    """Revoke for good; what was issued before stays issued, and its record stays."""
    with register.exclusive():
        state = consent_state(register, consent_id)
        if state.created is None:
            raise ConsentError(f"there is no consent {consent_id} in this register")
        if state.revoked is not None:
            raise ConsentError(f"the consent {consent_id} was revoked already, at {state.revoked}")
        register.append(REVOKED, {"consent_id": consent_id, "reason": reason})


class ConsentState(Record):
    """What the register says of a consent."""

    created: str | None
    """When it was registered, or None."""
    sha256: str | None
    """The hash it was registered with."""
    revoked: str | None
    """When it was revoked, or None."""
    reason: str = ""
    """Why it was revoked."""


def consent_state(register: Register, consent_id: str) -> ConsentState:
    """Look a consent up in the register, whose chain is checked on the way."""
    entries = register.entries(CREATED, REVOKED, having=member("consent_id", consent_id))
    made = next((entry for entry in entries if entry.action == CREATED), None)
    gone = next((entry for entry in entries if entry.action == REVOKED), None)
    return ConsentState(
        created=made.time if made else None,
        sha256=str(made.payload["sha256"]) if made else None,
        revoked=gone.time if gone else None,
        reason=str(gone.payload.get("reason", "")) if gone else "",
    )


def require_registered(register: Register, consent: Consent) -> None:
    """Raise `ConsentError` unless exactly this record is registered and not revoked."""
    state = consent_state(register, consent.consent_id)
    if state.sha256 is None:
        raise ConsentError(
            f"the consent {consent.consent_id} is not in this register",
            cure="Use the register that it was made in (--register), or make it here.",
        )
    if not same_digest(state.sha256, consent.sha256):
        raise ConsentError(f"the consent {consent.consent_id} is another than the one registered")
    if state.revoked is not None:
        raise ConsentError(f"the consent {consent.consent_id} was revoked at {state.revoked}")


def read_consent(path: str | Path) -> Consent:
    """Read a consent file and check its signature."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        cure = "`voxproof consent create` makes one."
        raise ConsentError(f"the consent cannot be read ({error.strerror})", path=path, cure=cure) from None
    return parsed_consent(data, path)


def parsed_consent(data: bytes, path: str | Path | None = None) -> Consent:
    """A consent from the bytes of its file; raises `ConsentError` if any of them was changed."""
    try:
        fields = parse(data)
        made = Consent.model_validate_json(canonical(fields), strict=True)
        same = canonical(made.as_json()) == canonical(fields)
    except (VoxproofError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise ConsentError(f"this is no consent ({why})", path=path) from None
    key = PublicKey.from_hex(made.public_key) if re.fullmatch("[0-9a-f]{64}", made.public_key) else None
    if not same or key is None or key.key_id != made.key_id or not key.verifies(signed_message(fields), made.signature):
        raise ConsentError(
            "the consent was changed after it was signed", path=path, cure="Use the file as it was written."
        )
    return made


def kept_copy(register: Register, consent_id: str) -> Consent | None:
    """The copy beside the register, or None where it was deleted."""
    path = _copy_path(register, consent_id)
    return read_consent(path) if path.exists() else None


def keep_copy(register: Register, consent: Consent) -> None:
    """Keep the record beside the register, for its owner only."""
    path = _copy_path(register, consent.consent_id)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, consent.text.encode(), 0o600)
    except OSError as error:
        raise ConsentError(f"the consent's copy cannot be kept ({error.strerror})", path=path) from None


def widest_scope(text: str) -> Scope:
    """The widest of the scopes named, separated by commas: it contains the others."""
    named = [part.strip().lower() for part in text.split(",")]
    unknown = [part for part in named if part not in SCOPES]
    if unknown:
        raise ConsentError(f"{unknown[0]!r} is no scope", cure=f"Use one of {', '.join(SCOPES)}.")
    return max((scope for scope in SCOPES if scope in named), key=SCOPES.index)


def known_languages(languages: Sequence[str]) -> tuple[str, ...]:
    """ISO 639 codes in lower case, sorted, each once; none at all means any."""
    named = sorted({part.strip().lower() for text in languages for part in text.split(",")})
    if not named or named == [ANY]:
        return (ANY,)
    wrong = next((part for part in named if not LANGUAGE.fullmatch(part) or part == ANY), None)
    if wrong is not None:
        raise ConsentError(f"{wrong!r} is no language", cure="Use ISO 639 codes such as en, zh, yue, ja, ko; or any.")
    return tuple(named)


def signed_message(fields: dict[str, Any]) -> bytes:
    """What is signed of the members of a consent."""
    body = {name: value for name, value in fields.items() if name != "signature"}
    return f"{SCHEMA}:{hashlib.sha256(canonical(body).encode()).hexdigest()}".encode()


def _copy_path(register: Register, consent_id: str) -> Path:
    member("consent_id", consent_id)
    return register.path.parent / "consents" / f"{consent_id}.json"
