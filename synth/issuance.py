"""The issuance register: every sound that left us, under the number that its mark carries.

An issuance is an entry of the register (`synth.register`): append-only, hash-chained, signed. Its id is a random number
of 32 bits, checked against all others under the register's lock. A mark that is put on a recording may be given a
number by its user; it can then be used for several recordings, but never for a number that a synthesis has.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from synth.canonical import canonical
from synth.consent import Consent, Scope
from synth.errors import VoxproofError
from synth.ledger import Entry
from synth.quality import Quality
from synth.record import Record
from synth.reference_findings import ReferenceFindings
from synth.register import Register, member

if TYPE_CHECKING:
    from synth.matching import Heard

MADE, CLOSED, WITHDRAWN, REFUSED = "issuance.made", "issuance.closed", "issuance.withdrawn", "issuance.refused"
Kind = Literal["synthesised", "embedded"]
_ID = re.compile(r"(?:0x)?([0-9a-fA-F]{8})")


@dataclass(frozen=True, eq=False)
class IssuanceRequest:
    """What somebody wants to let out, and by which right."""

    kind: Kind
    """Synthesised by us, or a mark embedded on a recording."""
    scope: Scope = "research"
    """What it is for."""
    languages: tuple[str, ...] = ()
    """Languages of the text, ISO 639 codes; needed for a synthesis."""
    consent: Consent | None = None
    """Needed for a synthesis."""
    references: tuple[Heard, ...] = ()
    """The recordings that the voice is taken from; needed for a synthesis."""
    reference_findings: tuple[ReferenceFindings, ...] = ()
    """What `synth.reference_gate` found of them, in the same order; empty: it was not asked."""
    token: str | None = field(default=None, repr=False)
    """Access token."""
    text_sha256: str | None = None
    """Of the text spoken, UTF-8; the text itself is not kept."""
    models: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the weights by their role: gpt, sovits, …"""
    quality: Quality | None = None
    """Of a synthesis, whether it says its text."""
    source_sha256: str | None = None
    """Embedded: of the file that was marked."""
    issuance_id: int | None = None
    """Embedded: the number to be used; None draws one."""


class Issuance(Record):
    """One sound that left, as the register has it."""

    issuance_id: str
    """The mark's number, 8 hexadecimal digits."""
    kind: Kind
    scope: Scope
    languages: tuple[str, ...]
    consent_id: str | None
    voiceprint_tag: str | None
    """Keyed hash of the consented voiceprint, 2 hexadecimal digits; None without a consent (the mark then says 00)."""
    models: dict[str, str]
    """SHA-256 of the weights by their role."""
    text_sha256: str | None
    source_sha256: str | None
    """Embedded: of the file that was marked."""
    scheme: int
    """Version of the mark."""
    key_id: str
    """Of the watermark's key."""
    epoch: int
    """Of the watermark's key."""
    payload_carried: bool
    """False: too short for the payload; the mark says only that it is there."""
    seconds: float | None
    """None: a stream that was not over when this was written; `issuance.closed` has its length."""
    sample_rate: int
    """Hz."""
    channels: int
    output_sha256: str | None
    """Of the emitted file, or, without a file, of rate and samples (float32, interleaved)."""
    output: str
    """What was emitted: `wav pcm_16`, `samples`, `stream`, …"""
    score: float
    """The detector's score when the sound was read back, the lowest of all readings."""
    threshold: float
    """The detector's threshold then."""
    token_id: str | None
    """Access token that was used."""
    notes: tuple[str, ...] = ()
    """What else has to be known, e.g. `too short for the payload: presence only`."""
    contour: str | None = None
    """Coarse loudness of what was emitted (`synth.contour`), hexadecimal; None: a stream, or an entry from before."""
    reference_findings: tuple[ReferenceFindings, ...] = ()
    """How good the references were, and which faults of theirs the user accepted; empty: not asked, or from before."""
    quality: Quality | None = None
    """What is known to be wrong with how the text is said (`synth.quality_control`); None: no synthesis of ours, a
    stream that was not over when this was written, or an entry from before."""


class Found(Record):
    """An issuance as found in the register, and what became of it."""

    issuance: Issuance
    time: str
    """When it was registered, UTC."""
    operator: str
    """Who issued it."""
    sequence: int
    """Number of the entry in the register."""
    entry_sha256: str
    """Hash of that entry."""
    state: Literal["emitted", "streaming", "aborted", "withdrawn"]
    """Streaming: not closed yet, or its process died. Aborted: a stream that was cut off; what was sent is marked.
    Withdrawn: registered, but the file could not be put in its place."""
    seconds: float | None
    """Of what was emitted."""
    reason: str = ""
    """Of an abort or a withdrawal."""
    contour: str | None = None
    """Of what was emitted, as in the issuance, or of a stream as it was closed."""
    quality: Quality | None = None
    """As in the issuance, or of a stream, as far as it got, as it was closed."""


def drawn_id() -> int:
    """A random number of 32 bits."""
    return secrets.randbits(32)


def parsed_id(text: str) -> str:
    """8 hexadecimal digits in lower case, from what people write; raises `VoxproofError`."""
    found = _ID.fullmatch(text.strip())
    if found is None:
        raise VoxproofError(f"{text!r} is no issuance id", cure="An issuance id has 8 hexadecimal digits.")
    return found[1].lower()


def require_free(register: Register, issuance_id: int, *, chosen: bool) -> bool:
    """Whether a number may be used; to be asked under the register's lock.

    A drawn number has to be new. A chosen one may have been used for other recordings, but not for a synthesis:
    otherwise a person's recording could be made to look like it.
    """
    taken = find(register, issuance_id)
    if chosen and any(found.issuance.kind == "synthesised" for found in taken):
        raise VoxproofError(
            f"the issuance id {issuance_id:08x} is that of a synthesis", cure="Choose another, or leave it out."
        )
    return chosen or not taken


def register_issuance(register: Register, issuance: Issuance, operator: str) -> Entry:
    """Add an issuance; the caller holds the lock and has asked `require_free`."""
    return register.append(MADE, issuance.model_dump(mode="json"), operator)


def close_issuance(
    register: Register, made: Entry, seconds: float, *, reason: str = "", contour: str | None = None,
    quality: Quality | None = None,
) -> None:  # fmt: skip
    """A stream is over: how long it was, why it was cut off if it was, the contour of what left, and its quality."""
    told = {"issuance_id": made.payload["issuance_id"], "entry": made.sequence, "seconds": round(seconds, 3)}
    found = None if quality is None else quality.model_dump(mode="json")
    register.append(CLOSED, {**told, "reason": reason, "contour": contour, "quality": found}, made.actor)


def withdraw_issuance(register: Register, made: Entry, reason: str) -> None:
    """The sound did not leave after all."""
    told = {"issuance_id": made.payload["issuance_id"], "entry": made.sequence, "reason": reason}
    register.append(WITHDRAWN, told, made.actor)


def find(register: Register, issuance_id: int | str | None = None) -> list[Found]:
    """The issuances with this number (all without), oldest first; the register's chain is checked on the way."""
    having = ""
    if issuance_id is not None:
        number = f"{issuance_id:08x}" if isinstance(issuance_id, int) else parsed_id(issuance_id)
        having = member("issuance_id", number)
    entries = register.entries(MADE, CLOSED, WITHDRAWN, having=having)
    later = {int(entry.payload["entry"]): entry for entry in entries if entry.action != MADE}
    return [_found(entry, later.get(entry.sequence)) for entry in entries if entry.action == MADE]


def write_manifest(path: Path, register: Register, made: Entry) -> None:
    """The signed entry in a file of its own, with the public key to check it: what a short clip is handed out with."""
    from synth.ledger_file import replace_file

    assert register.key is not None  # noqa: S101 - the entry was signed with it
    whole: dict[str, Any] = {
        "schema": "voxproof.issuance-manifest/1",
        "entry": made.line,
        "public_key": register.key.public.hex,
    }
    replace_file(path, canonical(whole).encode() + b"\n")


def _found(made: Entry, later: Entry | None) -> Found:
    issuance = Issuance.model_validate(made.payload)
    state: Literal["emitted", "streaming", "aborted", "withdrawn"] = "emitted"
    seconds, reason = issuance.seconds, ""
    if later is not None:
        reason = str(later.payload["reason"])
        state = "withdrawn" if later.action == WITHDRAWN else "aborted" if reason else "emitted"
        seconds = later.payload.get("seconds", seconds)
    elif issuance.seconds is None:
        state = "streaming"
    return Found(
        issuance=issuance,
        time=made.time,
        operator=made.actor,
        sequence=made.sequence,
        entry_sha256=made.hash,
        state=state,
        seconds=seconds,
        reason=reason,
        contour=issuance.contour or (None if later is None else later.payload.get("contour")),
        quality=issuance.quality or _quality(later),
    )


def _quality(later: Entry | None) -> Quality | None:
    """Of a stream that was closed."""
    told = None if later is None else later.payload.get("quality")
    return None if told is None else Quality.model_validate(told)
