"""What the cloner gives: nothing without a consent that covers it, and nothing unmarked, whole or as a stream."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the cloner is not tested: torch (extra `train`) is not installed")

from clone_models import QUICK, cloner, models, quick, voice  # noqa: E402
from consent_material import (  # noqa: E402
    KEY,
    Clock,
    Tones,
    consented,
    fixed_key,
    register_at,
    tone,
    toy_detect,
    with_toy_marker,
)

from synth import audio, emission, emission_stream  # noqa: E402
from synth.access import AccessError  # noqa: E402
from synth.clone import Cloner  # noqa: E402
from synth.consent import ConsentError, revoke_consent  # noqa: E402
from synth.emission import Issuer  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.issuance import find  # noqa: E402
from synth.reference import Reference  # noqa: E402
from synth.sampling import Sampling  # noqa: E402
from synth.watermark.tokens import TokenMark, detect_tokens  # noqa: E402

TEXT = "hello there. good day"


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with_toy_marker(monkeypatch)


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    """Consent to the first of the voices, in English, for internal use."""
    audio.write(tmp_path / "voice.wav", voice().samples.numpy(), voice().rate, "FLOAT")
    register = register_at(tmp_path, Clock())
    return Issuer(
        register, KEY, consented(register, tmp_path / "voice.wav", languages=["en"]), "internal", voices=Tones()
    )


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be said before the gate has opened."""

    def said(*_: Any, **__: Any) -> Any:
        raise AssertionError("something was said")

    monkeypatch.setattr(Cloner, "_rendered", said)
    monkeypatch.setattr(Cloner, "_streamed", said)


def test_what_is_said_is_marked_and_registered(issuer: Issuer, tmp_path: Path) -> None:
    greedy = quick(sampling=replace(QUICK.sampling, top_k=1))
    said = cloner().speak(TEXT, voice(), settings=greedy, issuer=issuer, out=tmp_path / "out.wav")
    plain = cloner()._render(TEXT, voice(), settings=greedy)
    assert (said.samples.shape, said.rate, said.samples.dtype) == (plain.samples.shape, plain.rate, torch.float32)
    assert all(torch.equal(a, b) for a, b in zip(said.codes, plain.codes, strict=True))
    assert plain.issuance is None
    assert said.issuance is not None
    found = toy_detect(said.samples.numpy()[:, None].astype(np.float64), said.rate, [KEY])
    assert f"{found.payload.issuance_id:08x}" == said.issuance.issuance_id
    (registered,) = find(issuer.register)
    assert registered.issuance == said.issuance
    assert (registered.issuance.languages, registered.issuance.models) == (("en",), {"gpt": "g", "sovits": "s"})
    assert registered.issuance.text_sha256 == hashlib.sha256(TEXT.encode()).hexdigest()
    wave = audio.read(tmp_path / "out.wav")
    assert (wave.rate, len(wave.samples)) == (said.rate, len(said.samples))
    assert toy_detect(wave.samples.astype(np.float64), wave.rate, [KEY]).payload == found.payload


def test_tokens_that_are_drawn_are_drawn_under_the_key(issuer: Issuer) -> None:
    long = quick(sampling=Sampling(top_k=None, repetition_penalty=1.0, least=120, most=120), seed=5)
    said = cloner().speak("hello there.", voice(), settings=long, issuer=issuer)
    mine, theirs = (detect_tokens(said.codes[0].numpy(), [key]) for key in (KEY, fixed_key(2)))
    assert mine is not None
    assert mine.found
    assert mine.log10_p < -12
    assert theirs is not None
    assert not theirs.found
    plain = detect_tokens(cloner()._render("hello there.", voice(), settings=long).codes[0].numpy(), [KEY])
    assert plain is not None
    assert not plain.found


def ways(able: Cloner, issuer: Issuer | None, text: str, reference: Any, **changes: Any) -> Iterator[Any]:
    """Every public way to make the cloner say something."""
    yield lambda: able.speak(text, reference, settings=quick(**changes), issuer=issuer)
    yield lambda: able.stream(text, reference, settings=quick(**changes), issuer=issuer)


@pytest.mark.usefixtures("silent")
def test_nothing_is_said_that_the_consent_does_not_cover(issuer: Issuer) -> None:
    able, register = cloner(), issuer.register
    other = Reference(torch.from_numpy(tone(9_000, 3.0, rate=32_000)), 32_000)
    token = f"vxp_{'ab' * 4}_{'x' * 43}"
    refusals: list[tuple[Issuer | None, str, Any, str]] = [
        (None, TEXT, voice(), "no voice is cloned without a consent"),
        (issuer, TEXT, other, "is not the voice of the consent"),
        (issuer, TEXT, [voice(), other], "is not the voice of the consent"),
        (issuer, TEXT + ". AB", voice(), "is for en, not zh"),
        (replace(issuer, scope="commercial"), TEXT, voice(), "is for internal use, not commercial"),
        (replace(issuer, token=token), TEXT, voice(), "is not one of this register's"),
        (replace(issuer, key=KEY.public), TEXT, voice(), "can read marks but not issue them"),
    ]
    for who, text, reference, why in refusals:
        for way in ways(able, who, text, reference):
            with pytest.raises((ConsentError, AccessError, VoxproofError), match=why):
                way()
    revoke_consent(register, issuer.consent.consent_id)
    for way in ways(able, issuer, TEXT, voice()):
        with pytest.raises(ConsentError, match="was revoked"):
            way()
    assert find(register) == []
    assert len(register.entries("issuance.refused")) == 2 * 4 + 2


def test_a_stream_is_the_same_sound_marked(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emission_stream, "FIRST_SECONDS", 0.6)
    monkeypatch.setattr(emission_stream, "BLOCK_SECONDS", 0.1)
    monkeypatch.setattr(emission_stream, "AHEAD_SECONDS", 0.05)
    text = ". ".join(["hello there"] * 4)
    parts = list(cloner().stream(text, voice(), settings=QUICK, issuer=issuer))
    drawn = replace(QUICK, sampling=replace(QUICK.sampling, mark=TokenMark.of(KEY, QUICK.seed)))  # as the door draws
    plain = torch.cat([chunk.samples for chunk in cloner()._stream(text, voice(), "", drawn)])
    said = torch.cat([part.samples for part in parts])
    (registered,) = find(issuer.register)
    assert len(parts) > 2
    assert said.shape == plain.shape
    assert {part.issuance.issuance_id for part in parts} == {registered.issuance.issuance_id}
    assert (registered.state, registered.seconds) == ("emitted", round(len(said) / 32_000, 3))
    found = toy_detect(said.numpy()[:, None].astype(np.float64), 32_000, [KEY])
    assert f"{found.payload.issuance_id:08x}" == registered.issuance.issuance_id


def test_whoever_stops_reading_ends_the_stream(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emission_stream, "FIRST_SECONDS", 0.6)
    monkeypatch.setattr(emission_stream, "AHEAD_SECONDS", 0.05)
    stream = cloner().stream(". ".join(["hello there"] * 4), voice(), settings=QUICK, issuer=issuer)
    first = next(stream)
    del stream
    (registered,) = find(issuer.register)
    assert (registered.state, registered.reason) == ("aborted", "the reader went away")
    assert registered.seconds == round(len(first.samples) / 32_000, 3)


def test_a_mark_that_fails_lets_nothing_out(issuer: Issuer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: Any) -> Any:
        raise VoxproofError("the marker broke")

    for step in ("_embed", "_detect"):
        with monkeypatch.context() as patch:
            patch.setattr(emission, step, broken)
            with pytest.raises(VoxproofError, match="the marker broke"):
                cloner().speak(TEXT, voice(), settings=QUICK, issuer=issuer, out=tmp_path / "out.wav")
            with pytest.raises(VoxproofError, match="the marker broke"):
                next(cloner().stream(TEXT, voice(), settings=QUICK, issuer=issuer))
    assert not (tmp_path / "out.wav").exists()
    assert find(issuer.register) == []


def test_another_recording_of_the_voice_will_do(issuer: Issuer) -> None:
    again = Reference(voice().samples[5_000:] * 0.5, voice().rate)
    said = cloner(models=models()).speak(TEXT, again, settings=QUICK, issuer=issuer)
    assert said.issuance is not None
