"""Verification of a case or of its export: every byte against the signed custody log, every difference named.

The log exists twice in a case: in the database and in `custody.jsonl`. Entries that are sound (hash, signature, chain)
in either are the truth; the damaged copy, the index rows and all files are compared with what they say. Then the ends:
the head in the database, the head in the folder, and the head noted beside the examiner's key. In an export the signed
manifest takes the place of the database, and the archive is compared with the one layout that `case export` writes.
Nothing is written while verifying.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL

from forensics.case import keys, layout
from forensics.case.descriptor import read_particulars
from forensics.case.differences import differences
from forensics.case.export import archive_matches
from forensics.case.holdings import Archive, Folder, Holding, digest, read_text
from forensics.case.manifest import manifest_problems
from forensics.case.models import entry_line, entry_row
from forensics.case.outcome import Anchor, CaseProblem, Verification
from forensics.case.rows import Rows, read_rows
from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.ledger import Entry, Head, LedgerError, Problem, same_digest
from synth.ledger_audit import Audit, audit, head_problems, stored_head_problems
from synth.signing import PublicKey


def verify(
    path: str | Path,
    *,
    database: str | URL | None = None,
    trusted: Iterable[str] | None = None,
    anchor: Anchor | None = None,
) -> Verification:
    """Verify a case folder, an exported zip file or its unpacked folder.

    `trusted`: ids of the only keys that may have opened the case. `anchor`: a head noted earlier, from a report, an
    export or the examiner; shows a log that was cut or replaced with everything that belongs to it.
    """
    path = Path(path)
    if not path.exists():
        raise VoxproofError("there is no such case or export", path=path)
    work = _Work(None if trusted is None else set(trusted), anchor)
    if path.is_dir() and not (path / layout.MANIFEST_FILE).exists():
        if not any((path / name).exists() for name in (layout.CASE_FILE, layout.LOG_FILE, layout.DATABASE_FILE)):
            raise VoxproofError("this is neither a case folder nor an export", path=path)
        return work.case(Folder(path), path, database)
    try:
        holding: Holding = Folder(path) if path.is_dir() else Archive(path)
    except VoxproofError as error:
        work.problem(path.name, "archive", error.cause)
        return work.result("export")
    return work.export(holding, None if path.is_dir() else path)


class _Work:
    """The checks of one verification and what they found."""

    def __init__(self, trusted: set[str] | None, anchor: Anchor | None) -> None:
        self.trusted = trusted
        self.anchor = anchor
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.truth: dict[int, Entry] = {}
        self.keys: Mapping[str, PublicKey] = {}

    def problem(self, where: str, kind: str, why: str, field: str | None = None) -> None:
        self.problems.append(Problem(where, kind, why, field))

    def case(self, holding: Folder, folder: Path, database: str | URL | None) -> Verification:
        """A case folder and its database."""
        names = holding.names()
        lines = self._lines(holding, names)
        told, case_id = self._told(folder, lines)
        rows, damaged = read_rows(folder, told, case_id, database)
        self.problems += damaged
        logs = {layout.LOG_FILE: lines}
        if rows is not None:
            logs["database"] = [entry_line(row) for row in rows["entry"]]
        self._establish(logs)
        if rows is not None:
            self._index(rows, case_id)
        head = self._text(holding, names, layout.HEAD_FILE)
        self._head(layout.HEAD_FILE, head)
        stored = None if rows is None else self._stored_head(rows, case_id)
        if stored is not None:
            self._head("database, head of the case", str(stored).encode("utf-8", "backslashreplace"))
        self._noted(case_id, snapshot=False)
        known = {layout.LOG_FILE, layout.HEAD_FILE, layout.DATABASE_FILE}
        self._files(holding, names, known)
        return self.result("case")

    def export(self, holding: Holding, archive: Path | None) -> Verification:
        """An export: its log, files, manifest, and the layout of the archive."""
        names = holding.names()
        self._establish({layout.LOG_FILE: self._lines(holding, names)})
        self._head(layout.HEAD_FILE, self._text(holding, names, layout.HEAD_FILE))
        if self.truth:
            self._noted(str(self.truth[min(self.truth)].payload.get("id")), snapshot=True)
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.problem(name, "duplicate", "the archive holds two members of this name")
        known = {layout.LOG_FILE, layout.HEAD_FILE, layout.MANIFEST_FILE, layout.README_FILE}
        hashes = self._files(holding, names, known)
        data = self._text(holding, names, layout.MANIFEST_FILE)
        if data is not None:
            last = self.truth[max(self.truth)] if self.truth else None
            self.problems += manifest_problems(
                data, holding, names, keys=self.keys, last=last, hashes=hashes, known=self.problems
            )
        if archive is not None and not self.problems and isinstance(holding, Archive):
            at = archive_matches(archive, holding)
            if at is not None:
                why = f"byte {at} lies outside of the members and is not what `case export` writes there"
                self.problem(archive.name, "archive", why)
        return self.result("export")

    def result(self, what: Literal["case", "export"]) -> Verification:
        first = self.truth.get(1)
        last = self.truth[max(self.truth)] if self.truth else None
        entries = self.truth.values()
        if self.anchor is not None and last is not None:
            noted = Head(first.hash if first else "", self.anchor.count, self.anchor.hash, "", "")
            self.problems += head_problems(noted, self.truth, "the head given", last.sequence)
        told = layout.particulars(first) if first else {}
        return Verification(
            ok=not self.problems,
            what=what,
            case=told.get("id"),
            title=told.get("title"),
            entries=len(self.truth),
            exhibits=sum(len(layout.exhibit_rows(entry)) for entry in entries),
            records=sum(len(layout.record_rows(entry)) for entry in entries),
            keys=tuple(self.keys),
            head=None if last is None else Anchor(count=last.sequence, hash=last.hash),
            problems=tuple(
                CaseProblem(where=item.where, kind=item.kind, field=item.field, entry=item.entry, why=item.why)
                for item in self.problems
            ),
            notes=tuple(self.notes),
        )

    def _lines(self, holding: Holding, names: list[str]) -> list[bytes]:
        data = self._text(holding, names, layout.LOG_FILE)
        return _split(data or b"")

    def _text(self, holding: Holding, names: list[str], name: str) -> bytes | None:
        """A small file; None, and a problem, when it is missing or cannot be read."""
        if name not in names:
            self.problem(name, "missing", "the file is missing")
            return None
        try:
            return read_text(holding, name)
        except VoxproofError as error:
            self.problem(name, "malformed", error.cause)
            return None

    def _told(self, folder: Path, lines: list[bytes]) -> tuple[dict[str, Any], str | None]:
        """Particulars out of the first entry, or out of case.json, to find the database."""
        try:
            told = layout.particulars(Entry.parse(lines[0].rstrip(b"\n")))
        except (IndexError, LedgerError):
            try:
                told = read_particulars(folder)
            except VoxproofError:
                return {}, None
        return told, told["id"] if isinstance(told["id"], str) else None

    def _establish(self, logs: Mapping[str, list[bytes]]) -> None:
        """Find the true log, and name what is wrong with each copy of it."""
        audits: dict[str, Audit] = {}
        for name, lines in logs.items():
            others = [key for done in audits.values() for key in done.keys.values()]
            audits[name] = audit(lines, name=name, keys=others)
        for name in reversed(list(audits)):
            self.truth |= audits[name].entries
            self.keys = {**audits[name].keys, **self.keys}
        self.truth = dict(sorted(self.truth.items()))
        for number, entry in list(self.truth.items()):
            if not layout.well_formed(entry):
                why = "it is signed, but its particulars are not of the form that a case has"
                self.problems.append(Problem(f"custody log, entry {number}", "malformed", why, "payload", number))
                del self.truth[number]
        whole = audit([entry.line.encode() + b"\n" for entry in self.truth.values()], name="log")
        broken = [item for item in whole.problems if item.kind != "head"]
        self.keys = {key_id: key for key_id, key in self.keys.items() if key_id in whole.keys} or self.keys
        first = self.truth.get(1)
        if self.trusted is not None and first is not None and first.key_id not in self.trusted:
            why = f"the case was opened with the key {first.key_id}, which is not a trusted one"
            self.problems.append(Problem("custody log, entry 1", "key", why, "key_id", 1))
        found = [item for done in audits.values() for item in done.problems if not item.where.startswith("head of ")]
        if not self.truth or broken:
            self.problems += dict.fromkeys(found)
            if not self.truth:
                self.problem("custody log", "missing", "no sound entry is left in any copy of the log")
            return
        wanted: dict[int | str, dict[str, Any]] = {
            n: row for n, entry in self.truth.items() if (row := _fields(entry.line)) is not None
        }
        named = differences(layout.LOG_FILE, "entry", wanted, [_fields(line) for line in logs[layout.LOG_FILE]])
        self.problems += named
        concerned = {item.entry for item in named}
        damaged = set.intersection(*({item.entry for item in done.problems} for done in audits.values()))
        for item in found:
            # What a comparison of fields cannot see: order, writing, and entries of which no sound copy is left.
            in_file = item.where.startswith(layout.LOG_FILE)
            unseen = in_file and item.kind in ("malformed", "truncated") and item.entry not in concerned
            lost = item.kind != "missing" and item.entry not in self.truth and item.entry in damaged
            if unseen or lost or (in_file and item.kind == "reordered"):
                self.problems.append(item)

    def _index(self, rows: Rows, case_id: str | None) -> None:
        """Every row of the database against the log."""
        entries = list(self.truth.values())
        expected: dict[str, dict[int | str, dict[str, Any]]] = {"case": {}, "exhibit": {}, "record": {}, "entry": {}}
        first = self.truth.get(1)
        if first is not None:
            told = layout.particulars(first)
            case_id = told["id"]
            head = self._stored_head(rows, case_id)  # As it is: the signature decides.
            columns = {name: told[name] for name in ("title", "requester", "question", "examiner")}
            expected["case"][str(case_id)] = {"id": case_id, **columns, "head": head}
        for entry in entries:
            expected["entry"][entry.sequence] = {"case_id": case_id, **entry_row(entry)}
            for row in layout.exhibit_rows(entry):
                expected["exhibit"][row["id"]] = {"case_id": case_id, **row}
            for row in layout.record_rows(entry):
                expected["record"][row["id"]] = {"case_id": case_id, **row}
        for noun, wanted in expected.items():
            self.problems += differences("database", noun, wanted, rows[noun])

    def _stored_head(self, rows: Rows, case_id: str | None) -> Any:
        """The head in the row of the case; in that of the only case, whatever its id."""
        found = [row for row in rows["case"] if row["id"] == case_id] or rows["case"][:1]
        return found[0]["head"] if found else None

    def _head(self, name: str, stored: bytes | None) -> None:
        """A signed head against the log."""
        if stored is None:
            return
        last = max(self.truth, default=0)
        self.problems += stored_head_problems(stored, name, self.truth, last, self.keys)

    def _noted(self, case_id: str | None, *, snapshot: bool) -> None:
        """The head noted beside the key of this computer."""
        path = keys.noted_head_path(case_id) if case_id and case_id.isalnum() else None
        try:
            noted = keys.noted_head(case_id) if path and case_id else None
        except (VoxproofError, OSError):
            self.problem(f"head noted beside the key ({path})", "head", "it cannot be read")
            return
        if noted is None:
            self.notes.append(
                "No head of this case is noted on this computer: a log that was cut or replaced together with its "
                "heads would not show here. Compare keys and head with what the examiner noted."
            )
            return
        last = max(self.truth, default=0)
        first = self.truth.get(1)
        if snapshot and noted.count > last and first is not None and same_digest(first.hash, noted.ledger):
            self.notes.append(
                f"The case has grown since this export: {noted.count} entries are noted on this computer, "
                f"{last} are here."
            )
        elif self.truth:
            self.problems += head_problems(noted, self.truth, "the head noted beside the key", last)

    def _files(self, holding: Holding, names: list[str], known: set[str]) -> dict[str, tuple[str, int]]:
        """Every file that the log vouches for, and files that it does not know; returns hashes by name."""
        hashes: dict[str, tuple[str, int]] = {}
        expected = {item.name: item for item in layout.files(self.truth.values())}
        for name, item in expected.items():
            where = name if item.label in ("case file", "public key") else f"{item.label} ({name})"
            if name not in names:
                self.problem(where, "missing", "the file is missing")
                continue
            try:
                hashes[name] = digest(holding, name)
            except VoxproofError as error:
                self.problem(where, "changed", error.cause)
                continue
            sha256, size = hashes[name]
            if not same_digest(sha256, item.sha256):
                told = f", {size} bytes for {item.bytes}" if size != item.bytes else ""
                self.problem(where, "changed", f"its SHA-256 is {sha256}; the custody log has {item.sha256}{told}")
        for name in names:
            if name in expected or name in known or name.startswith(layout.DATABASE_FILE + "-"):
                continue
            if name.split("/")[0] in ("exhibits", "records", "keys"):
                self.problem(name, "extra", "a file that the custody log does not know")
            elif isinstance(holding, Folder) and layout.MANIFEST_FILE not in names:
                self.notes.append(f"{name} is not part of the case")
            else:
                self.problem(name, "extra", "a file that does not belong to an export")
        return hashes


def _fields(line: bytes | str) -> dict[str, Any] | None:
    """The members of a line, as leniently as JSON allows; None when it cannot be read."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    payload = found.get("payload")
    try:
        return {**found, "payload": canonical(payload)}
    except VoxproofError:
        return {**found, "payload": repr(payload)}


def _split(data: bytes) -> list[bytes]:
    """Lines by line feed only."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
