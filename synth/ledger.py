"""Append-only records: each entry is chained to the one before it by hash and signed with Ed25519.

Custody, consent and issuance records are ledgers. An entry's `hash` is the SHA-256 of its canonical JSON (RFC 8785)
without `hash` and `signature`; the signature covers that hash. `previous` is the hash of the entry before, so that
nothing can be changed, moved, inserted or removed in the middle without a trace. The tail needs an anchor: the signed
`Head` (count and last hash) is kept apart from the log. Whoever can put back an older log together with every copy
of its head leaves no trace; a head that was written down elsewhere (an export, a report, another computer) shows it.
Sources: RFC 8032, RFC 8785; the chain follows S. Haber, W. S. Stornetta, How to time-stamp a digital document (1991).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from synth.canonical import canonical, parse
from synth.errors import VoxproofError
from synth.signing import PublicKey, SigningKey

if TYPE_CHECKING:
    from synth.ledger_audit import Audit

GENESIS = "0" * 64
"""`previous` of the first entry."""
AUTHORISED = "key.authorised"
"""Action of an entry whose payload introduces a further key that may sign from there on."""

Kind = Literal[
    "malformed", "hash", "chain", "signature", "key", "missing", "reordered", "duplicate", "truncated", "head"
]


class LedgerError(VoxproofError):
    """A ledger that cannot be read or must not be continued."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, named."""

    where: str
    """Which entry or file, e.g. "custody.jsonl, entry 3"."""
    kind: str
    """One of `Kind`, or a word of the verification that uses the ledger (e.g. "content")."""
    why: str
    """What is wrong, a clause without a full stop."""
    field: str | None = None
    """The field that was changed, where that can be told."""
    entry: int | None = None
    """Sequence number of the entry concerned."""


@dataclass(frozen=True)
class Entry:
    """One signed entry."""

    sequence: int
    """Number of the entry, from 1."""
    time: str
    """Clock of the signing computer, UTC, ISO 8601 with microseconds and Z."""
    actor: str
    """Who did it."""
    action: str
    """What was done, e.g. `exhibit.added`."""
    payload: Mapping[str, Any]
    """Particulars, any JSON object."""
    previous: str
    """Hash of the entry before; 64 zeros in the first."""
    key_id: str
    """Id of the signing key (`PublicKey.key_id`)."""
    hash: str
    """SHA-256 of the canonical JSON of the fields above."""
    signature: str
    """Ed25519 signature of "voxproof.ledger/1:" and `hash`, 128 hexadecimal digits."""

    @classmethod
    def make(
        cls,
        key: SigningKey,
        *,
        sequence: int,
        time: str,
        actor: str,
        action: str,
        payload: Mapping[str, Any],
        previous: str,
    ) -> Self:
        """Hash and sign an entry."""
        body = {
            "sequence": sequence,
            "time": time,
            "actor": actor,
            "action": action,
            "payload": payload,
            "previous": previous,
            "key_id": key.key_id,
        }
        digest = _sha256(canonical(body))
        return cls.parse(canonical({**body, "hash": digest, "signature": key.sign(_entry_message(digest))}))

    @classmethod
    def parse(cls, line: str | bytes) -> Self:
        """Read one line of the log; raises `LedgerError` unless it is an entry in canonical form."""
        try:
            fields = parse(line)
            text = canonical(fields)
        except VoxproofError as error:
            raise LedgerError(error.cause) from None
        if not isinstance(fields, dict) or set(fields) != set(cls.__dataclass_fields__):
            raise LedgerError("the fields are not those of an entry")
        for name, value in fields.items():
            wanted = {"sequence": int, "payload": dict}.get(name, str)
            if type(value) is not wanted:
                raise LedgerError(f"the field {name} is not of the right type")
        entry = cls(**fields)
        if text != (line if isinstance(line, str) else line.decode()):
            raise LedgerError("the text is not in canonical form", cure="White space or the writing was changed.")
        return entry

    @property
    def line(self) -> str:
        """The canonical JSON of the entry, without a line end."""
        return canonical(asdict(self))

    def digest(self, **changed: Any) -> str:
        """Hash computed from the fields (with some of them replaced), to be compared with `hash`."""
        body = {**asdict(self), **changed}
        del body["hash"], body["signature"]
        return _sha256(canonical(body))

    def signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is that key's signature of `hash`."""
        return key.verifies(_entry_message(self.hash), self.signature)


@dataclass(frozen=True)
class Head:
    """A signed statement of how long a ledger is: the anchor of its tail."""

    ledger: str
    """Hash of the first entry: the name of the ledger."""
    count: int
    """Number of entries."""
    hash: str
    """Hash of the last entry."""
    key_id: str
    """Id of the signing key."""
    signature: str
    """Ed25519 signature of "voxproof.head/1:", ledger, count and hash, with colons between."""

    @classmethod
    def make(cls, key: SigningKey, ledger: str, last: Entry) -> Self:
        """Sign the head of a ledger that ends in `last`."""
        message = _head_message(ledger, last.sequence, last.hash)
        return cls(ledger, last.sequence, last.hash, key.key_id, key.sign(message))

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read a head; raises `LedgerError` unless it is one in canonical form."""
        try:
            fields = parse(text)
            same = canonical(fields).encode() == (text.encode() if isinstance(text, str) else text)
        except VoxproofError as error:
            raise LedgerError(error.cause) from None
        if not same or not isinstance(fields, dict) or set(fields) != set(cls.__dataclass_fields__):
            raise LedgerError("the text is not a head in canonical form")
        if any(type(value) is not (int if name == "count" else str) for name, value in fields.items()):
            raise LedgerError("a field is not of the right type")
        return cls(**fields)

    @property
    def text(self) -> str:
        """The canonical JSON of the head."""
        return canonical(asdict(self))

    def signed_by(self, key: PublicKey) -> bool:
        """Whether the signature is that key's."""
        return key.verifies(_head_message(self.ledger, self.count, self.hash), self.signature)


class Store(Protocol):
    """Where a ledger lives: a file (`synth.ledger_file`) or a database."""

    name: str
    """Name for messages."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Keep every other process out while an entry is made; may be nested; undone on an exception."""

    def lines(self) -> Iterator[bytes]:
        """Every line with its line end, in stored order, exactly as stored."""

    def last(self) -> bytes | None:
        """The last line without its line end, or None."""

    def head(self) -> bytes | None:
        """The stored head, or None."""

    def write(self, entry: Entry, head: Head) -> None:
        """Add the entry and replace the head, on the disk when it returns (or when `exclusive` ends)."""


class Ledger:
    """A ledger in a store; with a signing key it can be continued."""

    def __init__(
        self, store: Store, key: SigningKey | None = None, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.store = store
        self.key = key
        self.clock = clock

    def append(self, actor: str, action: str, payload: Mapping[str, Any] | None = None) -> Entry:
        """Add an entry; the first one's payload gets `public_key`, the key that the ledger starts with."""
        if self.key is None:
            raise LedgerError("an entry needs a signing key", path=self.store.name)
        for text in (actor, action):
            if not text.strip() or re.search(r"[\x00-\x1f\x7f]", text):
                raise LedgerError("actor and action must be texts without control characters")
        with self.store.exclusive():
            last, head = self._tail()
            payload = dict(payload or {})
            if last is None:
                payload["public_key"] = self.key.public.hex
            else:
                self._may_sign(last)
            entry = Entry.make(
                self.key,
                sequence=last.sequence + 1 if last else 1,
                time=self.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                actor=actor,
                action=action,
                payload=payload,
                previous=last.hash if last else GENESIS,
            )
            self.store.write(entry, Head.make(self.key, head.ledger if head else entry.hash, entry))
        return entry

    def authorise(self, actor: str, key: PublicKey) -> Entry:
        """Let a further key sign from here on."""
        return self.append(actor, AUTHORISED, {"key_id": key.key_id, "public_key": key.hex})

    def read(self) -> Iterator[Entry]:
        """The entries in order; raises `LedgerError` at a line that is none. Does not verify."""
        for number, line in enumerate(self.store.lines(), 1):
            try:
                yield Entry.parse(line.removesuffix(b"\n"))
            except LedgerError as error:
                raise LedgerError(f"line {number}: {error.cause}", path=self.store.name) from None

    def _linked(self) -> Iterator[Entry]:
        """The entries in order, each of which must follow the one before it; raises `LedgerError` otherwise."""
        before = GENESIS
        for number, entry in enumerate(self.read(), 1):
            if entry.sequence != number or not same_digest(entry.previous, before):
                cure = "Nothing was added. Verify the ledger to see what was changed."
                raise LedgerError(f"entry {number} does not follow the one before it", path=self.store.name, cure=cure)
            before = entry.digest()
            yield entry

    def head(self) -> Head | None:
        """The signed head, or None when the ledger is empty."""
        text = self.store.head()
        return None if text is None else Head.parse(text)

    def verify(self, *, trusted: Iterable[str] | None = None) -> Audit:
        """Check everything; see `synth.ledger_audit`."""
        from synth.ledger_audit import audit

        return audit(self.store.lines(), name=self.store.name, head=self.store.head(), trusted=trusted)

    def _tail(self) -> tuple[Entry | None, Head | None]:
        """Last entry and head, which must belong together."""
        line, text = self.store.last(), self.store.head()
        cure = "Nothing was added. Verify the ledger to see what was changed."
        try:
            last = None if line is None else Entry.parse(line)
            head = None if text is None else Head.parse(text)
        except LedgerError as error:
            raise LedgerError(
                f"the last entry or the head was changed ({error.cause})", path=self.store.name, cure=cure
            ) from None
        if last is None and head is None:
            return None, None
        # An interrupted append may leave the head one entry behind; every other difference is a change.
        fits = (
            last is not None
            and head is not None
            and (
                same_digest(head.hash, last.hash)
                if head.count == last.sequence
                else head.count == last.sequence - 1 and same_digest(head.hash, last.previous)
            )
        )
        if last is None or head is None or not fits or not same_digest(last.digest(), last.hash):
            raise LedgerError("the end of the log does not fit its head", path=self.store.name, cure=cure)
        return last, head

    def _may_sign(self, last: Entry) -> None:
        """The key must be one of the ledger's, and the last entry signed by one of them."""
        assert self.key is not None  # noqa: S101 - for the type checker
        if last.key_id == self.key.key_id and last.signed_by(self.key.public):
            return
        from synth.ledger_keys import introduced_keys

        keys = introduced_keys(self._linked())
        if self.key.key_id not in keys:
            cause = f"the key {self.key.key_id} is not one of this ledger's keys"
            raise LedgerError(cause, path=self.store.name, cure="A holder of one of its keys can authorise it.")
        if last.key_id not in keys or not last.signed_by(keys[last.key_id]):
            raise LedgerError(
                "the last entry is not signed by a key of this ledger",
                path=self.store.name,
                cure="Nothing was added. Verify the ledger to see what was changed.",
            )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def same_digest(a: str, b: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(a.encode(), b.encode())


def _entry_message(digest: str) -> bytes:
    return f"voxproof.ledger/1:{digest}".encode()


def _head_message(ledger: str, count: int, digest: str) -> bytes:
    return f"voxproof.head/1:{ledger}:{count}:{digest}".encode()
