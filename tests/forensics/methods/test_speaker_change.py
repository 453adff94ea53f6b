"""Another voice is named where it begins; one speaker, louder or with a voice that glides, is not."""

import numpy as np
import pytest
import soxr
from method_clips import READING, Examine, Samples, clip

from forensics.methods.speaker_change import SpeakerChange
from synth.channels import Mp3
from synth.voiceprint_card import voiceprint_card

READINGS = [READING.replace("0870", number) for number in ("0870", "0880", "0890")]


def reader() -> tuple[Samples, int]:
    """The woman who reads, 14 s of her."""
    parts = [clip(name) for name in READINGS]
    rate = parts[0][1]
    return np.concatenate([samples for samples, _ in parts])[: 14 * rate], rate


def man() -> Samples:
    """The man who names cards."""
    return np.concatenate([clip(f"00{n}.wav")[0] for n in range(1, 6)])


def test_one_speaker_is_one_speaker(examine: Examine) -> None:
    samples, rate = reader()
    finding = examine(SpeakerChange(), samples, rate)
    assert finding.outcome == "consistent"
    assert finding.traces == ()
    assert finding.measurements["largest_log_lr"] < finding.parameters["threshold_log_lr"]  # type: ignore[operator]
    assert finding.measurements["places_heard"] == 0


def test_a_voice_that_glides_up_is_heard_and_stays_one_voice(examine: Examine) -> None:
    samples, rate = reader()
    count = len(samples)
    middle, fade = count // 2, 2 * rate
    speed = np.interp(np.arange(count), [0, middle - fade, middle + fade, count], [0.9, 0.9, 1.12, 1.12])
    place = np.cumsum(speed)
    glided = np.interp(place[place < count - 1], np.arange(count), samples)  # pitch and resonances, by a quarter
    finding = examine(SpeakerChange(), glided, rate)
    assert finding.measurements["largest_log_lr"] > finding.parameters["threshold_log_lr"]  # type: ignore[operator]
    assert finding.measurements["places_heard"] == 1
    assert finding.measurements["least_likeness"] > finding.parameters["threshold_likeness"]  # type: ignore[operator]
    assert finding.traces == ()


def prompts(rate: int) -> Samples:
    """The woman of the telephone prompts, at another rate."""
    parts = [clip(name) for name in ("vm-intro.wav", "vm-goodbye.wav", "agent-newlocation.wav")]
    sound: Samples = soxr.resample(np.concatenate([samples for samples, _ in parts]), parts[0][1], rate)
    return sound


@pytest.mark.parametrize("coded", [False, True])
def test_another_voice_is_named_where_it_begins(examine: Examine, coded: bool) -> None:
    first, rate = man(), 16000
    second = prompts(rate)
    at = len(first) / rate
    both = np.concatenate([first / first.std(), second / second.std()]) * 0.05
    if coded:
        both = Mp3(64_000)(both.astype(np.float32), rate, 1)[0]
    finding = examine(SpeakerChange(), both, rate)
    assert finding.outcome == "consistent"
    assert finding.measurements["changes"] == 1
    assert finding.measurements["least_likeness"] <= finding.parameters["threshold_likeness"]  # type: ignore[operator]
    assert finding.measurements["changes_at_s"][0] == pytest.approx(at, abs=0.8)  # type: ignore[index]
    assert "another voice from about" in finding.traces[0]
    assert finding.segments[0].start_s < at + 0.8
    assert finding.segments[0].end_s > at - 0.8


def test_the_level_is_no_voice(examine: Examine) -> None:
    samples, rate = reader()
    louder = samples.copy()
    louder[len(louder) // 2 :] *= 0.3
    assert examine(SpeakerChange(), louder, rate).traces == ()


def test_little_speech_is_outside_the_domain(examine: Examine) -> None:
    samples, rate = clip("001.wav")
    finding = examine(SpeakerChange(), samples[: 2 * rate], rate)
    assert finding.outcome == "could_not_test"
    assert "needs 6.4 s" in finding.reasons[0]


def test_a_voice_near_an_end_is_left_alone(examine: Examine) -> None:
    first, rate = man(), 16000
    second = prompts(rate)[: round(2.5 * rate)]
    both = np.concatenate([first / first.std(), second / second.std()]) * 0.05
    finding = examine(SpeakerChange(), both, rate)
    assert finding.traces == ()


def test_the_likeness_was_chosen_with_the_weights_that_ship() -> None:
    assert SpeakerChange().parameters["voiceprint_sha256"] == voiceprint_card().sha256
