"""Claims that the structure contradicts are found, writers are named; rewriting and editors raise no alarm."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from container_files import VOICE_MEMOS, coded, copied, lame_mp3, with_bext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from method_clips import HUMAN, Examine, clip

from forensics.exemplars import Library, fingerprint, load_library
from forensics.exhibit import Exhibit
from forensics.methods.container_duration import ContainerDuration
from forensics.methods.container_exemplar import ContainerExemplar
from forensics.methods.container_structure import ContainerStructure
from forensics.methods.delivery_path import DeliveryPath
from forensics.records import Finding

FFMPEG_FTYP = re.compile(rb"M4A \x00\x00\x02\x00M4A isomiso2")
APPLE_FTYP = b"M4A \x00\x00\x00\x00M4A mp42isom"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """The shipped library with an empty folder for the user's."""
    return load_library(tmp_path / "library")


def run(folder: Path, name: str, data: bytes, library: Library) -> Finding:
    path = folder / name
    path.write_bytes(data)
    with Exhibit.open(path) as exhibit:
        return ContainerExemplar(library).run(exhibit)


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_raise_no_alarm_and_name_nobody(examine: Examine, name: str, library: Library) -> None:
    finding = examine(ContainerExemplar(library), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.traces == ()
    assert "many other programs" in finding.reasons[0]


@pytest.mark.parametrize(
    ("container", "codec"), [("ipod", "aac"), ("wav", "pcm_s16le"), ("mp3", "libmp3lame"), ("webm", "libopus")]
)
def test_the_writer_is_named_from_structure_and_tag(
    tmp_path: Path, library: Library, container: str, codec: str
) -> None:
    rate = 48000 if codec == "libopus" else 44100
    finding = run(tmp_path, "x", coded(container, codec, rate=rate), library)
    assert finding.outcome == "consistent"
    assert any(trace.startswith("structure as written by FFmpeg (Lav") for trace in finding.traces), finding.traces


def test_a_claim_that_the_structure_contradicts_is_inconsistent(tmp_path: Path, library: Library) -> None:
    data = coded("ipod", "aac", rate=44100, tags={"encoding_tool": VOICE_MEMOS})
    finding = run(tmp_path, "memo.m4a", data, library)
    assert finding.outcome == "inconsistent"
    assert "the structure is that of FFmpeg and not of Apple Voice Memos" in finding.reasons[0]
    assert "minor version is 512, known is 0" in finding.reasons[0]
    assert "It does not show that the sound was edited" in finding.reasons[0]
    assert finding.measurements["claims"] == (f"Apple Voice Memos: {VOICE_MEMOS}",)


def test_a_claim_that_the_documented_structure_bears_out_is_consistent(tmp_path: Path, library: Library) -> None:
    data = coded("ipod", "aac", rate=44100, tags={"encoding_tool": VOICE_MEMOS})
    data, count = FFMPEG_FTYP.subn(APPLE_FTYP, data)
    assert count == 1
    finding = run(tmp_path, "memo.m4a", data, library)
    assert finding.outcome == "consistent"
    assert "agrees with the documented exemplar" in finding.reasons[0]


def test_a_claim_with_a_structure_of_nobody_is_inconclusive(tmp_path: Path, library: Library) -> None:
    data = coded("ipod", "aac", rate=44100, tags={"encoding_tool": VOICE_MEMOS})
    finding = run(tmp_path, "memo.m4a", FFMPEG_FTYP.sub(b"M4A \x00\x00\x00\x07M4A isommp41", data), library)
    assert finding.outcome == "inconclusive"
    assert "neither borne out nor contradicted" in finding.reasons[0]


def test_lame_is_believed_where_its_tag_is_whole(tmp_path: Path, library: Library) -> None:
    finding = run(tmp_path, "x.mp3", lame_mp3(), library)
    assert finding.outcome == "consistent"
    assert any("LAME" in trace for trace in finding.traces)


def test_two_blank_fields_are_no_writers_own_and_leave_a_claim_of_lame_open(tmp_path: Path, library: Library) -> None:
    """Programs that rebuild the Info frame write LAME's name with the same blanks as FFmpeg (pcutmp3 does)."""
    data = coded("mp3", "libmp3lame", rate=44100, muxer={"id3v2_version": "0"})
    data, count = re.subn(rb"Lav[cf](?:\d\d\.\d\d|\x00{5})", b"LAME3.100", data, count=1)
    assert count == 1
    finding = run(tmp_path, "x.mp3", data, library)
    assert finding.outcome == "inconclusive"
    assert "LAME" in finding.reasons[0]
    with Exhibit.open(tmp_path / "x.mp3") as exhibit:
        assert ContainerStructure().run(exhibit).outcome == "inconsistent"  # the sum of the tag no longer fits


@pytest.mark.parametrize(
    "muxer",
    [{}, {"fflags": "bitexact"}, {"movflags": "use_metadata_tags"}, {"movflags": "frag_keyframe+empty_moov"}],
    ids=["plain", "no tag", "keys", "fragments"],
)  # fmt: skip
@pytest.mark.parametrize("container", ["ipod", "mp4", "mov"])
def test_a_memo_that_was_sent_on_is_never_inconsistent(
    tmp_path: Path, library: Library, container: str, muxer: dict[str, str]
) -> None:
    memo = FFMPEG_FTYP.sub(APPLE_FTYP, coded("ipod", "aac", rate=44100, tags={"encoding_tool": VOICE_MEMOS}))
    sent = copied(memo.replace(b"SoundHandler", b"Core Media A"), container, muxer)
    finding = run(tmp_path, "sent", sent, library)
    assert finding.outcome == "consistent"
    assert any("FFmpeg" in trace for trace in finding.traces) == (muxer != {"fflags": "bitexact"})
    with Exhibit.open(tmp_path / "sent") as exhibit:
        assert ContainerStructure().run(exhibit).outcome == "consistent"
        assert ContainerDuration().run(exhibit).outcome == "consistent"
        assert not any("Voice Memos" in trace for trace in DeliveryPath().run(exhibit).traces)


def test_a_memo_that_was_trimmed_on_the_phone_is_as_the_app_leaves_it(tmp_path: Path, library: Library) -> None:
    memo = bytearray(FFMPEG_FTYP.sub(APPLE_FTYP, coded("ipod", "aac", rate=44100, tags={"encoding_tool": VOICE_MEMOS})))
    at = memo.index(b"elst") + 12
    memo[at : at + 8] = struct.pack(">Ii", 900, 30000)  # plays 0.9 s from 0.68 s on
    finding = run(tmp_path, "memo.m4a", bytes(memo), library)
    assert finding.outcome == "consistent"
    assert "agrees with the documented exemplar" in finding.reasons[0]
    with Exhibit.open(tmp_path / "memo.m4a") as exhibit:
        assert ContainerStructure().run(exhibit).outcome == "consistent"
        assert any("Voice Memos" in trace for trace in DeliveryPath().run(exhibit).traces)


def test_a_handler_is_copied_along_and_contradicts_nothing(tmp_path: Path, library: Library) -> None:
    paths = []
    for index, rate in enumerate((22050, 44100, 48000)):
        paths.append(tmp_path / f"{index}.m4a")
        data = coded("ipod", "aac", rate=rate, muxer={"fflags": "bitexact"}).replace(b"SoundHandler", b"Fieldrec Hdl")
        paths[-1].write_bytes(FFMPEG_FTYP.sub(APPLE_FTYP, data))
    library.add(tuple(paths), "Field recorder 9")
    own = load_library(library.folder)
    assert run(tmp_path, "same.m4a", paths[0].read_bytes(), own).outcome == "consistent"
    sent = coded("ipod", "aac", rate=44100, muxer={"fflags": "bitexact"}).replace(b"SoundHandler", b"Fieldrec Hdl")
    finding = run(tmp_path, "sent.m4a", sent, own)
    assert finding.outcome == "inconclusive"
    assert "neither borne out nor contradicted" in finding.reasons[0]


def test_a_file_of_lame_that_ffmpeg_copied_is_named_not_suspected(tmp_path: Path, library: Library) -> None:
    finding = run(tmp_path, "x.mp3", copied(lame_mp3(), "mp3"), library)
    assert finding.outcome == "consistent"
    assert any("FFmpeg" in trace for trace in finding.traces)


@pytest.mark.parametrize("name", ["Adobe Audition CC", "Audacity 3.4", "WaveLab Pro"])
def test_an_editor_is_a_trace_and_not_held_against_the_file(tmp_path: Path, library: Library, name: str) -> None:
    finding = run(tmp_path, "x.wav", with_bext(name.encode()), library)
    assert finding.outcome == "consistent"
    assert any(trace.startswith("saved by the editor") and name in trace for trace in finding.traces)


def test_a_device_without_an_exemplar_is_only_named(tmp_path: Path, library: Library) -> None:
    finding = run(tmp_path, "x.wav", with_bext(b"ZOOM H5"), library)
    assert finding.outcome == "consistent"
    assert finding.traces == ("names Zoom recorder (ZOOM H5)",)
    assert "no structure of it to compare" in finding.reasons[0]


def test_the_users_exemplar_bears_a_claim_out_or_leaves_it_open(tmp_path: Path, library: Library) -> None:
    paths = []
    for index, rate in enumerate((44100, 48000, 96000)):
        paths.append(tmp_path / f"{index}.wav")
        paths[-1].write_bytes(with_bext(b"FIELDREC 9", rate=rate, seconds=1.0 + index))
    library.add(tuple(paths), "Field recorder 9")
    own = load_library(library.folder)
    same = run(tmp_path, "same.wav", with_bext(b"FIELDREC 9", rate=32000, seconds=2.5), own)
    assert same.outcome == "consistent"
    assert "agrees with the measured exemplar" in same.reasons[0]
    moved = with_bext(b"FIELDREC 9")
    at = moved.index(b"fmt ")
    fmt = moved[at : at + 24]
    other = moved[:12] + fmt + moved[12:at] + moved[at + 24 :]
    finding = run(tmp_path, "other.wav", other, own)
    assert finding.outcome == "inconclusive"
    assert "order is 'fmt bext data', known is 'bext fmt data'" in finding.reasons[0]
    assert run(tmp_path, "none.wav", with_bext(b"SOMETHING"), own).outcome == "consistent"


def test_the_library_is_part_of_the_configuration(tmp_path: Path, library: Library) -> None:
    before = ContainerExemplar(library).parameters["library_sha256"]
    path = tmp_path / "one.wav"
    path.write_bytes(with_bext(b"FIELDREC 9"))
    library.add((path,), "Field recorder 9")
    after = ContainerExemplar(load_library(library.folder)).parameters["library_sha256"]
    assert before == library.sha256 != after


def test_a_container_without_a_reader_could_not_be_tested(examine: Examine, library: Library) -> None:
    assert examine(ContainerExemplar(library), *clip(HUMAN[0]), suffix=".au").outcome == "could_not_test"


BASES = [
    coded("ipod", "aac", seconds=0.3), coded("ogg", "libopus", rate=48000, seconds=0.3),
    coded("mp3", "libmp3lame", seconds=0.3), coded("wav", "pcm_s16le", seconds=0.3), with_bext(b"ZOOM H5", 8000, 0.2),
    coded("flac", "flac", seconds=0.3), coded("webm", "libopus", rate=48000, seconds=0.3), lame_mp3(),
]  # fmt: skip


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.sampled_from(BASES),
    edits=st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=8)), max_size=12),
    cut=st.integers(1, 1 << 20),
)
def test_mutated_bytes_never_break_fingerprint_or_comparison(
    tmp_path: Path, base: bytes, edits: list[tuple[int, bytes]], cut: int
) -> None:
    data = bytearray(base)
    for at, value in edits:
        spot = at % (len(data) if at % 3 == 0 else min(len(data), 500))
        data[spot : spot + len(value)] = value
    path = tmp_path / "mutant"
    path.write_bytes(data[: max(cut % (2 * len(data)), 1)])
    found = fingerprint(path)
    for exemplar in load_library(tmp_path / "none").exemplars if found else ():
        assert len(exemplar.differences(found)) <= len(exemplar.habits)
        assert exemplar.matches(found) in (True, False)
