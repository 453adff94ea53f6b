"""What a case consists of: the files of its folder, and what each custody entry says about files and index rows.

    case.json            who, what, why: the first entry's particulars, for people and other programs
    case.sqlite          index and custody log (or a PostgreSQL database, by URL)
    custody.jsonl        the custody log again, one signed entry a line
    custody.head         signed count and last hash
    keys/<key id>.pem    public keys that may sign
    exhibits/E001.wav    originals as received, read-only
    records/R001.json    examinations and reports, read-only

The custody log is the truth. Every other thing follows from it, byte by byte, which is how `case verify` works.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from synth.canonical import canonical
from synth.ledger import Entry
from synth.ledger_keys import introduced_keys

SCHEMA = "voxproof.case/1"
CASE_FILE = "case.json"
DATABASE_FILE = "case.sqlite"
LOG_FILE = "custody.jsonl"
HEAD_FILE = "custody.head"
MANIFEST_FILE = "manifest.json"
README_FILE = "README.txt"

OPENED = "case.opened"
EXHIBIT_ADDED = "exhibit.added"
EXAMINED = "examination.recorded"
RECORD_ADDED = "record.added"
NOTE = "note"
EXPORTED = "case.exported"
COMPLETED = "log.completed"
PARTICULARS = ("schema", "id", "title", "requester", "question", "examiner", "database")
WORDS = {
    OPENED: "Case opened",
    EXHIBIT_ADDED: "Exhibit received",
    EXAMINED: "Examination recorded",
    RECORD_ADDED: "Record added",
    NOTE: "Note",
    EXPORTED: "Case exported",
    COMPLETED: "Log file completed from the database after an interruption",
    "key.authorised": "Signing key authorised",
}


@dataclass(frozen=True)
class StoredFile:
    """A file that the custody log vouches for."""

    name: str
    """Path in the case folder, with forward slashes."""
    sha256: str
    """Hash of its contents."""
    bytes: int
    """Its size."""
    label: str
    """What it is, for messages: "exhibit E001", "record R002"."""


def well_formed(entry: Entry) -> bool:
    """Whether an entry's payload has the fields and types that its action needs; a signature says nothing of that."""
    payload = entry.payload
    if (entry.action == OPENED) != (entry.sequence == 1):
        return False
    if entry.action == OPENED:
        texts = (payload.get(name) for name in PARTICULARS if name not in ("id", "title"))
        return all(_is(payload.get(name), str) for name in ("id", "title")) and all(_is(t, str, None) for t in texts)
    if entry.action == EXHIBIT_ADDED:
        facts = payload.get("facts")
        return (
            _is_file(payload)
            and all(_is(payload.get(name), str) for name in ("exhibit", "name", "working_copy_sha256"))
            and all(_is(payload.get(name), str, None) for name in ("stream_sha256", "reason"))
            and _is(facts, dict, None)
            and (facts is None or _is(facts.get("seconds"), int, float, None))
        )
    if entry.action in (EXAMINED, RECORD_ADDED):
        items = payload.get("files")
        return _is(payload.get("exhibit"), str, None) and isinstance(items, list) and all(map(_is_record, items))
    if entry.action == EXPORTED:
        return all(_is(payload.get(name), str) for name in ("name", "sha256"))
    return True


def _is(value: Any, *kinds: type | None) -> bool:
    return (value is None and None in kinds) or type(value) in kinds


def _is_file(item: Mapping[str, Any]) -> bool:
    return _is(item.get("file"), str) and _is(item.get("sha256"), str) and _is(item.get("bytes"), int)


def _is_record(item: Any) -> bool:
    return isinstance(item, dict) and _is_file(item) and all(_is(item.get(name), str) for name in ("record", "kind"))


def particulars(entry: Entry) -> dict[str, Any]:
    """The case's particulars out of its first entry."""
    return {name: entry.payload.get(name) for name in PARTICULARS}


def case_file(entry: Entry) -> bytes:
    """The contents of `case.json`, out of the first entry."""
    return canonical(particulars(entry)).encode() + b"\n"


def files(entries: Iterable[Entry]) -> list[StoredFile]:
    """Every file of the case that the entries vouch for, in the order in which they came."""
    entries = list(entries)
    found = []
    if entries and entries[0].action == OPENED:
        found.append(_text_file(CASE_FILE, case_file(entries[0]), "case file"))
    for key_id, key in introduced_keys(entries).items():
        found.append(_text_file(f"keys/{key_id}.pem", key.pem, "public key"))
    for entry in entries:
        for row in exhibit_rows(entry):
            found.append(StoredFile(row["file"], row["sha256"], row["bytes"], f"exhibit {row['id']}"))
        for row in record_rows(entry):
            found.append(StoredFile(row["file"], row["sha256"], row["bytes"], f"record {row['id']}"))
    return found


def exhibit_rows(entry: Entry) -> list[dict[str, Any]]:
    """The index rows of exhibits that an entry brings, without the case id."""
    if entry.action != EXHIBIT_ADDED:
        return []
    payload = entry.payload
    facts = payload["facts"]
    seconds = facts.get("seconds") if facts else None
    return [
        {
            "id": payload["exhibit"],
            "name": payload["name"],
            "file": payload["file"],
            "bytes": payload["bytes"],
            "sha256": payload["sha256"],
            "stream_sha256": payload["stream_sha256"],
            "seconds": None if seconds is None else float(seconds),
            "facts": None if facts is None else canonical(facts),
            "reason": payload["reason"],
            "entry": entry.sequence,
        }
    ]


def record_rows(entry: Entry) -> list[dict[str, Any]]:
    """The index rows of records that an entry brings, without the case id."""
    if entry.action not in (EXAMINED, RECORD_ADDED):
        return []
    return [
        {
            "id": item["record"],
            "kind": item["kind"],
            "file": item["file"],
            "bytes": item["bytes"],
            "sha256": item["sha256"],
            "exhibit": entry.payload["exhibit"],
            "entry": entry.sequence,
        }
        for item in entry.payload["files"]
    ]


def words(entry: Entry) -> str:
    """What an entry says, in one line for people."""
    payload: Mapping[str, Any] = entry.payload
    head = WORDS.get(entry.action, entry.action)
    if entry.action == OPENED:
        return f"{head}: {payload.get('title')}"
    if entry.action == EXHIBIT_ADDED:
        return f"{head}: {payload['exhibit']}, {payload['name']}, {payload['bytes']} bytes, SHA-256 {payload['sha256']}"
    if entry.action in (EXAMINED, RECORD_ADDED):
        listed = ", ".join(f"{item['record']} ({item['kind']})" for item in payload["files"])
        about = f" of {payload['exhibit']}" if payload["exhibit"] else ""
        return f"{head}{about}: {listed}"
    if entry.action == NOTE:
        return str(payload.get("text", ""))
    if entry.action == EXPORTED:
        return f"{head}: {payload['name']}, SHA-256 {payload['sha256']}"
    if entry.action == "key.authorised":
        return f"{head}: {payload.get('key_id')}"
    return head


def _text_file(name: str, data: bytes, label: str) -> StoredFile:
    return StoredFile(name, hashlib.sha256(data).hexdigest(), len(data), label)
