"""The export: the same case gives the same bytes; any byte changed in the archive is found; anybody can verify it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.case import Anchor, Case, verify
from forensics.case.export import SCRIPT, write_export
from forensics.case.keys import noted_head_path
from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.signing import SigningKey

MEMBERS = [
    "README.txt",
    "case.json",
    "custody.head",
    "custody.jsonl",
    "exhibits/E001.wav",
    "exhibits/E002.flac",
    "exhibits/E003.wav",
    "manifest.json",
    "records/R001.json",
    "records/R002.pdf",
    "records/R003.txt",
]


@pytest.fixture
def archive(folder: Path, tmp_path: Path) -> Path:
    Case.open(folder).export(tmp_path / "out.zip")
    return tmp_path / "out.zip"


def problems(path: Path) -> list[tuple[str, str, str | None]]:
    return [(item.where, item.kind, item.field) for item in verify(path).problems]


def repacked(archive: Path, change: dict[str, bytes | None]) -> None:
    """Write the archive again as `case export` lays it out, with other contents for some members."""
    from forensics.case.export import _write_zip

    with zipfile.ZipFile(archive) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    contents = {name: data for name, data in {**contents, **change}.items() if data is not None}
    with archive.open("wb") as stream:

        class Sink:
            write = staticmethod(stream.write)
            flush = staticmethod(stream.flush)

        _write_zip(Sink(), {name: len(data) for name, data in contents.items()}, lambda name: iter([contents[name]]))


def test_an_export_holds_everything_and_verifies(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        assert sorted(name for name in names if not name.startswith("keys/")) == MEMBERS
        assert names == sorted(names)
        for name in ("exhibits/E001.wav", "records/R002.pdf", "case.json"):
            assert opened.read(name) == (folder / name).read_bytes()
        assert {(m.date_time, m.compress_type) for m in opened.infolist()} == {((1980, 1, 1, 0, 0, 0), 0)}
    found = verify(archive)
    assert (found.ok, found.what, found.problems) == (True, "export", ())
    assert (found.entries, found.exhibits, found.records) == (7, 3, 3)
    assert found.notes == ("The case has grown since this export: 8 entries are noted on this computer, 7 are here.",)


def test_the_export_is_logged_afterwards(folder: Path, tmp_path: Path) -> None:
    case = Case.open(folder)
    made = case.export(tmp_path / "out.zip")
    last = case.entries()[-1]
    digest = hashlib.sha256((tmp_path / "out.zip").read_bytes()).hexdigest()
    assert made.sha256 == digest
    assert made.bytes == (tmp_path / "out.zip").stat().st_size
    assert (last.sequence, last.action) == (8, "case.exported")
    assert last.payload == {"name": "out.zip", "sha256": digest, "bytes": made.bytes}
    assert (made.count, made.head) == (7, last.previous)
    assert verify(folder).ok


def test_the_same_case_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    case = Case.open(folder)
    for name in ("a.zip", "b.zip"):
        write_export(folder, tmp_path / name, case.entries(), case.key)
        (folder / "exhibits/E001.wav").touch()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert case.export(tmp_path / "c.zip").sha256 == hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()


def test_other_tools_can_unpack_it_and_the_folder_verifies_too(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        opened.extractall(tmp_path / "unpacked")
    assert verify(tmp_path / "unpacked").problems == ()
    (tmp_path / "unpacked" / "exhibits" / "E002.flac").write_bytes(b"other")
    assert problems(tmp_path / "unpacked") == [("exhibit E002 (exhibits/E002.flac)", "changed", None)]


def test_the_script_of_the_readme_verifies_it_without_voxproof(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(tmp_path / "unpacked")
    readme = (tmp_path / "unpacked" / "README.txt").read_text()
    assert SCRIPT in readme
    script = "\n".join(line.removeprefix("    ") for line in SCRIPT.splitlines())
    command = [sys.executable, "-I", "-c", script]
    done = subprocess.run(command, cwd=tmp_path / "unpacked", capture_output=True, text=True, check=True)
    assert done.stdout.startswith("intact: 7 entries, head ")
    (tmp_path / "unpacked" / "records" / "R002.pdf").write_bytes(b"other")
    failed = subprocess.run(command, cwd=tmp_path / "unpacked", capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "AssertionError: records/R002.pdf" in failed.stderr


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_flipped_byte_of_the_archive_is_found(archive: Path, data: st.DataObject) -> None:
    whole = archive.read_bytes()
    # Half of the draws go to headers and directory, which are few bytes of the whole.
    with zipfile.ZipFile(archive) as opened:
        headers = [member.header_offset for member in opened.infolist()]
        directory = opened.start_dir
    position = data.draw(
        st.integers(0, len(whole) - 1)
        | st.integers(directory, len(whole) - 1)
        | st.builds(lambda start, offset: start + offset, st.sampled_from(headers), st.integers(0, 40))
    )
    flip = data.draw(st.integers(1, 255))
    archive.write_bytes(whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :])
    try:
        found = verify(archive)
    finally:
        archive.write_bytes(whole)
    assert not found.ok


@pytest.mark.parametrize("name", MEMBERS)
def test_a_changed_member_is_named(archive: Path, name: str) -> None:
    with zipfile.ZipFile(archive) as opened:
        data = bytearray(opened.read(name))
    data[len(data) // 2] ^= 1
    repacked(archive, {name: bytes(data)})
    found = problems(archive)
    assert found
    assert name in found[0][0]


@pytest.mark.parametrize("name", MEMBERS)
def test_a_removed_member_is_named(archive: Path, name: str) -> None:
    repacked(archive, {name: None})
    assert any(name in where and kind in ("missing", "malformed") for where, kind, _ in problems(archive))


def test_an_added_member_is_named(archive: Path) -> None:
    repacked(archive, {"exhibits/E009.wav": b"x", "virus.exe": b"y"})
    found = [(where, kind) for where, kind, _ in problems(archive)]
    assert ("exhibits/E009.wav", "extra") in found
    assert ("virus.exe", "extra") in found


@pytest.mark.parametrize("where", ["before", "after", "comment", "packed"])
def test_bytes_around_the_members_are_found(archive: Path, where: str) -> None:
    whole = archive.read_bytes()
    if where == "before":
        archive.write_bytes(b"#!/bin/sh\n" + whole)
    elif where == "after":
        archive.write_bytes(whole + b"\n")
    elif where == "comment":
        with zipfile.ZipFile(archive, "a") as opened:
            opened.comment = b"hello"
    else:
        with zipfile.ZipFile(archive) as opened:
            contents = {name: opened.read(name) for name in opened.namelist()}
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, data in contents.items():
                opened.writestr(name, data)
    assert problems(archive)


def test_a_duplicated_member_is_named(archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as opened, pytest.warns(UserWarning, match="Duplicate name"):
        opened.writestr("exhibits/E001.wav", b"another")
    assert ("exhibits/E001.wav", "duplicate", None) in problems(archive)


@pytest.mark.parametrize("field", ["schema", "tool", "case", "title", "head", "files", "key_id", "signature"])
def test_every_field_of_the_manifest_is_signed(archive: Path, field: str) -> None:
    with zipfile.ZipFile(archive) as opened:
        manifest = json.loads(opened.read("manifest.json"))
    changed = {"head": {"count": 1, "hash": "0" * 64}, "files": manifest["files"][1:]}.get(field, "0" * 32)
    repacked(archive, {"manifest.json": canonical({**manifest, field: changed}).encode() + b"\n"})
    found = problems(archive)
    assert ("manifest.json", "signature", None) in found
    if field == "files":
        assert ("README.txt", "extra", None) in found


def test_replaced_keys_do_not_help_the_forger(archive: Path) -> None:
    forger = SigningKey.generate()
    with zipfile.ZipFile(archive) as opened:
        (key,) = [name for name in opened.namelist() if name.startswith("keys/")]
    repacked(archive, {key: forger.public.pem})
    assert (key, "changed", None) in problems(archive)
    repacked(archive, {key: None, f"keys/{forger.key_id}.pem": forger.public.pem})
    found = problems(archive)
    assert (key, "missing", None) in found
    assert (f"keys/{forger.key_id}.pem", "extra", None) in found


def test_an_older_export_is_a_shorter_log_that_an_anchor_shows(folder: Path, archive: Path, tmp_path: Path) -> None:
    case = Case.open(folder)
    newer = case.export(tmp_path / "newer.zip")
    (found,) = verify(archive, anchor=Anchor(count=newer.count, hash=newer.head)).problems
    assert (found.where, found.kind) == ("the head given", "truncated")
    assert verify(tmp_path / "newer.zip", anchor=Anchor(count=newer.count, hash=newer.head)).ok
    noted_head_path(case.id).unlink()
    assert verify(archive).notes[0].startswith("No head of this case is noted")


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06" + b"\0" * 18, b"junk" * 100])
def test_what_is_no_export_is_a_named_problem(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(data)
    found = verify(path)
    assert not found.ok
    assert found.entries == 0


def test_a_case_that_does_not_verify_is_not_exported(folder: Path, tmp_path: Path) -> None:
    (folder / "exhibits/E001.wav").write_bytes(b"other")
    with pytest.raises(VoxproofError, match="does not verify: exhibit E001"):
        Case.open(folder).export(tmp_path / "out.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["case"]
    assert len(Case.open(folder).entries()) == 7


def test_an_export_lies_outside_of_the_case(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="must not lie in the case folder"):
        Case.open(folder).export(folder / "out.zip")
    with pytest.raises(VoxproofError, match="cannot be written"):
        Case.open(folder).export(tmp_path / "none" / "out.zip")
