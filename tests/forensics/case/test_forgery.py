"""Whoever can write the whole case, but has not its key, is found out: by hash, signature, head or key id."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from case_problems import problems

from forensics.case import Anchor, Case, verify
from forensics.case.keys import noted_head_path
from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.ledger import Entry, Head
from synth.signing import SigningKey


class Forger:
    """Somebody with full access to folder and database, but not to the key."""

    def __init__(self, folder: Path, key: SigningKey | None = None) -> None:
        self.folder = folder
        self.key = key or SigningKey.generate()

    def entries(self) -> list[Entry]:
        return [Entry.parse(line) for line in (self.folder / "custody.jsonl").read_bytes().splitlines()]

    def write(self, entries: list[Entry], head: Head) -> None:
        """Put a log and its head everywhere in the case."""
        (self.folder / "custody.jsonl").write_bytes(b"".join(entry.line.encode() + b"\n" for entry in entries))
        (self.folder / "custody.head").write_text(head.text)
        with sqlite3.connect(self.folder / "case.sqlite") as database:
            (case,) = database.execute("SELECT id FROM voxproof_cases").fetchone()
            database.execute("DELETE FROM voxproof_entries")
            for e in entries:
                row = (case, e.sequence, e.time, e.actor, e.action, canonical(e.payload), e.previous, e.key_id, e.hash)
                database.execute("INSERT INTO voxproof_entries VALUES (?,?,?,?,?,?,?,?,?,?)", (*row, e.signature))
            database.execute("UPDATE voxproof_cases SET head = ?", (head.text,))

    def signed_anew(self, entries: list[Entry]) -> list[Entry]:
        done: list[Entry] = []
        for number, entry in enumerate(entries, 1):
            payload = dict(entry.payload)
            if number == 1:
                payload["public_key"] = self.key.public.hex
            previous = done[-1].hash if done else "0" * 64
            done.append(
                Entry.make(
                    self.key,
                    sequence=number,
                    time=entry.time,
                    actor=entry.actor,
                    action=entry.action,
                    payload=payload,
                    previous=previous,
                )
            )
        return done


@pytest.mark.parametrize("number", [1, 4, 7])
def test_an_entry_removed_from_both_copies_is_missing(folder: Path, number: int) -> None:
    forger = Forger(folder)
    entries = forger.entries()
    head = Head.parse((folder / "custody.head").read_bytes())
    forger.write([entry for entry in entries if entry.sequence != number], head)
    found = [(item.kind, item.entry) for item in verify(folder).problems]
    assert (("truncated" if number == 7 else "missing"), number) in found


def test_a_changed_entry_in_both_copies_has_the_wrong_hash(folder: Path) -> None:
    forger = Forger(folder)
    entries = forger.entries()
    fields = json.loads(entries[6].line)
    fields["payload"]["text"] = "Seal broken"
    entries[6] = Entry.parse(canonical(fields))
    forger.write(entries, Head.parse((folder / "custody.head").read_bytes()))
    found = problems(folder)
    assert ("custody.jsonl, entry 7", "hash", None) in found
    assert ("database, entry 7", "hash", None) in found


def test_a_case_signed_anew_shows_by_the_head_beside_the_key_or_the_key_id(folder: Path) -> None:
    honest = verify(folder).keys[0]
    forger = Forger(folder)
    entries = forger.signed_anew(forger.entries())
    head = Head.make(forger.key, entries[0].hash, entries[-1])
    forger.write(entries, head)
    (folder / f"keys/{honest}.pem").unlink()
    (folder / f"keys/{forger.key.key_id}.pem").write_bytes(forger.key.public.pem)
    (found,) = verify(folder).problems
    assert (found.where, found.kind, found.entry) == ("the head noted beside the key", "head", 1)
    assert found.why.endswith("the log was replaced")
    # On another computer only the key id, told by another way, shows it.
    noted_head_path(str(verify(folder).case)).unlink()
    elsewhere = verify(folder)
    assert elsewhere.ok
    assert elsewhere.keys == (forger.key.key_id,)
    assert elsewhere.notes[0].startswith("No head of this case is noted on this computer")
    (found,) = verify(folder, trusted=[honest]).problems
    assert (found.kind, found.field) == ("key", "key_id")


def test_a_case_cut_with_all_its_heads_shows_by_the_head_beside_the_key_or_one_given(
    folder: Path, custody_key: Path
) -> None:
    whole = verify(folder).head
    forger = Forger(folder)
    entries = forger.entries()[:6]
    # The cut is made by somebody who has an old copy of the case, with the head of that time.
    head = Head.make(SigningKey.load(custody_key), entries[0].hash, entries[-1])
    forger.write(entries, head)
    (found,) = verify(folder).problems
    assert (found.where, found.kind, found.entry) == ("the head noted beside the key", "truncated", 7)
    noted_head_path(str(verify(folder).case)).unlink()
    assert verify(folder).ok
    assert whole is not None
    (found,) = verify(folder, anchor=whole).problems
    assert (found.where, found.kind) == ("the head given", "truncated")
    (found,) = verify(folder, anchor=Anchor(count=3, hash="0" * 64)).problems
    assert (found.where, found.kind, found.entry) == ("the head given", "head", 3)
    assert verify(folder, anchor=Anchor(count=3, hash=entries[2].hash)).ok


def test_an_entry_added_without_the_key_has_no_standing(folder: Path) -> None:
    forger = Forger(folder)
    entries = forger.entries()
    entries.append(
        Entry.make(
            forger.key,
            sequence=8,
            time="2026-03-02T00:00:00.000000Z",
            actor="Ada Example",
            action="note",
            payload={"text": "All is well"},
            previous=entries[-1].hash,
        )
    )
    forger.write(entries, Head.make(forger.key, entries[0].hash, entries[-1]))
    found = problems(folder)
    assert ("custody.jsonl", "extra", None) in found
    assert ("database", "extra", None) in found
    assert ("custody.head", "head", None) in found


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"id": 5}),
        (1, {"title": None}),
        (1, {"database": ["x"]}),
        (2, {"file": None}),
        (2, {"facts": 3}),
        (2, {"facts": {"seconds": "long"}}),
        (2, {"bytes": "many"}),
        (5, {"files": 7}),
        (5, {"files": [3]}),
        (5, {"exhibit": {}}),
    ],
)
def test_signed_nonsense_is_a_problem_and_no_traceback(folder: Path, number: int, change: dict[str, object]) -> None:
    forger = Forger(folder)
    entries = forger.entries()
    fields = json.loads(entries[number - 1].line)
    fields["payload"] |= change
    entries[number - 1] = Entry(**fields)
    entries = forger.signed_anew(entries)
    forger.write(entries, Head.make(forger.key, entries[0].hash, entries[-1]))
    assert (f"custody log, entry {number}", "malformed", "payload") in problems(folder)
    with pytest.raises(VoxproofError, match=f"entry {number} of the custody log was changed"):
        Case.open(folder).entries()
