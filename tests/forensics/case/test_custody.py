"""A case from opening to the last entry: what is stored, what is refused, who may sign."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from forensics.case import Anchor, Case, verify
from forensics.case.keys import make_key, noted_head
from forensics.records import Examination
from synth.errors import VoxproofError
from synth.ledger import LedgerError
from synth.signing import SigningKey

Record = Callable[[Path, str | None], Examination]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_log_tells_everything_that_was_done(folder: Path, sounds: Path) -> None:
    case = Case.open(folder)
    entries = case.entries()
    assert [entry.action for entry in entries] == [
        "case.opened",
        "exhibit.added",
        "exhibit.added",
        "exhibit.added",
        "examination.recorded",
        "record.added",
        "note",
    ]
    assert {entry.actor for entry in entries} == {"Ada Example"}
    assert entries[0].time == "2026-03-01T09:00:00.000000Z"
    assert (case.title, case.requester, case.examiner) == ("The voice message", "District court", "Ada Example")
    assert entries[4].payload["verdict"] == "could_not_test"
    assert [item["file"] for item in entries[4].payload["files"]] == ["records/R001.json", "records/R002.pdf"]
    assert (folder / "custody.jsonl").read_text().splitlines() == [entry.line for entry in entries]
    assert case.head().text == (folder / "custody.head").read_text()
    assert noted_head(case.id) == case.head()


def test_exhibits_are_the_bytes_received_with_hashes_and_facts(folder: Path, sounds: Path) -> None:
    tone, stereo, broken = Case.open(folder).exhibits()
    assert (tone.id, tone.name, tone.file) == ("E001", "tone.wav", "exhibits/E001.wav")
    assert (folder / "exhibits/E001.wav").read_bytes() == (sounds / "tone.wav").read_bytes()
    assert tone.sha256 == tone.working_copy_sha256 == sha256(sounds / "tone.wav")
    assert tone.bytes == (sounds / "tone.wav").stat().st_size == 16044
    assert tone.facts is not None
    assert (tone.facts["container"], tone.facts["codec"], tone.facts["sample_rate"]) == ("wav", "pcm_s16le", 16000)
    assert tone.facts["seconds"] == 0.5
    # The stream is the samples: 16 bit, little endian, behind the 44 bytes of header.
    assert tone.stream_sha256 == hashlib.sha256((sounds / "tone.wav").read_bytes()[44:]).hexdigest()
    assert stereo.facts is not None
    assert (stereo.facts["container"], stereo.facts["channels"], stereo.facts["lossless"]) == ("flac", 2, True)
    assert (broken.facts, broken.stream_sha256) == (None, None)
    assert broken.reason


def test_originals_are_read_only(original: tuple[Path, Path]) -> None:
    for name in ("exhibits/E001.wav", "records/R001.json", "records/R002.pdf", "case.json"):
        assert (original[0] / name).stat().st_mode & 0o777 == 0o444


def test_the_index_can_be_queried(folder: Path) -> None:
    with sqlite3.connect(folder / "case.sqlite") as database:
        rows = database.execute("SELECT id, name, seconds, entry FROM voxproof_exhibits ORDER BY id").fetchall()
        kinds = database.execute("SELECT id, kind, exhibit, entry FROM voxproof_records ORDER BY id").fetchall()
    assert rows == [("E001", "tone.wav", 0.5, 2), ("E002", "stereo.flac", 0.5, 3), ("E003", "broken.wav", None, 4)]
    assert kinds == [
        ("R001", "examination", "E001", 5),
        ("R002", "report", "E001", 5),
        ("R003", "letter", "E002", 6),
    ]


def test_the_custody_of_one_exhibit(folder: Path) -> None:
    case = Case.open(folder)
    tone, stereo, broken = case.exhibits()
    assert [entry.sequence for entry in case.custody_entries(tone.sha256)] == [1, 2, 5]
    assert [entry.sequence for entry in case.custody_entries(stereo.sha256)] == [1, 3, 6]
    assert [entry.sequence for entry in case.custody_entries(broken.sha256)] == [1, 4]
    assert [entry.sequence for entry in case.custody_entries("0" * 64)] == [1]


def test_the_twin_is_kept_without_its_cost(folder: Path) -> None:
    twin = json.loads((folder / "records/R001.json").read_text())
    assert twin["schema"] == "voxproof.examination/1"
    assert "timing" not in twin


def test_an_examined_clip_that_is_no_exhibit_yet_is_received_first(
    folder: Path, sounds: Path, tmp_path: Path, record: Record
) -> None:
    clip = tmp_path / "new clip.wav"
    clip.write_bytes((sounds / "tone.wav").read_bytes() + b"LIST")
    case = Case.open(folder)
    entry = case.record_examination(record(clip, sha256(clip)))
    assert [(item.sequence, item.action) for item in case.entries()[7:]] == [
        (8, "exhibit.added"),
        (9, "examination.recorded"),
    ]
    assert entry.payload["exhibit"] == "E004"
    # Again, and without a hash (a clip that could not be decoded): the same exhibit.
    assert case.record_examination(record(clip, None)).payload["exhibit"] == "E004"
    assert len(case.exhibits()) == 4
    clip.write_bytes(b"another")
    with pytest.raises(VoxproofError, match="another one than was examined"):
        case.record_examination(record(clip, "1" * 64))
    with pytest.raises(VoxproofError, match="No such file"):
        case.record_examination(record(tmp_path / "gone.wav", None))


def test_the_same_bytes_are_not_received_twice(folder: Path, sounds: Path) -> None:
    before = (folder / "custody.jsonl").read_bytes()
    with pytest.raises(VoxproofError, match="in the case already, as E001"):
        Case.open(folder).add(sounds / "tone.wav")
    assert (folder / "custody.jsonl").read_bytes() == before
    assert sorted(path.name for path in (folder / "exhibits").iterdir()) == ["E001.wav", "E002.flac", "E003.wav"]
    assert verify(folder).ok


def test_only_regular_files_are_received(folder: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    case = Case.open(folder)
    for name, why in (("pipe.wav", "not a regular file"), ("none.wav", "No such file"), ("", "not a regular file")):
        with pytest.raises(VoxproofError, match=why):
            case.add(tmp_path / name)
    assert len(case.entries()) == 7


@pytest.mark.parametrize(
    "name",
    ["聲音 recording.wav", "a'b\"c;DROP TABLE.wav", "x" * 200 + ".wav", "-rf.wav", "new\nline.wav", "b\udcff.wav"],
)
def test_any_file_name_is_kept_as_a_name_only(folder: Path, sounds: Path, tmp_path: Path, name: str) -> None:
    clip = tmp_path / name
    clip.write_bytes((sounds / "tone.wav").read_bytes() + b"\0")
    exhibit = Case.open(folder).add(clip)
    assert exhibit.file == "exhibits/E004.wav"
    assert exhibit.name == name.replace("\udcff", "\\xff")
    assert verify(folder).problems == ()


def test_a_case_needs_a_folder_of_its_own_and_texts_that_can_be_read(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="there is a case in this folder"):
        Case.create(folder, "Again")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    with pytest.raises(VoxproofError, match="folder of its own"):
        Case.create(tmp_path / "full", "Title")
    for title in ("", "  ", "a\x00b", "a\x1b[31m"):
        with pytest.raises(VoxproofError, match="readable texts"):
            Case.create(tmp_path / "new", title)
    with pytest.raises(VoxproofError, match="not a case folder"):
        Case.open(tmp_path)


def test_the_key_stays_out_of_the_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "case" / "custody.pem"))
    with pytest.raises(VoxproofError, match="must not lie in the case folder"):
        Case.create(tmp_path / "case", "Title")
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "none.pem"))
    with pytest.raises(VoxproofError, match="there is no custody key"):
        Case.create(tmp_path / "case", "Title")
    assert not (tmp_path / "case").exists()


def test_nothing_of_the_key_is_in_the_case(folder: Path, custody_key: Path) -> None:
    secret = custody_key.read_text().splitlines()[1].encode()
    assert not [path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()]


def test_a_key_with_a_passphrase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "k" / "custody.pem"))
    monkeypatch.setenv("VOXPROOF_CUSTODY_PASSPHRASE", "correct horse")
    assert make_key() is True
    assert make_key() is False
    Case.create(tmp_path / "case", "Title").note("signed")
    monkeypatch.delenv("VOXPROOF_CUSTODY_PASSPHRASE")
    assert verify(tmp_path / "case").ok
    with pytest.raises(VoxproofError, match="needs a passphrase"):
        Case.open(tmp_path / "case").note("not signed")


def test_another_examiner_signs_after_being_authorised(folder: Path) -> None:
    other = SigningKey.generate()
    with pytest.raises(LedgerError, match="not one of this ledger's keys"):
        Case.open(folder, key=other, actor="Bob").note("mine")
    Case.open(folder).authorise(other.public)
    Case.open(folder, key=other, actor="Bob").note("mine")
    found = verify(folder)
    assert found.problems == ()
    assert len(found.keys) == 2
    assert (folder / f"keys/{other.key_id}.pem").read_bytes() == other.public.pem


def test_a_log_file_that_a_crash_left_short_is_completed_and_that_is_logged(folder: Path) -> None:
    head = (folder / "custody.head").read_bytes()
    Case.open(folder).note("power cut")
    whole = (folder / "custody.jsonl").read_bytes()
    lines = whole.splitlines(keepends=True)
    (folder / "custody.jsonl").write_bytes(b"".join(lines[:7]) + lines[7][:50])
    (folder / "custody.head").write_bytes(head)
    found = verify(folder)
    assert [(item.where, item.kind) for item in found.problems] == [
        ("custody.jsonl, entry 8", "malformed"),
        ("custody.head", "head"),
    ]
    Case.open(folder).note("going on")
    assert [entry.action for entry in Case.open(folder).entries()[7:]] == ["note", "log.completed", "note"]
    assert (folder / "custody.jsonl").read_bytes().startswith(whole)
    found = verify(folder)
    assert found.problems == ()
    assert found.notes == ("custody.torn is not part of the case",)


def test_a_case_whose_copies_disagree_is_not_continued(folder: Path) -> None:
    log = folder / "custody.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole.replace(b"seal intact", b"seal broken"))
    with pytest.raises(LedgerError, match="log file and the database disagree"):
        Case.open(folder).note("more")
    log.write_bytes(whole)
    with sqlite3.connect(folder / "case.sqlite") as database:
        database.execute("DELETE FROM voxproof_entries WHERE sequence = 7")
    with pytest.raises(LedgerError, match="disagree"):
        Case.open(folder).note("more")
    assert log.read_bytes() == whole


def test_a_failed_entry_leaves_no_file_behind(folder: Path, sounds: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    clip.write_bytes((sounds / "tone.wav").read_bytes() + b"x")
    with pytest.raises(LedgerError, match="not one of this ledger's keys"):
        Case.open(folder, key=SigningKey.generate()).add(clip)
    assert verify(folder).problems == ()
    (folder / "exhibits/E004.wav").write_bytes(b"left by a crash")
    with pytest.raises(VoxproofError, match="does not know is in the way"):
        Case.open(folder).add(clip)
    assert (folder / "exhibits/E004.wav").read_bytes() == b"left by a crash"


def note_many(folder: Path, name: str, count: int) -> None:
    case = Case.open(folder, actor=name)
    for number in range(count):
        case.note(f"{number}")


def test_two_processes_write_one_chain(folder: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=note_many, args=(folder, f"worker {n}", 8)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    entries = Case.open(folder).entries()
    assert len(entries) == 7 + 16
    for name in ("worker 0", "worker 1"):
        assert [e.payload["text"] for e in entries if e.actor == name] == [str(number) for number in range(8)]
    assert verify(folder).problems == ()


def test_a_database_elsewhere(tmp_path: Path, sounds: Path, filled: Callable[[Case, Path], None]) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.sqlite'}"
    case = Case.create(tmp_path / "case", "Title", database=url)
    filled(case, sounds)
    assert not (tmp_path / "case" / "case.sqlite").exists()
    assert json.loads((tmp_path / "case" / "case.json").read_text())["database"] == url
    found = verify(tmp_path / "case")
    assert found.problems == ()
    assert found.head == Anchor(count=7, hash=case.head().hash)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("sqlite://", "cannot live in memory"),
        ("mysql://host/db", "not supported"),
        ("nonsense", "no database URL"),
        ("sqlite:////nonexistent/folder/x.sqlite", "unable to open database file"),
    ],
)
def test_databases_that_cannot_be_used(tmp_path: Path, url: str, why: str) -> None:
    with pytest.raises(VoxproofError, match=why):
        Case.create(tmp_path / "case", "Title", database=url)
