"""Verification of the issuer's register: chain and signatures, the noted head, and what its entries say together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import Field

from synth import access, challenge, consent, issuance
from synth.ledger import Entry, Problem, same_digest
from synth.record import Record
from synth.register import OPENED, Register

COUNTED = {
    issuance.MADE: "issuances",
    consent.CREATED: "consents",
    consent.REVOKED: "revocations",
    challenge.ISSUED: "challenges",
    access.CREATED: "tokens",
    access.REFUSED: "refusals of access",
    issuance.REFUSED: "refusals of issuance",
}
KNOWN = {OPENED, "key.authorised", issuance.CLOSED, issuance.WITHDRAWN, access.REVOKED, *COUNTED}


class Found(Record):
    """One thing that is wrong."""

    where: str
    kind: str
    why: str
    entry: int | None


class Verification(Record):
    """What was found."""

    schema_: str = Field(default="voxproof.register-verification/1", serialization_alias="schema")
    ok: bool
    entries: int
    """How many are sound."""
    counts: dict[str, int]
    """How many there are of each kind."""
    head: str | None
    """COUNT:HASH; written down elsewhere, it shows later whether the register was cut."""
    keys: tuple[str, ...]
    """Ids of the keys that may sign."""
    problems: tuple[Found, ...]
    notes: tuple[str, ...]


def verify_register(
    register: Register, *, trusted: Iterable[str] | None = None, anchor: tuple[int, str] | None = None
) -> Verification:
    """Check all of it; `anchor` is a head that was noted elsewhere, `trusted` the keys that may have opened it."""
    audit = register.verify(trusted=trusted)
    problems = [Found(where=one.where, kind=one.kind, why=one.why, entry=one.entry) for one in audit.problems]
    notes, noted, head = [], register.noted_head(), register.head()
    if noted is not None:
        problems += _misses(audit.entries.get(noted.count), noted.count, noted.hash, "this computer has noted")
    else:
        notes.append("no head of this register is noted on this computer: an older copy of it would not show")
    if anchor is not None:
        problems += _misses(audit.entries.get(anchor[0]), *anchor, "the head given says")
    problems += _contradictions(audit.entries.values())
    actions = Counter(entry.action for entry in audit.entries.values())
    return Verification(
        ok=not problems,
        entries=len(audit.entries),
        counts={name: actions[action] for action, name in COUNTED.items() if actions[action]},
        head=None if head is None else f"{head.count}:{head.hash}",
        keys=tuple(audit.keys),
        problems=tuple(problems),
        notes=tuple(notes),
    )


def _misses(entry: Entry | None, count: int, digest: str, who: str) -> list[Found]:
    if entry is not None and same_digest(entry.hash, digest):
        return []
    why = f"{who} {count}:{digest[:16]}…, which the register does not contain: it was cut or replaced"
    return [Found(where=f"entry {count}", kind="head", why=why, entry=count)]


def _contradictions(entries: Iterable[Entry]) -> list[Found]:
    """Sound entries that cannot be together: made with the issuer's key, but by another program."""
    made: dict[str, str] = {}
    consents: set[str] = set()
    revoked: set[str] = set()
    used: set[str] = set()
    problems: list[Problem] = []

    def wrong(entry: Entry, why: str) -> None:
        problems.append(Problem(f"entry {entry.sequence}", "content", why, entry=entry.sequence))

    for entry in sorted(entries, key=lambda one: one.sequence):
        told = entry.payload
        consent_id = told.get("consent_id")
        if entry.action not in KNOWN:
            wrong(entry, f"the action {entry.action} is not one of a register's")
        if entry.action == consent.CREATED:
            consents.add(str(consent_id))
            if (answered := told.get("challenge_id")) is not None:
                if answered in used:
                    wrong(entry, f"the challenge {answered} was used before")
                used.add(str(answered))
        elif entry.action == consent.REVOKED:
            revoked.add(str(consent_id))
        elif entry.action == issuance.MADE:
            number, kind = str(told.get("issuance_id")), str(told.get("kind"))
            if number in made and "synthesised" in (kind, made[number]):
                wrong(entry, f"the issuance id {number} was given before")
            made.setdefault(number, kind)
            if kind == "synthesised" and consent_id not in consents:
                wrong(entry, f"the consent {consent_id} of the issuance {number} was not registered before")
            if consent_id in revoked:
                wrong(entry, f"the consent {consent_id} of the issuance {number} was revoked before")
    return [Found(where=one.where, kind=one.kind, why=one.why, entry=one.entry) for one in problems]
