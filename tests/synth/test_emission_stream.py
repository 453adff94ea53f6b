"""The door for streams: a first window is held back, the mark goes on over all chunks, a failure ends it."""

from __future__ import annotations

from collections.abc import Iterable
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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth import emission, emission_stream
from synth.consent import Consent, ConsentError, revoke_consent
from synth.contour import levels_of
from synth.emission import EmissionError
from synth.emission_stream import StreamEmission, period_samples
from synth.errors import VoxproofError
from synth.issuance import Found, IssuanceRequest, find
from synth.matching import Heard
from synth.register import Register
from synth.watermark.payload import Payload


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


def opened(register: Register, consent: Consent) -> StreamEmission:
    references = (Heard(tone(300, seed=9), RATE),)
    request = IssuanceRequest("synthesised", "internal", ("en",), consent, references, text_sha256="ef" * 32)
    return StreamEmission(RATE, 1, request, KEY, register, Tones())


def through(stream: StreamEmission, sound: Any, sizes: Iterable[int]) -> list[Any]:
    """What comes back for every chunk, and at the end."""
    given, at = [], 0
    for size in sizes:
        given.append(stream.push(sound[at : at + size]))
        at += size
    given.append(stream.push(sound[at:]))
    return [*given, stream.finish()]


def only(register: Register) -> Found:
    (found,) = find(register)
    return found


def whole_of(register: Register, sound: Any) -> Any:
    """What the marker makes of all of the sound in one go, under the same number."""
    found = only(register)
    payload = Payload(int(found.issuance.issuance_id, 16), int(found.issuance.voiceprint_tag or "0", 16))
    return toy_embed(np.asarray(sound, np.float64)[:, None], RATE, KEY, payload).samples


def test_nothing_leaves_before_a_first_window_was_read_back_and_registered(
    register: Register, consent: Consent
) -> None:
    sound = tone(700, 8.0)
    stream = opened(register, consent)
    for second in range(4):
        assert stream.push(sound[second * RATE : (second + 1) * RATE]).shape == (0, 1)
        assert find(register) == []
    first = stream.push(sound[4 * RATE : 5 * RATE])
    assert first.shape == (round(4.5 * RATE), 1)
    assert (only(register).state, only(register).seconds, only(register).issuance.output) == (
        "streaming",
        None,
        "stream",
    )
    found = toy_detect(first, RATE, [KEY])
    assert (found.outcome, f"{found.payload.issuance_id:08x}") == ("found", only(register).issuance.issuance_id)
    assert len(stream.push(sound[5 * RATE : round(5.4 * RATE)])) == 0
    assert len(stream.push(sound[round(5.4 * RATE) : 6 * RATE])) == RATE
    stream.push(sound[6 * RATE :])
    stream.finish()
    assert (only(register).state, only(register).seconds) == ("emitted", 8.0)
    assert stream.issuance == only(register).issuance
    assert only(register).issuance.contour is None
    assert len(levels_of(bytes.fromhex(only(register).contour or ""))) == 159  # the last window needs 25 ms


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=5)
@given(st.lists(st.integers(0, 40_000), max_size=8), st.integers(1, 150_000))
def test_chunks_of_any_size_make_the_sound_that_is_marked_in_one_go(
    register: Register, consent: Consent, sizes: list[int], length: int
) -> None:
    before = len(find(register))
    sound = tone(700, length / RATE)
    given = np.concatenate(through(opened(register, consent), sound, sizes))
    issuance = find(register)[-1].issuance
    payload = Payload(int(issuance.issuance_id, 16), int(issuance.voiceprint_tag or "0", 16))
    whole = toy_embed(sound.astype(np.float64)[:, None], RATE, KEY, payload).samples
    assert given.shape == whole.shape
    np.testing.assert_allclose(given, whole, atol=1e-12)
    assert len(find(register)) == before + 1


def test_a_long_stream_keeps_little_and_goes_on_on_the_same_time_axis(register: Register, consent: Consent) -> None:
    sound = tone(700, 36.0)
    stream = opened(register, consent)
    given = []
    for start in range(0, len(sound), 12_000):
        given.append(stream.push(sound[start : start + 12_000]))
        assert len(stream._raw) <= 18 * RATE
        assert len(stream._given) <= 30 * RATE
    given.append(stream.finish())
    np.testing.assert_allclose(np.concatenate(given), whole_of(register, sound), atol=1e-12)
    assert only(register).seconds == 36.0


def test_the_period_is_a_whole_number_of_samples_at_every_rate() -> None:
    assert [period_samples(rate) for rate in (8000, 16000, 24000, 32000, 48000)] == [
        18432, 36864, 55296, 73728, 110592,
    ]  # fmt: skip
    assert (period_samples(44100), period_samples(22050)) == (508032, 254016)
    assert all(period_samples(rate) * 16000 % rate == 0 for rate in (8000, 11025, 12000, 22050, 44100, 48000))


def test_a_stream_that_ends_within_the_window_is_a_clip(register: Register, consent: Consent) -> None:
    stream = opened(register, consent)
    sound = tone(700, 0.4)
    assert [len(part) for part in through(stream, sound, [1000])] == [0, 0, 3200]
    found = only(register)
    assert (found.state, found.seconds, found.issuance.output) == ("emitted", 0.4, "samples")
    assert found.contour == found.issuance.contour is not None
    assert (found.issuance.payload_carried, found.issuance.notes) == (
        False,
        ("too short for the payload: presence only",),
    )


def test_a_pause_is_given_as_it_is(register: Register, consent: Consent) -> None:
    sound = np.concatenate([tone(700, 6.0), np.zeros(16 * RATE, np.float32), tone(700, 2.0)])

    def shy(samples: Any, *rest: Any) -> Any:
        if np.abs(samples).max() < 1e-4:
            raise VoxproofError("nothing here is loud enough")
        made = toy_embed(samples, *rest)
        made.samples[np.abs(samples) == 0] = 0
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emission, "_embed", shy)
        given = np.concatenate(through(opened(register, consent), sound, [16_000] * 11))
    assert given.shape == (24 * RATE, 1)
    assert not given[round(6.0 * RATE) + 1 : 22 * RATE].any()
    assert only(register).state == "emitted"


# Failures


def test_a_block_in_which_the_mark_is_not_found_ends_the_stream(
    register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = opened(register, consent)
    sound = tone(700, 6.0)
    stream.push(sound)
    monkeypatch.setattr(
        emission, "_detect", lambda samples, *rest: SimpleNamespace(outcome="not_found", score=0.1, reasons=())
    )
    with pytest.raises(EmissionError, match="the mark is not found in what was to be emitted"):
        stream.push(sound[: 2 * RATE])
    found = only(register)
    assert (found.state, found.seconds) == ("aborted", 5.5)
    assert found.reason.startswith("the mark is not found")
    for step in (lambda: stream.push(sound), stream.finish):
        with pytest.raises(EmissionError, match="the stream is over; nothing more is emitted"):
            step()


def test_an_unmarked_block_ends_the_stream(
    register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = opened(register, consent)
    stream.push(tone(700, 6.0))
    monkeypatch.setattr(
        emission, "_embed", lambda samples, *rest: SimpleNamespace(samples=samples, payload_carried=True)
    )
    with pytest.raises(EmissionError, match="came back from the marker unmarked; the stream was ended"):
        stream.push(tone(700, 2.0))
    assert only(register).state == "aborted"


@pytest.mark.parametrize("marker", ["_embed", "_detect"])
def test_a_first_window_that_cannot_be_marked_emits_nothing(
    marker: str, register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise VoxproofError("the marker broke")

    monkeypatch.setattr(emission, marker, broken)
    stream = opened(register, consent)
    sound, given = tone(700, 20.0), 0
    with pytest.raises(VoxproofError, match="the marker broke"):  # noqa: PT012 - which second it is does not matter
        for start in range(0, len(sound), RATE):
            given += len(stream.push(sound[start : start + RATE]))
    assert given == 0
    assert find(register) == []
    with pytest.raises(VoxproofError, match="the marker broke"):
        through(opened(register, consent), sound[:RATE], [])


def test_a_window_whose_payload_comes_late_is_waited_for(
    register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(samples: Any, *rest: Any) -> Any:
        made = toy_embed(samples, *rest)
        return SimpleNamespace(samples=made.samples, payload_carried=len(samples) >= 7 * RATE)

    monkeypatch.setattr(emission, "_embed", late)
    stream, sound = opened(register, consent), tone(700, 8.0)
    given = [len(stream.push(sound[start : start + RATE])) for start in range(0, len(sound), RATE)]
    assert given == [0] * 6 + [round(6.5 * RATE), RATE]


def test_a_reader_who_goes_away_is_noted(register: Register, consent: Consent) -> None:
    with opened(register, consent) as stream:
        stream.push(tone(700, 6.0))
    assert (only(register).state, only(register).reason) == ("aborted", "the reader went away")
    with pytest.raises(ZeroDivisionError), opened(register, consent) as stream:  # noqa: PT012
        stream.push(tone(700, 6.0))
        stream.push(np.array([1 / 0]))
    assert find(register)[-1].reason == "ZeroDivisionError"
    with opened(register, consent) as stream:
        stream.push(tone(700, 1.0))
    assert len(find(register)) == 2


def test_the_gate_is_asked_at_the_start_and_again_at_the_registration(register: Register, consent: Consent) -> None:
    stream = opened(register, consent)
    revoke_consent(register, consent.consent_id)
    with pytest.raises(ConsentError, match="was revoked"):
        opened(register, consent)
    with pytest.raises(ConsentError, match="was revoked"):
        stream.push(tone(700, 6.0))
    assert find(register) == []


def test_a_number_taken_meanwhile_is_drawn_again(
    register: Register, consent: Consent, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = iter([5, 5, 6])
    monkeypatch.setattr(emission_stream, "drawn_id", lambda: next(numbers))
    through(opened(register, consent), tone(700, 6.0), [])
    given = np.concatenate(through(opened(register, consent), tone(700, 6.0), []))
    assert [found.issuance.issuance_id for found in find(register)] == ["00000005", "00000006"]
    assert toy_detect(given, RATE, [KEY]).payload.issuance_id == 6


def test_chunks_that_are_no_sound_end_the_stream(register: Register, consent: Consent) -> None:
    for chunk, why in ((np.array([np.nan]), "are no sound"), (np.zeros((4, 2)), "the stream has 1 channels, not 2")):
        with pytest.raises(EmissionError, match=why):
            opened(register, consent).push(chunk)
    with pytest.raises(EmissionError, match="the stream held no sound"):
        opened(register, consent).finish()
