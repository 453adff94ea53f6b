"""`voxproof explain`: a clip explained into a folder, or as JSON alone; what cannot be explained says why."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from forensics.cli import explain as command
from forensics.cli.main import voxproof
from forensics.explain.explanation import METHODS

DATA = Path(__file__).parents[2] / "data"
RATE = 16_000


def run(*arguments: object) -> tuple[int, Result]:
    result = CliRunner().invoke(voxproof, ["explain", *map(str, arguments)], standalone_mode=False)
    code = result.return_value if isinstance(result.return_value, int) else result.exit_code
    return code, result


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two and a half seconds of a speech program."""
    sound, rate = soundfile.read(DATA / "hibari.wav")
    path = tmp_path_factory.mktemp("explain") / "clip.wav"
    soundfile.write(path, sound[: int(2.5 * rate)], rate)
    return path


def test_a_clip_is_explained_into_a_folder(clip: Path, tmp_path: Path) -> None:
    code, result = run(clip, "--language", "zh", "--method", "occlusion", "--method", "shares", "--out", tmp_path / "o")
    assert code == 0, result.output
    assert {one.name for one in (tmp_path / "o").iterdir()} == {
        "clip.wav.html", "clip.wav.pdf", "clip.wav.explained.json",
    }  # fmt: skip
    assert "对数几率" in result.output
    told = json.loads((tmp_path / "o" / "clip.wav.explained.json").read_text(encoding="utf-8"))
    assert {(one["method"], one["line"]) for one in told["maps"]} == {
        ("occlusion", "detector.speech"), ("occlusion", "detector.spectral"),
    }  # fmt: skip
    assert told["examples"] is None
    shares = told["shares"]
    assert shares["log10_lr"] == pytest.approx(told["examination"]["verdict"]["log10_lr"], abs=1e-3)
    assert sum(one["bans"] for one in shares["lines"].values()) == pytest.approx(shares["log10_lr"], abs=1e-3)
    page = (tmp_path / "o" / "clip.wav.html").read_text(encoding="utf-8")
    assert page.startswith('<!doctype html><html lang="zh-CN">')
    for one in told["words"]:
        assert one["zh"][0] in result.output
        assert len(one["en"]) == len(one["zh"]) == 2


def test_json_alone_writes_nothing(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, result = run("--json", clip, "--method", "examples")
    assert code == 0
    told = json.loads(result.stdout)
    assert told["schema"] == "voxproof.explanation/1"
    assert told["maps"] == []
    assert told["examples"]["compared"] == {"human": 8, "machine": 4, "unlabelled": 0}
    assert [one["distance"] for one in told["examples"]["nearest"][:3]] == sorted(
        one["distance"] for one in told["examples"]["nearest"][:3]
    )
    assert not list(tmp_path.iterdir())


def test_silence_has_no_answer_to_explain(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(3 * RATE), RATE)
    code, result = run(tmp_path / "silence.wav", "--out", tmp_path / "o", "--method", "occlusion")
    assert code == 30
    assert "There is no answer to explain." in result.output
    assert "Not made: trained speech detector" in result.output
    assert (tmp_path / "o" / "silence.wav.pdf").stat().st_size > 1000


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.wav").write_text("no sound")
    code, result = run(tmp_path / "notes.wav", "--json")
    assert code == 30
    assert json.loads(result.stdout)["examination"]["verdict"]["outcome"] == "could_not_test"
    code, result = run(tmp_path / "nowhere.wav", "--out", tmp_path / "o")
    assert code == 30
    assert "does not exist" in result.output
    assert not (tmp_path / "o").exists()


def test_a_folder_that_cannot_be_written_is_told(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    code, result = run(clip, "--method", "shares", "--out", tmp_path / "taken" / "o")
    assert code == 2 or result.exception is not None
    assert "taken" in f"{result.output}{result.exception}"


def test_the_command_knows_every_way_to_explain_and_a_clip_may_have_any_name() -> None:
    assert command.METHODS == METHODS
    code, result = run("--help")
    assert code == 0
    assert "CLIP [--out DIR] [--language en|zh] [--json] | COMMAND" in result.output
    code, result = run("clip", "--help")
    assert "--references" in result.output
