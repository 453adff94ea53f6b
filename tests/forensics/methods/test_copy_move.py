"""Copied passages are found with their source; repeated words, tones and silence raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, READING, Examine, clip, room_noise

from forensics.methods.copy_move import CopyMove
from synth.channels import AmrNb, Mp3

FROM, TO, SIZE = 0.6, 2.9, 0.5


def copied(rate: int, samples: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    out = samples.copy()
    out[round(TO * rate) : round((TO + SIZE) * rate)] = samples[round(FROM * rate) : round((FROM + SIZE) * rate)]
    return out


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_copy(examine: Examine, name: str) -> None:
    finding = examine(CopyMove(), *clip(name))
    assert finding.outcome in ("consistent", "could_not_test")
    assert finding.segments == ()


def test_a_copy_is_located_with_its_source(examine: Examine) -> None:
    samples, rate = clip(READING)
    finding = examine(CopyMove(), copied(rate, samples), rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["copies"] == 1
    assert finding.measurements["copied_from_s"][0] == pytest.approx(FROM, abs=0.05)  # type: ignore[index]
    assert finding.measurements["copied_to_s"][0] == pytest.approx(TO, abs=0.05)  # type: ignore[index]
    assert finding.measurements["longest_copy_s"] == pytest.approx(SIZE, abs=0.08)
    assert finding.measurements["agreement"][0] > 0.99  # type: ignore[index]
    assert [(round(s.start_s, 1), round(s.end_s, 1)) for s in finding.segments] == [(0.6, 1.1), (2.9, 3.4)]


@pytest.mark.parametrize("gain", [0.3, -1.0])
def test_another_level_or_polarity_of_the_copy(examine: Examine, gain: float) -> None:
    """A louder copy has the same waveform; a copy turned over has not, and is not claimed."""
    samples, rate = clip(READING)
    out = samples.copy()
    passage = samples[round(FROM * rate) : round((FROM + SIZE) * rate)]
    out[round(TO * rate) : round((TO + SIZE) * rate)] = gain * passage
    assert examine(CopyMove(), out, rate).outcome == ("inconsistent" if gain > 0 else "consistent")


@pytest.mark.parametrize("channel", [Mp3(64_000), AmrNb(12_200)])
def test_a_copy_survives_coding(examine: Examine, channel: Mp3 | AmrNb) -> None:
    samples, rate = clip(READING)
    coded, coded_rate = channel(copied(rate, samples).astype(np.float32), rate, 1)
    finding = examine(CopyMove(), coded, coded_rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["copied_to_s"][0] == pytest.approx(TO, abs=0.15)  # type: ignore[index]


def test_tones_and_silence_agree_with_themselves_and_say_nothing(examine: Examine) -> None:
    rate = 16000
    time = np.arange(6 * rate) / rate
    beeps = 0.2 * np.sin(2 * np.pi * 440 * time) * ((time % 1.0) < 0.4) + room_noise(6.0, rate, -80.0, seed=1)
    for sound in (beeps, np.zeros(3 * rate), room_noise(6.0, rate, -30.0, seed=2)):
        finding = examine(CopyMove(), sound, rate)
        assert finding.outcome in ("consistent", "could_not_test")
        assert finding.segments == ()


def test_a_chirp_of_electronics_in_the_pauses_is_no_copied_speech(examine: Examine) -> None:
    """The same quiet sound every second: it does repeat, and it is not what was said."""
    samples, rate = clip(READING)
    rng = np.random.default_rng(4)
    chirp = 0.002 * rng.normal(size=round(0.3 * rate))
    silent = np.concatenate([0.0005 * rng.normal(size=4 * rate), samples])
    for at in (0.4, 1.4, 2.4):
        silent[round(at * rate) : round(at * rate) + len(chirp)] += chirp
    assert examine(CopyMove(), silent, rate).outcome == "consistent"


def test_too_short_is_outside_the_domain(examine: Examine) -> None:
    finding = examine(CopyMove(), room_noise(0.6, 16000, -30.0, seed=3), 16000)
    assert finding.outcome == "could_not_test"
    assert "0.60 s" in finding.reasons[0]
