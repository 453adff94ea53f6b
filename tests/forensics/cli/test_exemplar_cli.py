"""`voxproof case exemplar`: add, list, show, remove; JSON alone on stdout; one-line errors with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from forensics.cli.case import case
from synth.audio import write


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VOXPROOF_EXEMPLARS", str(tmp_path / "library"))
    write(tmp_path / "tone.wav", np.sin(np.arange(4000) / 9).astype(np.float32), 8000)
    return tmp_path / "tone.wav"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(case, ["exemplar", *(str(argument) for argument in arguments)])


def test_an_exemplar_comes_and_goes(recording: Path) -> None:
    added = run("add", recording, "--name", "My recorder", "--version", "1.2", "--json")
    assert added.exit_code == 0
    made = json.loads(added.stdout)
    assert (made["name"], made["version"], made["basis"], made["files"]) == ("My recorder", "1.2", "user", 1)
    assert made["format"] == "RIFF/WAVE"
    listed = json.loads(run("list", "--json").stdout)
    assert len(listed["library_sha256"]) == 64
    assert listed["exemplars"][-1]["name"] == "My recorder"
    assert "My recorder" in run("list").stdout
    shown = run("show", "my recorder").stdout
    assert "fmt data" in shown
    assert json.loads(run("show", "My recorder", "--json").stdout) == made
    assert run("remove", "My recorder").stdout == "Removed: My recorder\n"
    assert run("show", "My recorder").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["add", "{tone}", "--name", "FFmpeg: MP3"], "already"), (["remove", "FFmpeg: MP3"], "ships with Voxproof"),
     (["show", "x"], "no exemplar"), (["add", "{tone}"], "Missing option '--name'"),
     (["add", "{tone}.none", "--name", "n"], "cannot be read"), (["add", "{tone}", "--name", " "], "name")],
)  # fmt: skip
def test_errors_are_one_line_and_exit_2(recording: Path, arguments: list[str], said: str) -> None:
    result = run(*(argument.format(tone=recording) for argument in arguments))
    assert result.exit_code == 2, result.output
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
