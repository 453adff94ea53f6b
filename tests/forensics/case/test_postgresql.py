"""A case in PostgreSQL: a real server, started for the test; skipped, with the reason, where there is none."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from forensics.case import Case, verify
from forensics.case.models import database_url, without_secrets
from synth.errors import VoxproofError

NAMES = ["E001", "E002", "E003"]


def binaries() -> Path | None:
    """Folder of initdb and pg_ctl: on the path, or where Debian puts them."""
    found = shutil.which("pg_ctl")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a server of our own, on a socket in a private folder, without TCP."""
    pytest.importorskip("psycopg", reason="PostgreSQL is not tested: the driver psycopg is not installed")
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not tested: initdb and pg_ctl were not found")
    user = "postgres" if os.geteuid() == 0 else None  # The server refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="vp-pg-"))
    try:
        if user is not None:
            try:
                shutil.chown(folder, user)
            except LookupError:
                pytest.skip("PostgreSQL is not tested: the server refuses to run as root, and has no user postgres")
        data = folder / "data"

        def run(*command: str | Path) -> None:
            subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=120)

        run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run(programs / "pg_ctl", "-D", data, "-l", folder / "log", "-o", options, "-w", "start")
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def case(server: str, tmp_path: Path, sounds: Path, filled: Callable[[Case, Path], None]) -> Case:
    made = Case.create(tmp_path / "case", "The voice message", database=server, question="Машина? 机器?")
    filled(made, sounds)
    return made


def execute(server: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(server) as db:
        for statement in statements:
            db.execute(statement)


def test_a_case_lives_in_postgresql(case: Case, server: str) -> None:
    assert not (case.folder / "case.sqlite").exists()
    found = verify(case.folder)
    assert found.problems == ()
    assert (found.entries, found.exhibits, found.records) == (7, 3, 3)
    opened = Case.open(case.folder)
    assert [exhibit.id for exhibit in opened.exhibits()] == NAMES
    assert opened.question == "Машина? 机器?"
    assert (case.folder / "custody.jsonl").read_text() == "".join(entry.line + "\n" for entry in opened.entries())


def test_two_cases_share_a_database(case: Case, server: str, tmp_path: Path, sounds: Path) -> None:
    other = Case.create(tmp_path / "other", "Another", database=server)
    other.add(sounds / "tone.wav")
    assert verify(case.folder).problems == ()
    assert verify(other.folder).problems == ()
    assert len(other.entries()) == 2


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("UPDATE voxproof_entries SET actor = 'Eve' WHERE sequence = 3", "entry 3 changed actor"),
        ("UPDATE voxproof_entries SET payload = payload || ' ' WHERE sequence = 5", "entry 5 changed payload"),
        ("UPDATE voxproof_entries SET signature = reverse(signature) WHERE sequence = 7", "entry 7 changed signature"),
        ("DELETE FROM voxproof_entries WHERE sequence = 4", "entry 4 missing None"),
        ("DELETE FROM voxproof_entries WHERE sequence = 7", "entry 7 missing None"),
        ("UPDATE voxproof_entries SET sequence = 99 WHERE sequence = 2", "entry 2 changed sequence"),
        ("UPDATE voxproof_exhibits SET bytes = bytes + 1 WHERE id = 'E002'", "exhibit E002 changed bytes"),
        ("UPDATE voxproof_exhibits SET seconds = seconds + 1e-12 WHERE id = 'E001'", "exhibit E001 changed seconds"),
        ("DELETE FROM voxproof_records WHERE id = 'R002'", "record R002 missing None"),
        ("UPDATE voxproof_cases SET title = 'x'", "case {id} changed title"),
        ("UPDATE voxproof_cases SET head = replace(head, '7', '6')", "head of the case head None"),
    ],
)
def test_changed_rows_are_named(case: Case, server: str, statement: str, expected: str) -> None:
    scope = "id" if "voxproof_cases" in statement else "case_id"
    joint = " AND " if "WHERE" in statement else " WHERE "
    execute(server, f"{statement}{joint}{scope} = '{case.id}'")
    found = [f"{item.where} {item.kind} {item.field}" for item in verify(case.folder).problems]
    assert found == ["database, " + expected.format(id=case.id)]


def note_many(folder: Path, name: str, count: int) -> None:
    opened = Case.open(folder, actor=name)
    for number in range(count):
        opened.note(f"{number}")


def test_two_processes_write_one_chain(case: Case) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=note_many, args=(case.folder, f"worker {n}", 6)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(case.entries()) == 7 + 12
    assert verify(case.folder).problems == ()


def test_an_export_needs_no_database(case: Case, server: str, tmp_path: Path) -> None:
    case.export(tmp_path / "out.zip")
    assert verify(tmp_path / "out.zip").problems == ()


def test_a_server_that_cannot_be_reached_is_no_verdict(case: Case, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="database of the case cannot be read"):
        verify(case.folder, database=f"postgresql://postgres@/postgres?host={tmp_path}")


def test_passwords_are_never_stored() -> None:
    url = database_url("postgresql://ada:s3cret@host:5433/cases?sslpassword=s3cret&sslmode=require")
    assert without_secrets(url) == "postgresql+psycopg://ada@host:5433/cases?sslmode=require"
