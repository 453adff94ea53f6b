"""Exhibits, records and exports as the custody log has them."""

from __future__ import annotations

from typing import Any

from forensics.case import layout
from forensics.records import Record
from synth.ledger import Entry


class ExhibitEntry(Record):
    """An exhibit as the custody log has it."""

    id: str
    """E001, E002, ... in order of receipt."""
    name: str
    """File name at receipt."""
    file: str
    """Path of the original in the case folder."""
    bytes: int
    """Size of the file."""
    sha256: str
    """SHA-256 of the file as it was read at receipt."""
    working_copy_sha256: str
    """SHA-256 of the copy in the case folder, read back from the disk; equal to `sha256`."""
    stream_sha256: str | None
    """SHA-256 of the decoded samples; None when the file cannot be decoded."""
    facts: dict[str, Any] | None
    """Container and stream facts (fields of `ExhibitFacts`); None when the file cannot be decoded."""
    reason: str | None
    """Why the file cannot be decoded; None when it can."""
    received: str
    """Time of the custody entry, UTC."""


class RecordFile(Record):
    """A stored record as the custody log has it."""

    record: str
    """R001, R002, ..."""
    kind: str
    """examination (machine twin), report (PDF), or the caller's own word."""
    file: str
    """Path in the case folder."""
    bytes: int
    sha256: str


class ExportedFile(Record):
    """An export that was written."""

    path: str
    sha256: str
    """Of the zip file."""
    bytes: int
    count: int
    """Custody entries in it."""
    head: str
    """Hash of the last of them."""


def is_receipt_of(entry: Entry, sha256: str) -> bool:
    """Whether the entry receives the exhibit with this file hash."""
    return entry.action == layout.EXHIBIT_ADDED and entry.payload["sha256"] == sha256


def exhibit_of(entry: Entry) -> ExhibitEntry:
    """The exhibit that an entry receives."""
    payload = entry.payload
    names = set(ExhibitEntry.model_fields) - {"id", "received"}
    return ExhibitEntry(id=payload["exhibit"], received=entry.time, **{name: payload[name] for name in names})
