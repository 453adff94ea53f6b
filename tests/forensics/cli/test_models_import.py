"""`voxproof models import` on the command line."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="import is not tested: torch (extra `train`) is not installed")

from forensics.cli.main import main  # noqa: E402
from forensics.cli.models import models  # noqa: E402
from synth.checkpoint import Checkpoint, write_checkpoint  # noqa: E402
from synth.gpt import GPT, GPTConfig  # noqa: E402


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    section = {
        "vocab_size": 33, "phoneme_vocab_size": 732, "embedding_dim": 16, "hidden_dim": 16, "head": 2, "n_layer": 1,
        "EOS": 32,
    }  # fmt: skip
    model = GPT(GPTConfig.from_reference({"model": section}))
    weight = {f"model.{name}": value.half() for name, value in model.state_dict().items()}
    path = tmp_path / "voice-e15.ckpt"
    write_checkpoint(Checkpoint("gpt", "v2", weight, {"model": section}, "GPT-e15"), path)
    return path


def test_json_is_the_card_and_nothing_else(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "models"
    result = CliRunner().invoke(models, ["import", str(checkpoint), "--out", str(out), "--licence", "MIT", "--json"])
    assert result.exit_code == 0
    card = json.loads(result.stdout)
    made = out / "voice-e15.safetensors"
    assert card["sha256"] == hashlib.sha256(made.read_bytes()).hexdigest()
    assert card["sources"][0]["sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert (card["kind"], card["version"], card["licence"], card["training_data"]) == ("gpt", "v2", "MIT", "unknown")
    assert card["folder"] == str(out)
    assert (out / "voice-e15.yaml").exists()


def test_words_say_what_was_made_and_where(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXPROOF_MODELS", str(tmp_path / "models"))
    result = CliRunner().invoke(models, ["import", str(checkpoint), "--name", "mine"])
    assert result.exit_code == 0
    assert "Text-to-semantic model (S1) of GPT-SoVITS, phoneme table v2." in result.stdout
    assert f"Wrote {tmp_path / 'models' / 'mine.safetensors'}" in result.stdout
    assert "does not say which text front ends" in result.stdout


def test_a_refused_file_is_one_line_and_exit_code_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "page.pth"
    path.write_text("<html>", "utf-8")
    monkeypatch.setattr(sys, "argv", ["voxproof", "models", "import", str(path), "--out", str(tmp_path), "--json"])
    with pytest.raises(SystemExit) as stopped:
        main()
    printed = capsys.readouterr()
    assert stopped.value.code == 1
    assert printed.out == ""
    assert f"voxproof: {path}: is no checkpoint" in printed.err
    assert "Traceback" not in printed.err


def test_usage_errors_are_exit_code_2(checkpoint: Path) -> None:
    assert CliRunner().invoke(models, ["import"]).exit_code == 2
    assert CliRunner().invoke(models, ["import", str(checkpoint), "--version", "v9"]).exit_code == 2
