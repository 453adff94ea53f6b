"""The gate passes usable speech and names what is short, noisy, clipped or silent; it never speaks of editing."""

import numpy as np
import pytest
from method_clips import READING, Examine, clip, room_noise

from forensics.methods.speech_activity import SpeechActivity


def test_a_reading_is_usable(examine: Examine) -> None:
    finding = examine(SpeechActivity(), *clip(READING))
    assert finding.measurements["speech_s"] == pytest.approx(6.2, abs=0.9)
    assert finding.measurements["snr_db"] > 20
    assert finding.outcome == "consistent"
    assert SpeechActivity.bears_on == "quality"


def test_noise_below_20_db_is_named(examine: Examine) -> None:
    samples, rate = clip(READING)
    level = 10 * np.log10(np.mean(samples**2))
    finding = examine(SpeechActivity(), samples + room_noise(len(samples) / rate, rate, level - 8.0, seed=1), rate)
    assert finding.outcome == "inconclusive"
    assert finding.measurements["snr_db"] == pytest.approx(9.0, abs=4.0)
    assert "20 dB" in finding.reasons[0]


def test_too_little_speech_is_named(examine: Examine) -> None:
    samples, rate = clip(READING)
    finding = examine(SpeechActivity(), samples[2 * rate : 2 * rate + rate // 2], rate)
    assert finding.outcome == "inconclusive"
    assert finding.measurements["speech_s"] < 1.0


def test_clipping_is_named(examine: Examine) -> None:
    samples, rate = clip(READING)
    finding = examine(SpeechActivity(), np.clip(samples * 20, -1, 1), rate)
    assert finding.outcome == "inconclusive"
    assert any("clipped" in reason for reason in finding.reasons)


def test_silence_is_named(examine: Examine) -> None:
    finding = examine(SpeechActivity(), np.zeros(32000), 16000)
    assert finding.outcome == "inconclusive"
    assert "nothing to examine" in finding.reasons[0]
    assert finding.measurements["usable"] is False
