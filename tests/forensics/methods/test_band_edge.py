"""Narrow passages are located; upsampled files are named, and recordings raise no alarm."""

import numpy as np
import pytest
import soxr
from method_clips import HUMAN, READING, Examine, clip, room_noise

from forensics.methods.band_edge import BandEdge


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_narrow_stretch(examine: Examine, name: str) -> None:
    finding = examine(BandEdge(), *clip(name))
    assert finding.outcome in ("consistent", "inconclusive")
    assert finding.measurements["narrow_stretches"] == 0
    assert finding.segments == ()


@pytest.mark.parametrize(("start_s", "end_s"), [(2.0, 4.5), (3.1, 5.0)])
def test_a_passage_through_a_narrow_channel_is_located(examine: Examine, start_s: float, end_s: float) -> None:
    samples, rate = clip(READING)
    samples = samples + room_noise(len(samples) / rate, rate, -62.0, seed=1)
    a, b = round(start_s * rate), round(end_s * rate)
    samples[a:b] = soxr.resample(soxr.resample(samples[a:b], rate, 8000), 8000, rate)[: b - a]
    finding = examine(BandEdge(), samples, rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["narrow_stretches"] == 1
    assert finding.measurements["narrow_above_hz"] >= 3800
    assert finding.segments[0].start_s == pytest.approx(start_s, abs=0.05)
    assert finding.segments[0].end_s == pytest.approx(end_s, abs=0.05)


def test_an_upsampled_file_is_named_and_not_held_against_it(examine: Examine) -> None:
    samples, rate = clip("vm-intro.wav")
    finding = examine(BandEdge(), soxr.resample(samples, rate, 48000), 48000)
    assert finding.outcome == "inconclusive"
    assert finding.measurements["narrower_than_rate"] is True
    assert finding.measurements["band_edge_hz"] == pytest.approx(4000, abs=300)
    assert "resampled" in finding.reasons[0]


def test_white_noise_reaches_the_nyquist_frequency(examine: Examine) -> None:
    finding = examine(BandEdge(), room_noise(3.0, 44100, -30.0, seed=2), 44100)
    assert finding.outcome == "consistent"
    assert finding.measurements["band_share"] > 0.95


def test_speech_followed_by_a_quiet_end_is_no_narrow_stretch(examine: Examine) -> None:
    samples, rate = clip(READING)
    tail = np.concatenate([samples, room_noise(2.0, rate, -85.0, seed=3)])
    assert examine(BandEdge(), tail, rate).measurements["narrow_stretches"] == 0
