"""The custody log in the database, with its twin in the case folder.

An entry and the index rows that follow from it are one transaction. When it is committed, the line goes to
`custody.jsonl` and the head is replaced. A process that dies in between leaves a log file that is a few lines short;
the next entry completes it from the database, and the log says so. Every other difference stops the case.
Processes keep each other out with the lock on the log file and with the database's own: SQLite's write lock,
PostgreSQL's lock on the row of the case.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from sqlalchemy import URL, Engine, func, select
from sqlalchemy.orm import Session

from forensics.case import layout
from forensics.case.models import CaseRow, EntryRow, ExhibitRow, RecordRow, database_errors, entry_line, entry_row
from synth.ledger import Entry, Head, LedgerError
from synth.ledger_file import FileStore


class CustodyStore:
    """A `synth.ledger.Store` of one case."""

    def __init__(self, engine: Engine, case_id: str, log: FileStore, url: URL) -> None:
        self.engine = engine
        self.case_id = case_id
        self.log = log
        self.url = url
        """Of the database; may hold a password."""
        self.name = "custody log"
        self.completed = 0
        """Lines that the log file lacked when the lock was taken, and that were put there."""
        self._session: Session | None = None
        self._guard = threading.RLock()
        self._written: list[tuple[bytes, bytes]] = []

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """One transaction; the log file follows when it is committed."""
        with self._guard:
            if self._session is not None:
                yield
                return
            with self.log.exclusive():
                self._written = []
                with database_errors(), Session(self.engine) as session, session.begin():
                    session.execute(select(CaseRow.id).where(CaseRow.id == self.case_id).with_for_update())
                    self._session = session
                    try:
                        self.completed = self._complete_log()
                        yield
                    finally:
                        self._session = None
                for line, head in self._written:
                    self.log.extend([line], head)

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """The session of the transaction under way, or one of its own."""
        if self._session is not None:
            yield self._session
            return
        with database_errors(), Session(self.engine) as session:
            yield session

    def lines(self) -> Iterator[bytes]:
        """Every entry, in order of its number."""
        return self._lines(0)

    def last(self) -> bytes | None:
        """The line of the last entry."""
        with self.reading() as session:
            highest = session.scalar(select(func.max(EntryRow.sequence)).where(EntryRow.case_id == self.case_id))
        if highest is None:
            return None
        return next(iter(self._lines(highest - 1))).removesuffix(b"\n")

    def head(self) -> bytes | None:
        """The head in the row of the case."""
        with self.reading() as session:
            text = session.scalar(select(CaseRow.head).where(CaseRow.id == self.case_id))
        return None if text is None else str(text).encode()

    def write(self, entry: Entry, head: Head) -> None:
        """Add the entry and its index rows to the transaction."""
        session = self._session
        if session is None:
            raise LedgerError("an entry is written inside of exclusive() only")
        if entry.action == layout.OPENED and entry.sequence == 1:
            told = layout.particulars(entry)
            columns = {name: told[name] for name in ("title", "requester", "question", "examiner")}
            session.add(CaseRow(id=self.case_id, head=head.text, **columns))
            session.flush()
        else:
            row = session.get_one(CaseRow, self.case_id)
            row.head = head.text
        session.add(EntryRow(case_id=self.case_id, **entry_row(entry)))
        session.add_all(ExhibitRow(case_id=self.case_id, **row) for row in layout.exhibit_rows(entry))
        session.add_all(RecordRow(case_id=self.case_id, **row) for row in layout.record_rows(entry))
        session.flush()
        self._written.append((entry.line.encode() + b"\n", head.text.encode()))

    def _lines(self, after: int) -> Iterator[bytes]:
        table = EntryRow.__table__
        where = (table.c.case_id == self.case_id, table.c.sequence > after)
        with self.reading() as session:
            rows = session.execute(select(table).where(*where).order_by(table.c.sequence)).mappings().all()
        return iter([entry_line(row) for row in rows])

    def _complete_log(self) -> int:
        """Put lines into the log file that the database has and the file lacks; refuse every other difference."""
        in_database, in_file = self.last(), self.log.last()
        if in_database == in_file:
            return 0
        cure = "Nothing was added. Run `voxproof case verify` to see what was changed."
        try:
            count = 0 if in_file is None else Entry.parse(in_file).sequence
            lines = list(self._lines(count - 1)) if count else list(self._lines(0))
            if in_file is not None and (not lines or lines.pop(0) != in_file + b"\n"):
                raise LedgerError("they differ")
        except LedgerError:
            raise LedgerError("the log file and the database disagree", path=self.log.path, cure=cure) from None
        head = self.head()
        if not lines or head is None:
            raise LedgerError("the log file and the database disagree", path=self.log.path, cure=cure)
        self.log.extend(lines, head)
        return len(lines)
