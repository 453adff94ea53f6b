"""Verification of a ledger: what was changed, in which entry, in which field as far as that can be told.

An entry that was changed without the key no longer has its signed hash. Which field it was is found by putting back
what the neighbours say (number, previous hash, key): if the signed hash comes out, that field was the one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from synth.errors import VoxproofError
from synth.ledger import AUTHORISED, GENESIS, Entry, Head, LedgerError, Problem, same_digest
from synth.ledger_keys import introduced_key
from synth.signing import PublicKey


@dataclass(frozen=True)
class Audit:
    """What the verification of a ledger found."""

    entries: Mapping[int, Entry]
    """The entries whose hash and signature are right, by sequence number."""
    problems: tuple[Problem, ...]
    """Everything that is wrong; empty when the ledger is intact."""
    keys: Mapping[str, PublicKey]
    """The keys that the ledger introduces and that may sign, by id."""


def audit(
    lines: Iterable[bytes],
    *,
    name: str = "ledger",
    head: bytes | str | None = None,
    keys: Iterable[PublicKey] = (),
    trusted: Iterable[str] | None = None,
) -> Audit:
    """Verify stored lines (with their line ends) against themselves and their head.

    `keys` helps when the entry that introduces a key is damaged: public keys from elsewhere, used only for entries
    that name their id. With `trusted`, the first entry must be signed by one of those key ids; without, a log that
    was made anew from the first entry on, with another key, is sound in itself.
    """
    work = _Work(name)
    rows = [work.read(position, line) for position, line in enumerate(lines, 1)]
    named = _named_keys(entry for entry in rows if entry is not None)
    known = {**{key.key_id: key for key in keys}, **named}
    numbers = work.order(rows)
    by_number = {number: entry for number, entry in zip(numbers, rows, strict=True) if entry is not None}
    for number, entry in zip(numbers, rows, strict=True):
        if entry is not None:
            work.content(entry, number, by_number.get(number - 1), known)
    work.chain()
    allowed = work.authority(named, known, None if trusted is None else set(trusted))
    entitled = {key_id: key for key_id, key in known.items() if key_id in allowed}
    last = max(set(work.by_number) | work.damaged, default=0)
    work.problems += stored_head_problems(head, f"head of {name}", work.by_number, last, entitled)
    return Audit(
        dict(sorted(work.sound.items())),
        tuple(work.problems),
        {key_id: key for key_id, key in named.items() if key_id in allowed},
    )


def head_problems(head: Head, entries: Mapping[int, Entry], name: str, last: int) -> list[Problem]:
    """Check a head that was noted at some time against a log that may have grown since, and now has `last` entries."""
    if head.count > last:
        lost = f"entry {last + 1} is" if head.count == last + 1 else f"entries {last + 1} to {head.count} are"
        why = f"{lost} missing from the end of the log: {name} knows {head.count}"
        return [Problem(name, "truncated", why, entry=last + 1)]
    problems = []
    for number, digest in ((1, head.ledger), (head.count, head.hash)):
        entry = entries.get(number)
        if entry is not None and not same_digest(entry.hash, digest):
            why = f"the log's entry {number} is another one than {name} knows: the log was replaced"
            problems.append(Problem(name, "head", why, entry=number))
            break
    return problems


def stored_head_problems(
    stored: bytes | str | None, name: str, entries: Mapping[int, Entry], last: int, keys: Mapping[str, PublicKey]
) -> list[Problem]:
    """Check the head kept with a log of `last` entries: signed by one of `keys`, and covering them all."""
    if stored is None:
        return [Problem(name, "head", "the signed head is missing: a cut tail would not show")] if last else []
    try:
        head = Head.parse(stored)
    except LedgerError as error:
        return [Problem(name, "head", error.cause)]
    key = keys.get(head.key_id)
    if key is None or not head.signed_by(key):
        return [Problem(name, "head", "the signature of the head is not that of one of the ledger's keys")]
    problems = head_problems(head, entries, name, last)
    if head.count < last:
        why = f"the head covers {head.count} of {last} entries: an older head was put back, or an append interrupted"
        problems.append(Problem(name, "head", why))
    return problems


class _Work:
    """The checks of one audit and what they found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.by_number: dict[int, Entry] = {}
        """First entry met with each sequence number that is not itself in doubt."""
        self.sound: dict[int, Entry] = {}
        self.damaged: set[int] = set()
        """Sequence numbers whose entry is there but not sound."""

    def report(self, entry: int | None, kind: str, why: str, field: str | None = None) -> None:
        where = self.name if entry is None else f"{self.name}, entry {entry}"
        self.problems.append(Problem(where, kind, why, field, entry))

    def read(self, position: int, line: bytes) -> Entry | None:
        """Parse one line; None, and a problem, when it is no entry."""
        if not line.endswith(b"\n"):
            self.report(position, "truncated", "the line is cut off")
            return None
        try:
            return Entry.parse(line[:-1])
        except LedgerError as error:
            self.report(position, "malformed", error.cause)
            return None

    def order(self, rows: Sequence[Entry | None]) -> list[int]:
        """Find entries that stand twice, out of order or not at all; returns the number of each row.

        The number is the entry's own where its hash confirms it; else it follows from the row before.
        """
        numbers: list[int] = []
        seen: set[str] = set()
        highest = 0
        for entry in rows:
            following = numbers[-1] + 1 if numbers else 1
            if entry is None or not same_digest(entry.digest(), entry.hash):
                moved = entry is not None and same_digest(entry.digest(sequence=following), entry.hash)
                number = following if entry is None or moved else entry.sequence
                self.damaged.add(number)
                numbers.append(number)
                continue
            number = entry.sequence
            numbers.append(number)
            if number in self.by_number:
                again = "the entry" if entry.hash in seen else "another entry with this number"
                self.report(number, "duplicate", f"{again} stands there once more")
                continue
            if number < highest:
                self.report(number, "reordered", f"the entry stands behind entry {highest}")
            highest = max(highest, number)
            seen.add(entry.hash)
            self.by_number[number] = entry
        present = set(self.by_number) | self.damaged
        for number in range(1, max(self.by_number, default=0)):
            if number not in present:
                self.report(number, "missing", "the entry is missing")
        return numbers

    def content(self, entry: Entry, number: int, before: Entry | None, keys: Mapping[str, PublicKey]) -> None:
        """Hash and signature of one entry."""
        computed = entry.digest()
        key = keys.get(entry.key_id)
        if same_digest(computed, entry.hash):
            if key is None:
                self.report(entry.sequence, "key", f"the signing key {entry.key_id} is not known", "key_id")
            elif not entry.signed_by(key):
                why = "the signature is not that of the key named: the entry was made or changed without it"
                self.report(entry.sequence, "signature", why, "signature")
            else:
                self.sound.setdefault(entry.sequence, entry)
            return
        guesses: dict[str, list[int] | list[str]] = {
            "sequence": [number],
            "previous": [before.hash if before else GENESIS],
            "key_id": list(keys),
        }
        for name, values in guesses.items():
            if any(same_digest(entry.digest(**{name: value}), entry.hash) for value in values):
                self.report(number, "hash", f"the field {name} was changed: the hash fits without the change", name)
                return
        if key is not None and _signs(key, entry, computed):
            self.report(number, "hash", "the field hash was changed: the signature is that of the contents", "hash")
        elif key is not None and entry.signed_by(key):
            self.report(number, "hash", "time, actor, action or payload was changed: the signed hash is another")
        else:
            self.report(number, "hash", "the contents have another hash, and the signature is not valid")

    def chain(self) -> None:
        """Every entry names the hash of the entry before it."""
        for number, entry in sorted(self.by_number.items()):
            before = self.by_number.get(number - 1)
            expected = GENESIS if number == 1 else before.hash if before else None
            if expected is not None and not same_digest(entry.previous, expected):
                self.report(number, "chain", "the entry does not follow the one before it", "previous")

    def authority(
        self, named: Mapping[str, PublicKey], known: Mapping[str, PublicKey], trusted: set[str] | None
    ) -> set[str]:
        """Only keys that the ledger introduced before may sign; returns the ids of those keys."""
        first = self.by_number.get(1)
        if first is None:
            return set(named)
        if trusted is not None and first.key_id not in trusted:
            self.report(
                1, "key", f"the ledger starts with the key {first.key_id}, which is not a trusted one", "key_id"
            )
        if first.key_id not in named:
            self.report(1, "key", "the first entry does not introduce the key that signs it", "payload")
        allowed = {first.key_id}
        for number, entry in sorted(self.sound.items()):
            if entry.key_id not in allowed:
                self.report(number, "key", f"the key {entry.key_id} was not authorised to sign here", "key_id")
            elif entry.action == AUTHORISED:
                key = introduced_key(entry, {key_id: known[key_id] for key_id in allowed & known.keys()})
                if key is None:
                    self.report(number, "key", "the entry authorises a key and does not state that key", "payload")
                else:
                    allowed.add(key.key_id)
        return allowed


def _named_keys(entries: Iterable[Entry]) -> dict[str, PublicKey]:
    """Every key that an entry states as a new one, by id, whoever signed it: to tell what is wrong, never to trust."""
    keys: dict[str, PublicKey] = {}
    for entry in entries:
        if entry.sequence == 1 or entry.previous == GENESIS or entry.action == AUTHORISED:
            with contextlib.suppress(VoxproofError):
                key = PublicKey.from_hex(str(entry.payload.get("public_key")))
                keys[key.key_id] = key
    return keys


def _signs(key: PublicKey, entry: Entry, digest: str) -> bool:
    """Whether the signature is that of another hash than the entry states."""
    return key.verifies(f"voxproof.ledger/1:{digest}".encode(), entry.signature)
