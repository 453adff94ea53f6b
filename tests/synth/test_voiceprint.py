"""Voiceprints on real recordings: one voice and two, channels, refusals, stored bytes, tags, the LR and its card."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.audio import read
from synth.card import checked_weights
from synth.channels import G711, AmrNb
from synth.errors import VoxproofError
from synth.voiceprint import (
    Voiceprint,
    VoiceprintError,
    compare_voices,
    embed_voice,
    hear_voice,
    quantise,
    restore,
    similarity,
    speaker_log10_lr,
    tag,
    voice_network,
    window_times,
)
from synth.voiceprint_card import WEIGHTS, voiceprint_card
from synth.voiceprint_network import LAYERS, RATE, STEP, likeness_of_halves, speech_mel, starts

DATA = Path(__file__).parents[1] / "data"
AUSTEN = "sense_and_sensibility_01_austen_64kb-"
ONE_VOICE = [
    (f"{AUSTEN}0870.wav", f"{AUSTEN}0930.wav"),
    (f"{AUSTEN}0880.wav", f"{AUSTEN}0890.wav"),
    ("vm-intro.wav", "agent-newlocation.wav"),
]
TWO_VOICES = [
    (f"{AUSTEN}0870.wav", "vm-intro.wav"),
    (f"{AUSTEN}0880.wav", "agent-newlocation.wav"),
    ("vm-intro.wav", "005.wav"),
]


@cache
def sound(name: str) -> np.ndarray:
    return read(DATA / name, rate=RATE).mono


@cache
def voice(name: str) -> Voiceprint:
    return hear_voice(sound(name), RATE)


@pytest.mark.parametrize("names", ONE_VOICE)
def test_recordings_of_one_voice_support_that_it_is_one(names: tuple[str, str]) -> None:
    found = compare_voices(*map(voice, names))
    assert found.same_voice
    assert found.log10_lr > 0.5
    assert found.log10_lr_bounds[0] <= found.log10_lr <= found.log10_lr_bounds[1]


@pytest.mark.parametrize("names", TWO_VOICES)
def test_recordings_of_two_voices_support_that_they_are_two(names: tuple[str, str]) -> None:
    found = compare_voices(*map(voice, names))
    assert not found.same_voice
    assert found.log10_lr < -0.5


@pytest.mark.parametrize("channel", [G711("mu"), AmrNb(4_750)])
def test_a_voice_is_known_again_on_the_telephone(channel: G711 | AmrNb) -> None:
    called = hear_voice(channel(sound(f"{AUSTEN}0870.wav"), RATE)[0], RATE)
    assert compare_voices(voice(f"{AUSTEN}0930.wav"), called).same_voice
    assert not compare_voices(voice("vm-intro.wav"), called).same_voice


def test_level_and_rate_say_nothing() -> None:
    native = read(DATA / "vm-intro.wav")
    at_its_rate = embed_voice(native.mono, native.rate)
    assert similarity(at_its_rate, voice("vm-intro.wav").embedding) > 0.99
    for gain, least in ((0.5, 0.999), (0.05, 0.95)):
        assert similarity(embed_voice(gain * sound("vm-intro.wav"), RATE), voice("vm-intro.wav").embedding) > least


def test_the_same_samples_give_the_same_bytes() -> None:
    first, second = (quantise(embed_voice(sound(f"{AUSTEN}0890.wav").copy(), RATE)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("samples", "rate", "words"),
    [
        (np.zeros(3 * RATE, np.float32), RATE, "too little speech"),
        (np.random.default_rng(0).normal(0, 0.1, 3 * RATE), RATE, "too little speech"),
        (np.zeros(0, np.float32), RATE, "too little speech"),
        (np.zeros((RATE, 2), np.float32), RATE, "mono"),
        (np.full(RATE, np.nan, np.float32), RATE, "no numbers"),
    ],
)
def test_what_holds_no_voice_is_refused(samples: np.ndarray, rate: int, words: str) -> None:
    with pytest.raises(VoiceprintError, match=words):
        hear_voice(samples, rate)


def test_enrolment_asks_for_more_speech_and_for_one_voice() -> None:
    woman, man = sound("vm-intro.wav"), np.concatenate([sound(f"00{n}.wav") for n in (1, 2, 3, 4, 5)])
    assert hear_voice(sound(f"{AUSTEN}0870.wav"), RATE, enrol=True).one_voice is True
    assert hear_voice(woman, RATE, enrol=True).one_voice is True
    with pytest.raises(VoiceprintError, match="more than one voice"):
        hear_voice(np.concatenate([woman, man[: 8 * RATE]]), RATE, enrol=True)
    with pytest.raises(VoiceprintError, match=r"at least 3 s"):
        hear_voice(sound("005.wav"), RATE, enrol=True)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1, 1), min_size=128, max_size=128))
def test_stored_bytes_keep_a_voice_and_stay_the_same(numbers: list[float]) -> None:
    vector = np.array(numbers, np.float32)
    if np.linalg.norm(vector.astype(np.float64)) < 1e-11:
        with pytest.raises(VoiceprintError):
            quantise(vector)
        return
    stored = quantise(vector)
    assert len(stored) == 132
    assert np.linalg.norm(restore(stored)) == pytest.approx(1, abs=1e-5)
    assert quantise(vector) == stored


def test_stored_bytes_of_a_real_voice_lose_next_to_nothing() -> None:
    heard = voice(f"{AUSTEN}0880.wav").embedding
    assert similarity(restore(quantise(heard)), heard) > 0.9995


def test_bytes_that_are_no_voiceprint_of_these_weights_are_refused() -> None:
    stored = quantise(voice("vm-intro.wav").embedding)
    with pytest.raises(VoiceprintError, match="132 bytes"):
        restore(stored[:-1])
    with pytest.raises(VoiceprintError, match="other weights"):
        restore(bytes([stored[0] ^ 1]) + stored[1:])
    with pytest.raises(VoiceprintError, match="holds nothing"):
        restore(stored[:4] + bytes(128))
    for vector in (np.zeros(128, np.float32), np.ones(12, np.float32), np.full(128, np.nan, np.float32)):
        with pytest.raises(VoiceprintError):
            quantise(vector)


def test_a_tag_hangs_on_every_byte_and_on_the_secret() -> None:
    stored = bytes(range(132))
    assert tag(stored, b"secret") == 240
    assert len({tag(stored[:n] + bytes([stored[n] ^ 1]) + stored[n + 1 :], b"secret") for n in range(132)}) > 90
    assert len({tag(stored, b"secret %d" % n) for n in range(200)}) > 120
    with pytest.raises(VoiceprintError, match="secret"):
        tag(stored, b"")


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(0, 1e6))
def test_the_lr_grows_with_the_cosine_and_stays_inside_its_bounds(a: float, b: float, seconds: float) -> None:
    calibration = voiceprint_card().calibration
    one, two = sorted((a, b))
    low, high = (speaker_log10_lr(calibration, cosine, seconds) for cosine in (one, two))
    assert low[0] <= high[0]
    for value, lower, upper in (low, high):
        assert calibration.lower <= lower <= value <= upper <= calibration.upper


def test_bounds_are_no_wider_than_the_speakers_tested_allow() -> None:
    card = voiceprint_card()
    cap = np.log10(max(figure.speakers for figure in card.figures if figure.system == "voiceprint"))
    assert -cap <= card.calibration.lower < 0 < card.calibration.upper <= cap
    assert card.calibration.slope > 0


def test_the_card_fits_the_weights_and_states_figures_for_every_channel() -> None:
    card = voiceprint_card()
    assert checked_weights(card, WEIGHTS).stat().st_size == card.bytes <= 4_000_000
    measured = {figure.condition for figure in card.figures if figure.system == "voiceprint"}
    assert set(card.channels) | {"1 s", "2 s", "3 s", "5 s", "10 s"} <= measured
    assert all(source.licence for source in card.sources)
    learnt = [source.licence for source in card.sources if source.used_for == "training"]
    assert learnt
    assert not any("NC" in licence or "ND" in licence or licence == "unclear" for licence in learnt)
    assert voice_network().filters.shape == (40, 201)


def test_weights_that_differ_from_their_card_are_refused(tmp_path: Path) -> None:
    card = voiceprint_card()
    blob = bytearray((WEIGHTS / card.weights).read_bytes())
    blob[-1] ^= 1
    (tmp_path / card.weights).write_bytes(blob)
    with pytest.raises(VoxproofError, match="differ from their card"):
        checked_weights(card, tmp_path)
    with pytest.raises(VoxproofError, match="missing"):
        checked_weights(card, tmp_path / "none")


def test_speech_alone_is_heard() -> None:
    speech = sound(f"{AUSTEN}0930.wav")
    quiet = np.zeros(2 * RATE, np.float32)
    filters = voice_network().filters
    alone, around = (speech_mel(x, filters) for x in (speech, np.concatenate([quiet, speech, quiet])))
    assert abs(len(alone) - len(around)) < 30
    assert speech_mel(quiet, filters).shape == (0, 40)


def test_windows_reach_from_the_first_to_the_last_spectrum() -> None:
    assert starts(100).tolist() == [0]
    assert starts(160).tolist() == [0]
    assert starts(161).tolist() == [0, 1]
    assert (starts(1000)[0], starts(1000)[-1]) == (0, 840)
    assert np.diff(starts(5000)).max() <= STEP


def test_of_long_speech_a_minute_is_heard() -> None:
    speech = np.tile(sound("vm-intro.wav"), 20)
    assert len(speech_mel(speech, voice_network().filters)) == 6001


def test_halves_of_one_voice_are_alike_and_of_two_are_not() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(size=(2, 128))
    windows = first + 0.3 * rng.normal(size=(8, 128))
    assert (likeness_of_halves(windows) or 0) > 0.8
    both = np.concatenate([windows, second + 0.3 * rng.normal(size=(8, 128))])
    assert (likeness_of_halves(both) or 0) < 0.3
    assert likeness_of_halves(windows[:3]) is None
    assert likeness_of_halves(np.repeat(windows[:1], 6, axis=0)) is None
    assert LAYERS == 3


def test_a_longer_recording_of_the_voice_is_stronger_evidence() -> None:
    enrolled = voice(f"{AUSTEN}0880.wav")
    short = replace(enrolled, speech_seconds=1.0)
    assert compare_voices(enrolled, enrolled).log10_lr >= compare_voices(enrolled, short).log10_lr


def test_the_windows_have_places_in_the_sound_whatever_silence_lies_between() -> None:
    speech, gap = sound(f"{AUSTEN}0870.wav"), np.zeros(2 * RATE, np.float32)
    apart = np.concatenate([gap, speech, gap, speech])
    heard, places = hear_voice(apart, RATE), window_times(apart, RATE)
    assert heard.windows is not None
    assert places is not None
    assert len(places) == len(heard.windows)
    assert places[0][0] >= 1.9
    assert all(first < last <= len(apart) / RATE for first, last in places)
    assert all(before < after for (before, _), (after, _) in pairwise(places))
    assert any(last - first > 3.0 for first, last in places)  # the window over the gap
    assert window_times(gap, RATE) is None
