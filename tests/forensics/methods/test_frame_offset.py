"""Cuts and insertions in decoded MP3 and AAC shift the frame grid and are located; whole recordings keep theirs."""

import numpy as np
import pytest
from method_clips import Examine, clip, room_noise

from forensics.methods.frame_offset import FrameOffset
from synth.channels.aac import Aac
from synth.channels.mp3 import Mp3

RATE = 16000
CODERS = [Mp3(32_000), Aac(24_000)]


def decoded(channel: Mp3 | Aac, *names: str) -> np.ndarray:
    """Spoken cards one after the other, coded as a whole, at 16 kHz."""
    joined = np.concatenate([clip(name)[0] for name in names]).astype(np.float32)
    return channel(joined, RATE)[0]


@pytest.mark.parametrize("channel", CODERS)
def test_a_whole_decoded_recording_keeps_its_grid(examine: Examine, channel: Mp3 | Aac) -> None:
    finding = examine(FrameOffset(), decoded(channel, "001.wav", "002.wav", "003.wav")[123:], RATE)
    assert finding.outcome == "consistent"
    assert finding.segments == ()
    assert finding.measurements["breaks"] == 0
    assert finding.measurements["support_per_frame_sd"] > 5.0


@pytest.mark.parametrize("channel", CODERS)
def test_a_cut_is_located(examine: Examine, channel: Mp3 | Aac) -> None:
    sound = decoded(channel, "001.wav", "002.wav", "003.wav")
    at = round(0.45 * len(sound))
    finding = examine(FrameOffset(), np.concatenate([sound[:at], sound[at + 5000 :]]), RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["breaks"] == 1
    assert (finding.segments[0].start_s + finding.segments[0].end_s) / 2 == pytest.approx(at / RATE, abs=0.25)


def test_an_insertion_shows_both_ends(examine: Examine) -> None:
    sound = decoded(Mp3(32_000), "001.wav", "002.wav", "003.wav")
    guest = decoded(Mp3(32_000), "005.wav", "004.wav")
    at, size = round(0.4 * len(sound)), round(0.9 * RATE)
    edited = np.concatenate([sound[:at], guest[8000 : 8000 + size], sound[at:]])
    finding = examine(FrameOffset(), edited, RATE)
    assert finding.outcome == "inconsistent"
    middles = [(segment.start_s + segment.end_s) / 2 for segment in finding.segments]
    assert middles == pytest.approx([at / RATE, (at + size) / RATE], abs=0.25)


def test_a_cut_by_whole_frames_keeps_the_grid(examine: Examine) -> None:
    sound = decoded(Mp3(32_000), "001.wav", "002.wav", "003.wav")
    at = round(0.45 * len(sound))
    finding = examine(FrameOffset(), np.concatenate([sound[:at], sound[at + 576 * 9 :]]), RATE)
    assert finding.outcome == "consistent"


@pytest.mark.parametrize("name", ["001.wav", "004.wav", "005.wav", "vm-intro.wav"])
def test_sound_without_a_grid_is_not_tested(examine: Examine, name: str) -> None:
    finding = examine(FrameOffset(), *clip(name))
    assert finding.outcome == "could_not_test"


def test_an_edit_of_sound_that_was_never_coded_is_not_tested(examine: Examine) -> None:
    sound = np.concatenate([room_noise(3.0, RATE, -30.0, 1), room_noise(3.0, RATE, -30.0, 2)])
    assert examine(FrameOffset(), sound, RATE).outcome == "could_not_test"
