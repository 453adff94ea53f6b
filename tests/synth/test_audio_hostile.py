"""Files that mean harm or are no recordings: one clear error each, in bounded time, and nothing else is opened."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synth.audio import AudioError, Limits, open_recording

DATA = Path(__file__).parents[1] / "data"
TARGET = DATA / "001.wav"
REPOSITORY = Path(__file__).parents[2]

REFERENCES = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "list.mp3": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{target}\n#EXT-X-ENDLIST\n",
    "blank first.wav": "\n\n  #EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{target}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{target}'\n",
    "list.wav": "ffconcat version 1.0\nfile '{target}'\n",
    "list.pls": "[playlist]\nFile1={target}\nNumberOfEntries=1\n",
    "session.sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 127.0.0.1\r\nm=audio 5004 RTP/AVP 0\r\n",
    "manifest.mpd": '<?xml version="1.0"?><MPD><Period><BaseURL>{target}</BaseURL></Period></MPD>',
    "list.txt": "{target}\n",
}


@pytest.mark.parametrize("name", REFERENCES)
def test_a_list_of_other_files_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(REFERENCES[name].format(target=TARGET).encode())
    with pytest.raises(AudioError, match="is no recording") as caught:
        open_recording(path)
    assert caught.value.kind == "kind"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "is empty"),
        (b"RIFF", "no recording"),
        (b"hello world " * 100, "text file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, "PNG picture"),
        (np.random.default_rng(0).bytes(100_000), "no recording"),
        (bytes(100_000), "nothing but zero bytes"),
        (b"\xff" * 100_000, "no recording"),
        (TARGET.read_bytes()[:30], "no recording"),
        (TARGET.read_bytes()[:44], "holds no sound"),
    ],
)
def test_no_sound_is_an_error_with_the_name_of_the_file(data: bytes, cause: str, tmp_path: Path) -> None:
    path = tmp_path / "questioned clip.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=cause) as caught:
        open_recording(path)
    assert str(caught.value).startswith(str(path))
    assert "Traceback" not in str(caught.value)


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "one.wav").symlink_to(tmp_path / "two.wav")
    (tmp_path / "two.wav").symlink_to(tmp_path / "one.wav")
    (tmp_path / "gone.wav").symlink_to(tmp_path / "nothing")
    for path, cause in (
        (tmp_path, "is a folder"),
        (tmp_path / "pipe.wav", "no regular file"),
        (tmp_path / "one.wav", "leads in a circle"),
        (tmp_path / "gone.wav", "does not exist"),
        (tmp_path / "missing.wav", "does not exist"),
        (TARGET / "below.wav", "does not exist"),
        (Path("/dev/zero"), "no regular file"),
        (Path("a\0b.wav"), "cannot be opened"),
    ):
        with pytest.raises(AudioError, match=cause) as caught:
            open_recording(path)
        assert caught.value.kind == "file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(TARGET.read_bytes())
    path.chmod(0)
    with pytest.raises(AudioError, match="may not be read"):
        open_recording(path)


def test_a_gigabyte_of_zeros(tmp_path: Path) -> None:
    path = tmp_path / "zeros.wav"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(AudioError, match="nothing but zero bytes"):
        open_recording(path)


def test_sound_without_end_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    header = bytearray(TARGET.read_bytes()[:44])
    header[40:44] = b"\xff" * 4
    with path.open("wb") as file:
        file.write(header)
        file.truncate(1 << 28)
    with pytest.raises(AudioError, match="more than 1 hours") as caught:
        open_recording(path, Limits(seconds=3600.0))
    assert caught.value.kind == "limit"


def test_an_archive_that_explodes_stops_at_the_limit(tmp_path: Path) -> None:
    """A FLAC of silence is some thousand times smaller than its sound."""
    import soundfile

    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 192_000, 8, "PCM_24") as sound:
        for _ in range(60):
            sound.write(np.zeros((192_000, 8), dtype=np.int16))
    with pytest.raises(AudioError, match="decodes to more than"):
        open_recording(path, Limits(decoded_bytes=50_000_000))


def test_three_hours_of_stereo_in_little_memory(tmp_path: Path) -> None:
    """Opened and measured: the parent stays under 300 MB though the sound is 690 MB as float32."""
    path = tmp_path / "three hours.wav"
    frames = 3 * 3600 * 8000
    with path.open("wb") as file:
        sizes = (36 + 4 * frames, b"WAVEfmt ", 16, 1, 2, 8000, 32000, 4, 16, b"data", 4 * frames)
        file.write(b"RIFF" + struct.pack("<I8sIHHIIHH4sI", *sizes))
        noise = (np.random.default_rng(0).standard_normal((8000, 2)) * 3000).astype("<i2").tobytes()
        for minute in range(0, 180, 20):
            file.seek(44 + minute * 60 * 32000)
            file.write(noise * 60)
        file.truncate(44 + 4 * frames)
    code = (
        "import sys; from synth.audio import open_recording; from synth.measures import measure_activity\n"
        "with open_recording(sys.argv[1]) as r:\n"
        "    a = measure_activity(r)\n"
        "status = open('/proc/self/status').read()  # ru_maxrss would count the process that started this one\n"
        "peak = int(status.split('VmHWM:')[1].split()[0])\n"
        "print(r.seconds, r.frames, len(a.rms_db), peak, r.usage['peak_bytes'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds, count, grid, parent, child = (float(value) for value in result.stdout.split())
    assert (seconds, count, grid) == (10800.0, frames, 540_000)
    assert parent * 1024 < 300e6
    assert child < 200e6


def test_the_decoding_child_may_open_nothing(tmp_path: Path) -> None:
    """The limits that a child puts on itself, asked from inside."""
    from synth.decoding import child

    inlet, outlet = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            source = os.open(TARGET, os.O_RDONLY)
            target = os.open(tmp_path / "copy", os.O_RDWR | os.O_CREAT)
            from synth.decoding import ffmpeg

            ffmpeg.import_everything()
            limits = Limits().for_size(35_000)
            reply = child._limited({"decoder": "ffmpeg", "suffix": ".wav", "limits": limits}, source, target)
            try:
                os.open(TARGET, os.O_RDONLY)
                opened = 1
            except OSError:
                opened = 0
            core = resource.getrlimit(resource.RLIMIT_CORE)[1]
            space = resource.getrlimit(resource.RLIMIT_AS)[0]
            os.write(outlet, f"{int(reply['ok'])} {opened} {core} {space}".encode())
        finally:
            os._exit(0)
    os.close(outlet)
    os.waitpid(pid, 0)
    assert os.read(inlet, 100).decode() == f"1 0 0 {1 << 30}"
    os.close(inlet)
