"""`voxproof report`: the same input gives the same bytes, a later signature keeps them, and both check."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "telephone.wav"


def voxproof(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forensics.cli.main", "report", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_render_sign_and_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    plain, again, signed = tmp_path / "plain.pdf", tmp_path / "again.pdf", tmp_path / "signed.pdf"
    assert voxproof("render", EXAMPLE, "-o", plain, "--unsigned", "--case-id", "17").returncode == 0
    assert voxproof("render", EXAMPLE, "-o", again, "--unsigned", "--case-id", "17").returncode == 0
    assert plain.read_bytes() == again.read_bytes()
    result = voxproof("sign", plain, "-o", signed, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["pdf"] == str(signed)
    assert signed.read_bytes().startswith(plain.read_bytes())
    assert voxproof("check", signed, "--exhibit", EXAMPLE).returncode == 0
    assert voxproof("check", plain).returncode == 15


def test_what_is_no_report_is_an_error_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    text = tmp_path / "no.pdf"
    text.write_text("no report")
    signed = voxproof("sign", text, "-o", tmp_path / "out.pdf")
    assert signed.returncode == 1
    assert "Traceback" not in signed.stderr
    assert not (tmp_path / "out.pdf").exists()
    assert voxproof("check", text, "--json").returncode in (1, 15)
