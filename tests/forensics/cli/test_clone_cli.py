"""`voxproof clone`, the whole way with tiny models: what is written verifies, and what is refused leaves nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

torch = pytest.importorskip("torch", reason="cloning is not tested: torch (extra `train`) is not installed")
sys.path.append(str(Path(__file__).parents[2] / "synth"))

from checkpoint_files import gpt_checkpoint, sovits_checkpoint  # noqa: E402
from clone_models import cloner  # noqa: E402
from consent_material import KEY, Clock, toy_embed, with_toy_marker  # noqa: E402

from forensics.cli.main import voxproof  # noqa: E402
from synth import audio, emission, emission_stream  # noqa: E402
from synth.access import create_token  # noqa: E402
from synth.channels import Noise  # noqa: E402
from synth.checkpoint import write_checkpoint  # noqa: E402
from synth.choosing import Chosen  # noqa: E402
from synth.clone import Cloner  # noqa: E402
from synth.enrolment import create_consent  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.issuance import find  # noqa: E402
from synth.matching import ShippedVoices  # noqa: E402
from synth.models import lite  # noqa: E402
from synth.register import Register  # noqa: E402
from synth.sampling import Sampling  # noqa: E402
from synth.sound_files import GrowingWav  # noqa: E402
from synth.watermark.keys import write_key  # noqa: E402

DATA = Path(__file__).parents[2] / "data"
VOICE, OTHER = DATA / "flite-slt.wav", DATA / "vm-intro.wav"
TEXT = "hello there. good day to you"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key, a register and a consent to a machine-made voice, for internal use in English."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VOXPROOF_REGISTER", str(tmp_path / "register.jsonl"))
    monkeypatch.setenv("VOXPROOF_KEYS", str(tmp_path / "key.json"))
    for name in ("VOXPROOF_ISSUER_KEY", "VOXPROOF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    write_key(KEY, tmp_path / "key.json")
    consented(tmp_path / "consent.json")
    (tmp_path / "out").mkdir()
    return tmp_path


def consented(path: Path, recording: Path = VOICE, until: int = 2099, clock: Clock | None = None) -> None:
    register = Register.continued(**({} if clock is None else {"clock": clock}))
    end = datetime(until, 1, 1, tzinfo=UTC)
    made = create_consent(register, "Ada", recording, "internal", end, languages=["en"], voices=ShippedVoices())
    path.write_text(made.text)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models that read letters, and a plain marker; every piece has eight tokens, a third of a second."""
    monkeypatch.setattr("synth.choosing.chosen_cloner", lambda *_, **__: Chosen(cloner(), "tiny@0badcafe", "en"))
    with_toy_marker(monkeypatch)
    short_pieces(monkeypatch, 8)


def short_pieces(patch: pytest.MonkeyPatch, tokens: int) -> None:
    plain = Cloner.settings
    short: dict[str, Any] = {"sampling": Sampling(least=tokens, most=tokens), "pause_seconds": 0.05}
    patch.setattr(Cloner, "settings", lambda self, **given: replace(plain(self, **given), **short))


def call(home: Path, *words: str | Path, **changes: str | Path | None) -> Result:
    given = {"--reference": VOICE, "--consent": home / "consent.json", "--text": TEXT, "--out": home / "out" / "a.wav"}
    given |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}  # type: ignore[misc]
    options = [part for name, value in given.items() if value is not None for part in (name, str(value))]
    return CliRunner().invoke(voxproof, ["clone", *options, *map(str, words)], standalone_mode=False)


def told(result: Result) -> Any:
    assert result.exit_code == 0, result.stderr
    if result.exception:
        raise result.exception
    (line,) = result.stdout.splitlines()
    return json.loads(line)


def left(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "out").iterdir())


def test_from_official_files_to_a_marked_registered_clip(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is replaced here but the length of the pieces: real gate, consent, voice, mark, register."""
    short_pieces(monkeypatch, 38)
    folder = home / "tiny"
    folder.mkdir()
    write_checkpoint(gpt_checkpoint(), folder / "g.ckpt")
    write_checkpoint(sovits_checkpoint(), folder / "s.pth")
    result = call(home, "--json", "--language", "en", model=folder, text="Good day to you. It is late. Come in.")
    made = told(result)
    assert result.stderr == ""
    assert (made["schema"], made["languages"], made["scope"]) == ("voxproof.clone/1", ["en"], "research")
    assert made["model"]["name"] == f"tiny@{made['model']['sha256']['sovits'][:8]}"
    assert made["consent_id"] == json.loads((home / "consent.json").read_text())["consent_id"]
    assert [len(piece) for piece in made["semantic_tokens"]] == [38] * len(made["semantic_tokens"])
    assert made["seconds"] == pytest.approx(sum(38 / 25 + 0.05 for _ in made["semantic_tokens"]), abs=0.01)
    assert made["real_time_factor"] > 0
    (reference,) = made["references"]
    assert (reference["path"], reference["advice"], reference["accepted"]) == (str(VOICE), [], [])
    assert reference["snr_db"] > 40
    read = CliRunner().invoke(voxproof, ["watermark", "detect", made["path"], "--json"], standalone_mode=False)
    mark = json.loads(read.stdout)
    assert (mark["outcome"], mark["authenticated"], mark["issued"]) == ("found", True, "synthesised")
    assert mark["payload"]["hex"] == made["issuance_id"] == made["watermark"]["payload"]["hex"]
    assert mark["payload"]["voiceprint"] == made["voiceprint"]
    (found,) = find(Register.open())
    assert (found.state, found.issuance.issuance_id) == ("emitted", made["issuance_id"])
    assert [one.model_dump(mode="json") for one in found.issuance.reference_findings] == [
        {name: value for name, value in reference.items() if name != "path"}
    ]


@pytest.mark.usefixtures("tiny")
def test_the_same_seed_says_the_same_to_the_sample_before_the_mark(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[np.ndarray[Any, Any]] = []

    def kept(samples: Any, *rest: Any) -> Any:
        said.append(samples)
        return toy_embed(samples, *rest)

    monkeypatch.setattr(emission, "_embed", kept)
    first, again, other = (told(call(home, "--json", seed=seed)) for seed in ("7", "7", "8"))
    assert np.array_equal(said[0], said[1])
    assert first["semantic_tokens"] == again["semantic_tokens"]
    assert first["issuance_id"] != again["issuance_id"]  # the mark says which of the two it is
    assert first["semantic_tokens"] != other["semantic_tokens"]
    assert not np.array_equal(said[0], said[2])


def small_windows(patch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("FIRST_SECONDS", 0.5), ("BLOCK_SECONDS", 0.1), ("AHEAD_SECONDS", 0.05)):
        patch.setattr(emission_stream, name, seconds)


@pytest.mark.usefixtures("tiny")
def test_a_stream_is_written_as_it_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_windows(monkeypatch)
    sizes: list[int] = []
    write = GrowingWav.write

    def watched(self: GrowingWav, samples: Any, rate: int) -> None:
        write(self, samples, rate)
        sizes.append((home / "out" / "a.wav").stat().st_size)

    monkeypatch.setattr(GrowingWav, "write", watched)
    made = told(call(home, "--stream", "--json"))
    assert len(sizes) > 1
    assert sizes == sorted(set(sizes))
    wave = soundfile.info(home / "out" / "a.wav")
    assert (wave.frames, wave.samplerate, wave.subtype) == (round(made["seconds"] * 32_000), 32_000, "PCM_16")
    assert (home / "out" / "a.wav").stat().st_size == 44 + 2 * wave.frames
    assert [len(piece) for piece in made["semantic_tokens"]] == [8, 8]
    (found,) = find(Register.open())
    assert (found.state, found.issuance.output, found.seconds) == ("emitted", "stream", made["seconds"])
    again = call(home, "--stream")
    assert (again.exit_code, "there is a file of this name. A stream goes to a new file" in again.stderr) == (2, True)
    piped = CliRunner().invoke(
        voxproof,
        ["clone", "--reference", str(VOICE), "--consent", str(home / "consent.json"), "--text", TEXT, "--stream",
         "-o", "-"],
        standalone_mode=False,
    )  # fmt: skip
    assert piped.stdout_bytes[:4] == b"RIFF"
    assert len(piped.stdout_bytes) == 44 + 2 * wave.frames
    with audio_in(home, piped.stdout_bytes) as recording:
        assert recording.rate == 32_000
    assert left(home) == ["a.wav"]


def audio_in(home: Path, data: bytes) -> audio.Recording:
    (home / "piped.wav").write_bytes(data)
    return audio.open_recording(home / "piped.wav")


@pytest.mark.usefixtures("tiny")
def test_a_failure_on_the_way_leaves_no_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise VoxproofError("the marker broke")

    with monkeypatch.context() as patch:
        patch.setattr(emission, "_embed", broken)
        for how in ((), ("--stream",)):
            result = call(home, *how)
            assert (result.exit_code, "the marker broke" in result.stderr, left(home)) == (2, True, [])
    small_windows(monkeypatch)
    write = GrowingWav.write

    def full(self: GrowingWav, samples: Any, rate: int) -> None:
        if self._file is not None:
            raise VoxproofError("the disk is full")
        write(self, samples, rate)
        assert left(home) == ["a.wav"]

    monkeypatch.setattr(GrowingWav, "write", full)
    result = call(home, "--stream", text=". ".join(["hello there"] * 4))
    assert (result.exit_code, "the disk is full" in result.stderr, left(home)) == (2, True, [])
    (found,) = find(Register.open())
    assert (found.state, found.reason) == ("aborted", "the reader went away")


@pytest.mark.usefixtures("tiny")
def test_a_noisy_reference_is_taken_when_accepted_and_the_issuance_says_so(home: Path) -> None:
    noisy = home / "noisy.wav"
    sound = audio.read(VOICE)
    audio.write(noisy, Noise(9.0).transmit(sound.mono, sound.rate, 1), sound.rate)
    consented(home / "noisy.json", noisy)
    result = call(home, reference=noisy, consent=home / "noisy.json")
    assert (result.exit_code, result.stdout, left(home)) == (2, "", [])
    assert f"voxproof: {noisy}: cannot be the reference: its speech is " in result.stderr
    result = call(home, "--accept-noise", "--json", reference=noisy, consent=home / "noisy.json")
    assert told(result)["references"][0]["accepted"] == ["noise"]
    assert f"voxproof: {noisy}: accepted: its speech is " in result.stderr
    (found,) = find(Register.open())
    assert found.issuance.reference_findings[0].accepted == ("noise",)
    shown = CliRunner().invoke(voxproof, ["issuance", "show", found.issuance.issuance_id], standalone_mode=False)
    assert "dB; accepted: noise" in shown.stdout


@pytest.mark.usefixtures("tiny")
def test_of_a_long_reference_a_passage_is_taken_and_named(home: Path) -> None:
    sound = audio.read(VOICE)
    audio.write(home / "long.wav", np.tile(sound.mono, 3), sound.rate)
    result = call(home, reference=home / "long.wav")
    assert result.exit_code == 0
    assert f"voxproof: {home / 'long.wav'}: it is 13.0 s long; its passage from " in result.stderr
    assert "\nmodel           tiny@0badcafe\n" in result.stdout
    assert left(home) == ["a.wav"]


def keyless(home: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.delenv("VOXPROOF_KEYS")
    return {}


def expired(home: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("VOXPROOF_REGISTER", str(home / "old.jsonl"))
    consented(home / "old.json", until=2021, clock=Clock(datetime(2020, 3, 1, tzinfo=UTC)))
    return {"consent": home / "old.json"}


def elsewhere(home: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    patch.setenv("VOXPROOF_REGISTER", str(home / "none.jsonl"))
    return {}


def empty(home: Path, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    (home / "empty.txt").write_text(" \n")
    return {"text": None, "text_file": home / "empty.txt"}


def given(**changes: Any) -> Callable[[Path, pytest.MonkeyPatch], dict[str, Any]]:
    return lambda home, patch: {
        name: value.format(home=home) if isinstance(value, str) else value for name, value in changes.items()
    }


REFUSALS = {
    "no key": (keyless, "there is no watermark key; nothing is emitted unmarked. `voxproof watermark keygen -o"),
    "no consent": (given(consent="{home}/no.json"), "/no.json: the consent cannot be read"),
    "expired": (expired, " expired at 2021-01-01T00:00:00Z. Ask the subject for a new one."),
    "another voice": (given(reference=str(OTHER)), "vm-intro.wav is not the voice of the consent"),
    "scope": (given(scope="commercial"), "is for internal use, not commercial"),
    "no register": (elsewhere, "/none.jsonl: there is no issuance register."),
    "no text": (empty, "/empty.txt: the text is empty. Give at least one word."),
    "no folder": (given(out="{home}/none/a.wav"), "/none/a.wav: its folder does not exist. Make the folder first."),
    "no sound file": (given(out="{home}/out/a.txt"), "/out/a.txt: cannot be written as .txt. Name it .wav"),
    "over the reference": (given(out="{home}/out/a.wav", reference="{home}/out/a.wav"), "would be replaced by it"),
    "no reference": (given(reference="{home}/no.wav"), "/no.wav: does not exist. Check the path."),
    "too short": (given(reference=str(DATA / "002.wav")), "it is 2.0 s long (3 to 10 s are needed). Record some"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_refused_is_refused_before_a_model_is_loaded(
    case: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loaded(*_: Any, **__: Any) -> Any:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("synth.choosing.chosen_cloner", loaded)
    arrange, why = REFUSALS[case]
    result = call(home, **arrange(home, monkeypatch))
    assert (result.exit_code, result.stdout) == (2, ""), result.exception
    assert result.stderr.startswith("voxproof: ")
    assert why in result.stderr
    assert left(home) == []
    assert not (home / "none.jsonl").exists()


@pytest.mark.usefixtures("tiny")
def test_the_language_of_the_text_is_asked_of_the_consent(home: Path) -> None:
    result = call(home, text="hello AB")
    assert (result.exit_code, left(home)) == (2, [])
    assert "is for en, not zh" in result.stderr


def test_a_register_with_tokens_wants_one(home: Path) -> None:
    token, _ = create_token(Register.continued(), "Studio", "registrar", datetime(2099, 1, 1, tzinfo=UTC))
    assert call(home).exit_code == 3
    (home / "token").write_text(token)
    result = call(home, token_file=home / "token")
    assert (result.exit_code, left(home)) == (3, [])
    assert "the role registrar may not use clone under the scope research" in result.stderr


def test_models_that_are_not_there_are_plain_errors(home: Path) -> None:
    result = call(home, model=home / "none")
    assert result.exit_code == 2
    assert f"{home / 'none'}: there is no model of this name and no such folder. Say lite, or name" in result.stderr
    result = call(home, model=home / "out")
    assert (result.exit_code, "Import one: voxproof models import" in result.stderr) == (2, True)
    if not torch.cuda.is_available():
        result = call(home, model=home / "out", device="cuda")
        assert (result.exit_code, "Say --device cpu." in result.stderr) == (2, True)
    assert left(home) == []


def test_lite_without_weights_is_a_plain_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite.lite_folder, "__defaults__", (home / "out",))
    result = call(home)
    assert (result.exit_code, result.stdout, left(home)) == (2, "", [])
    assert f"{home / 'out'}: the lite voice is not part of this version yet. Give a folder of models: --model DIR" in (
        result.stderr
    )


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ((), {"text": None}),
        ((), {"text_file": DATA / "README.md"}),
        ((), {"out": "-"}),
        (("--stream", "--json"), {"out": "-"}),
        ((), {"seed": "-1"}),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(home: Path, words: tuple[str, ...], changes: dict[str, Any]) -> None:
    assert isinstance(call(home, *words, **changes).exception, click.UsageError)


def test_the_help_names_what_is_needed() -> None:
    shown = CliRunner().invoke(voxproof, ["clone", "--help"]).stdout
    for option in ("--reference REF.wav", "--consent FILE", "--text-file FILE", "--seed", "--accept-noise", "--key"):
        assert option in shown
    assert "  voxproof clone --reference ada.wav --consent consent.json --key key.json" in shown
