"""Writers are named, contradictions are found, honest files raise no alarm, and no bytes break a reader."""

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from container_files import coded
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from method_clips import HUMAN, READING, Examine, clip, room_noise

from forensics.exhibit import Exhibit
from forensics.methods._containers import read_structure
from forensics.methods._containers.mpeg import FFMPEG_SUMMED, _crc16, frame_at
from forensics.methods._containers.ogg import checksum
from forensics.methods.container_structure import ContainerStructure
from forensics.records import Finding

KINDS = {
    "wav": ("wav", "pcm_s16le"), "m4a": ("ipod", "aac"), "mp4": ("mp4", "aac"), "ogg": ("ogg", "vorbis"),
    "opus": ("ogg", "libopus"), "mp3": ("mp3", "libmp3lame"), "flac": ("flac", "flac"), "webm": ("webm", "libopus"),
    "mka": ("matroska", "aac"), "amr": ("amr", "libopencore_amrnb"), "aiff": ("aiff", "pcm_s16be"),
    "caf": ("caf", "pcm_s16le"), "wma": ("asf", "wmav2"),
}  # fmt: skip


def encoded(name: str, seconds: float = 2.0, seed: int = 1) -> bytes:
    """A file of FFmpeg in one of KINDS."""
    container, codec = KINDS[name]
    rate = {"amr_nb": 8000, "libopencore_amrnb": 8000, "libopus": 48000, "wmav2": 44100}.get(codec, 16000)
    buffer = io.BytesIO()
    if codec == "vorbis":
        soundfile.write(buffer, room_noise(seconds, rate, -20.0, seed), rate, format="OGG", subtype="VORBIS")
        return buffer.getvalue()
    sound = (np.clip(room_noise(seconds, rate, -20.0, seed), -1, 1) * 32767).astype(np.int16)
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        if codec == "wmav2":
            stream.bit_rate = 64000
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate,
                                      frame_size=stream.codec_context.frame_size)  # fmt: skip
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            for packet in stream.encode(part):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)
    return buffer.getvalue()


def run(path: Path, data: bytes) -> Finding:
    path.write_bytes(data)
    with Exhibit.open(path) as exhibit:
        return ContainerStructure().run(exhibit)


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_agree_with_themselves(examine: Examine, name: str) -> None:
    finding = examine(ContainerStructure(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["format"] == "RIFF/WAVE"
    assert finding.measurements["contradictions"] == 0


@pytest.mark.parametrize("name", KINDS)
def test_files_of_an_ordinary_encoder_are_consistent(tmp_path: Path, name: str) -> None:
    finding = run(tmp_path / f"x.{name}", encoded(name))
    assert finding.outcome == "consistent", finding.reasons
    if name not in ("amr", "aiff", "ogg"):
        assert "FFmpeg" in finding.measurements["programs"]


@pytest.mark.parametrize("name", ["wav", "m4a", "ogg", "mp3", "mka", "amr", "caf", "wma"])
def test_foreign_bytes_behind_the_end_are_found(tmp_path: Path, name: str) -> None:
    foreign = np.random.default_rng(7).integers(1, 255, 3000, dtype=np.uint8).tobytes()
    finding = run(tmp_path / f"x.{name}", encoded(name) + b"\x07" + foreign)
    assert finding.outcome == "inconsistent"


def test_two_ogg_files_in_one_are_found(tmp_path: Path) -> None:
    finding = run(tmp_path / "x.ogg", encoded("ogg", seed=1) + encoded("ogg", seed=2))
    assert finding.outcome == "inconsistent"
    assert any("second stream" in reason for reason in finding.reasons)


def test_two_mp3_files_in_one_are_found(tmp_path: Path) -> None:
    finding = run(tmp_path / "x.mp3", encoded("mp3", seed=1) + encoded("mp3", seed=2))
    assert finding.outcome == "inconsistent"
    assert any("ID3 tag stands inside" in reason for reason in finding.reasons)


def test_frames_removed_from_an_mp3_are_found(tmp_path: Path) -> None:
    data = encoded("mp3", seconds=6.0)
    finding = run(tmp_path / "x.mp3", data[:12000] + data[15001:])
    assert finding.outcome == "inconsistent"


def test_a_page_removed_from_an_ogg_is_found(tmp_path: Path) -> None:
    data = encoded("opus", seconds=4.0)
    starts = [at for at in range(len(data)) if data[at : at + 4] == b"OggS"]
    finding = run(tmp_path / "x.opus", data[: starts[3]] + data[starts[4] :])
    assert finding.outcome == "inconsistent"
    assert any("follows page" in reason for reason in finding.reasons)


def test_a_byte_changed_in_a_page_is_found(tmp_path: Path) -> None:
    data = bytearray(encoded("ogg"))
    data[-40] ^= 0x55
    path = tmp_path / "x.ogg"
    path.write_bytes(data)
    structure = read_structure(path)
    assert structure is not None
    assert any("checksum" in clause for clause in structure.contradictions)


def test_the_ogg_checksum_is_that_of_the_format(tmp_path: Path) -> None:
    data = encoded("ogg")
    size = 27 + data[26] + sum(data[27 : 27 + data[26]])
    assert checksum(data[:size]) == struct.unpack("<I", data[22:26])[0]


@pytest.mark.parametrize(
    ("at", "value", "word"),
    [(28, struct.pack("<I", 99999), "bytes a second"), (4, struct.pack("<I", 1000), "RIFF header"),
     (40, struct.pack("<I", 10**8), "beyond the end")],
)  # fmt: skip
def test_header_fields_that_lie_are_found(tmp_path: Path, at: int, value: bytes, word: str) -> None:
    path = tmp_path / "plain.wav"
    soundfile.write(path, *clip(READING))
    data = bytearray(path.read_bytes())
    data[at : at + len(value)] = value
    finding = run(tmp_path / "x.wav", bytes(data))
    assert finding.outcome == "inconsistent"
    assert any(word in reason for reason in finding.reasons)


def test_the_md5_of_a_flac_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, *clip(READING))
    data = bytearray(path.read_bytes())
    assert run(path, bytes(data)).measurements["md5_agrees"] is True
    data[8 + 18] ^= 1
    finding = run(path, bytes(data))
    assert finding.outcome == "inconsistent"
    assert finding.measurements["md5_agrees"] is False


def cut_edit_list(data: bytes, skipped: int, played: int | None = None) -> bytes:
    """The edit list of an M4A of FFmpeg with another start (samples) and, if given, length (ms)."""
    at = data.index(b"elst") + 12
    length = data[at : at + 4] if played is None else struct.pack(">I", played)
    return data[:at] + length + struct.pack(">i", skipped) + data[at + 8 :]


@pytest.mark.parametrize(
    ("skipped", "played", "trace"),
    [(416, None, "416 samples"), (16000, 900, "first 1.00 s"), (1024, 1000, "end trimmed by the edit list"),
     (1024, None, ""), (0, None, ""), (2112, None, "")],
)  # fmt: skip
def test_trimmed_ends_are_named_and_not_held_against_the_file(
    tmp_path: Path, skipped: int, played: int | None, trace: str
) -> None:
    finding = run(tmp_path / "x.m4a", cut_edit_list(encoded("m4a"), skipped, played))
    assert finding.outcome == "consistent", finding.reasons
    assert bool(finding.traces) == bool(trace)
    assert trace in " ".join(finding.traces)


def two_entries(data: bytes, second: int) -> bytes:
    """The M4A with an edit list of two entries of 0.5 s; the first starts at sample 1024, the second at `second`."""
    at = data.index(b"elst") - 4
    entries = struct.pack(">IiI", 500, 1024, 0x10000) + struct.pack(">IiI", 500, second, 0x10000)
    edits = b"edts" + struct.pack(">I", 8 + 8 + 24) + b"elst" + struct.pack(">II", 0, 2) + entries
    grown = data[: at - 8] + struct.pack(">I", len(edits) + 4) + edits + data[at + 28 :]
    for name in (b"trak", b"moov"):
        where = grown.index(name) - 4
        size = struct.unpack(">I", grown[where : where + 4])[0] + 12
        grown = grown[:where] + struct.pack(">I", size) + grown[where + 4 :]
    return grown


@pytest.mark.parametrize(("gap", "stretches"), [(0, 1), (16, 1), (800, 2), (-8000, 2)])
def test_two_stretches_in_an_edit_list_are_no_trimming_unless_one_goes_on_from_the_other(
    tmp_path: Path, gap: int, stretches: int
) -> None:
    path = tmp_path / "x.m4a"
    path.write_bytes(two_entries(encoded("m4a"), 1024 + 8000 + gap))
    structure = read_structure(path)
    assert structure is not None
    said = ["the edit list plays 2 stretches of the stored sound, not one"]
    assert structure.contradictions == (said if stretches == 2 else [])


def test_metadata_by_keys_are_boxes_and_name_their_writer(tmp_path: Path) -> None:
    """QuickTime's item list names its boxes by numbers, as telephones and FFmpeg with `use_metadata_tags` write it."""
    data = coded("mp4", "aac", muxer={"movflags": "use_metadata_tags"}, tags={"com.apple.quicktime.software": "17.2"})
    finding = run(tmp_path / "x.mp4", data)
    assert finding.outcome == "consistent", finding.reasons
    assert finding.measurements["programs"] == ("FFmpeg", "MP4 muxer")
    assert any(tag.startswith("key encoder: Lavf") for tag in finding.measurements["encoder_tags"])


def test_packets_of_lame_in_a_frame_of_ffmpeg_are_named(tmp_path: Path) -> None:
    data = bytearray(encoded("mp3"))
    at = data.index(b"Lavf", 100) if b"Lavf" in data[100:400] else data.index(b"Lavc", 100)
    start = data.index(b"Info") - 4 - 9
    data[at : at + 9] = b"LAME3.100"
    data[at + 34 : at + 36] = bytes(2)
    path = tmp_path / "x.mp3"
    path.write_bytes(data)
    changed = read_structure(path)
    assert changed is not None
    assert not changed.traces
    frame = frame_at(bytes(data[start : start + 4]))
    assert frame is not None
    summed = (bytes(data[start : start + frame.size]) + bytes(FFMPEG_SUMMED))[:FFMPEG_SUMMED]
    data[at + 34 : at + 36] = _crc16(summed).to_bytes(2, "big")
    finding = run(path, bytes(data))
    assert finding.outcome == "consistent", finding.reasons
    assert "rewritten by FFmpeg" in finding.traces[0]
    data[at + 34] ^= 0x11
    assert run(path, bytes(data)).outcome == "inconsistent"


def test_opus_packets_tell_their_length_and_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.ogg"
    path.write_bytes(encoded("opus"))
    structure = read_structure(path)
    assert structure is not None
    assert (structure.facts["opus_packet_ms"], structure.facts["opus_mode"]) == (20.0, "CELT")
    assert (structure.facts["channels"], structure.habits["packets_per_page"]) == (1, "several packets")


def test_a_container_without_a_reader_could_not_be_tested(examine: Examine) -> None:
    finding = examine(ContainerStructure(), *clip(READING), suffix=".au")
    assert finding.outcome == "could_not_test"
    assert "no reader" in finding.reasons[0]


BASES = {name: encoded(name, seconds=0.5) for name in KINDS}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(KINDS)),
    edits=st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)), min_size=1, max_size=12),
    cut=st.integers(0, 1 << 20),
)
def test_mutated_files_never_break_a_reader(
    tmp_path: Path, name: str, edits: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(BASES[name])
    for at, value in edits:
        # Headers are worth more blows than sound.
        spot = at % (len(data) if at % 3 == 0 else min(len(data), 400))
        data[spot : spot + len(value)] = value
    path = tmp_path / "mutant"
    path.write_bytes(data[: max(cut % (2 * len(data)), 1)])
    structure = read_structure(path)
    assert structure is None or all(isinstance(clause, str) for clause in structure.contradictions)


MAGICS = [
    b"RIFF\xff\xff\xff\xffWAVE", b"OggS", b"fLaC", b"\x1a\x45\xdf\xa3\x80", b"#!AMR\n", b"#!AMR-WB\n",
    b"FORM\0\0\0\0AIFF", b"caff\0\1\0\0", b"ID3\4\0\0\0\0\0\0\xff\xfb\x90\x00", b"\xff\xfb\x90\x00",
    b"\0\0\0\x08ftyp", b"\0\0\0\x08moov", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
]  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(MAGICS),
    rest=st.binary(max_size=2000),
)
def test_random_bytes_behind_a_magic_never_break_a_reader(tmp_path: Path, start: bytes, rest: bytes) -> None:
    path = tmp_path / "random"
    path.write_bytes(start + rest)
    read_structure(path)
