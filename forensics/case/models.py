"""The tables of a case in SQLAlchemy's typed form, and the way to the database: SQLite by default, PostgreSQL by URL.

The index (cases, exhibits, records) repeats what the custody log (entries) says, so that it can be queried; nothing is
in it that the log does not sign. A PostgreSQL database holds many cases, an SQLite file one.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import BigInteger, Connection, Engine, ForeignKey, Text, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool

from synth.errors import VoxproofError
from synth.ledger import Entry


class Base(DeclarativeBase):
    """All tables; texts are unlimited."""

    type_annotation_map = {str: Text}  # noqa: RUF012 - SQLAlchemy's own form


class CaseRow(Base):
    """A case."""

    __tablename__ = "voxproof_cases"
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    requester: Mapped[str | None]
    question: Mapped[str | None]
    examiner: Mapped[str | None]
    head: Mapped[str]
    """Signed head of the custody log, canonical JSON."""


class ExhibitRow(Base):
    """An exhibit as received."""

    __tablename__ = "voxproof_exhibits"
    case_id: Mapped[str] = mapped_column(ForeignKey("voxproof_cases.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    """E001, E002, ..."""
    name: Mapped[str]
    """File name at receipt."""
    file: Mapped[str]
    """Path of the original in the case folder."""
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    """Of the file."""
    stream_sha256: Mapped[str | None]
    """Of the decoded stream."""
    seconds: Mapped[float | None]
    facts: Mapped[str | None]
    """Container and stream facts, canonical JSON; None when the file cannot be decoded."""
    reason: Mapped[str | None]
    """Why it cannot be decoded."""
    entry: Mapped[int]
    """Custody entry that brought it."""


class RecordRow(Base):
    """A stored record: machine twin, report or other file."""

    __tablename__ = "voxproof_records"
    case_id: Mapped[str] = mapped_column(ForeignKey("voxproof_cases.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    """R001, R002, ..."""
    kind: Mapped[str]
    """examination, report, or the caller's own word."""
    file: Mapped[str]
    bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str]
    exhibit: Mapped[str | None]
    """Exhibit that it is about."""
    entry: Mapped[int]


class EntryRow(Base):
    """A custody entry; columns as in `synth.ledger.Entry`."""

    __tablename__ = "voxproof_entries"
    case_id: Mapped[str] = mapped_column(ForeignKey("voxproof_cases.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    time: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    payload: Mapped[str]
    """Canonical JSON."""
    previous: Mapped[str]
    key_id: Mapped[str]
    hash: Mapped[str]
    signature: Mapped[str]


def entry_row(entry: Entry) -> dict[str, Any]:
    """The columns of an entry, without the case id."""
    from synth.canonical import canonical

    row = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    return {**row, "payload": canonical(entry.payload)}


def entry_line(row: Any) -> bytes:
    """The line of the log that a row stands for, made of the columns as they are, so that any change shows in it."""
    columns = []
    for name in sorted(Entry.__dataclass_fields__):
        value = row[name]
        verbatim = isinstance(value, str) if name == "payload" else type(value) is int
        written = str(value) if verbatim else json.dumps(str(value), ensure_ascii=False)
        columns.append(f'"{name}":{written}')
    return ("{" + ",".join(columns) + "}\n").encode("utf-8", "backslashreplace")


def database_url(text: str | URL) -> URL:
    """Read a database URL; `postgresql://` means psycopg 3."""
    try:
        url = make_url(text)
    except ArgumentError:
        cure = "Write it like postgresql://user@host/database or sqlite:////absolute/path.sqlite"
        raise VoxproofError("this is no database URL", cure=cure) from None
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise VoxproofError(f"databases of kind {url.get_backend_name()} are not supported", cure="Use PostgreSQL.")
    if url.get_backend_name() == "sqlite" and (url.database or ":memory:") == ":memory:":
        raise VoxproofError("a case cannot live in memory", cure="Name a file: sqlite:////absolute/path.sqlite")
    return url


def without_secrets(url: URL) -> str:
    """The URL as a case may store it: without a password."""
    kept = {name: value for name, value in url.query.items() if "password" not in name.lower()}
    # URL.set(password=None) would keep the password.
    bare = URL.create(url.drivername, url.username, None, url.host, url.port, url.database, kept)
    return bare.render_as_string(hide_password=False)


def connect(url: URL, mode: str) -> Engine:
    """An engine; `mode` is "rwc" to create the tables, "rw" to continue, "ro" to read only (SQLite files)."""
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        if mode != "rwc" and not path.exists():
            raise VoxproofError("the database of the case is missing", path=path)
        return _sqlite(path, mode)
    try:
        return create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (ModuleNotFoundError, NoSuchModuleError):
        cure = "Install it: pip install 'voxproof[postgresql]'"
        raise VoxproofError("the driver for PostgreSQL is not installed", cure=cure) from None


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Errors of the database as one line."""
    try:
        yield
    except SQLAlchemyError as error:
        raise VoxproofError(f"the database refused ({database_reason(error)})") from None


def database_reason(error: SQLAlchemyError) -> str:
    """The first line of what the database said."""
    said = str(error.orig if isinstance(error, DBAPIError) else error).strip() or type(error).__name__
    return said.splitlines()[0]


def _sqlite(path: Path, mode: str) -> Engine:
    def open_file() -> sqlite3.Connection:
        uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=60, isolation_level=None, check_same_thread=False)
        # Damaged text must be readable to be named.
        connection.text_factory = lambda data: data.decode("utf-8", "backslashreplace")
        connection.execute("PRAGMA synchronous = FULL") if mode != "ro" else None
        return connection

    engine = create_engine("sqlite://", creator=open_file, poolclass=NullPool, hide_parameters=True)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: two processes cannot both read the same last entry.
        connection.exec_driver_sql("BEGIN" if mode == "ro" else "BEGIN IMMEDIATE")

    return engine
