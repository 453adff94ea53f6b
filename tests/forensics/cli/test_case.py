"""`voxproof case`: JSON alone on stdout, plain tables in a pipe, one-line errors, exit codes."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from forensics.cli.case import case
from synth.audio import write
from synth.signing import SigningKey


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key of our own; the user's is never touched."""
    for name in ("VOXPROOF_CASE_DB", "VOXPROOF_CUSTODY_PASSPHRASE", "VOXPROOF_ACTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "home" / "custody.pem"))
    return tmp_path


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    time = np.arange(4000) / 8000
    write(tmp_path / "tone.wav", (0.2 * np.sin(2 * np.pi * 300 * time)).astype(np.float32), 8000)
    return tmp_path / "tone.wav"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(case, [str(argument) for argument in arguments])


@pytest.fixture
def opened(tmp_path: Path, tone: Path) -> Path:
    folder = tmp_path / "case"
    assert run("open", folder, "--title", "The message", "--examiner", "Ada", "--actor", "Ada").exit_code == 0
    assert run("add", folder, tone, "--actor", "Ada").exit_code == 0
    return folder


def test_open_says_where_the_key_is_and_prints_the_case(tmp_path: Path) -> None:
    result = run("open", tmp_path / "case", "--title", "Title", "--requester", "Court", "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["schema"], said["title"], said["requester"], said["examiner"]) == (
        "voxproof.case/1",
        "Title",
        "Court",
        None,
    )
    assert said["head"]["count"] == 1
    assert "a custody key was made" in result.stderr
    assert str(tmp_path / "home" / "custody.pem") in result.stderr
    again = run("open", tmp_path / "second", "--title", "Title")
    assert again.stderr == ""
    assert (
        again.stdout
        == f"Case {_id(tmp_path / 'second')} opened in {tmp_path / 'second'}; signing key {said['key_id']}.\n"
    )


def _id(folder: Path) -> str:
    return str(json.loads((folder / "case.json").read_text())["id"])


def test_add_goes_on_after_a_bad_file(opened: Path, tmp_path: Path, tone: Path) -> None:
    (tmp_path / "text.txt").write_text("no sound")
    result = run("add", opened, tone, tmp_path / "none.wav", tmp_path / "text.txt", "--json")
    assert result.exit_code == 2
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert lines[0] == {"path": str(tone), "error": f"{tone}: the same bytes are in the case already, as E001."}
    assert lines[1] == {
        "path": str(tmp_path / "none.wav"),
        "error": f"{tmp_path / 'none.wav'}: No such file or directory.",
    }
    assert (lines[2]["id"], lines[2]["facts"], lines[2]["bytes"]) == ("E002", None, 8)
    assert lines[2]["reason"]
    assert len(result.stderr.splitlines()) == 2


def test_add_prints_a_table(opened: Path, tmp_path: Path, tone: Path) -> None:
    other = tmp_path / "聲音.wav"
    other.write_bytes(tone.read_bytes() + b"\0")
    result = run("add", opened, other)
    assert result.exit_code == 0
    head, row = result.stdout.splitlines()
    assert head.split() == ["exhibit", "file", "bytes", "seconds", "codec", "SHA-256"]
    assert row.split()[:5] == ["E002", "聲音.wav", "8045", "0.50", "pcm_s16le"]


def test_log_shows_and_adds(opened: Path) -> None:
    result = run("log", opened, "--note", "Called the court\x1b[31m", "--actor", "Bob", "--json")
    assert result.exit_code == 0
    entries = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(entry["sequence"], entry["actor"], entry["action"]) for entry in entries] == [
        (1, "Ada", "case.opened"),
        (2, "Ada", "exhibit.added"),
        (3, "Bob", "note"),
    ]
    assert result.stdout == (opened / "custody.jsonl").read_text()
    table = run("log", opened)
    assert "Exhibit received: E001, tone.wav, 8044 bytes, SHA-256 " in table.stdout
    assert "Called the court\\x1b[31m" in table.stdout
    assert "\x1b" not in table.stdout
    assert f"Head 3:{entries[2]['hash']}." in table.stdout


def test_verify_names_changes_and_exits_with_15(opened: Path) -> None:
    result = run("verify", opened)
    assert result.exit_code == 0
    assert result.stdout.startswith("Intact: 2 entries, 1 exhibit, 0 records")
    with sqlite3.connect(opened / "case.sqlite") as database:
        database.execute("UPDATE voxproof_entries SET actor = 'Eve' WHERE sequence = 2")
    exhibit = opened / "exhibits" / "E001.wav"
    exhibit.chmod(0o644)
    exhibit.write_bytes(exhibit.read_bytes()[:-1] + b"\x7f")
    result = run("verify", opened, "--json")
    assert result.exit_code == 15
    found = json.loads(result.stdout)
    assert (found["schema"], found["ok"], found["what"]) == ("voxproof.case-verification/1", False, "case")
    assert [(item["where"], item["kind"], item["field"], item["entry"]) for item in found["problems"]] == [
        ("database, entry 2", "changed", "actor", 2),
        ("exhibit E001 (exhibits/E001.wav)", "changed", None, None),
    ]
    table = run("verify", opened)
    assert table.exit_code == 15
    assert "actor was changed to 'Eve'; the signed log has 'Ada'" in table.stdout
    assert "Changed: 2 problems" in table.stdout


def test_export_and_its_verification(opened: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    result = run("export", opened, out, "--json")
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["path"], said["bytes"], said["count"]) == (str(out), out.stat().st_size, 2)
    assert run("verify", out, "--head", f"{said['count']}:{said['head']}").exit_code == 0
    assert run("verify", out, "--head", f"3:{said['head']}").exit_code == 15
    assert run("verify", out, "--trust", "0" * 32).exit_code == 15
    data = bytearray(out.read_bytes())
    data[1000] ^= 1
    out.write_bytes(data)
    assert run("verify", out).exit_code == 15


def test_another_key_is_authorised(opened: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = SigningKey.generate()
    other.save(tmp_path / "bob" / "custody.pem")
    (tmp_path / "bob.pem").write_bytes(other.public.pem)
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "bob" / "custody.pem"))
    refused = run("log", opened, "--note", "mine")
    assert refused.exit_code == 2
    assert "not one of this ledger's keys" in refused.stderr
    assert run("key", opened, "--show").stdout == other.public.pem.decode()
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "home" / "custody.pem"))
    listed = run("key", opened, "--authorise", tmp_path / "bob.pem", "--json")
    assert [key["key_id"] for key in json.loads(listed.stdout)["keys"]][1] == other.key_id
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "bob" / "custody.pem"))
    assert run("log", opened, "--note", "mine").exit_code == 0
    assert run("verify", opened).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["open", "{case}", "--title", "Again"], "there is a case in this folder"),
        (["open", "{tmp}/new"], "Missing option '--title'"),
        (["open", "{tmp}/new", "--title", "T", "--db", "nonsense"], "no database URL"),
        (["add", "{case}"], "Missing argument 'FILE...'"),
        (["add", "{tmp}", "{tmp}/tone.wav"], "not a case folder"),
        (["log", "{tmp}/none"], "not a case folder"),
        (["log", "{case}", "--note", " "], "a note needs a text"),
        (["log", "{case}", "--note", "x", "--actor", "a\nb"], "control characters"),
        (["verify", "{tmp}/none"], "there is no such case or export"),
        (["verify", "{case}", "--head", "x:y"], "COUNT:HASH"),
        (["export", "{case}", "{tmp}/none/out.zip"], "cannot be written"),
        (["key", "{case}", "--authorise", "{tmp}/tone.wav"], "no Ed25519 public key"),
    ],
)
def test_errors_are_one_line_and_exit_2(opened: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    result = run(*(argument.format(case=opened, tmp=tmp_path) for argument in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert run("verify", opened).exit_code == 0


def test_a_damaged_case_file_is_said_in_one_line(opened: Path, tone: Path) -> None:
    (opened / "case.json").chmod(0o644)
    for data in (b"", b"{}", b"[1]", b"\xff", b'{"schema":"voxproof.case/1"}'):
        (opened / "case.json").write_bytes(data)
        result = run("log", opened)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
        assert run("verify", opened).exit_code == 15


def test_the_group_imports_nothing_heavy() -> None:
    code = (
        "import sys; import forensics.cli.case; "
        "print([name for name in ('sqlalchemy', 'numpy', 'pydantic', 'rich', 'cryptography') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.stdout.strip() == "[]"
