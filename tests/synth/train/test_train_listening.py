"""A training that is listened to: nothing is heard without key and consent, and what is heard is marked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

sys.path.append(str(Path(__file__).parents[1]))

from consent_material import KEY, Tones, recorded, toy_detect, with_toy_marker  # noqa: E402
from train_material import made_data, small_flow, small_sovits  # noqa: E402

from forensics.cli.main import voxproof  # noqa: E402
from synth import emission  # noqa: E402
from synth.audio import read  # noqa: E402
from synth.checkpoint import Checkpoint, write_checkpoint  # noqa: E402
from synth.consent import ConsentError, revoke_consent  # noqa: E402
from synth.emission import EmissionError  # noqa: E402
from synth.enrolment import create_consent  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.issuance import find  # noqa: E402
from synth.matching import ShippedVoices  # noqa: E402
from synth.register import Register  # noqa: E402
from synth.train import start  # noqa: E402
from synth.train.shards import Prepared  # noqa: E402
from synth.vocoders import HifiGan  # noqa: E402
from synth.watermark.keys import write_key  # noqa: E402

SOUND = (".wav", ".flac", ".mp3", ".ogg", ".npy")


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A toy in place of the marker, tones in place of voices."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    for name in ("VOXPROOF_REGISTER", "VOXPROOF_ISSUER_KEY", "VOXPROOF_TOKEN", "VOXPROOF_KEYS"):
        monkeypatch.delenv(name, raising=False)
    with_toy_marker(monkeypatch)
    for name in ("model", "threshold", "enrolled", "similarity", "tag"):
        monkeypatch.setattr(ShippedVoices, name, vars(Tones)[name])
    monkeypatch.setattr("synth.train.batches.FEWEST", 3)  # no repetition
    monkeypatch.setattr("synth.train.s2.CodesToSound.picture", lambda recipe, index: {})
    monkeypatch.setattr("synth.train.s2_flow.CodesToMel.picture", lambda recipe, index: {})


@pytest.fixture
def data(tmp_path: Path) -> Prepared:
    """Five recordings of deep tones, of which two are held out: 0.9 s and 0.66 s."""
    return made_data(tmp_path / "data", (0.7, 0.9, 0.72, 0.66, 0.7))


@pytest.fixture
def register(tmp_path: Path) -> Register:
    write_key(KEY, tmp_path / "key.json")
    return Register.continued(None)


def consent(register: Register, folder: Path, **changes: Any) -> Path:
    """Of somebody with a deep voice."""
    facts: dict[str, Any] = {"scope": "research", "until": datetime(2099, 1, 1, tzinfo=UTC), "languages": ["en"]}
    hertz = changes.pop("hertz", 150)
    made = create_consent(
        register, "Ada", recorded(folder / f"{hertz}.wav", hertz), **{**facts, **changes}, voices=Tones()
    )
    path = folder / f"{made.consent_id}.json"
    path.write_text(made.text)
    return path


def sovits(folder: Path, version: str = "v2") -> Path:
    """A small model to start from, and its file."""
    path = folder / f"{version}.pth"
    model, kind = (small_flow("v4"), "flow-matching") if version == "v4" else (small_sovits(), "sovits")
    config = {"model": json.loads(json.dumps(model.config.to_mapping())), "version": version}
    write_checkpoint(Checkpoint(kind, version, model.state_dict(), config), path)
    return path


def trained(data: Prepared, out: Path, model: Path, *more: object) -> dict[str, Any]:
    """What `voxproof train s2` says, three steps in three epochs."""
    arguments = [
        "train", "s2", data.folder, "--out", out, "--start", model, "--size", "tiny", "--validation", 0.4, "--json",
        "--epochs", 3, *more,
    ]  # fmt: skip
    result = CliRunner().invoke(voxproof, [str(part) for part in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def sounds(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in SOUND)


def test_held_out_recordings_leave_marked_and_registered(data: Prepared, register: Register, tmp_path: Path) -> None:
    model, asked = sovits(tmp_path), consent(register, tmp_path)
    plain = trained(data, tmp_path / "plain", model)
    assert (plain["sounds"], plain["withheld"]) == ([], [])
    out = tmp_path / "run"
    heard = trained(data, out, model, "--listen", 2, "--consent", asked, "--key", tmp_path / "key.json")
    assert (out / "log.jsonl").read_bytes() == (tmp_path / "plain" / "log.jsonl").read_bytes()

    assert [Path(path).name for path in heard["sounds"]] == [
        f"step-{step:07d}-line-{line:05d}.wav" for step in (2, 3) for line in (2, 4)
    ]
    assert sorted(sounds(out)) == sorted(map(Path, heard["sounds"]))
    assert not list(sounds(tmp_path / "plain"))
    models = []
    for path in heard["sounds"]:
        sound = read(path)
        assert sound.rate == 32_000
        mark = toy_detect(sound.samples, sound.rate, [KEY])
        (found,) = find(register, mark.payload.issuance_id)
        assert (found.issuance.kind, found.issuance.scope, found.issuance.languages) == (
            "synthesised", "research", ("en",)
        )  # fmt: skip
        assert found.issuance.consent_id == json.loads(asked.read_text())["consent_id"]
        assert found.issuance.seconds == pytest.approx(len(sound.samples) / sound.rate, abs=1e-3)
        models.append(found.issuance.models["sovits"])
    assert models[0] == models[1] != models[2] == models[3]  # the weights as they were at the time


def test_what_cannot_be_marked_is_withheld_and_the_training_goes_on(
    data: Prepared, register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_quiet(*_: Any) -> Any:
        raise EmissionError("the sound is too quiet to hide a mark")

    monkeypatch.setattr(emission, "_embed", too_quiet)
    arguments = ["--listen", 1, "--consent", consent(register, tmp_path), "--key", tmp_path / "key.json"]
    said = trained(data, tmp_path / "run", sovits(tmp_path), *arguments, "--steps", 1)
    assert said["sounds"] == list(sounds(tmp_path / "run")) == []
    assert said["withheld"] == [f"step 1, line {line}: the sound is too quiet to hide a mark" for line in (2, 4)]
    assert (said["steps"], len(said["exported"])) == (1, 1)


def test_a_recording_with_too_little_speech_is_not_said(
    data: Prepared, register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, key, model = consent(register, tmp_path), tmp_path / "key.json", sovits(tmp_path)

    def similar(least: float) -> Any:
        def similarity(voices: Any, quantised: bytes, heard: Any) -> float:
            if heard.seconds < least:
                raise VoxproofError("there is too little speech")
            return 1.0

        return similarity

    monkeypatch.setattr(ShippedVoices, "similarity", similar(0.8))
    said = trained(data, tmp_path / "run", model, "--listen", 3, "--consent", asked, "--key", key, "--steps", 1)
    assert said["withheld"] == ["line 4: there is too little speech"]
    assert [Path(path).name for path in said["sounds"]] == ["step-0000001-line-00002.wav"]
    monkeypatch.setattr(ShippedVoices, "similarity", similar(5.0))
    with pytest.raises(VoxproofError, match="no held-out recording can be listened to: there is too little speech"):
        trained(data, tmp_path / "again", model, "--listen", 3, "--consent", asked, "--key", key)


def test_nobody_listens_without_key_and_consent(data: Prepared, register: Register, tmp_path: Path) -> None:
    """Refused before the first step, with what would help."""
    model, out, key = sovits(tmp_path), tmp_path / "run", ["--key", tmp_path / "key.json"]
    mine, other = consent(register, tmp_path), consent(register, tmp_path, hertz=1500)
    chinese, old = consent(register, tmp_path, languages=["zh"]), consent(register, tmp_path)
    revoke_consent(register, json.loads(old.read_text())["consent_id"])
    write_key(KEY, tmp_path / "public.json", public=True)
    for options, kind, words in (
        (["--consent", mine], EmissionError, "there is no watermark key.*--key or VOXPROOF_KEYS"),
        (["--consent", mine, "--key", tmp_path / "public.json"], EmissionError, "can read marks but not issue them"),
        (key, ConsentError, "there is no consent of the speaker.*voxproof consent create"),
        ([*key, "--consent", other], ConsentError, "2.wav is not the voice of the consent"),
        ([*key, "--consent", chinese], ConsentError, "is for zh, not en"),
        ([*key, "--consent", old], ConsentError, "was revoked"),
        ([*key, "--consent", mine, "--scope", "commercial"], ConsentError, "is for research use, not commercial"),
        ([*key, "--consent", mine, "--vocoder", model], VoxproofError, "v2 has its vocoder inside"),
    ):
        with pytest.raises(kind, match=words):
            trained(data, out, model, "--listen", 1, *options)
    with pytest.raises(VoxproofError, match="are for --listen"):
        trained(data, out, model, "--consent", mine)
    assert not list(out.rglob("*.jsonl"))
    assert not list(sounds(out))


def test_v4_is_heard_through_its_vocoder_only(
    data: Prepared, register: Register, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = sovits(tmp_path, "v4"), consent(register, tmp_path)
    listen = ["--listen", 1, "--consent", asked, "--key", tmp_path / "key.json", "--lora", 2, "--steps", 1]
    with pytest.raises(VoxproofError, match=r"v4 makes mels, and there is no vocoder.*--vocoder"):
        trained(data, tmp_path / "run", model, *listen)
    with pytest.raises(VoxproofError, match="is no vocoder of v4 but a sovits of v2"):
        trained(data, tmp_path / "run", model, *listen, "--vocoder", sovits(tmp_path))
    monkeypatch.setattr(start, "read_vocoder", lambda path, version: HifiGan(32))
    said = trained(data, tmp_path / "run", model, *listen, "--vocoder", "any.pth")
    assert [Path(path).name for path in said["sounds"]] == [
        f"step-0000001-line-{line:05d}.wav" for line in (2, 4)
    ]  # fmt: skip
    sound = read(said["sounds"][0])
    assert sound.rate == 48_000
    assert len(sound.samples) == pytest.approx(0.9 * 48_000, abs=2_000)
    assert toy_detect(sound.samples, sound.rate, [KEY]).payload is not None
