"""The one door: marked, read back, registered, then out; whatever fails, nothing leaves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from consent_material import (
    KEY,
    RATE,
    Tones,
    consented,
    recorded,
    register_at,
    tone,
    toy_detect,
    toy_embed,
    with_toy_marker,
)

from synth import audio, emission
from synth.consent import Consent, ConsentError, revoke_consent
from synth.contour import contour_of
from synth.emission import EmissionError, Emitted, TooShortError, emit, issuing_key
from synth.errors import VoxproofError
from synth.issuance import IssuanceRequest, find
from synth.matching import Heard
from synth.register import Register
from synth.sound_files import SUFFIXES, write_sound
from synth.watermark.keys import new_key


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with_toy_marker(monkeypatch)


@pytest.fixture
def register(tmp_path: Path) -> Register:
    return register_at(tmp_path)


@pytest.fixture
def consent(register: Register, tmp_path: Path) -> Consent:
    return consented(register, recorded(tmp_path / "ada.wav"))


def said(consent: Consent, **changes: Any) -> IssuanceRequest:
    facts: dict[str, Any] = {
        "scope": "internal",
        "languages": ("en",),
        "text_sha256": "ef" * 32,
        "models": {"gpt": "cd" * 32},
        "references": (Heard(tone(300, seed=9), RATE),),
    }
    return IssuanceRequest("synthesised", consent=consent, **{**facts, **changes})


def let_out(register: Register, request: IssuanceRequest, seconds: float = 2.0, **options: Any) -> Emitted:
    return emit(tone(700, seconds, seed=3), RATE, request, [KEY.public, KEY], register, voices=Tones(), **options)


def test_what_leaves_is_marked_and_registered(register: Register, consent: Consent, tmp_path: Path) -> None:
    out = tmp_path / "said.wav"
    emitted = let_out(register, said(consent), out=out)
    issuance = emitted.issuance
    wave = audio.read(out)
    assert (wave.rate, wave.samples.shape) == (RATE, (16000, 1))
    found = toy_detect(wave.samples.astype(np.float64), RATE, [KEY])
    assert (found.outcome, found.authenticated) == ("found", True)
    assert f"{found.payload.issuance_id:08x}" == issuance.issuance_id
    tag = Tones().tag(bytes.fromhex(consent.voiceprint.quantised), KEY.mac_secret or b"")
    assert (found.payload.voiceprint_tag, issuance.voiceprint_tag) == (tag, f"{tag:02x}")
    assert find(register, issuance.issuance_id) == [emitted.found]
    with audio.open_recording(out) as recording:
        assert issuance.output_sha256 == recording.file_sha256
    assert (issuance.kind, issuance.consent_id, issuance.text_sha256) == ("synthesised", consent.consent_id, "ef" * 32)
    assert (issuance.scheme, issuance.key_id, issuance.epoch) == (1, KEY.key_id, 0)
    assert (issuance.seconds, issuance.sample_rate, issuance.channels, issuance.output) == (2.0, RATE, 1, "wav pcm_16")
    assert (issuance.models, issuance.payload_carried, issuance.notes) == ({"gpt": "cd" * 32}, True, ())
    assert issuance.score > issuance.threshold
    assert emitted.samples.shape == (16000, 1)
    assert emitted.manifest is None
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "ada.wav", "register.head", "register.jsonl", "said.wav",
    ]  # fmt: skip


def test_samples_without_a_file_are_marked_too(register: Register, consent: Consent) -> None:
    one, two = (let_out(register, said(consent)) for _ in range(2))
    assert one.issuance.issuance_id != two.issuance.issuance_id
    assert one.issuance.output == "samples"
    assert one.issuance.output_sha256 != two.issuance.output_sha256
    assert one.found.contour == one.issuance.contour == contour_of(one.samples, RATE).hex()
    assert toy_detect(one.samples, RATE, [KEY]).payload.issuance_id == int(one.issuance.issuance_id, 16)


def test_a_clip_too_short_for_the_payload_says_so_and_has_its_manifest(
    register: Register, consent: Consent, tmp_path: Path
) -> None:
    emitted = let_out(register, said(consent), seconds=0.4, out=tmp_path / "yes.flac")
    assert (emitted.issuance.payload_carried, emitted.issuance.notes) == (
        False, ("too short for the payload: presence only",),
    )  # fmt: skip
    assert emitted.manifest == tmp_path / "yes.flac.issuance.json"
    assert emitted.issuance.issuance_id in emitted.manifest.read_text("utf-8")
    assert toy_detect(audio.read(tmp_path / "yes.flac").samples, RATE, [KEY]).outcome == "found"
    with pytest.raises(TooShortError, match=r"\(0\.4 s\) is too short or too quiet to carry the payload"):
        let_out(register, IssuanceRequest("embedded"), seconds=0.4, out=tmp_path / "no.wav")
    assert not (tmp_path / "no.wav").exists()


# Whatever fails, nothing leaves


def _raises(*_: Any, **__: Any) -> Any:
    raise VoxproofError("the marker broke")


def _unmarked(samples: Any, *_: Any) -> Any:
    return SimpleNamespace(samples=samples, payload_carried=True)


def _other_payload(samples: Any, rate: int, keys: Any) -> Any:
    found = toy_detect(samples, rate, keys)
    return SimpleNamespace(**{**vars(found), "payload": None, "authenticated": False})


def _unauthenticated(samples: Any, rate: int, keys: Any) -> Any:
    return SimpleNamespace(**{**vars(toy_detect(samples, rate, keys)), "authenticated": None})


def _short(samples: Any, *rest: Any) -> Any:
    return SimpleNamespace(**{**vars(toy_embed(samples, *rest)), "samples": samples[:-1]})


def _not_finite(samples: Any, *rest: Any) -> Any:
    return SimpleNamespace(**{**vars(toy_embed(samples, *rest)), "samples": samples * np.nan})


def _only_samples(samples: Any, rate: int, keys: Any) -> Any:
    """Finds the mark in what was marked, and no more in what 16 bits have left of it."""
    found = toy_detect(samples, rate, keys)
    rounded = np.abs(samples * 32768 - np.round(samples * 32768)).max() < 1e-6
    return SimpleNamespace(**{**vars(found), "outcome": "not_found" if rounded else "found"})


FAILURES: list[tuple[str, Any, str]] = [
    ("_embed", _raises, "the marker broke"),
    ("_embed", _unmarked, "the mark is not found in what was to be emitted"),
    ("_embed", _short, "the marker gave no sound of the same shape"),
    ("_embed", _not_finite, "the marker gave no sound of the same shape"),
    ("_detect", _raises, "the marker broke"),
    ("_detect", _other_payload, "the payload cannot be read back"),
    ("_detect", _unauthenticated, "the payload cannot be read back"),
    ("_detect", _only_samples, r"as wav \(pcm_s16le\): the mark is not found"),
    ("write_sound", _raises, "the marker broke"),
    ("register_issuance", _raises, "the marker broke"),
]


@pytest.mark.parametrize(("step", "broken", "why"), FAILURES)
def test_if_a_step_fails_nothing_is_emitted(
    step: str, broken: Any, why: str, register: Register, consent: Consent, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    monkeypatch.setattr(emission, step, broken)
    with pytest.raises(VoxproofError, match=why):
        let_out(register, said(consent), out=tmp_path / "said.wav")
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before
    assert not list(tmp_path.glob(".voxproof-*"))


def test_a_marker_that_cannot_be_loaded_emits_nothing(
    register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(__import__("sys").modules, "synth.watermark.embed", None)
    with pytest.raises(EmissionError, match=r"the marker cannot be loaded .*nothing is emitted unmarked"):
        let_out(register, said(consent))


def test_a_file_that_cannot_be_put_in_its_place_is_withdrawn(
    register: Register, consent: Consent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(self: Path, target: Path) -> Path:
        if target == tmp_path / "said.wav":
            raise OSError(28, "No space left on device")
        return self.rename(target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(EmissionError, match=r"said\.wav: the file could not be put in its place \(No space left"):
        let_out(register, said(consent), out=tmp_path / "said.wav")
    (found,) = find(register)
    assert (found.state, found.reason) == (
        "withdrawn",
        "the file could not be put in its place (No space left on device)",
    )
    assert not (tmp_path / "said.wav").exists()


def test_an_existing_file_stays_as_it_was_when_the_emission_fails(
    register: Register, consent: Consent, tmp_path: Path
) -> None:
    (tmp_path / "said.wav").write_bytes(b"earlier")
    revoke_consent(register, consent.consent_id)
    with pytest.raises(ConsentError, match="was revoked"):
        let_out(register, said(consent), out=tmp_path / "said.wav")
    assert (tmp_path / "said.wav").read_bytes() == b"earlier"


def test_a_consent_that_is_revoked_while_the_sound_is_made_lets_nothing_out(
    register: Register, consent: Consent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*arguments: Any) -> Any:
        if not register.entries("consent.revoked"):
            revoke_consent(register, consent.consent_id)
        return toy_embed(*arguments)

    monkeypatch.setattr(emission, "_embed", slow)
    with pytest.raises(ConsentError, match="was revoked"):
        let_out(register, said(consent), out=tmp_path / "said.wav")
    assert not (tmp_path / "said.wav").exists()
    assert find(register) == []
    assert [entry.action for entry in register.entries()][-2:] == ["consent.revoked", "issuance.refused"]


def test_a_number_that_was_taken_meanwhile_is_drawn_and_marked_again(
    register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = let_out(register, said(consent))
    numbers = iter([int(first.issuance.issuance_id, 16), 7])
    monkeypatch.setattr(emission, "drawn_id", lambda: next(numbers))
    second = let_out(register, said(consent))
    assert second.issuance.issuance_id == "00000007"
    assert toy_detect(second.samples, RATE, [KEY]).payload.issuance_id == 7
    monkeypatch.setattr(emission, "drawn_id", lambda: 7)
    with pytest.raises(EmissionError, match="no free issuance number was found; nothing was emitted"):
        let_out(register, said(consent))


@pytest.mark.parametrize(
    ("sound", "rate"),
    [(np.zeros((0, 1)), RATE), (np.zeros((4, 1, 1)), RATE), (np.array([[np.nan]]), RATE), (np.ones((9, 1)), 0)],
)
def test_what_is_no_sound_is_refused(sound: Any, rate: int, register: Register, consent: Consent) -> None:
    with pytest.raises(EmissionError, match="are no sound to be emitted"):
        emit(sound, rate, said(consent), KEY, register, voices=Tones())


def test_it_needs_a_key_that_can_issue(register: Register, consent: Consent) -> None:
    with pytest.raises(EmissionError, match=r"can read marks but not issue them; nothing is emitted unmarked"):
        emit(tone(300), RATE, said(consent), [new_key().public], register, voices=Tones())
    with pytest.raises(EmissionError, match=r"there is no watermark key; .*`voxproof watermark keygen -o key\.json`"):
        emit(tone(300), RATE, said(consent), [], register, voices=Tones())
    assert issuing_key([KEY.public, KEY]) is KEY


# A mark on a recording


def test_a_recording_is_marked_under_a_number_of_its_users(register: Register, consent: Consent) -> None:
    request = IssuanceRequest("embedded", issuance_id=0xDEADBEEF, source_sha256="56" * 32)
    one, two = let_out(register, request), let_out(register, request)
    assert [one.issuance.issuance_id, two.issuance.issuance_id] == ["deadbeef"] * 2
    assert (one.issuance.kind, one.issuance.consent_id, one.issuance.voiceprint_tag) == ("embedded", None, None)
    assert one.issuance.source_sha256 == "56" * 32
    assert [found.sequence for found in find(register, "deadbeef")] == [one.found.sequence, two.found.sequence]
    synthesised = let_out(register, said(consent))
    taken = IssuanceRequest("embedded", issuance_id=int(synthesised.issuance.issuance_id, 16))
    with pytest.raises(VoxproofError, match="is that of a synthesis"):
        let_out(register, taken)
    with pytest.raises(EmissionError, match="the number of a synthesis is drawn, never chosen"):
        let_out(register, said(consent, issuance_id=5))


# Files


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_file_codec_is_written_and_read(suffix: str, channels: int, tmp_path: Path) -> None:
    samples = np.stack([tone(700, 1.0, rate=16000)] * channels, axis=1)
    said = write_sound(tmp_path / f"a{suffix}", samples, 16000)
    wave = audio.read(tmp_path / f"a{suffix}")
    assert wave.samples.shape[1] == channels
    assert 1.0 <= wave.seconds < 1.15
    assert abs(float(np.sqrt(np.mean(wave.mono**2))) - 0.0353) < 0.004
    assert said.split()[0] == suffix[1:]


WRONG: list[tuple[str, Callable[[Path], Path], str]] = [
    ("kind", lambda folder: folder / "a.txt", r"cannot be written as \.txt\. Name it \.wav, \.flac, \.mp3"),
    ("folder", lambda folder: folder / "none" / "a.wav", "its folder does not exist"),
    ("taken", lambda folder: folder / "b.wav", "is a folder"),
]


@pytest.mark.parametrize(("_", "place", "why"), WRONG)
def test_places_that_cannot_be_written_are_named_before_anything_is_done(
    _: str, place: Callable[[Path], Path], why: str, register: Register, consent: Consent, tmp_path: Path
) -> None:
    (tmp_path / "b.wav").mkdir()
    before = len(register.entries())
    with pytest.raises(audio.AudioError, match=why):
        let_out(register, said(consent), out=place(tmp_path))
    assert len(register.entries()) == before


def test_a_lossy_file_is_read_back_through_its_codec(
    register: Register, consent: Consent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int] = []

    def listening(samples: Any, rate: int, keys: Any) -> Any:
        heard.append(rate)
        found = toy_detect(samples[:32000], rate, keys)
        return SimpleNamespace(**{**vars(found), "outcome": "found" if rate == 16000 else "not_found", "reasons": ()})

    monkeypatch.setattr(emission, "_detect", listening)
    with pytest.raises(EmissionError, match=r"as ogg \(opus\): the mark is not found"):
        emit(tone(700, 2.0, rate=16000), 16000, said(consent), KEY, register, out=tmp_path / "a.ogg", voices=Tones())
    assert heard == [16000, 48000]
    assert not (tmp_path / "a.ogg").exists()
