"""Headers that lie, break off or contradict themselves: decode what is there, say what was claimed."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from synth.audio import AudioError, open_recording, write
from synth.decoding.headers import claims_of
from synth.decoding.kinds import ZEROS, kind_of
from synth.specimens import SPECIMENS, make

DATA = Path(__file__).parents[1] / "data"
PCM = (DATA / "001.wav").read_bytes()[44:]
SECONDS = len(PCM) / 32000
FMT = (1, 1, 16000, 32000, 2, 16)


def wav(
    data: bytes = PCM,
    declared: int | None = None,
    fmt: tuple[int, ...] = FMT,
    before: bytes = b"",
    after: bytes = b"",
    riff: int | None = None,
) -> bytes:
    """A WAV file with every size field to choose."""
    size = len(data) if declared is None else declared
    body = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, *fmt) + before + b"data" + struct.pack("<I", size) + data + after
    return b"RIFF" + struct.pack("<I", len(body) if riff is None else riff) + body


def test_an_honest_header_gives_no_note(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(after=b"LIST" + struct.pack("<I", 14) + b"INFOISFT\x02\x00\x00\x00a\x00"))
    with open_recording(path) as recording:
        assert recording.facts.notes == ()
        assert recording.seconds == recording.facts.header_seconds == SECONDS


@pytest.mark.parametrize(
    ("declared", "header_seconds", "note"),
    [
        (0, 0.0, "the data chunk declares 0 bytes, but 35052 bytes follow"),
        (1000, 1000 / 32000, "the data chunk declares 1000 bytes, but 34052 bytes follow"),
        (0xFFFFFFFF, None, "declares no length"),
        (105156, 105156 / 32000, "the data chunk declares 105156 bytes, 35052 are there"),
        (0x7FFFFFFF, 0x7FFFFFFF / 32000, "the data chunk declares 2147483647 bytes, 35052 are there"),
    ],
)
def test_a_lying_data_chunk(declared: int, header_seconds: float | None, note: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(declared=declared))
    with open_recording(path) as recording:
        assert recording.seconds == SECONDS
        assert recording.native(0, recording.frames).tobytes() == PCM
        assert recording.facts.header_seconds == (None if header_seconds is None else pytest.approx(header_seconds))
        assert any(note in each for each in recording.facts.notes)


def test_a_riff_size_that_is_too_large_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(riff=10**6))
    with open_recording(path) as recording:
        assert any("RIFF header declares 1000008 bytes" in note for note in recording.facts.notes)
        assert recording.seconds == SECONDS


def test_a_byte_rate_that_does_not_fit_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(fmt=(1, 1, 16000, 12345, 2, 16)))
    with open_recording(path) as recording:
        assert any("12345 bytes per second" in note for note in recording.facts.notes)
        assert recording.facts.header_seconds == pytest.approx(SECONDS)


def test_a_partial_last_sample_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(PCM[:-1]))
    with open_recording(path) as recording:
        assert recording.frames == len(PCM) // 2 - 1


IMPOSSIBLE = (
    (1, 1, 0, 0, 2, 16),
    (1, 1, 7, 14, 2, 16),
    (1, 1, 0xFFFFFFF0, 32000, 2, 16),
    (1, 0, 16000, 32000, 2, 16),
    (1, 65535, 16000, 32000, 2, 16),
    (1, 1, 16000, 32000, 2, 0),
    (0x1234, 1, 16000, 32000, 2, 16),
)


@pytest.mark.parametrize("fmt", IMPOSSIBLE)
def test_impossible_formats_are_refused(fmt: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(fmt=fmt))
    with pytest.raises(AudioError) as caught:
        open_recording(path)
    assert caught.value.kind in ("refused", "empty")
    assert str(path) in str(caught.value)


def test_samples_that_are_no_sound_read_as_zero_and_are_counted(tmp_path: Path) -> None:
    values = np.array([0.5, np.nan, np.inf, -np.inf, 3e9, -1e38, -0.25, -(2.0**20)], dtype="<f4")
    path = tmp_path / "a.wav"
    path.write_bytes(wav(values.tobytes(), fmt=(3, 1, 16000, 64000, 4, 32)))
    with open_recording(path) as recording:
        assert recording.samples(0, 8)[:, 0].tolist() == [0.5, 0, 0, 0, 0, 0, -0.25, -(2.0**20)]
        assert np.isnan(recording.native(0, 8)[1, 0])
        assert any(
            note.startswith("5 samples are not finite numbers, or beyond 2^20") for note in recording.facts.notes
        )


@pytest.mark.parametrize("name", ["flac-16", "mp3", "m4a-alac", "opus", "amr", "wma", "aiff", "caf", "tta", "mkv-pcm"])
def test_a_truncated_file_gives_what_is_left(name: str, tmp_path: Path) -> None:
    specimen = next(s for s in SPECIMENS if s.name == name)
    sound = np.frombuffer((DATA / "005.wav").read_bytes()[44:], dtype="<i2")[:48000] / 32768
    path = make(specimen, sound, 16000, tmp_path)
    data = path.read_bytes()
    if name == "m4a-alac":
        # the index lies at the end: nothing can be told without it
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(AudioError, match="no recording that FFmpeg can read"):
            open_recording(path)
        return
    path.write_bytes(data[: len(data) * 6 // 10])
    with open_recording(path) as recording:
        assert 0.8 < recording.seconds < 2.6
        assert np.isfinite(recording.samples(0, recording.frames)).all()
        declared = recording.facts.header_seconds
        if name in ("flac-16", "wma", "aiff", "caf", "tta", "mkv-pcm", "mp3"):
            assert declared == pytest.approx(3.0, abs=0.1)
            assert any("could be decoded" in note for note in recording.facts.notes)


def test_damaged_packets_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.flac", np.frombuffer((DATA / "005.wav").read_bytes()[44:], dtype="<i2"), 16000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 300] = bytes(300)
    (tmp_path / "a.flac").write_bytes(data)
    with open_recording(tmp_path / "a.flac") as recording:
        assert "the sound does not have the MD5 that its FLAC header declares" in recording.facts.notes
        assert 2.5 < recording.seconds <= 3.51


def test_a_stream_that_changes_its_rate_ends_there(tmp_path: Path) -> None:
    clip = np.frombuffer((DATA / "005.wav").read_bytes()[44:], dtype="<i2") / 32768
    adts = next(s for s in SPECIMENS if s.name == "adts")
    first = make(adts, clip[:32000], 16000, tmp_path).read_bytes()
    second = make(adts, clip[:32000], 32000, tmp_path).read_bytes()
    path = tmp_path / "joined.aac"
    path.write_bytes(first + second)
    with open_recording(path) as recording:
        assert recording.facts.sample_rate == 16000
        assert recording.seconds == pytest.approx(2.1, abs=0.15)
        assert any("the stream changes from 16000 Hz, 1 ch" in note for note in recording.facts.notes)


def test_a_stream_that_changes_at_once_is_read_from_there(tmp_path: Path) -> None:
    clip = np.frombuffer((DATA / "005.wav").read_bytes()[44:], dtype="<i2") / 32768
    adts = next(s for s in SPECIMENS if s.name == "adts")
    first = make(adts, clip[:1024], 16000, tmp_path).read_bytes()
    second = make(adts, clip[:32000], 32000, tmp_path).read_bytes()
    (tmp_path / "joined.aac").write_bytes(first + second)
    with open_recording(tmp_path / "joined.aac") as recording:
        assert recording.facts.sample_rate == 32000
        assert recording.seconds == pytest.approx(1.06, abs=0.1)
        assert any("were left out: the stream goes on as 32000 Hz" in note for note in recording.facts.notes)


def test_the_length_of_a_compressed_wav_is_told_by_its_blocks_or_its_fact_chunk() -> None:
    adpcm = struct.pack("<HHIIHHHH", 0x11, 1, 16000, 99, 256, 4, 2, 505)
    mp3 = struct.pack("<HHIIHHHHIHHH", 0x55, 1, 16000, 0, 576, 0, 12, 1, 2, 1152, 1, 1393)
    for fmt, fact, wanted in (
        (adpcm, b"", 10 * 505 / 16000),
        (mp3, b"fact" + struct.pack("<II", 4, 57145), 57145 / 16000),
    ):
        body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + fact + b"data" + struct.pack("<I", 2560) + bytes(2560)
        data = b"RIFF" + struct.pack("<I", len(body)) + body
        claims = claims_of(lambda offset, size, data=data: data[offset : offset + size], len(data))
        assert (claims.seconds, claims.notes) == (pytest.approx(wanted), [])


def test_claims_are_read_without_a_decoder(tmp_path: Path) -> None:
    clip = np.frombuffer((DATA / "005.wav").read_bytes()[44:], dtype="<i2")[:32000] / 32768
    for name in ("wav-rf64", "wav-gsm", "aiff-24", "au", "caf", "caf-alac", "flac-24", "mp3"):
        specimen = next(s for s in SPECIMENS if s.name == name)
        data = make(specimen, clip, 16000, tmp_path).read_bytes()
        claims = claims_of(lambda offset, size, data=data: data[offset : offset + size], len(data))
        assert claims.known, name
        assert claims.seconds == pytest.approx(2.0, abs=1e-6), name
        if specimen.bit_depth and name != "caf-alac":
            assert claims.bit_depth == specimen.bit_depth, name


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"#EXTM3U\n#EXTINF:1,\nx", "playlist (M3U)"),
        (b"\xef\xbb\xbf#EXTM3U\n", "playlist (M3U)"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"%PDF-1.7", "PDF"),
        ("逐字稿\n".encode(), "text file"),
        (bytes(100), ZEROS),
    ],
)
def test_what_is_no_recording_is_named(head: bytes, kind: str) -> None:
    assert kind in (kind_of(head) or "")


def test_a_real_header_is_not_taken_for_something_else() -> None:
    for path in DATA.glob("*.wav"):
        assert kind_of(path.read_bytes()[:4096]) is None
