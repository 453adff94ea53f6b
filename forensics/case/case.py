"""A case: exhibits as received, records made of them, and the signed custody log of everything that was done."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from forensics.case import keys, layout
from forensics.case.descriptor import DATABASE_VARIABLE, case_database, read_particulars
from forensics.case.entries import ExhibitEntry, ExportedFile, RecordFile, exhibit_of, is_receipt_of
from forensics.case.intake import decode, draft_file, file_errors, readable, staged, suffix, write_through
from forensics.case.models import connect, database_url
from forensics.case.opening import prepare
from forensics.case.outcome import Verification
from forensics.case.store import CustodyStore
from forensics.exhibit import file_sha256
from forensics.records import Examination
from synth.audio import Limits
from synth.errors import VoxproofError
from synth.ledger import Entry, Head, Ledger
from synth.ledger_file import FileStore, replace_file
from synth.places import actor_name
from synth.signing import PublicKey, SigningKey

Clock = Callable[[], datetime]


class Case:
    """An open case folder. Every change is a signed custody entry; `forensics.case.verify` checks them all."""

    def __init__(
        self,
        folder: Path,
        particulars: Mapping[str, Any],
        store: CustodyStore,
        key: SigningKey | None,
        actor: str | None,
        clock: Clock,
    ) -> None:
        self.folder = folder
        self.id: str = particulars["id"]
        self.title: str = particulars["title"]
        self.requester: str | None = particulars["requester"]
        self.question: str | None = particulars["question"]
        self.examiner: str | None = particulars["examiner"]
        self.store = store
        self.actor = actor or actor_name()
        self._key = key
        self._clock = clock

    @classmethod
    def create(
        cls,
        folder: str | Path,
        title: str,
        *,
        requester: str | None = None,
        question: str | None = None,
        examiner: str | None = None,
        database: str | None = None,
        key: SigningKey | None = None,
        actor: str | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> Self:
        """Open a new case in an empty or new folder; `database` is a URL, by default an SQLite file in the folder."""
        folder = Path(folder)
        texts = {"title": title, "requester": requester, "question": question, "examiner": examiner}
        key, particulars, store = prepare(folder, texts, database, key)
        case = cls(folder, particulars, store, key, actor, clock)
        with case._changing():
            first = case._append(layout.OPENED, particulars)
            replace_file(folder / f"keys/{key.key_id}.pem", key.public.pem, 0o444)
            replace_file(folder / layout.CASE_FILE, layout.case_file(first), 0o444)
        return case

    @classmethod
    def open(
        cls,
        folder: str | Path,
        *,
        database: str | None = None,
        key: SigningKey | None = None,
        actor: str | None = None,
        clock: Clock = lambda: datetime.now(UTC),
    ) -> Self:
        """Open an existing case; `database` (or VOXPROOF_CASE_DB) replaces the URL stored in it."""
        folder = Path(folder)
        particulars = read_particulars(folder)
        url = database_url(database or os.environ.get(DATABASE_VARIABLE) or case_database(folder, particulars))
        store = CustodyStore(connect(url, "rw"), particulars["id"], FileStore(folder / layout.LOG_FILE), url)
        return cls(folder, particulars, store, key, actor, clock)

    @cached_property
    def key(self) -> SigningKey:
        """The custody key, read when it is first needed."""
        return self._key or keys.load_key()

    def add(self, path: str | Path, limits: Limits | None = None) -> ExhibitEntry:
        """Receive an exhibit: copy, hash, decode; a file that cannot be decoded is an exhibit too, with the reason."""
        path = Path(path)
        with staged(path, self.folder / "exhibits", "exhibit") as (draft, sha256, size):
            facts, stream_sha256, reason = decode(draft, sha256, limits)
            with self._changing():
                known = self.exhibit(sha256)
                if known is not None:
                    raise VoxproofError(f"the same bytes are in the case already, as {known.id}", path=path)
                number = f"E{len(self.exhibits()) + 1:03d}"
                file = f"exhibits/{number}{suffix(path)}"
                payload = {
                    "exhibit": number,
                    "name": readable(path.name),
                    "source": readable(str(path)),
                    "file": file,
                    "bytes": size,
                    "sha256": sha256,
                    "working_copy_sha256": file_sha256(draft),
                    "stream_sha256": stream_sha256,
                    "facts": facts,
                    "reason": reason,
                }
                self._keep([(draft, file)], layout.EXHIBIT_ADDED, payload)
        exhibit = self.exhibit(sha256)
        assert exhibit is not None  # noqa: S101 - it was just added
        return exhibit

    def note(self, text: str) -> Entry:
        """Add a note to the custody log."""
        if not text.strip():
            raise VoxproofError("a note needs a text")
        with self._changing():
            return self._append(layout.NOTE, {"text": readable(text)})

    def add_record(self, path: str | Path, *, kind: str, exhibit: str | None = None) -> RecordFile:
        """Keep a copy of a file that was made in the course of the case; `exhibit` is the id that it is about."""
        path = Path(path)
        if exhibit is not None and exhibit not in {item.id for item in self.exhibits()}:
            raise VoxproofError(f"there is no exhibit {exhibit} in the case", path=self.folder)
        with staged(path, self.folder / "records", "record") as (draft, sha256, size), self._changing():
            (item,) = self._record_files([(kind, suffix(path), sha256, size)])
            payload = {"exhibit": exhibit, "name": readable(path.name), "files": [item]}
            self._keep([(draft, item["file"])], layout.RECORD_ADDED, payload)
        return RecordFile(**item)

    def record_examination(
        self, examination: Examination, pdf: str | Path | None = None, limits: Limits | None = None
    ) -> Entry:
        """Keep the machine twin of an examination, and its report; receives the exhibit first if the case lacks it."""
        exhibit = self._exhibit_of(examination, limits)
        twin = examination.json_line(timing=False).encode() + b"\n"
        with contextlib.ExitStack() as stack:
            draft = stack.enter_context(draft_file(self.folder / "records", ".json"))
            with draft.open("xb") as stream:
                write_through(stream, twin)
            draft.chmod(0o444)
            drafts = [(draft, "examination", ".json", hashlib.sha256(twin).hexdigest(), len(twin))]
            if pdf is not None:
                copy = stack.enter_context(staged(Path(pdf), self.folder / "records", "report"))
                drafts.append((copy[0], "report", ".pdf", copy[1], copy[2]))
            stack.enter_context(self._changing())
            items = self._record_files([draft[1:] for draft in drafts])
            payload = {
                "exhibit": exhibit.id,
                "sha256": exhibit.sha256,
                "files": items,
                "verdict": examination.verdict.outcome,
                "words": examination.verdict.words,
                "integrity": examination.integrity.outcome,
                "tool": f"{examination.tool.name} {examination.tool.version}",
                "config_sha256": examination.tool.config_sha256,
            }
            kept = [(draft[0], item["file"]) for draft, item in zip(drafts, items, strict=True)]
            return self._keep(kept, layout.EXAMINED, payload)

    def authorise(self, key: PublicKey) -> Entry:
        """Let another examiner's key sign in this case from here on."""
        with self._changing():
            entry = self._ledger.authorise(self.actor, key)
            replace_file(self.folder / f"keys/{key.key_id}.pem", key.pem, 0o444)
            return entry

    def entries(self) -> tuple[Entry, ...]:
        """The custody log, oldest first, as the database has it; not verified."""
        entries = tuple(Ledger(self.store).read())
        cure = "Run `voxproof case verify` to see what was changed."
        for number, entry in enumerate(entries, 1):
            if entry.sequence != number or not layout.well_formed(entry):
                raise VoxproofError(f"entry {number} of the custody log was changed", path=self.folder, cure=cure)
        if not entries:
            raise VoxproofError("the database holds no custody log of this case", path=self.folder, cure=cure)
        return entries

    def head(self) -> Head:
        """Signed count and last hash of the custody log: what to write down elsewhere."""
        head = Ledger(self.store).head()
        if head is None:
            raise VoxproofError("the case has no row in its database", path=self.folder)
        return head

    def exhibits(self) -> tuple[ExhibitEntry, ...]:
        """The exhibits in order of receipt."""
        return tuple(exhibit_of(entry) for entry in self.entries() if entry.action == layout.EXHIBIT_ADDED)

    def exhibit(self, sha256: str) -> ExhibitEntry | None:
        """The exhibit with this file hash."""
        return next((exhibit for exhibit in self.exhibits() if exhibit.sha256 == sha256), None)

    def custody_entries(self, exhibit_sha256: str) -> tuple[Entry, ...]:
        """What the log says of one exhibit: the opening of the case, its receipt, everything recorded about it."""
        entries = self.entries()
        names = {e.payload["exhibit"] for e in entries if is_receipt_of(e, exhibit_sha256)}
        return tuple(e for e in entries if e.action == layout.OPENED or e.payload.get("exhibit") in names)

    def verify(self) -> Verification:
        """Check everything; see `forensics.case.verification`."""
        from forensics.case.verification import verify

        return verify(self.folder, database=self.store.url)

    def export(self, out: str | Path) -> ExportedFile:
        """Write the case into one zip file, after it was verified; the export is a custody entry made afterwards."""
        from forensics.case.export import write_export

        out = Path(out)
        if out.absolute().is_relative_to(self.folder.absolute()):
            raise VoxproofError("an export must not lie in the case folder", path=out, cure="Name another place.")
        with self._changing():
            pass  # Complete the log file first, if a crash left it short.
        with self._changing():
            found = self.verify()
            if not found.ok:
                cause = f"the case does not verify: {found.problems[0].where}: {found.problems[0].why}"
                raise VoxproofError(cause, path=self.folder, cure="See `voxproof case verify` for all of it.")
            entries = self.entries()
            sha256, size = write_export(self.folder, out, entries, self.key)
            self._append(layout.EXPORTED, {"name": readable(out.name), "sha256": sha256, "bytes": size})
        return ExportedFile(path=str(out), sha256=sha256, bytes=size, count=len(entries), head=entries[-1].hash)

    @property
    def _ledger(self) -> Ledger:
        return Ledger(self.store, self.key, clock=self._clock)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Keep others out; note the head beside the key when the change is made."""
        with file_errors(self.folder):
            with self.store.exclusive():
                before = self.store.head()
                if self.store.completed:
                    self._append(layout.COMPLETED, {"lines": self.store.completed})
                yield
                after = self.store.head()
            if after is not None and after != before:
                keys.note_head(self.id, after)

    def _append(self, action: str, payload: Mapping[str, Any]) -> Entry:
        return self._ledger.append(self.actor, action, payload)

    def _keep(self, drafts: Sequence[tuple[Path, str]], action: str, payload: Mapping[str, Any]) -> Entry:
        """Give drafts their final names and make the entry; take them away again if it fails."""
        kept = []
        try:
            for draft, name in drafts:
                final = self.folder / name
                if final.exists():
                    cure = "It was left by an interrupted command, or put there: move it away."
                    raise VoxproofError(
                        "a file that the custody log does not know is in the way", path=final, cure=cure
                    )
                draft.rename(final)
                kept.append(final)
            return self._append(action, payload)
        except BaseException:
            for final in kept:
                final.unlink(missing_ok=True)
            raise

    def _record_files(self, items: Sequence[tuple[str, str, str, int]]) -> list[dict[str, Any]]:
        """Number records that are about to be kept: (kind, suffix, sha256, bytes) each."""
        taken = sum(len(layout.record_rows(entry)) for entry in self.entries())
        return [
            {
                "record": f"R{number:03d}",
                "kind": kind,
                "file": f"records/R{number:03d}{suffix}",
                "bytes": size,
                "sha256": sha256,
            }
            for number, (kind, suffix, sha256, size) in enumerate(items, taken + 1)
        ]

    def _exhibit_of(self, examination: Examination, limits: Limits | None) -> ExhibitEntry:
        """The exhibit that was examined; received now, under the path that was examined, if the case lacks it."""
        path = Path(examination.exhibit.path)
        sha256 = examination.exhibit.sha256
        if sha256 is None:
            with file_errors(path):
                sha256 = file_sha256(path)
        known = self.exhibit(sha256)
        if known is not None:
            return known
        added = self.add(path, limits)
        if added.sha256 != sha256:
            raise VoxproofError("the file is another one than was examined", path=path)
        return added
