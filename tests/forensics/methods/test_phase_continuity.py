"""Phase jumps of all partials are located; glides, speech and noise raise no alarm."""

import numpy as np
import pytest
from joined_voices import RATE, crossfaded
from method_clips import HUMAN, Examine, Samples, clip, room_noise

from forensics.methods.phase_continuity import PhaseContinuity


def partials(seconds: float, jump_s: float | None = None, pitch_hz: float = 130.0) -> Samples:
    """Ten partials of a gliding tone in a little noise; from `jump_s` on, every second one is turned round."""
    time = np.arange(round(seconds * RATE)) / RATE
    cycles = pitch_hz * (time + 0.02 * time**2)
    sound = room_noise(seconds, RATE, -60.0, seed=1)
    for number in range(1, 11):
        turned = np.pi if jump_s is not None and number != 4 else 0.0
        phase = np.where(time < (jump_s or 0.0), 0.0, turned) + number
        sound += 0.05 / number * np.sin(2.0 * np.pi * number * cycles + phase)
    return sound


@pytest.mark.parametrize("at", [1.0, 1.2345])
def test_a_jump_of_the_partials_is_located(examine: Examine, at: float) -> None:
    finding = examine(PhaseContinuity(), partials(2.0, at), RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["jumps"] == 1
    assert finding.measurements["highest_score"] > 1.4
    middle = (finding.segments[0].start_s + finding.segments[0].end_s) / 2
    assert middle == pytest.approx(at, abs=0.02)


@pytest.mark.parametrize("fade_s", [0.005, 0.01])
def test_a_fade_does_not_hide_the_jump(examine: Examine, fade_s: float) -> None:
    whole, turned = partials(2.0), partials(2.0, 0.0)
    count = round(fade_s * RATE)
    finding = examine(PhaseContinuity(), crossfaded(whole[: RATE + count], turned[RATE:], fade_s), RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["places_s"][0] == pytest.approx(1.0 + fade_s / 2, abs=0.02)


def test_a_gliding_tone_goes_on(examine: Examine) -> None:
    finding = examine(PhaseContinuity(), partials(3.0), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["highest_score"] < 0.1
    assert finding.measurements["judged_share"] > 0.8


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_speech_does_not_jump(examine: Examine, name: str) -> None:
    samples, rate = clip(name)
    finding = examine(PhaseContinuity(), samples, rate)
    if rate < 16000:
        assert finding.outcome == "could_not_test"
    else:
        assert finding.outcome == "consistent"
        assert finding.measurements["highest_score"] is None or finding.measurements["highest_score"] < 0.9


def test_noise_is_not_judged(examine: Examine) -> None:
    finding = examine(PhaseContinuity(), room_noise(3.0, RATE, -30.0, seed=4), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["judged_share"] < 0.05


def test_the_stretches_of_a_long_recording_join_without_a_seam(examine: Examine) -> None:
    sound = np.concatenate([partials(11.0), room_noise(0.2, RATE, -60.0, 3), partials(9.0, 5.0)])
    finding = examine(PhaseContinuity(), sound, RATE)
    assert finding.measurements["jumps"] == 1
    assert finding.segments[0].start_s == pytest.approx(16.2, abs=0.03)


def test_many_jumps_are_inconclusive(examine: Examine) -> None:
    sound = np.concatenate([partials(1.0, 0.5) for _ in range(8)])
    finding = examine(PhaseContinuity(), sound, RATE)
    assert finding.measurements["jumps"] > 6
    assert finding.outcome == "inconclusive"
