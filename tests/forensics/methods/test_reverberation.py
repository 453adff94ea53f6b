"""A lasting change of the decay time is located and measured; one room, dry or live, is consistent."""

import numpy as np
import pytest
from method_clips import HUMAN, Examine, Samples, clip, room_noise

from forensics.methods.reverberation import Reverberation

RATE = 16000


def bursts(seconds: float, seed: int) -> Samples:
    """Voiced bursts of 0.2 s every 0.6 to 0.8 s, with noise in them."""
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    at = 0.3
    while at < seconds - 1.0:
        count = round(0.2 * RATE)
        times = np.arange(count) / RATE
        voice = np.sum([np.sin(2 * np.pi * rng.uniform(120, 160) * n * times) / n for n in range(1, 30)], axis=0)
        start = round(at * RATE)
        sound[start : start + count] = 0.1 * (voice + 0.3 * rng.normal(size=count)) * np.hanning(count) ** 0.25
        at += float(rng.uniform(0.6, 0.8))
    return sound


def in_room(sound: Samples, t60_s: float, seed: int) -> Samples:
    """The sound in a room: decaying noise as impulse response."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(1.2 * t60_s * RATE)) / RATE
    response = rng.normal(size=len(times)) * np.exp(-6.91 * times / t60_s)
    size = len(sound) + len(response)
    wet = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response / np.linalg.norm(response), size), size)
    return np.asarray(wet[: len(sound)])


@pytest.mark.parametrize(("first", "second"), [(0.2, 0.8), (0.8, 0.2)])
def test_another_room_is_located(examine: Examine, first: float, second: float) -> None:
    dry, half = bursts(36.0, 1), 18 * RATE
    sound = np.concatenate([in_room(dry, first, 1)[:half], in_room(dry, second, 2)[half:]])
    finding = examine(Reverberation(), sound + room_noise(36.0, RATE, -75.0, seed=1), RATE)
    assert finding.outcome == "inconsistent"
    before, after = finding.measurements["decay_time_before_s"], finding.measurements["decay_time_after_s"]
    assert (before < 0.6 * after) if first < second else (after < 0.6 * before)
    assert finding.segments[0].start_s - 0.25 <= 18.0 <= finding.segments[0].end_s + 0.25


@pytest.mark.parametrize("t60", [0.2, 0.5, 0.8])
def test_one_room_is_consistent(examine: Examine, t60: float) -> None:
    sound = in_room(bursts(36.0, 2), t60, 3) + room_noise(36.0, RATE, -75.0, seed=2)
    finding = examine(Reverberation(), sound, RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["median_decay_time_s"] == pytest.approx(t60, rel=0.4)


def test_too_few_decays_cannot_be_tested(examine: Examine) -> None:
    finding = examine(Reverberation(), room_noise(12.0, RATE, -40.0, seed=4), RATE)
    assert finding.outcome == "could_not_test"


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_change(examine: Examine, name: str) -> None:
    assert examine(Reverberation(), *clip(name)).outcome != "inconsistent"


def test_decays_do_not_depend_on_the_parts_they_are_looked_for_in(
    examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = in_room(bursts(36.0, 4), 0.4, 5) + room_noise(36.0, RATE, -75.0, seed=3)
    whole = examine(Reverberation(), sound, RATE)
    monkeypatch.setattr("forensics.methods.reverberation.PART", 700)  # 5.6 s
    monkeypatch.setattr("forensics.methods.reverberation.MARGIN", 600)
    parts = examine(Reverberation(), sound, RATE)
    assert whole.measurements["decays"] > 50
    assert parts == whole
