"""`voxproof bench text` hands its options to the comparison."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from forensics.cli.main import voxproof
from synth.errors import VoxproofError


def test_the_command_runs_the_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "g2p_en", None)
    said = tmp_path / "said.txt"
    said.write_text("Good day.\n", "utf-8")
    done = CliRunner().invoke(voxproof, ["bench", "text", "en", "--sentences", str(said)], standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "g2p_en: not run" in done.output
    assert "reference: not run (no --gpt-sovits)" in done.output


def test_what_the_comparison_lacks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*options: str) -> None:
        CliRunner().invoke(voxproof, ["bench", "text", *options], standalone_mode=False, catch_exceptions=False)

    with pytest.raises(VoxproofError, match=r"the phones of 'ko' are compared with the reference's\. Say --gpt-sovits"):
        run("ko")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(VoxproofError, match="the comparison needs jieba, which is not installed"):
        run("zh", "--gpt-sovits", str(tmp_path))
