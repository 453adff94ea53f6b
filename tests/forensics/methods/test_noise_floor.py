"""Lasting steps of the floor are located; steady, drifting and bursting floors raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, Examine, Samples, clip, room_noise

from forensics.methods.noise_floor import NoiseFloor

RATE = 16000


def syllables(seconds: float, seed: int) -> Samples:
    """Voiced bursts of 0.25 to 0.5 s with pauses of 0.3 to 0.6 s."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    at = 0.4
    while at < seconds - 1.0:
        count = round(float(rng.uniform(0.25, 0.5)) * RATE)
        times = np.arange(count) / RATE
        voice = np.sum([np.sin(2 * np.pi * 140 * n * times) / n for n in range(1, 25)], axis=0)
        start = round(at * RATE)
        sound[start : start + count] = 0.08 * voice * np.hanning(count)
        at += count / RATE + float(rng.uniform(0.3, 0.6))
    return sound


@pytest.mark.parametrize(("before_db", "after_db"), [(-62.0, -46.0), (-46.0, -62.0)])
def test_a_lasting_step_is_located(examine: Examine, before_db: float, after_db: float) -> None:
    noise = np.concatenate([room_noise(9.0, RATE, before_db, seed=1), room_noise(9.0, RATE, after_db, seed=2)])
    finding = examine(NoiseFloor(), syllables(18.0, 1) + noise, RATE)
    assert finding.outcome == "inconsistent"
    size = finding.measurements["margin_db"] * (1 if after_db > before_db else -1)
    assert size == pytest.approx(after_db - before_db, abs=6.0)
    assert finding.segments[0].start_s - 0.25 <= 9.0 <= finding.segments[0].end_s + 0.25
    assert finding.segments[0].end_s - finding.segments[0].start_s < 4.0


def test_a_steady_floor_is_consistent(examine: Examine) -> None:
    finding = examine(NoiseFloor(), syllables(18.0, 2) + room_noise(18.0, RATE, -55.0, seed=3), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["margin_db"] < 3.0


def test_a_slow_rise_is_not_held_against_the_recording(examine: Examine) -> None:
    gain = 10 ** (np.linspace(0.0, 18.0, 18 * RATE) / 20)
    finding = examine(NoiseFloor(), syllables(18.0, 3) + gain * room_noise(18.0, RATE, -65.0, seed=4), RATE)
    assert finding.outcome in ("consistent", "inconclusive")


def test_noises_that_come_and_go_are_not_held_against_the_recording(examine: Examine) -> None:
    noise = room_noise(20.0, RATE, -62.0, seed=5)
    for start in (3, 9, 15):
        noise[start * RATE : (start + 2) * RATE] += room_noise(2.0, RATE, -45.0, seed=start)
    finding = examine(NoiseFloor(), syllables(20.0, 4) + noise, RATE)
    assert finding.outcome in ("consistent", "inconclusive")


def test_too_few_pauses_cannot_be_tested(examine: Examine) -> None:
    finding = examine(NoiseFloor(), syllables(5.4, 5) + room_noise(5.4, RATE, -55.0, seed=6), RATE)
    assert finding.outcome == "could_not_test"


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_step(examine: Examine, name: str) -> None:
    assert examine(NoiseFloor(), *clip(name)).outcome != "inconsistent"
