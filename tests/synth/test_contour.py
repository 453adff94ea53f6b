"""The contour in the register: the same sound through channels, parts and speeds agrees, another differs."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.audio import read
from synth.channels import AmrNb, Gain, Noise, Room
from synth.channels.base import Channel
from synth.contour import MOST_S, ContourMeter, compare_contour, contour_of, levels_of
from synth.errors import VoxproofError

DATA = Path(__file__).parents[1] / "data"
RATE = 16_000


@cache
def sound(name: str) -> np.ndarray:
    return read(DATA / name, rate=RATE).mono


ISSUED = "sense_and_sensibility_01_austen_64kb-0870.wav"
OTHERS = ("sense_and_sensibility_01_austen_64kb-0890.wav", "vm-intro.wav", "espeak.wav", "flite-slt.wav", "hibari.wav")


@pytest.mark.parametrize("channel", [AmrNb(5_900), Noise(10.0), Room(0.5), Gain(-0.1)])
def test_the_issued_sound_agrees_through_channels(channel: Channel) -> None:
    found = compare_contour(contour_of(sound(ISSUED), RATE), channel(sound(ISSUED), RATE, 1)[0], RATE)
    assert found.outcome == "agrees"
    assert found.speed == pytest.approx(1.0, abs=0.03)
    assert found.offset_s == pytest.approx(0.0, abs=0.1)


def test_a_part_and_another_speed_agree_and_are_placed() -> None:
    stored = contour_of(sound(ISSUED), RATE)
    part = compare_contour(stored, sound(ISSUED)[2 * RATE : 6 * RATE], RATE)
    assert (part.outcome, part.offset_s) == ("agrees", pytest.approx(2.0, abs=0.1))
    fast = compare_contour(stored, soxr.resample(sound(ISSUED), 1.25, 1.0), RATE)
    assert (fast.outcome, fast.speed) == ("agrees", pytest.approx(1.25, abs=0.03))


def test_the_issued_sound_inside_a_longer_one_is_found_by_its_parts() -> None:
    around = np.concatenate([sound(OTHERS[0]), sound(OTHERS[1]), sound(ISSUED), sound(OTHERS[0])[: 4 * RATE]])
    assert compare_contour(contour_of(sound(ISSUED), RATE), around, RATE).outcome == "agrees"


@pytest.mark.parametrize("name", OTHERS)
def test_another_sound_differs_also_with_the_residual_of_a_marked_one(name: str) -> None:
    found = compare_contour(contour_of(sound(ISSUED), RATE), sound(name), RATE)
    assert found.outcome == "differs"
    size = min(len(sound(name)), len(sound(ISSUED)))
    residual = 0.1 * sound(ISSUED)[:size]  # as strong as a mark's, 20 dB below
    assert compare_contour(contour_of(sound(ISSUED), RATE), sound(name)[:size] + residual, RATE).outcome == "differs"


def test_what_cannot_be_compared_says_why() -> None:
    stored = contour_of(sound(ISSUED), RATE)
    short = compare_contour(stored, sound(ISSUED)[:RATE], RATE)
    assert (short.outcome, short.correlation) == ("could_not_test", None)
    assert "less than 3 s" in short.reason
    assert compare_contour(stored, np.zeros(5 * RATE), RATE).outcome == "could_not_test"
    beyond = compare_contour(stored, sound("vm-intro.wav"), RATE, whole=False)
    assert (beyond.outcome, "on record" in beyond.reason) == ("could_not_test", True)
    with pytest.raises(VoxproofError, match="not of a form"):
        compare_contour(stored[:-1], sound(ISSUED), RATE)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 3 * RATE), max_size=4), st.sampled_from([8000, 11_025, RATE, 48_000]))
def test_a_sound_in_parts_has_the_contour_of_the_whole(cuts: list[int], rate: int) -> None:
    samples = sound("001.wav")
    meter = ContourMeter(rate)
    for part in np.split(samples, sorted(min(cut, len(samples)) for cut in cuts)):
        meter.push(part)
    assert meter.stored == contour_of(samples, rate)


def test_it_holds_five_bytes_a_second_and_only_the_beginning_of_a_long_sound() -> None:
    stored = contour_of(sound(ISSUED), RATE)
    assert len(stored) == pytest.approx(3 + 5 * 7.1, abs=1)
    levels = levels_of(stored)
    assert set(levels) <= {0, 1, 2, 3}
    assert np.mean(levels == 0) == pytest.approx(0.5, abs=0.02)
    assert len(contour_of(np.tile(sound(ISSUED), 14), RATE)) == 3 + 5 * MOST_S
    assert len(levels_of(contour_of(np.zeros(10), RATE))) == 0
