"""The gate before every issuance: an access token, and for a cloned voice a consent that covers exactly this.

Every refusal is logged in the register with its reason, and says what would help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from synth.access import Operator, authorise
from synth.canonical import canonical
from synth.consent import Consent, ConsentError, parsed_consent, require_registered
from synth.issuance import REFUSED, IssuanceRequest
from synth.ledger import same_digest
from synth.register import Register

if TYPE_CHECKING:
    from synth.matching import Heard, Voices


@dataclass(frozen=True)
class Admission:
    """What the gate let through."""

    operator: Operator
    """Who issues."""
    matched: tuple[Literal["hash", "voice"], ...]
    """How each reference was recognised as the consented voice."""


def admit(register: Register, request: IssuanceRequest, voices: Voices | None) -> Admission:
    """Let a request through, or raise `AccessError` or `ConsentError` after the refusal was logged.

    `voices` compares where a reference is another recording than the consented one.
    """
    operator = still_admitted(register, request)
    if request.consent is None:
        return Admission(operator, ())
    try:
        return Admission(operator, tuple(_matched(request.consent, one, voices) for one in request.references))
    except ConsentError as error:
        _refuse(register, request, operator, error)
        raise


def still_admitted(register: Register, request: IssuanceRequest) -> Operator:
    """The part of the gate that time can change, asked again under the lock at the moment of the registration."""
    operator = authorise(register, request.token, "clone" if request.kind == "synthesised" else "embed", request.scope)
    try:
        _require_covered(register, request)
    except ConsentError as error:
        _refuse(register, request, operator, error)
        raise
    return operator


def _require_covered(register: Register, request: IssuanceRequest) -> None:
    consent = request.consent
    if consent is None:
        if request.kind == "synthesised":
            raise ConsentError(
                "no voice is cloned without a consent", cure="`voxproof consent create` makes one with the speaker."
            )
        return
    consent = parsed_consent(canonical(consent.as_json()).encode())
    require_registered(register, consent)
    who = f"the consent {consent.consent_id}"
    if consent.expired(register.clock()):
        raise ConsentError(f"{who} expired at {consent.until}", cure="Ask the subject for a new one.")
    if not consent.allows_scope(request.scope):
        raise ConsentError(f"{who} is for {consent.scope} use, not {request.scope}")
    if request.kind != "synthesised":
        return
    if not request.languages:
        raise ConsentError("a synthesis has to say in which languages it speaks")
    for language in request.languages:
        if not consent.allows_language(language):
            raise ConsentError(f"{who} is for {', '.join(consent.languages)}, not {language}")
    if not request.references:
        raise ConsentError("a synthesis has to say from which recordings the voice is taken")


def _matched(consent: Consent, heard: Heard, voices: Voices | None) -> Literal["hash", "voice"]:
    """How the reference is recognised: the consented recording itself, or its voice in another one."""
    facts = consent.reference
    if heard.file_sha256 is not None and same_digest(heard.file_sha256, facts.sha256):
        return "hash"
    if same_digest(heard.samples_sha256, facts.samples_sha256):
        return "hash"
    cure = "Use the recording that was consented to, or ask for a consent with this one."
    name = heard.name or "the reference"
    if voices is None or voices.model != consent.voiceprint.model:
        raise ConsentError(
            f"{name} is not the recording of the consent {consent.consent_id}, and its voice cannot be compared: "
            "the consent was made with another speaker model",
            cure=cure,
        )
    print_ = bytes.fromhex(consent.voiceprint.quantised)
    similarity = voices.similarity(print_, heard)
    if not similarity >= consent.voiceprint.threshold:
        raise ConsentError(
            f"{name} is not the voice of the consent {consent.consent_id} (similarity {similarity:.2f}, at least "
            f"{consent.voiceprint.threshold:.2f} is needed)",
            cure=cure,
        )
    return "voice"


def _refuse(register: Register, request: IssuanceRequest, operator: Operator, error: ConsentError) -> None:
    told = {
        "kind": request.kind,
        "scope": request.scope,
        "languages": list(request.languages),
        "consent_id": None if request.consent is None else request.consent.consent_id,
        "token_id": operator.token_id,
        "reason": error.cause,
    }
    register.append(REFUSED, told, operator.name)
