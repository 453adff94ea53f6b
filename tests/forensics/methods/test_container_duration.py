"""Headers that promise more or less than decodes are found; honest and silent headers raise no alarm."""

import struct
from pathlib import Path

import pytest
import soundfile
from container_files import coded, copied
from method_clips import HUMAN, READING, Examine, clip, room_noise

from forensics.exhibit import Exhibit
from forensics.methods.container_duration import ContainerDuration
from forensics.records import Finding


def run(path: Path) -> Finding:
    with Exhibit.open(path) as exhibit:
        return ContainerDuration().run(exhibit)


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_agree(examine: Examine, name: str) -> None:
    finding = examine(ContainerDuration(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["difference_s"] == 0.0


@pytest.mark.parametrize("suffix", [".mp3", ".ogg", ".flac"])
def test_padding_of_encoders_lies_within_the_tolerance(examine: Examine, suffix: str) -> None:
    kinds = {".mp3": "MPEG_LAYER_III", ".ogg": "VORBIS", ".flac": "PCM_16"}
    samples, rate = clip(READING)
    finding = examine(ContainerDuration(), samples, rate, subtype=kinds[suffix], suffix=suffix)
    assert finding.outcome in ("consistent", "could_not_test")


def test_a_truncated_wav_is_inconsistent(tmp_path: Path) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, room_noise(4.0, 16000, -30.0, seed=1), 16000)
    path.write_bytes(path.read_bytes()[: 44 + 2 * 16000 * 3])
    finding = run(path)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["difference_s"] == pytest.approx(1.0, abs=0.01)
    assert finding.segments[0].end_s == pytest.approx(3.0, abs=0.03)


def test_sound_behind_the_counted_end_is_inconsistent(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, room_noise(2.0, 16000, -30.0, seed=2), 16000)
    raw = bytearray(path.read_bytes())
    raw[40:44] = struct.pack("<I", 2 * 16000)
    path.write_bytes(raw)
    finding = run(path)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["difference_s"] == pytest.approx(-1.0, abs=0.01)


def test_a_header_without_a_length_cannot_be_tested(tmp_path: Path) -> None:
    path = tmp_path / "stream.wav"
    soundfile.write(path, room_noise(2.0, 16000, -30.0, seed=3), 16000)
    raw = bytearray(path.read_bytes())
    raw[4:8] = raw[40:44] = b"\xff\xff\xff\xff"
    path.write_bytes(raw)
    finding = run(path)
    assert finding.outcome == "could_not_test"
    assert "no duration" in finding.reasons[0]


def test_pauses_in_amr_are_not_missing_sound(tmp_path: Path) -> None:
    path = tmp_path / "call.3gp"
    call = coded("amr", "libopencore_amrnb", rate=8000, bit_rate=12200, seconds=20.0, options={"dtx": "1"})
    path.write_bytes(copied(call, "3gp"))
    finding = run(path)
    assert abs(finding.measurements["difference_s"]) < 0.05
    assert finding.outcome == "consistent"
