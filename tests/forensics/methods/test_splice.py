"""Joins inside speech are located to the sample; recordings, clicks and joins in noise raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, OTHER_READING, READING, Examine, clip, room_noise
from scipy.signal import lfilter

from forensics.methods.splice import Splice


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_join(examine: Examine, name: str) -> None:
    finding = examine(Splice(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["strongest_score"] < 4.5


@pytest.mark.parametrize(("cut", "resume"), [(56686, 37050), (25827, 24677), (82626, 30611)])
def test_a_join_inside_speech_is_located(examine: Examine, cut: int, resume: int) -> None:
    first, rate = clip(READING)
    second, _ = clip(OTHER_READING)
    finding = examine(Splice(), np.concatenate([first[:cut], second[resume:]]), rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["joins_at_s"][0] == pytest.approx(cut / rate, abs=0.0005)
    assert finding.segments[0].start_s <= cut / rate <= finding.segments[0].end_s


def test_a_join_of_two_resonances_is_located_at_48_khz_stereo(examine: Examine) -> None:
    rate, cut = 48000, 71111
    rng = np.random.default_rng(5)
    poles = [1.0, -1.96, 0.98]
    left = lfilter([1.0], poles, rng.normal(0, 0.001, 3 * rate))
    right = lfilter([1.0], poles, rng.normal(0, 0.001, 3 * rate))
    mono = np.concatenate([left[:cut], right[cut + 40 :]])
    finding = examine(Splice(), np.stack([mono, 0.5 * mono], axis=1), rate, subtype="PCM_24")
    assert finding.measurements["strongest_at_s"] == pytest.approx(cut / rate, abs=0.001)


def test_clicks_are_no_joins(examine: Examine) -> None:
    samples, rate = clip(READING)
    for at in (10000, 30000, 50000, 70000):
        samples[at] += 0.2
    finding = examine(Splice(), samples, rate)
    assert finding.measurements["joins"] == 0


def test_a_join_in_noise_is_not_claimed(examine: Examine) -> None:
    rate = 16000
    joined = np.concatenate([room_noise(2.0, rate, -50.0, seed=1), room_noise(2.0, rate, -50.0, seed=2)])
    finding = examine(Splice(), joined, rate)
    assert finding.outcome == "consistent"
    assert "Joins inside silence or noise" in finding.reasons[0]


def test_many_breaks_are_inconclusive(examine: Examine) -> None:
    rng = np.random.default_rng(9)
    rate = 16000
    tone = [np.sin(2 * np.pi * 200 * np.arange(3200) / rate + phase) for phase in rng.uniform(0, 6.28, 20)]
    samples = 0.3 * np.concatenate(tone) + room_noise(4.0, rate, -75.0, seed=3)
    finding = examine(Splice(), samples, rate)
    assert finding.measurements["joins"] > 4
    assert finding.outcome == "inconclusive"


def test_short_recordings_are_outside_the_domain(examine: Examine) -> None:
    assert examine(Splice(), room_noise(0.3, 16000, -30.0, seed=4), 16000).outcome == "could_not_test"
