"""`voxproof watermark`, the whole way on real speech: keys, mark, read, register, and what cannot be marked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from forensics.cli.main import voxproof
from forensics.cli.verify import exit_code
from forensics.methods import _survival
from forensics.records import Examination
from synth import channels
from synth.errors import VoxproofError

DATA = Path(__file__).parents[2] / "data"
SPEECH = DATA / "sense_and_sensibility_01_austen_64kb-0890.wav"
SHORT = DATA / "001.wav"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watermark")


@pytest.fixture(autouse=True)
def _own_register(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXPROOF_REGISTER", str(home / "register.jsonl"))
    monkeypatch.setenv("VOXPROOF_ISSUER_KEY", str(home / "issuer.pem"))
    monkeypatch.delenv("VOXPROOF_KEYS", raising=False)


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(voxproof, [str(word) for word in words], standalone_mode=False)


def lines(result: Result) -> list[dict[str, Any]]:
    if result.exception:
        raise result.exception
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def key(home: Path) -> Path:
    path = home / "key.json"
    told = json.loads(call("watermark", "keygen", "-o", path, "--json").stdout)
    assert told == {"path": str(path), "key_id": told["key_id"], "epoch": 0, "holds": "issuer"}
    assert path.stat().st_mode & 0o777 == 0o600
    return path


@pytest.fixture(scope="module")
def marked(home: Path, key: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOXPROOF_REGISTER", str(home / "register.jsonl"))
        patch.setenv("VOXPROOF_ISSUER_KEY", str(home / "issuer.pem"))
        result = call(
            "watermark", "embed", SPEECH, SHORT, "--key", key, "--payload", "0x1A2B3C4D", "-o", home / "out", "--json"
        )
    good, short = lines(result)
    assert result.return_value == 30
    assert (good["outcome"], good["payload"]["hex"]) == ("embedded", "1a2b3c4d")
    assert (short["outcome"], short["output"]) == ("could_not_test", None)
    assert "too short" in short["reasons"][0]
    assert [path.name for path in (home / "out").iterdir()] == [SPEECH.name]
    return Path(good["output"])


def test_a_marked_file_keeps_rate_channels_and_length_and_names_its_issuance(marked: Path, key: Path) -> None:
    before, after = soundfile.info(SPEECH), soundfile.info(marked)
    assert (before.samplerate, before.channels, before.frames) == (after.samplerate, after.channels, after.frames)
    assert before.subtype == after.subtype
    result = call("watermark", "detect", marked, SPEECH, "--key", key, "--json")
    found, plain = lines(result)
    assert result.return_value == 0
    assert found["path"] == str(marked)
    assert (found["outcome"], found["authenticated"], found["issued"]) == ("found", True, "embedded")
    assert found["payload"]["hex"] == found["payload"]["issuance_id"] == "1a2b3c4d"
    assert (plain["outcome"], plain["payload"]) == ("not_found", None)
    assert plain["score"] < plain["threshold"] < found["score"]


def test_the_public_half_finds_the_mark_and_says_that_it_cannot_authenticate(
    marked: Path, key: Path, home: Path
) -> None:
    public, later = home / "public.json", home / "later.json"
    assert call("watermark", "keygen", "--public", key, "-o", public).return_value is None
    assert json.loads(call("watermark", "keygen", "--rotate", key, "-o", later, "--json").stdout)["epoch"] == 1
    (found,) = lines(call("watermark", "detect", marked, "--key", public, "--json"))
    assert (found["outcome"], found["authenticated"], found["issued"]) == ("found", None, None)
    (found,) = lines(call("watermark", "detect", marked, "--key", later, "--json"))
    assert (found["authenticated"], found["epoch"]) == (True, 0)
    with pytest.raises(SystemExit, match="2"):
        lines(call("watermark", "embed", SPEECH, "--key", public, "-o", home / "none", "--json"))


def test_verify_reads_the_mark_and_a_marked_recording_is_no_machine(marked: Path, key: Path) -> None:
    result = call("verify", marked, "--key", key, "--method", "watermark", "--json")
    (row,) = lines(result)
    assert row["watermark"]["issued"] == "embedded"
    assert row["findings"][0]["log10_lr"] is None
    assert result.return_value == exit_code(Examination.model_validate(row)) == 30


def test_without_a_key_or_without_sound_it_could_not_be_tested(
    marked: Path, key: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = call("watermark", "detect", marked, "--json")
    (untested,) = lines(result)
    assert (result.return_value, untested["outcome"]) == (30, "could_not_test")
    assert "--key" in untested["reasons"][0]
    garbage = home / "garbage.wav"
    garbage.write_bytes(b"no sound")
    monkeypatch.setenv("VOXPROOF_KEYS", str(key))
    result = call("watermark", "detect", garbage, "--json")
    (untested,) = lines(result)
    assert (result.return_value, untested["outcome"]) == (30, "could_not_test")


def test_silence_cannot_be_marked(home: Path, key: Path) -> None:
    silence = home / "silence.wav"
    soundfile.write(silence, np.zeros(5 * 8000), 8000)
    result = call("watermark", "embed", silence, "--key", key, "-o", home / "quiet", "--json")
    (told,) = lines(result)
    assert (result.return_value, told["outcome"]) == (30, "could_not_test")
    assert not list((home / "quiet").iterdir())


def test_a_recording_is_not_replaced_by_its_marked_copy(marked: Path, key: Path, home: Path) -> None:
    before = marked.read_bytes()
    assert "would be replaced" in str(call("watermark", "embed", marked, "--key", key, "-o", marked.parent).exception)
    twice = call("watermark", "embed", SPEECH, SPEECH, "--key", key, "-o", home / "twice")
    assert "same name" in str(twice.exception)
    assert marked.read_bytes() == before


def test_survive_counts_what_each_channel_leaves_of_the_mark(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {"g711": channels.G711(), "drowned": channels.Noise(-30.0)}
    monkeypatch.setattr(_survival, "ATTACKS", chosen)
    rows = lines(call("watermark", "survive", SPEECH, "--key", key, "--json"))  # marked in memory
    assert [(row["attack"], row["clips"], row["found"], row["authenticated"]) for row in rows] == [
        ("g711", 1, 1, 1),
        ("drowned", 1, 0, 0),
    ]


def test_survive_needs_a_mark_if_the_key_cannot_put_one_on(home: Path, key: Path) -> None:
    from synth.watermark.keys import read_key

    held = read_key(key)
    with pytest.raises(VoxproofError, match="no mark of the keys"):
        _survival.marked_sound(SPEECH, [held.public], None)
