"""The pitch of known sounds: harmonic glides, noise, silence, an octave's temptation."""

import numpy as np
import pytest

from synth.pitch import pitch_of

RATE = 32_000


def glide(low: float, high: float, seconds: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """A voice-like sound, and its pitch at the middles of 10 ms."""
    times = np.arange(int(seconds * RATE)) / RATE
    hertz = low * (high / low) ** (times / seconds)
    turns = np.cumsum(hertz) / RATE
    sound = sum(np.cos(2 * np.pi * k * turns + k * k) / k for k in range(1, 15))
    middles = (np.arange(int(seconds * 100)) + 0.5) / 100
    return np.asarray(sound), np.interp(middles, times, hertz)


@pytest.mark.parametrize(("low", "high"), [(70, 110), (110, 220), (180, 400), (300, 120)])
def test_glides_are_followed_within_a_fiftieth_of_an_octave(low: float, high: float) -> None:
    sound, wanted = glide(low, high)
    found = pitch_of(sound, RATE)
    assert len(found) == len(wanted)
    inside = slice(5, -5)
    assert (found[inside] > 0).all()
    assert np.abs(np.log2(found[inside] / wanted[inside])).max() < 0.02


def test_noise_and_silence_have_no_voice() -> None:
    rng = np.random.default_rng(0)
    assert (pitch_of(rng.standard_normal(RATE), RATE) > 0).mean() < 0.1
    assert not pitch_of(np.zeros(RATE), RATE).any()


def test_a_voice_ends_where_it_ends() -> None:
    sound, _ = glide(120, 140)
    whole = np.concatenate([np.zeros(RATE // 2), sound, 0.01 * np.random.default_rng(1).standard_normal(RATE // 2)])
    found = pitch_of(whole, RATE) > 0
    assert not found[:47].any()
    assert found[55:195].all()
    assert found[204:].mean() < 0.1


def test_a_missing_fundamental_and_a_weak_one_are_no_octave_error() -> None:
    times = np.arange(RATE) / RATE
    without = sum(np.cos(2 * np.pi * 130 * k * times) for k in range(2, 9))
    found = pitch_of(np.asarray(without), RATE)[5:-5]
    assert np.abs(np.log2(found / 130)).max() < 0.02


@pytest.mark.parametrize("samples", [0, 100, 319])
def test_less_than_a_frame_has_no_pitch(samples: int) -> None:
    assert pitch_of(np.ones(samples), RATE).shape == (0,)
