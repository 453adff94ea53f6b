"""Hum is named, its phase is followed, and jumps are found; gain changes and recordings without hum raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, READING, Examine, Samples, clip, room_noise

from forensics.methods.enf import Enf

RATE = 8000


def hum(seconds: float, nominal: int, seed: int, level: float = 0.004) -> Samples:
    """Four harmonics whose frequency wanders slowly by some 20 mHz."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    wander = 0.02 * np.sin(2 * np.pi * times / 40.0 + rng.uniform(0, 6.28))
    phase = 2 * np.pi * np.cumsum(nominal + wander) / RATE
    lines = [np.sin(n * phase + rng.uniform(0, 6.28)) / n for n in (1, 2, 3, 4)]
    return np.asarray(level * np.sum(lines, axis=0))


def speech(seconds: float) -> Samples:
    samples, rate = clip(READING)
    low = samples[: len(samples) // 2 * 2].reshape(-1, rate // RATE).mean(axis=1)
    return np.resize(low, round(seconds * RATE))


@pytest.mark.parametrize("nominal", [50, 60])
def test_hum_in_a_short_recording_is_named_and_not_followed(examine: Examine, nominal: int) -> None:
    finding = examine(Enf(), speech(9.0) + hum(9.0, nominal, 1, 0.01), RATE)
    assert finding.outcome == "inconclusive"
    assert finding.traces == (f"{nominal} Hz mains hum",)
    assert finding.measurements["nominal_hz"] == nominal
    assert finding.measurements["fundamental_hz"] == pytest.approx(nominal, abs=0.04)
    assert not finding.segments


def test_an_unbroken_hum_is_consistent(examine: Examine) -> None:
    finding = examine(Enf(), speech(40.0) + hum(40.0, 50, 2, 0.01), RATE)
    assert finding.outcome == "consistent"
    assert finding.traces == ("50 Hz mains hum",)
    assert finding.measurements["phase_jumps"] == 0


@pytest.mark.parametrize("removed_s", [1.004, 2.507])
def test_a_removed_stretch_is_located(examine: Examine, removed_s: float) -> None:
    whole = speech(40.0) + hum(40.0, 50, 3, 0.01)
    at, gone = 17.3, round(removed_s * RATE)
    cut = round(at * RATE)
    finding = examine(Enf(), np.concatenate([whole[:cut], whole[cut + gone :]]), RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["phase_jumps"] == 1
    assert finding.segments[0].start_s - 0.25 <= at <= finding.segments[0].end_s + 0.25
    assert finding.segments[0].end_s - finding.segments[0].start_s < 2.0


def test_a_change_of_gain_is_no_jump(examine: Examine) -> None:
    sound = speech(30.0) + hum(30.0, 50, 4, 0.01)
    sound[15 * RATE :] *= 0.4
    finding = examine(Enf(), sound, RATE)
    assert finding.outcome == "consistent"


def lines(phases: list[np.ndarray], sizes: list[float], level: float = 0.01) -> Samples:
    """Lines of given phases [time], in faint noise."""
    sound = np.sum([size * np.sin(phase) for phase, size in zip(phases, sizes, strict=True)], axis=0)
    return np.asarray(level * sound + room_noise(len(sound) / RATE, RATE, -80.0, seed=9)[: len(sound)])


@pytest.mark.parametrize("turned", [1, 3])
def test_a_jump_of_one_harmonic_counts_in_the_strongest_line_alone(examine: Examine, turned: int) -> None:
    times = np.arange(40 * RATE) / RATE
    phase = 2 * np.pi * 50.01 * times
    phases = [n * phase + np.where(times > 19.0, 2.0, 0.0) * (n == turned) for n in (1, 2, 3)]
    finding = examine(Enf(), lines(phases, [1.0, 0.3, 0.6]), RATE)
    assert finding.measurements["largest_gain_share"] > Enf.least_gain_share  # type: ignore[operator]
    assert finding.outcome == ("inconsistent" if turned == 1 else "consistent")
    assert finding.measurements["phase_jumps"] == (turned == 1)


def test_a_line_that_is_no_steady_hum_is_not_judged(examine: Examine) -> None:
    rng = np.random.default_rng(7)
    times = np.arange(40 * RATE) / RATE
    hertz = 50.0 + np.repeat(rng.permutation([-0.07, 0.06, -0.05, 0.07, -0.07, 0.05, 0.06, -0.06]), 5 * RATE)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    finding = examine(Enf(), lines([phase + 2.0 * (times > 21.0), 2 * phase], [1.0, 0.5]), RATE)
    assert finding.outcome == "inconclusive"
    assert finding.measurements["frequency_scatter_mhz"] > Enf.most_scatter_mhz  # type: ignore[operator]
    assert "no steady hum" in finding.reasons[0]
    steady = examine(Enf(), lines([2 * np.pi * n * 50.02 * times for n in (1, 2)], [1.0, 0.5]), RATE)
    assert steady.outcome == "consistent"
    assert steady.measurements["frequency_scatter_mhz"] < 1.0  # type: ignore[operator]


def test_without_hum_continuity_cannot_be_tested(examine: Examine) -> None:
    finding = examine(Enf(), room_noise(24.0, RATE, -50.0, seed=5), RATE)
    assert finding.outcome == "could_not_test"
    assert "No mains hum" in finding.reasons[0]
    tone = 0.05 * np.sin(2 * np.pi * 185.0 * np.arange(24 * RATE) / RATE)
    finding = examine(Enf(), tone + room_noise(24.0, RATE, -50.0, seed=6), RATE)
    assert finding.outcome == "could_not_test"
    assert not finding.traces


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_jump(examine: Examine, name: str) -> None:
    assert examine(Enf(), *clip(name)).outcome in ("consistent", "inconclusive", "could_not_test")
