"""The issuer's register: the whole chain is checked by whoever acts on it, also against what this computer noted."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from consent_material import ISSUER, register_at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.errors import VoxproofError
from synth.ledger import Entry, Head, Ledger, LedgerError
from synth.ledger_file import FileStore
from synth.register import Register, issuer_key_path, line_links, member, register_path
from synth.signing import SigningKey


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    for name in ("VOXPROOF_REGISTER", "VOXPROOF_ISSUER_KEY", "VOXPROOF_ISSUER_PASSPHRASE"):
        monkeypatch.delenv(name, raising=False)


def filled(folder: Path) -> Register:
    register = register_at(folder)
    for n in range(4):
        register.append("test.step", {"n": n, "text": 'a "quoted" \\ text', "consent_id": f"{n:016x}"})
    return register


def test_the_default_place_is_the_users_data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert register_path() == tmp_path / "data" / "voxproof" / "register" / "register.jsonl"
    assert issuer_key_path() == tmp_path / "home" / ".voxproof" / "issuer.pem"
    register = Register.continued()
    assert register.path == register_path()
    assert (register.path.stat().st_mode & 0o777, register.path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert SigningKey.load(issuer_key_path()).key_id == register.entries()[0].key_id
    monkeypatch.setenv("VOXPROOF_REGISTER", str(tmp_path))
    assert register_path() == tmp_path / "register.jsonl"
    assert register_path(tmp_path / "other.jsonl") == tmp_path / "other.jsonl"
    with pytest.raises(VoxproofError, match="there is no issuance register"):
        Register.open()


def test_a_register_is_not_continued_with_another_key(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(VoxproofError, match=r"there is no issuer's key\. Name the key of this register"):
        Register.continued(tmp_path / "register.jsonl")
    stranger = Register.continued(tmp_path / "register.jsonl", key=SigningKey.generate())
    with pytest.raises(LedgerError, match="is not one of this register's"):
        stranger.entries()
    with pytest.raises(LedgerError, match="is not one of this ledger's keys"):
        stranger.append("test.step", {})


def test_entries_are_found_by_action_and_member(tmp_path: Path) -> None:
    register = filled(tmp_path)
    assert [entry.action for entry in register.entries()] == ["register.opened", *["test.step"] * 4]
    assert [entry.payload["n"] for entry in register.entries("test.step")] == [0, 1, 2, 3]
    having = member("consent_id", f"{2:016x}")
    assert [entry.payload["n"] for entry in register.entries("test.step", "x", having=having)] == [2]
    assert register.entries("test", having=having) == []
    with pytest.raises(VoxproofError, match="is no id"):
        member("consent_id", 'x","y":"')


@pytest.mark.parametrize("number", range(1, 6))
@pytest.mark.parametrize("change", ["changed", "removed", "repeated", "swapped", "signed again"])
def test_a_changed_log_stops_everything(tmp_path: Path, number: int, change: str) -> None:
    register = filled(tmp_path)
    lines = register.path.read_bytes().splitlines(keepends=True)
    at = number - 1
    if change == "changed":
        old = b'"n":' if number > 1 else b'"public_key":"'
        lines[at] = lines[at].replace(old, old + b"1", 1)
    elif change == "removed":
        del lines[at]
    elif change == "repeated":
        lines.insert(at, lines[at])
    elif change == "swapped":
        lines[at], lines[at - 1] = lines[at - 1], lines[at]
    else:
        entry = Entry.parse(lines[at][:-1])
        told = {"sequence": number, "time": entry.time, "actor": "Eve", "action": entry.action}
        key = ISSUER if number < 5 else SigningKey.generate()
        forged = Entry.make(key, payload=entry.payload, previous=entry.previous, **told)
        lines[at] = forged.line.encode() + b"\n"
    register.path.write_bytes(b"".join(lines))
    with pytest.raises(LedgerError, match=r"`voxproof issuance verify` shows what was changed"):
        register.entries("nothing like it")
    assert register.verify().problems


def test_an_older_copy_of_everything_is_refused_where_the_newer_one_was_noted(tmp_path: Path) -> None:
    register = filled(tmp_path)
    for name in ("register.jsonl", "register.head"):
        shutil.copy(tmp_path / name, tmp_path / f"old-{name}")
    register.append("consent.revoked", {"consent_id": "ab" * 8})
    for name in ("register.jsonl", "register.head"):
        shutil.copy(tmp_path / f"old-{name}", tmp_path / name)
    with pytest.raises(LedgerError, match="ends at entry 5, this computer has noted another entry 6"):
        register.entries()
    with pytest.raises(LedgerError, match="ends at entry 5, this computer has noted another entry 6"):
        register.append("test.step", {})
    assert len(register.path.read_bytes().splitlines()) == 5


def test_a_stranger_cannot_let_a_key_sign(tmp_path: Path) -> None:
    register = filled(tmp_path)
    thief, last = SigningKey.generate(), register.entries()[-1]
    told = {"key_id": thief.key_id, "public_key": thief.public.hex}
    made = Entry.make(thief, sequence=6, time=last.time, actor="Eve", action="key.authorised", payload=told,
                      previous=last.hash)  # fmt: skip
    named = replace(made, key_id=ISSUER.key_id)
    named = replace(named, hash=named.digest())
    for forged in (made, named):
        entry = replace(forged, signature=thief.sign(f"voxproof.ledger/1:{forged.hash}".encode()))
        (tmp_path / "forged.jsonl").write_bytes(register.path.read_bytes() + entry.line.encode() + b"\n")
        (tmp_path / "forged.head").write_text(Head.make(thief, register.entries()[0].hash, entry).text)
        with pytest.raises(LedgerError, match="entry 6 lets a key sign, and is not signed by one that may"):
            Register(tmp_path / "forged.jsonl").entries()
    colleague = SigningKey.generate()
    Ledger(FileStore(register.path), ISSUER).authorise("Ada", colleague.public)
    Register(register.path, colleague).append("test.step", {})
    assert len(register_at(tmp_path).entries()) == 7


def test_an_append_that_was_interrupted_before_the_head_is_no_change(tmp_path: Path) -> None:
    register = filled(tmp_path)
    head = (tmp_path / "register.head").read_bytes()
    register.append("test.last", {})
    (tmp_path / "register.head").write_bytes(head)
    register_path_noted = tmp_path / "home" / ".voxproof" / "heads"
    shutil.rmtree(register_path_noted)
    assert len(register.entries()) == 6
    register.append("test.next", {})
    assert len(register.entries()) == 7


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    payload=st.dictionaries(texts, values, max_size=4), name=st.text(st.characters(categories=["L", "P"]), min_size=1)
)
def test_links_are_those_of_the_parsed_entry(payload: dict[str, object], name: str) -> None:
    entry = Entry.make(
        ISSUER, sequence=7, time="2026-01-01T00:00:00.000000Z", actor=name, action="a.b", payload=payload,
        previous="ab" * 32,
    )  # fmt: skip
    line = entry.line.encode() + b"\n"
    assert line_links(line) == ((entry.hash, entry.hash), entry.previous, 7)
    assert entry.digest() == entry.hash


def test_a_line_of_another_form_has_no_links() -> None:
    entry = Entry.make(
        ISSUER, sequence=1, time="2026-01-01T00:00:00.000000Z", actor="Ada", action="a.b",
        payload={"previous": "0" * 64, "sequence": 5, "signature": "0" * 128, "time": "x"}, previous="0" * 64,
    )  # fmt: skip
    line = entry.line.encode()
    assert line_links(line)[2] == 1
    for wrong in (line[:-1], line + b"x", line.replace(b'"action"', b' "action"'), b"", b"\n"):
        computed, stated = line_links(wrong)[0]
        assert computed != stated


def test_the_plain_ledger_reads_the_same_file(tmp_path: Path) -> None:
    register = filled(tmp_path)
    assert [entry.line for entry in Ledger(FileStore(register.path)).read()] == [e.line for e in register.entries()]
