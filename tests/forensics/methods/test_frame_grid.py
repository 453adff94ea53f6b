"""Tones on a grid and repeated frames are named; mains hum, USB lines, tones and recordings are not."""

import numpy as np
import pytest
from method_clips import HUMAN, Examine, Samples, clip, room_noise

from forensics.methods.frame_grid import FrameGrid

RATE = 22050


def tones(hertz: list[float], seconds: float, level_db: float) -> Samples:
    """Sines of one level each."""
    time = np.arange(round(seconds * RATE)) / RATE
    out: Samples = np.zeros(len(time))
    for index, frequency in enumerate(hertz):
        out += np.sqrt(2) * 10 ** (level_db / 20) * np.sin(2 * np.pi * frequency * time + index)
    return out


@pytest.mark.parametrize("name", HUMAN)
def test_recordings_have_no_trace(examine: Examine, name: str) -> None:
    finding = examine(FrameGrid(), *clip(name))
    assert finding.outcome in ("consistent", "could_not_test")
    assert finding.traces == ()


@pytest.mark.parametrize(("hop", "multiples"), [(256, (9, 23, 31, 52, 77, 90, 101)), (32, (3, 5, 9, 11))])
def test_lines_on_a_grid_are_named(examine: Examine, hop: int, multiples: tuple[int, ...]) -> None:
    sound = room_noise(6.0, RATE, -50.0, 1) + tones([k * RATE / hop for k in multiples], 6.0, -72.0)
    finding = examine(FrameGrid(), sound, RATE)
    assert finding.outcome == "inconclusive"
    assert finding.measurements["grid_hop"] == hop
    assert len(multiples) - 1 <= finding.measurements["lines_on_grid"] <= len(multiples)
    assert f"sample rate / {hop};" in finding.traces[0]


@pytest.mark.parametrize(
    "hertz",
    [
        [50.0 * k for k in range(7, 40)],
        [1000.0 * k for k in range(1, 10)],
        [431.7, 977.3, 1622.9, 2718.2, 3141.6, 4669.2, 5772.1, 7071.1],
    ],
    ids=["mains", "usb", "unrelated"],
)
def test_other_lines_are_not_named(examine: Examine, hertz: list[float]) -> None:
    finding = examine(FrameGrid(), room_noise(6.0, RATE, -50.0, 2) + tones(hertz, 6.0, -72.0), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["lines"] + finding.measurements["lines_explained"] >= len(hertz) - 2


def test_repeated_frames_are_located(examine: Examine) -> None:
    sound = room_noise(4.0, RATE, -30.0, 3)
    start = round(1.5 * RATE)
    sound[start : start + 20 * 256] = np.tile(sound[start : start + 256], 20)
    finding = examine(FrameGrid(), sound, RATE)
    assert finding.outcome == "inconclusive"
    assert finding.traces == ("frames of 256 samples repeated exactly",)
    assert finding.segments[0].start_s == pytest.approx(1.5, abs=0.03)
    assert finding.segments[-1].end_s == pytest.approx(1.5 + 20 * 256 / RATE, abs=0.03)


def test_a_digital_tone_and_silence_are_no_repeated_frames(examine: Examine) -> None:
    rate = 16000
    sound = room_noise(4.0, rate, -40.0, 4)
    sound[rate : 2 * rate] = 0.3 * np.tile(np.sin(2 * np.pi * np.arange(16) / 16), rate // 16)
    sound[3 * rate :] = 0.0
    finding = examine(FrameGrid(), sound, rate)
    assert finding.measurements["repeated_frames"] == 0
    assert finding.measurements["zeros_at_end"] == rate


def test_the_sample_count_is_measured_but_never_a_trace(examine: Examine) -> None:
    sound = room_noise(4.0, RATE, -40.0, 5)[: 256 * 340]
    finding = examine(FrameGrid(), sound, RATE)
    assert 256 in finding.measurements["hops_in_samples"]
    assert finding.outcome == "consistent"
    assert finding.traces == ()
    short = examine(FrameGrid(), sound[:4000], RATE)
    assert short.outcome == "could_not_test"
