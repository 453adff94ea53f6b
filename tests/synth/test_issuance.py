"""The issuance register: numbers are unique, also between processes; what became of an issuance is told."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import pytest
from consent_material import ISSUER, register_at

from synth import issuance as module
from synth.canonical import parse
from synth.errors import VoxproofError
from synth.issuance import (
    Issuance,
    close_issuance,
    find,
    parsed_id,
    register_issuance,
    require_free,
    withdraw_issuance,
    write_manifest,
)
from synth.ledger import Entry, LedgerError
from synth.register import Register
from synth.signing import PublicKey, SigningKey


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def issued(number: int, **changes: Any) -> Issuance:
    facts: dict[str, Any] = {
        "issuance_id": f"{number:08x}", "kind": "synthesised", "scope": "internal", "languages": ("en",),
        "consent_id": "ab" * 8, "voiceprint_tag": "7f", "models": {"gpt": "cd" * 32}, "text_sha256": "ef" * 32,
        "source_sha256": None, "scheme": 1, "key_id": "12" * 8, "epoch": 0, "payload_carried": True, "seconds": 2.5,
        "sample_rate": 32000, "channels": 1, "output_sha256": "34" * 32, "output": "wav pcm_16", "score": 9.5,
        "threshold": 4.0, "token_id": None,
    }  # fmt: skip
    return Issuance(**{**facts, **changes})


def test_an_issuance_is_found_by_the_number_of_its_mark(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    for number in (1, 0xDEADBEEF, 2**32 - 1):
        register_issuance(register, issued(number), "Ada")
    (found,) = find(register, 0xDEADBEEF)
    assert (found.issuance, found.operator, found.state, found.seconds) == (issued(0xDEADBEEF), "Ada", "emitted", 2.5)
    assert (found.sequence, found.time) == (3, "2026-03-01T09:00:00.000000Z")
    assert find(register, "DEADBEEF") == find(register, "0xdeadbeef") == [found]
    assert find(register, 2) == []
    assert [one.issuance.issuance_id for one in find(register)] == ["00000001", "deadbeef", "ffffffff"]
    for wrong in ("", "1", "deadbeefs", "0xdeadbeef0", "g" * 8):
        with pytest.raises(VoxproofError, match=r"is no issuance id\. An issuance id has 8"):
            parsed_id(wrong)


def test_what_became_of_it_is_told(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    entries = [register_issuance(register, issued(n, seconds=None if n < 4 else 2.5), "Ada") for n in range(1, 5)]
    close_issuance(register, entries[0], 7.25)
    close_issuance(register, entries[1], 1.5, reason="the reader went away")
    withdraw_issuance(register, entries[3], "the disk is full")
    told = [(one.state, one.seconds, one.reason) for one in find(register)]
    assert told == [
        ("emitted", 7.25, ""),
        ("aborted", 1.5, "the reader went away"),
        ("streaming", None, ""),
        ("withdrawn", 2.5, "the disk is full"),
    ]


def test_a_recording_cannot_be_given_the_number_of_a_synthesis(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    register_issuance(register, issued(1), "Ada")
    register_issuance(register, issued(2, kind="embedded"), "Ada")
    assert [require_free(register, n, chosen=False) for n in (1, 2, 3)] == [False, False, True]
    assert [require_free(register, n, chosen=True) for n in (2, 3)] == [True, True]
    with pytest.raises(VoxproofError, match="the issuance id 00000001 is that of a synthesis"):
        require_free(register, 1, chosen=True)


def _issue_many(folder: str, key: str, few: int) -> None:
    """In a process of its own: numbers from a small space, so that collisions are sure."""
    register = Register.continued(folder + "/register.jsonl", key=SigningKey.load(key))
    made = 0
    while made < few:
        number = module.drawn_id() % 40
        with register.exclusive():
            if require_free(register, number, chosen=False):
                register_issuance(register, issued(number), "Ada")
                made += 1


def test_two_processes_never_give_one_number_twice(tmp_path: Path) -> None:
    ISSUER.save(tmp_path / "issuer.pem")
    register = register_at(tmp_path)
    context = multiprocessing.get_context("spawn")
    arguments = (str(tmp_path), str(tmp_path / "issuer.pem"), 12)
    children = [context.Process(target=_issue_many, args=arguments) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]
    numbers = [one.issuance.issuance_id for one in find(register)]
    assert len(numbers) == len(set(numbers)) == 24
    assert register.verify().problems == ()


def test_a_changed_issuance_is_found(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    for number in range(3):
        register_issuance(register, issued(number), "Ada")
    data = register.path.read_bytes()
    assert data.count(b'"kind":"synthesised"') == 3
    register.path.write_bytes(data.replace(b'"kind":"synthesised"', b'"kind":"embedded"', 1))
    with pytest.raises(LedgerError, match="entry 2 is not as it was written"):
        find(register, 2)
    (problem, *_) = register.verify().problems
    assert (problem.kind, problem.entry) == ("hash", 2)


def test_a_manifest_can_be_checked_on_its_own(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    made = register_issuance(register, issued(5), "Ada")
    write_manifest(tmp_path / "m.json", register, made)
    told = parse((tmp_path / "m.json").read_bytes())
    entry = Entry.parse(told["entry"])
    assert entry.signed_by(PublicKey.from_hex(told["public_key"]))
    assert entry.digest() == entry.hash
    assert Issuance.model_validate(entry.payload) == issued(5)
