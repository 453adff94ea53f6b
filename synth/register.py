"""The issuer's register: one ledger of challenges, consents, access tokens, issuances and refusals.

It is an append-only, hash-chained, signed log (`synth.ledger`, `synth.ledger_file`) in one file, by default
`register/register.jsonl` in the user's data folder; `--register` or VOXPROOF_REGISTER name another. It is signed with
the issuer's key, which is kept apart from it (VOXPROOF_ISSUER_KEY, or `~/.voxproof/issuer.pem`). Beside the key, the
head is noted with every entry, so that an older copy of the register, in which a consent is not yet revoked, is
refused on the computer that signed the newer one.

Whoever acts on the register reads all of it: the hashes are chained from the first line to the signed head, at some
microseconds a line, so that a line that was changed, taken out or put in stops every consent and every issuance.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.ledger import GENESIS, Entry, Head, Ledger, LedgerError, same_digest
from synth.ledger_audit import Audit
from synth.ledger_file import FileStore, replace_file
from synth.ledger_keys import introduced_key
from synth.places import actor_name, data_folder
from synth.signing import PublicKey, SigningKey

VARIABLE = "VOXPROOF_REGISTER"
KEY_VARIABLE = "VOXPROOF_ISSUER_KEY"
PASSPHRASE_VARIABLE = "VOXPROOF_ISSUER_PASSPHRASE"  # noqa: S105 - the variable's name
OPENED = "register.opened"
_FILE = "register.jsonl"
_CURE = "Nothing was done. `voxproof issuance verify` shows what was changed."
_LINKS = re.compile(
    rb'(?P<front>\{"action":"(?:[^"\\]|\\.)*","actor":"(?:[^"\\]|\\.)*"),"hash":"(?P<hash>[0-9a-f]{64})"(?P<middle>.*,'
    rb'"previous":"(?P<previous>[0-9a-f]{64})","sequence":(?P<sequence>[0-9]+))'
    rb',"signature":"[0-9a-f]{128}"(?P<end>,"time":"[^"\\]*"\})\n?',
    re.DOTALL,
)

Clock = Callable[[], datetime]


def now() -> datetime:
    """This computer's clock, UTC."""
    return datetime.now(UTC)


class Register:
    """An open register. Reading is for everybody who has the file; entries need the issuer's key."""

    def __init__(self, path: Path, key: SigningKey | None = None, *, clock: Clock = now) -> None:
        self.path = path
        self.key = key
        self.clock = clock
        self.store = FileStore(path)
        self._ledger = Ledger(self.store, key, clock=clock)
        self._checked: tuple[int, ...] = ()

    @classmethod
    def open(cls, path: str | Path | None = None, *, clock: Clock = now) -> Self:
        """The register at `path` (see `register_path`) to be read; an error if there is none."""
        found = register_path(path)
        if not found.exists():
            cure = (
                "`voxproof consent challenge` or `consent create` opens one; --register or VOXPROOF_REGISTER name it."
            )
            raise VoxproofError("there is no issuance register", path=found, cure=cure)
        return cls(found, clock=clock)

    @classmethod
    def continued(cls, path: str | Path | None = None, *, key: SigningKey | None = None, clock: Clock = now) -> Self:
        """The register to be written; opens a new one, and makes the issuer's key, where there is none."""
        found = register_path(path)
        key = key or _issuer_key(may_make=not found.exists())
        register = cls(found, key, clock=clock)
        if not found.exists() or not found.stat().st_size:
            try:
                found.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with contextlib.suppress(FileExistsError):
                    os.close(os.open(found, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            except OSError as error:
                cure = "Name another place with --register or VOXPROOF_REGISTER."
                raise VoxproofError(
                    f"no register can be made there ({error.strerror})", path=found, cure=cure
                ) from None
            with register.store.exclusive():
                if not found.stat().st_size:
                    register._append(actor_name(), OPENED, {"register_id": secrets.token_hex(8)})
        return register

    def append(self, action: str, payload: Mapping[str, Any], actor: str | None = None) -> Entry:
        """Add an entry."""
        with self.exclusive():
            return self._append(actor or actor_name(), action, payload)

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep every other process out between reading and writing; may be nested."""
        with self.store.exclusive():
            yield

    def entries(self, *actions: str, having: str = "") -> list[Entry]:
        """The entries with one of these actions (any without) and this member (see `member`) in their line.

        The whole chain is checked on the way; raises `LedgerError` if anything was changed.
        """
        starts, text = tuple(f'{{"action":{canonical(action)},'.encode() for action in actions), having.encode()
        found = [line for line in self._checked_lines() if (not starts or line.startswith(starts)) and text in line]
        return [Entry.parse(line.removesuffix(b"\n")) for line in found]

    def head(self) -> Head | None:
        """The signed head."""
        return self._ledger.head()

    def verify(self, trusted: Iterable[str] | None = None) -> Audit:
        """Check every hash, link and signature, and name what is wrong."""
        return self._ledger.verify(trusted=trusted)

    def noted_head(self) -> Head | None:
        """The head that was last noted beside the issuer's key on this computer."""
        head = self.head()
        path = None if head is None else _noted_head_path(head.ledger)
        return Head.parse(path.read_bytes()) if path is not None and path.exists() else None

    def _append(self, actor: str, action: str, payload: Mapping[str, Any]) -> Entry:
        head, noted = self.head(), self.noted_head()
        if head is not None and noted is not None and noted.count >= head.count and noted.hash != head.hash:
            why = f"the register ends at entry {head.count}, this computer has noted another entry {noted.count}"
            raise LedgerError(why, path=self.path, cure=_CURE)
        unchanged = self._state() == self._checked
        entry = self._ledger.append(actor, action, payload)
        self._checked = self._state() if unchanged else ()
        head = self.head()
        if head is not None:
            path = _noted_head_path(head.ledger)
            with contextlib.suppress(OSError):  # a note for later; the entry itself is safe
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                replace_file(path, head.text.encode(), 0o600)
        return entry

    def _checked_lines(self) -> Iterator[bytes]:
        """Every line, each linked to the one before by hash; at the end the last hash must be that of the head.

        A file that has not changed since this register checked it (nor been written to: its ctime) is not hashed again.
        """
        before, count, noted = GENESIS, 0, self.noted_head()
        head, first, last, state = self.head(), b"", b"", self._state()
        known = state == self._checked
        for count, line in enumerate(self.store.lines(), 1):
            first, last = first or line, line
            if not known:
                before = self._follows(line, before, count)
            if noted is not None and count == noted.count and not same_digest(line_links(line)[0][1], noted.hash):
                raise LedgerError(f"entry {count} is another than this computer noted", path=self.path, cure=_CURE)
            yield line
        before = line_links(last)[0][1] if known else before
        if head is None or not count:
            raise LedgerError("the register is empty or has no head", path=self.path, cure=_CURE)
        keys = self._keys(first)
        ends = same_digest(head.hash, before) and head.count == count
        if not ends:  # an append that was interrupted leaves the head one entry behind
            tail = Entry.parse(last.removesuffix(b"\n"))
            signed = tail.key_id in keys and tail.signed_by(keys[tail.key_id])
            ends = signed and head.count == count - 1 and same_digest(head.hash, tail.previous)
        if not ends or head.key_id not in keys or not head.signed_by(keys[head.key_id]):
            raise LedgerError("the end of the register does not fit its signed head", path=self.path, cure=_CURE)
        if noted is not None and noted.count > count:
            why = f"the register ends at entry {count}, this computer has noted another entry {noted.count}"
            raise LedgerError(why, path=self.path, cure=_CURE)
        if self.key is not None and self.key.key_id not in keys:
            why = f"the issuer's key {self.key.key_id} is not one of this register's"
            raise LedgerError(why, path=self.path, cure=f"Name the right key in {KEY_VARIABLE}.")
        self._checked = state

    def _follows(self, line: bytes, before: str, count: int) -> str:
        """The hash of a line, which must be that of its contents, and follow the hash `before`."""
        digest, previous, sequence = line_links(line)
        if sequence != count or not same_digest(previous, before) or not same_digest(digest[0], digest[1]):
            raise LedgerError(f"entry {count} is not as it was written", path=self.path, cure=_CURE)
        return digest[0]

    def _state(self) -> tuple[int, ...]:
        """What changes whenever the log is written to."""
        told = self.path.stat()
        return told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns

    def _keys(self, first: bytes) -> dict[str, PublicKey]:
        """The keys that may sign, by id: that of the first entry, and those that such a key has authorised."""
        keys: dict[str, PublicKey] = {}
        later = (line for line in self.store.lines() if line.startswith(b'{"action":"key.authorised",'))
        for line in (first, *later):
            entry = Entry.parse(line.removesuffix(b"\n"))
            introduced = introduced_key(entry, keys)
            if introduced is None:
                why = f"entry {entry.sequence} lets a key sign, and is not signed by one that may"
                raise LedgerError(why, path=self.path, cure=_CURE)
            keys[introduced.key_id] = introduced
        return keys


def register_path(path: str | Path | None = None) -> Path:
    """The register's file: as given, or VOXPROOF_REGISTER, or in the user's data folder; in a folder, its default."""
    named = path or os.environ.get(VARIABLE)
    found = Path(named) if named else data_folder() / "register" / _FILE
    return found / _FILE if found.is_dir() else found


def issuer_key_path() -> Path:
    """The issuer's key: VOXPROOF_ISSUER_KEY, or `issuer.pem` in the user's folder for Voxproof."""
    named = os.environ.get(KEY_VARIABLE)
    return Path(named) if named else Path.home() / ".voxproof" / "issuer.pem"


def member(name: str, value: str) -> str:
    """How a member with a text of plain letters and digits stands in canonical JSON, for `Register.entries`."""
    if not re.fullmatch(r"[A-Za-z0-9._-]+", value):
        raise VoxproofError(f"{value!r} is no id")
    return f'"{name}":"{value}"'


def line_links(line: bytes) -> tuple[tuple[str, str], str, int]:
    """Of a line of a log: (hash of the contents, hash stated), hash of the line before, number; without parsing it."""
    found = _LINKS.fullmatch(line)
    if found is None:
        return ("0" * 64, "f" * 64), GENESIS, 0
    body = found["front"] + found["middle"] + found["end"]
    computed = hashlib.sha256(body).hexdigest()
    return (computed, found["hash"].decode()), found["previous"].decode(), int(found["sequence"])


def _issuer_key(*, may_make: bool) -> SigningKey:
    """Read the issuer's key; make it if there is none and a new register is about to be opened."""
    path = issuer_key_path()
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) or None
    if not path.exists():
        if not may_make:
            cure = f"Name the key of this register in {KEY_VARIABLE}."
            raise VoxproofError("there is no issuer's key", path=path, cure=cure)
        try:
            SigningKey.generate().save(path, passphrase)
        except VoxproofError:
            if not path.exists():
                raise
    return SigningKey.load(path, passphrase)


def _noted_head_path(ledger: str) -> Path:
    return issuer_key_path().parent / "heads" / f"register-{ledger[:32]}.head"
