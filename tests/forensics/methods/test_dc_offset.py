"""Steps of the offset are measured and located; recordings, constant offsets and drifts raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, Examine, clip, room_noise

from forensics.methods.dc_offset import DcOffset


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_step(examine: Examine, name: str) -> None:
    finding = examine(DcOffset(), *clip(name))
    assert finding.outcome in ("consistent", "could_not_test")
    if finding.outcome == "could_not_test":
        assert "2 s" in finding.reasons[0]
    else:
        assert finding.measurements["steps"] == 0


@pytest.mark.parametrize(("step", "at"), [(0.01, 1.7), (-0.02, 2.02), (0.008, 1.48)])
def test_a_step_is_located_and_measured(examine: Examine, step: float, at: float) -> None:
    samples, rate = clip("005.wav")
    samples[round(at * rate) :] += step
    finding = examine(DcOffset(), samples, rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["steps"] == 1
    assert finding.measurements["largest_step_fs"] == pytest.approx(abs(step), rel=0.25)
    assert finding.segments[0].start_s <= at + 0.05
    assert finding.segments[0].end_s >= at - 0.05


def test_an_inserted_passage_gives_two_steps_in_its_channel(examine: Examine) -> None:
    rate = 48000
    samples = np.stack([room_noise(8.0, rate, -60.0, seed=1), room_noise(8.0, rate, -60.0, seed=2)], axis=1)
    samples[3 * rate : 5 * rate, 1] += 0.002
    finding = examine(DcOffset(), samples, rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["steps"] == 2
    assert [segment.start_s for segment in finding.segments] == pytest.approx([2.96, 4.96], abs=0.05)


def test_a_constant_offset_and_a_drift_are_consistent(examine: Examine) -> None:
    rate = 16000
    drift = np.linspace(0.0, 0.01, 8 * rate)
    finding = examine(DcOffset(), room_noise(8.0, rate, -60.0, seed=3) + 0.02 + drift, rate)
    assert finding.outcome == "consistent"
    assert finding.measurements["offset_fs"][0] == pytest.approx(0.025, abs=0.001)


def test_lossy_and_short_recordings_are_outside_the_domain(examine: Examine) -> None:
    lossy = examine(DcOffset(), room_noise(4.0, 8000, -40.0, seed=4), 8000, subtype="ULAW")
    assert lossy.outcome == "could_not_test"
    assert "lossy" in lossy.reasons[0]
    short = examine(DcOffset(), room_noise(1.0, 8000, -40.0, seed=5), 8000)
    assert short.outcome == "could_not_test"
    assert not short.in_domain
