"""Muted passages are found to the millisecond; padding, quiet sound and whole recordings raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, READING, Examine, clip, room_noise

from forensics.methods.digital_silence import DigitalSilence


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_abrupt_silence(examine: Examine, name: str) -> None:
    finding = examine(DigitalSilence(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["abrupt_runs"] == 0
    assert finding.segments == ()


@pytest.mark.parametrize("start_s", [0.5, 2.345, 5.9995])
def test_a_muted_passage_is_located(examine: Examine, start_s: float) -> None:
    samples, rate = clip(READING)
    samples[round(start_s * rate) : round((start_s + 0.15) * rate)] = 0.0
    finding = examine(DigitalSilence(), samples, rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["abrupt_runs"] == 1
    assert finding.measurements["longest_interior_run_s"] == pytest.approx(0.15, abs=0.002)
    assert len(finding.segments) == 1
    assert finding.segments[0].start_s == pytest.approx(start_s, abs=0.021)
    assert finding.segments[0].end_s == pytest.approx(start_s + 0.15, abs=0.021)


def test_a_stuck_value_counts_as_silence(examine: Examine) -> None:
    samples = room_noise(3.0, 48000, -50.0, seed=1)
    samples[60000:66000] = 0.01
    finding = examine(DigitalSilence(), samples, 48000, subtype="PCM_24")
    assert finding.outcome == "inconsistent"
    assert finding.segments[0].start_s == pytest.approx(1.25, abs=0.021)


def test_padding_at_the_ends_is_measured_and_not_held_against_the_recording(examine: Examine) -> None:
    samples, rate = clip(READING)
    padded = np.concatenate([np.zeros(rate // 2), samples, np.zeros(rate)])
    finding = examine(DigitalSilence(), padded, rate)
    assert finding.outcome == "consistent"
    assert finding.measurements["leading_silence_s"] == pytest.approx(0.5, abs=0.002)
    assert finding.measurements["trailing_silence_s"] == pytest.approx(1.0, abs=0.002)


def test_silence_that_sound_fades_into_is_consistent(examine: Examine) -> None:
    rate = 16000
    samples = room_noise(3.0, rate, -50.0, seed=2)
    fade = np.clip(np.abs(np.arange(len(samples)) / rate - 1.5) - 0.3, 0.0, 1.0) ** 2
    finding = examine(DigitalSilence(), samples * fade, rate)
    assert finding.outcome == "consistent"
    assert finding.measurements["longest_interior_run_s"] > 0.5


def test_all_zero_is_inconclusive(examine: Examine) -> None:
    finding = examine(DigitalSilence(), np.zeros(16000), 16000)
    assert finding.outcome == "inconclusive"


def test_only_silence_in_all_channels_counts_and_a_dead_channel_is_named(examine: Examine) -> None:
    left = room_noise(2.0, 16000, -40.0, seed=3)
    finding = examine(DigitalSilence(), np.stack([left, np.zeros_like(left)], axis=1), 16000)
    assert finding.outcome == "consistent"
    assert finding.measurements["constant_channels"] == (2,)
    assert finding.measurements["constant_runs"] == 0


def test_a_run_across_block_borders_is_one_run(examine: Examine) -> None:
    samples = room_noise(6.0, 8000, -40.0, seed=4)
    samples[round(1.9 * 8000) : round(4.1 * 8000)] = 0.0
    finding = examine(DigitalSilence(), samples, 8000)
    assert finding.measurements["constant_runs"] == 1
    assert finding.measurements["constant_s"] == pytest.approx(2.2, abs=0.001)
