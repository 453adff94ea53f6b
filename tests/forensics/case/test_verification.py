"""Any byte changed in an exhibit, record, key, log entry, head or database row is found and named."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from case_problems import problems
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.case import Anchor, Case, verify
from synth.errors import VoxproofError
from synth.signing import SigningKey

FILES = [
    "case.json",
    "custody.jsonl",
    "custody.head",
    "exhibits/E001.wav",
    "exhibits/E002.flac",
    "exhibits/E003.wav",
    "records/R001.json",
    "records/R002.pdf",
    "records/R003.txt",
]
TABLES = {
    "case": ("voxproof_cases", ["id", "title", "requester", "question", "examiner", "head"], 1),
    "exhibit": (
        "voxproof_exhibits",
        ["case_id", "id", "name", "file", "bytes", "sha256", "stream_sha256", "seconds", "facts", "reason", "entry"],
        3,
    ),
    "record": ("voxproof_records", ["case_id", "id", "kind", "file", "bytes", "sha256", "exhibit", "entry"], 3),
    "entry": (
        "voxproof_entries",
        ["case_id", "sequence", "time", "actor", "action", "payload", "previous", "key_id", "hash", "signature"],
        7,
    ),
}
NAMES = {
    "case": ["@"],
    "exhibit": ["E001", "E002", "E003"],
    "record": ["R001", "R002", "R003"],
    "entry": [str(number) for number in range(1, 8)],
}
COLUMNS = [
    (noun, row, column)
    for noun, (_, columns, count) in TABLES.items()
    for row, column in itertools.product(range(count), columns)
]


def test_an_intact_case_verifies(folder: Path) -> None:
    found = verify(folder)
    assert (found.ok, found.what, found.problems, found.notes) == (True, "case", (), ())
    assert (found.entries, found.exhibits, found.records) == (7, 3, 3)
    assert found.title == "The voice message"
    assert found.head == Anchor(count=7, hash=Case.open(folder).head().hash)


def test_verifying_changes_nothing(folder: Path) -> None:
    def state() -> dict[str, tuple[int, bytes]]:
        return {str(p): (p.stat().st_mtime_ns, p.read_bytes()) for p in folder.rglob("*") if p.is_file()}

    before = state()
    assert verify(folder).ok
    assert state() == before


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_byte_of_a_file_is_found_and_named(folder: Path, data: st.DataObject) -> None:
    names = [*FILES, next((folder / "keys").iterdir()).relative_to(folder).as_posix()]
    name = data.draw(st.sampled_from(names))
    whole = (folder / name).read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    (folder / name).write_bytes(whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :])
    try:
        found = problems(folder)
    finally:
        (folder / name).write_bytes(whole)
    if name == "custody.jsonl":
        number = whole[:position].count(b"\n") + 1
        assert f"custody.jsonl, entry {number}" in [where for where, _, _ in found]
    else:
        assert len(found) == 1
        assert name in found[0][0]


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("how", ["first", "middle", "last", "appended", "cut", "emptied", "removed", "link", "folder"])
def test_every_kind_of_change_to_a_file_is_named(folder: Path, tmp_path: Path, name: str, how: str) -> None:
    path = folder / name
    whole = bytearray(path.read_bytes())
    if how in ("first", "middle", "last"):
        whole[{"first": 0, "middle": len(whole) // 2, "last": -1}[how]] ^= 0x01
        path.write_bytes(whole)
    elif how == "appended":
        path.write_bytes(whole + b"\n")
    elif how == "cut":
        path.write_bytes(whole[:-1])
    elif how == "emptied":
        path.write_bytes(b"")
    else:
        path.rename(tmp_path / "aside")
        if how == "link":
            path.symlink_to(tmp_path / "aside")
        if how == "folder":
            path.mkdir()
    found = problems(folder)
    assert found
    assert all(name in where for where, _, _ in found), found


@pytest.mark.parametrize("name", ["exhibits/E004.wav", "records/x", "keys/other.pem", "exhibits/.incoming-1.wav"])
def test_files_that_the_log_does_not_know_are_named(folder: Path, name: str) -> None:
    (folder / name).touch()
    assert problems(folder) == [(name, "extra", None)]


def test_files_beside_the_case_are_only_noted(folder: Path) -> None:
    (folder / "letter.odt").touch()
    found = verify(folder)
    assert (found.ok, found.notes) == (True, ("letter.odt is not part of the case",))


@pytest.mark.parametrize(("noun", "row", "column"), COLUMNS)
def test_every_column_of_every_row_is_named(folder: Path, noun: str, row: int, column: str) -> None:
    table = TABLES[noun][0]
    with sqlite3.connect(folder / "case.sqlite") as database:
        (rowid,) = database.execute(f"SELECT rowid FROM {table} ORDER BY rowid").fetchall()[row]  # noqa: S608
        (value,) = database.execute(f"SELECT {column} FROM {table} WHERE rowid = {rowid}").fetchone()  # noqa: S608
        changed = (
            value + 100
            if isinstance(value, int | float)
            else f"{value or ''}x"
            if column == "id" or not value
            else _last_changed(value)
        )
        database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = {rowid}", (changed,))  # noqa: S608
    found = problems(folder)
    if column == "head":
        assert [(where, kind) for where, kind, _ in found] == [("database, head of the case", "head")]
        return
    name = NAMES[noun][row] if noun != "case" else str(verify(folder).case)
    assert found == [(f"database, {noun} {name}", "changed", column)]


def _last_changed(text: str) -> str:
    return text[:-1] + chr(ord(text[-1]) ^ 1)


@pytest.mark.parametrize("noun", TABLES)
def test_removed_and_added_rows_are_named(folder: Path, noun: str) -> None:
    table, columns, _ = TABLES[noun]
    with sqlite3.connect(folder / "case.sqlite") as database:
        row = dict(zip(columns, database.execute(f"SELECT {','.join(columns)} FROM {table}").fetchone(), strict=True))  # noqa: S608
        database.execute(f"DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table})")  # noqa: S608
    name = row["id"] if noun == "case" else NAMES[noun][0]
    assert (f"database, {noun} {name}", "missing", None) in problems(folder)
    with sqlite3.connect(folder / "case.sqlite") as database:
        strange = {**dict.fromkeys(columns, "strange"), "sequence": 77, "entry": 77, "bytes": 77}
        for values in (row, strange):
            marks = ",".join("?" for _ in columns)
            database.execute(f"INSERT INTO {table} VALUES ({marks})", [values[c] for c in columns])  # noqa: S608
    assert [(where, kind) for where, kind, _ in problems(folder) if "head" not in where] == [("database", "extra")]


@pytest.mark.parametrize("value", [None, b"\xff\xfe", b"blob", 3, 3.5, ""])
def test_values_of_another_type_are_named(folder: Path, value: object) -> None:
    with sqlite3.connect(folder / "case.sqlite") as database:
        database.execute("PRAGMA writable_schema = ON")
        database.execute("UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '')")
        database.execute("PRAGMA writable_schema = OFF")
    with sqlite3.connect(folder / "case.sqlite") as database:
        database.execute("UPDATE voxproof_entries SET actor = ? WHERE sequence = 3", (value,))
        database.execute("UPDATE voxproof_exhibits SET name = CAST(x'ff41' AS TEXT) WHERE id = 'E002'")
    assert problems(folder) == [
        ("database, exhibit E002", "changed", "name"),
        ("database, entry 3", "changed", "actor"),
    ]


@pytest.mark.parametrize("how", ["removed", "garbage", "empty", "cut", "text table dropped"])
def test_a_damaged_database_is_named(folder: Path, how: str) -> None:
    path = folder / "case.sqlite"
    whole = path.read_bytes()
    if how == "removed":
        path.unlink()
    elif how == "text table dropped":
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE voxproof_records")
    else:
        path.write_bytes({"garbage": b"\xaa" * 9000, "empty": b"", "cut": whole[: len(whole) // 2]}[how])
    found = verify(folder)
    assert found.problems[0].where == "database"
    assert found.entries == 7
    assert (found.exhibits, found.records) == (3, 3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, 1 << 30), flip=st.integers(1, 255))
def test_a_flipped_byte_in_the_database_file_never_ends_in_a_traceback(folder: Path, position: int, flip: int) -> None:
    path = folder / "case.sqlite"
    whole = bytearray(path.read_bytes())
    changed = bytearray(whole)
    changed[position % len(whole)] ^= flip
    path.write_bytes(changed)
    try:
        rows = all_rows(path)
        path.write_bytes(changed)
        found = verify(folder)
        path.write_bytes(whole)
        before = all_rows(path)
    finally:
        path.write_bytes(whole)
    # Bytes that no row is made of (free space, counters) may differ; rows may not.
    assert rows == before or not found.ok


def all_rows(path: Path) -> list[list[tuple[object, ...]]] | None:
    """Every row as it is stored; None when SQLite cannot read them."""
    with sqlite3.connect(path) as database:
        database.text_factory = bytes
        try:
            queries = [f"SELECT * FROM {table} ORDER BY 1, 2" for table, _, _ in TABLES.values()]  # noqa: S608
            return [database.execute(query).fetchall() for query in queries]
        except sqlite3.DatabaseError:
            return None


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (swapped, [("custody.jsonl, entry 3", "reordered")]),
        (lambda lines: lines[:2] + lines[3:], [("custody.jsonl, entry 3", "missing")]),
        (lambda lines: lines[1:], [("custody.jsonl, entry 1", "missing")]),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], [("custody.jsonl, entry 3", "duplicate")]),
        (lambda lines: lines[:-1], [("custody.jsonl, entry 7", "missing")]),
        (lambda lines: [*lines, b"\n"], [("custody.jsonl, entry 8", "malformed")]),
        (lambda lines: [*lines, b"{}\n"], [("custody.jsonl", "extra"), ("custody.jsonl, entry 8", "malformed")]),
        (lambda lines: [lines[0].replace(b":", b": ", 1), *lines[1:]], [("custody.jsonl, entry 1", "malformed")]),
    ],
)
def test_entries_moved_in_the_log_file_are_named(
    folder: Path, change: Callable[[list[bytes]], list[bytes]], expected: list[tuple[str, str]]
) -> None:
    log = folder / "custody.jsonl"
    log.write_bytes(b"".join(change(log.read_bytes().splitlines(keepends=True))))
    assert [(where, kind) for where, kind, _ in problems(folder)] == expected


def test_an_emptied_database_is_said(folder: Path) -> None:
    with sqlite3.connect(folder / "case.sqlite") as database:
        database.execute("DELETE FROM voxproof_entries")
    with pytest.raises(VoxproofError, match="holds no custody log"):
        Case.open(folder).entries()
    assert [where for where, kind, _ in problems(folder) if kind == "missing"] == [
        f"database, entry {number}" for number in range(1, 8)
    ]


def test_a_replaced_public_key_file_is_named(folder: Path) -> None:
    (path,) = (folder / "keys").iterdir()
    path.write_bytes(SigningKey.generate().public.pem)
    assert problems(folder) == [(f"keys/{path.name}", "changed", None)]


def test_exhibits_swapped_are_both_named(folder: Path) -> None:
    one, two = folder / "exhibits/E001.wav", folder / "exhibits/E003.wav"
    data = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(data)
    assert [where for where, _, _ in problems(folder)] == [
        "exhibit E001 (exhibits/E001.wav)",
        "exhibit E003 (exhibits/E003.wav)",
    ]


def test_what_is_no_case_is_said(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="neither a case folder nor an export"):
        verify(tmp_path)
    with pytest.raises(VoxproofError, match="no such case"):
        verify(tmp_path / "none")


def test_a_case_of_which_only_wreckage_is_left(folder: Path) -> None:
    for name in ("case.json", "custody.jsonl", "custody.head"):
        (folder / name).write_bytes(b"\x00\xff")
    (folder / "case.sqlite").write_bytes(b"\x00")
    shutil.rmtree(folder / "keys")
    found = verify(folder)
    assert not found.ok
    assert found.entries == 0
    assert "custody log" in [item.where for item in found.problems]
