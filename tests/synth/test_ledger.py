"""The ledger: every change is found and named; keys stay private; two processes cannot fork the chain."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.canonical import canonical
from synth.errors import VoxproofError
from synth.ledger import AUTHORISED, Entry, Head, Ledger, LedgerError, Problem
from synth.ledger_audit import audit, head_problems
from synth.ledger_file import FileStore
from synth.ledger_keys import introduced_keys
from synth.signing import PublicKey, SigningKey

KEY = SigningKey.generate()
OTHER = SigningKey.generate()
FIELDS = ["sequence", "time", "actor", "action", "payload", "previous", "key_id", "hash", "signature"]


def ticking() -> Iterator[datetime]:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    while True:
        yield moment
        moment += timedelta(seconds=1)


def make(path: Path, count: int = 5, key: SigningKey = KEY) -> Ledger:
    times = ticking()
    ledger = Ledger(FileStore(path), key, clock=lambda: next(times))
    for number in range(1, count + 1):
        ledger.append("Ada Example", f"test.step-{number}", {"n": number, "x": 0.1, "text": "ä\n€"})
    return ledger


def verified(path: Path) -> list[tuple[str, int | None, str | None]]:
    return [(problem.kind, problem.entry, problem.field) for problem in Ledger(FileStore(path)).verify().problems]


def rewrite(path: Path, lines: list[bytes]) -> None:
    path.write_bytes(b"".join(lines))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    make(tmp_path / "log.jsonl")
    return tmp_path / "log.jsonl"


def test_an_intact_ledger_has_no_problems_and_reads_back(log: Path) -> None:
    ledger = Ledger(FileStore(log))
    found = ledger.verify(trusted=[KEY.key_id])
    assert found.problems == ()
    assert list(found.entries) == [1, 2, 3, 4, 5]
    assert list(found.keys) == [KEY.key_id]
    entries = list(ledger.read())
    assert [entry.action for entry in entries] == [f"test.step-{n}" for n in range(1, 6)]
    assert entries[0].time == "2026-01-02T03:04:05.000006Z"
    assert entries[0].payload == {"n": 1, "x": 0.1, "text": "ä\n€", "public_key": KEY.public.hex}
    assert entries[0].previous == "0" * 64
    assert [entry.previous for entry in entries[1:]] == [entry.hash for entry in entries[:-1]]
    head = ledger.head()
    assert head is not None
    assert (head.ledger, head.count, head.hash) == (entries[0].hash, 5, entries[4].hash)


def test_an_entry_is_bound_by_the_published_rule(log: Path) -> None:
    """The check that anybody can write: SHA-256 of the canonical JSON without two fields, signature over its text."""
    fields = json.loads(log.read_text().splitlines()[2])
    digest, signature = fields.pop("hash"), fields.pop("signature")
    assert hashlib.sha256(canonical(fields).encode()).hexdigest() == digest
    assert KEY.public.verifies(b"voxproof.ledger/1:" + digest.encode(), signature)


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize("field", FIELDS)
def test_a_changed_field_is_found_and_named(log: Path, number: int, field: str) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    fields = json.loads(lines[number - 1])
    value = fields[field]
    if field == "sequence":
        fields[field] = value + 1
    elif field == "payload":
        fields[field] = {**value, "n": 99}
    else:
        fields[field] = value[:-1] + ("0" if value[-1] != "0" else "1")
    lines[number - 1] = canonical(fields).encode() + b"\n"
    rewrite(log, lines)
    problems = Ledger(FileStore(log)).verify().problems
    first = problems[0]
    assert first.where == f"log.jsonl, entry {number}"
    if field in ("sequence", "previous", "hash"):
        assert (first.kind, first.field) == ("hash", field)
    elif field == "signature":
        assert (first.kind, first.field) == ("signature", "signature")
    elif field == "key_id" and number > 1:
        assert (first.kind, first.field) == ("hash", "key_id")
    elif field != "key_id":
        assert (first.kind, first.why) == (
            "hash",
            "time, actor, action or payload was changed: the signed hash is another",
        )
    assert {problem.entry for problem in problems if problem.kind != "head"} <= {number, number + 1}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_byte_of_log_or_head_is_found(log: Path, data: st.DataObject) -> None:
    victim = data.draw(st.sampled_from([log, log.with_suffix(".head")]))
    whole = victim.read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    victim.write_bytes(whole[:position] + bytes([whole[position] ^ flip]) + whole[position + 1 :])
    try:
        problems = Ledger(FileStore(log)).verify().problems
    finally:
        victim.write_bytes(whole)
    assert problems
    if victim == log:
        # The entry that holds the byte is named (a line end belongs to the entry before it).
        number = whole[:position].count(b"\n") + 1
        assert number in {problem.entry for problem in problems}
    else:
        assert {problem.where for problem in problems} == {"head of log.jsonl"}


@pytest.mark.parametrize("number", [1, 3])
def test_a_removed_entry_is_missing(log: Path, number: int) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    rewrite(log, lines[: number - 1] + lines[number:])
    problems = verified(log)
    assert ("missing", number, None) in problems
    assert {entry for kind, entry, _ in problems if kind == "missing"} == {number}


def test_a_cut_tail_is_missed_by_the_head(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    rewrite(log, lines[:3])
    (problem,) = Ledger(FileStore(log)).verify().problems
    assert problem == Problem(
        "head of log.jsonl",
        "truncated",
        "entries 4 to 5 are missing from the end of the log: head of log.jsonl knows 5",
        entry=4,
    )


def test_a_cut_tail_with_an_old_head_needs_an_anchor_elsewhere(log: Path) -> None:
    noted = Ledger(FileStore(log)).head()
    assert noted is not None
    old = make(log.parent / "old.jsonl", 0)
    lines = log.read_bytes().splitlines(keepends=True)
    rewrite(log, lines[:3])
    third = Entry.parse(lines[2].strip())
    log.with_suffix(".head").write_text(Head.make(KEY, noted.ledger, third).text)
    found = Ledger(FileStore(log)).verify()
    assert found.problems == ()  # Nothing in these files can show it.
    (problem,) = head_problems(noted, found.entries, "the report", 3)
    assert (problem.where, problem.kind, problem.entry) == ("the report", "truncated", 4)
    assert old.verify().problems == ()


def test_a_line_cut_in_the_middle_is_truncated(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-40])
    problems = verified(log)
    assert problems == [("truncated", 5, None)]


def test_reordered_and_duplicated_entries_are_named(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    rewrite(log, [lines[0], lines[1], lines[3], lines[2], lines[4]])
    assert verified(log) == [("reordered", 3, None)]
    rewrite(log, [*lines[:3], lines[2], *lines[3:]])
    assert verified(log) == [("duplicate", 3, None)]
    rewrite(log, [*lines, lines[0]])
    assert verified(log) == [("duplicate", 1, None)]


def test_an_entry_of_another_ledger_does_not_fit(log: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = Ledger(FileStore(tmp_path / "b" / "log.jsonl"), KEY)
    for number in range(5):
        other.append("Ada Example", "other", {"n": number})
    lines = log.read_bytes().splitlines(keepends=True)
    lines[2] = (tmp_path / "b" / "log.jsonl").read_bytes().splitlines(keepends=True)[2]
    rewrite(log, lines)
    assert verified(log) == [("chain", 3, "previous"), ("chain", 4, "previous")]


def test_changing_an_entry_and_its_hash_without_the_key_is_a_bad_signature(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    fields = json.loads(lines[2])
    signature = fields["signature"]
    entry = Entry.make(
        OTHER, **{name: fields[name] for name in ("sequence", "time", "action", "payload", "previous")}, actor="Eve"
    )
    # Her own key: not one of the ledger's.
    rewrite(log, [*lines[:2], entry.line.encode() + b"\n", *lines[3:]])
    assert ("key", 3, "key_id") in verified(log)
    # The honest key's name, the old signature.
    forged = {**json.loads(entry.line), "key_id": KEY.key_id, "signature": signature}
    body = {name: value for name, value in forged.items() if name not in ("hash", "signature")}
    forged["hash"] = hashlib.sha256(canonical(body).encode()).hexdigest()
    rewrite(log, [*lines[:2], canonical(forged).encode() + b"\n", *lines[3:]])
    assert verified(log) == [("signature", 3, "signature"), ("chain", 4, "previous")]


def test_a_replaced_public_key_is_found(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(KEY.public.hex.encode(), OTHER.public.hex.encode()))
    problems = verified(log)
    assert problems[0] == ("hash", 1, None)
    assert problems[1:5] == [("key", number, "key_id") for number in (2, 3, 4, 5)]


def test_a_log_made_anew_with_another_key_needs_the_trusted_key(tmp_path: Path) -> None:
    make(tmp_path / "log.jsonl", key=OTHER)
    ledger = Ledger(FileStore(tmp_path / "log.jsonl"))
    assert ledger.verify().problems == ()
    (problem,) = ledger.verify(trusted=[KEY.key_id]).problems
    assert (problem.kind, problem.entry, problem.field) == ("key", 1, "key_id")


def test_a_further_key_signs_only_after_it_was_authorised(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    first = make(path, 2)
    second = Ledger(FileStore(path), OTHER)
    with pytest.raises(LedgerError, match="not one of this ledger's keys"):
        second.append("Bob", "test")
    assert len(path.read_bytes().splitlines()) == 2
    entry = first.authorise("Ada Example", OTHER.public)
    assert entry.action == AUTHORISED
    second.append("Bob", "test")
    first.append("Ada Example", "test")
    found = second.verify()
    assert found.problems == ()
    assert set(found.keys) == {KEY.key_id, OTHER.key_id}
    lines = path.read_bytes().splitlines(keepends=True)
    # Without the authorisation, the second key's entry has no standing.
    assert ("key", 4, "key_id") in [
        (problem.kind, problem.entry, problem.field) for problem in audit([*lines[:2], *lines[3:]]).problems
    ]


def forged_authorisation(kind: str, last: Entry) -> Entry:
    """An entry after `last` that lets OTHER sign, made without KEY."""
    told = {"key_id": OTHER.key_id, "public_key": OTHER.public.hex}
    facts = {"time": last.time, "actor": "Eve", "action": AUTHORISED, "payload": told}
    own = Entry.make(OTHER, sequence=last.sequence + 1, previous=last.hash, **facts)  # type: ignore[arg-type]
    if kind == "signed by the new key":
        return own
    if kind == "a beginning of its own":
        return Entry.make(OTHER, sequence=1, previous="0" * 64, **facts)  # type: ignore[arg-type]
    named = replace(own, key_id=KEY.key_id)
    named = replace(named, hash=named.digest())
    if kind == "names the owner's key":
        return replace(named, signature=OTHER.sign(f"voxproof.ledger/1:{named.hash}".encode()))
    return replace(last, action=AUTHORISED, payload=told)  # hash and signature of another entry of the owner's


@pytest.mark.parametrize(
    "kind", ["signed by the new key", "a beginning of its own", "names the owner's key", "a signed entry changed"]
)
def test_a_forged_authorisation_introduces_no_key(log: Path, kind: str) -> None:
    path, ledger = log, Ledger(FileStore(log), KEY)
    entries = list(ledger.read())
    forged = forged_authorisation(kind, entries[-1])
    after = Entry.make(OTHER, sequence=forged.sequence + 1, time=forged.time, actor="Eve", action="test",
                       payload={}, previous=forged.hash)  # fmt: skip
    assert set(introduced_keys([*entries, forged, after])) == {KEY.key_id}
    path.write_bytes(path.read_bytes() + f"{forged.line}\n{after.line}\n".encode())
    path.with_suffix(".head").write_text(Head.make(OTHER, entries[0].hash, after).text)
    lines = path.read_bytes()
    with pytest.raises(LedgerError):
        Ledger(FileStore(path), KEY).append("Ada Example", "test")
    assert path.read_bytes() == lines
    found = Ledger(FileStore(path)).verify()
    assert set(found.keys) == {KEY.key_id}
    assert {forged.sequence, after.sequence} & {one.entry for one in found.problems}
    assert any(one.kind == "head" and "not that of one of the ledger's keys" in one.why for one in found.problems)


def test_an_authorisation_from_another_ledger_of_the_owner_does_not_count(tmp_path: Path, log: Path) -> None:
    elsewhere = make(tmp_path / "other.jsonl", 5)
    borrowed = elsewhere.authorise("Ada Example", OTHER.public)
    entries = list(Ledger(FileStore(log)).read())
    after = Entry.make(OTHER, sequence=7, time=borrowed.time, actor="Bob", action="test", payload={},
                       previous=borrowed.hash)  # fmt: skip
    log.write_bytes(log.read_bytes()[:-1].replace(b"step-5", b"step-9") + f"\n{borrowed.line}\n{after.line}\n".encode())
    log.with_suffix(".head").write_text(Head.make(OTHER, entries[0].hash, after).text)
    with pytest.raises(LedgerError, match="entry 6 does not follow the one before it"):
        Ledger(FileStore(log), KEY).append("Ada Example", "test")
    assert Ledger(FileStore(log)).verify().problems


def test_an_authorisation_that_states_another_key_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    make(path, 1).append("Ada Example", AUTHORISED, {"key_id": OTHER.key_id, "public_key": KEY.public.hex})
    found = Ledger(FileStore(path)).verify()
    assert [(one.kind, one.entry, one.field) for one in found.problems] == [("key", 2, "payload")]
    with pytest.raises(LedgerError, match="not one of this ledger's keys"):
        Ledger(FileStore(path), OTHER).append("Bob", "test")


def test_nothing_is_added_to_a_changed_end(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    ledger = Ledger(FileStore(log), KEY)
    rewrite(log, lines[:3])
    with pytest.raises(LedgerError, match="does not fit its head"):
        ledger.append("Ada Example", "more")
    rewrite(log, [*lines[:4], lines[4].replace(b"Ada", b"Eve")])
    with pytest.raises(LedgerError, match="does not fit its head"):
        ledger.append("Ada Example", "more")
    rewrite(log, lines)
    log.with_suffix(".head").unlink()
    with pytest.raises(LedgerError, match="does not fit its head"):
        ledger.append("Ada Example", "more")
    assert log.read_bytes() == b"".join(lines)


def test_a_line_cut_by_a_crash_is_set_aside_and_the_ledger_goes_on(log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"action":"half')
    assert verified(log)[0] == ("truncated", 6, None)
    Ledger(FileStore(log), KEY).append("Ada Example", "after")
    assert log.with_suffix(".torn").read_bytes() == b'{"action":"half'
    assert log.read_bytes().startswith(whole)
    assert verified(log) == []


def test_a_crash_between_line_and_head_is_said_and_healed_by_the_next_entry(log: Path) -> None:
    head = log.with_suffix(".head").read_bytes()
    ledger = Ledger(FileStore(log), KEY)
    ledger.append("Ada Example", "sixth")
    log.with_suffix(".head").write_bytes(head)
    (problem,) = ledger.verify().problems
    assert (problem.kind, problem.where) == ("head", "head of log.jsonl")
    assert problem.why.startswith("the head covers 5 of 6 entries")
    ledger.append("Ada Example", "seventh")
    assert verified(log) == []


@pytest.mark.parametrize("actor", ["", " ", "a\nb", "a\x00", "a\x1b[2J"])
def test_actors_are_printable(log: Path, actor: str) -> None:
    with pytest.raises(LedgerError, match="control characters"):
        Ledger(FileStore(log), KEY).append(actor, "test")


def test_without_a_key_nothing_is_added(log: Path) -> None:
    with pytest.raises(LedgerError, match="needs a signing key"):
        Ledger(FileStore(log)).append("Ada Example", "test")


def append_many(path: Path, pem: Path, name: str, count: int) -> None:
    ledger = Ledger(FileStore(path), SigningKey.load(pem))
    for number in range(count):
        ledger.append(name, "concurrent", {"n": number})


def test_two_processes_do_not_fork_the_chain(tmp_path: Path) -> None:
    pem = tmp_path / "key.pem"
    KEY.save(pem)
    path = tmp_path / "log.jsonl"
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=append_many, args=(path, pem, f"worker {n}", 25)) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0, 0]
    found = Ledger(FileStore(path)).verify()
    assert found.problems == ()
    assert len(found.entries) == 50
    for name in ("worker 0", "worker 1"):
        assert [entry.payload["n"] for entry in found.entries.values() if entry.actor == name] == list(range(25))


def test_keys_are_private_files_that_are_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "key.pem"
    KEY.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert SigningKey.load(path).key_id == KEY.key_id
    with pytest.raises(VoxproofError, match="never replaced"):
        OTHER.save(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["key.pem"]
    if sys.platform != "win32":
        path.chmod(0o640)
        with pytest.raises(VoxproofError, match="can be read by others \\(mode 0640\\)"):
            SigningKey.load(path)


def test_keys_can_be_written_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr("os.link", no_link)
    KEY.save(tmp_path / "key.pem")
    assert SigningKey.load(tmp_path / "key.pem").key_id == KEY.key_id
    with pytest.raises(VoxproofError, match="never replaced"):
        OTHER.save(tmp_path / "key.pem")
    assert [entry.name for entry in tmp_path.iterdir()] == ["key.pem"]


def test_a_passphrase_opens_the_key_and_never_shows(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    KEY.save(path, "correct horse")
    assert b"ENCRYPTED" in path.read_bytes()
    assert SigningKey.load(path, "correct horse").public == KEY.public
    for attempt, why in ((None, "needs a passphrase"), ("battery staple", "wrong passphrase")):
        with pytest.raises(VoxproofError, match=why) as caught:
            SigningKey.load(path, attempt)
        assert "battery" not in str(caught.value)
        assert caught.value.__cause__ is None
    plain = tmp_path / "plain.pem"
    KEY.save(plain)
    with pytest.raises(VoxproofError, match="not encrypted"):
        SigningKey.load(plain, "correct horse")
    assert repr(KEY) == f"SigningKey(id={KEY.key_id})"


@pytest.mark.parametrize(
    "content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_files_that_are_no_keys_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(VoxproofError, match="cannot be opened"):
        SigningKey.load(path)
    with pytest.raises(VoxproofError, match="no Ed25519 public key"):
        PublicKey.from_pem(content)
    with pytest.raises(VoxproofError, match="cannot be read"):
        SigningKey.load(tmp_path / "none.pem")


def test_signatures_have_one_writing_only() -> None:
    signature = KEY.sign(b"x")
    assert KEY.public.verifies(b"x", signature)
    assert not KEY.public.verifies(b"x", signature.upper())
    assert not KEY.public.verifies(b"x", signature[:64] + " " + signature[64:])
    assert not KEY.public.verifies(b"y", signature)
    assert not OTHER.public.verifies(b"x", signature)
    assert PublicKey.from_pem(KEY.public.pem) == KEY.public == PublicKey.from_hex(KEY.public.hex)


def test_the_log_may_be_read_only(log: Path) -> None:
    log.chmod(0o444)
    assert verified(log) == []
