"""Recordings: blocks, resampling, excerpts, hashes, writing, and a decoding process that leaves nothing behind."""

from __future__ import annotations

import hashlib
import itertools
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.audio import AudioError, Limits, open_recording, prepare, read, write
from synth.decoding import child, worker
from synth.decoding.patience import children, put_off, waited_seconds

DATA = Path(__file__).parents[1] / "data"
CLIP = DATA / "005.wav"
FRAMES = 56040


def test_facts_of_a_plain_wav() -> None:
    with open_recording(CLIP) as recording:
        facts = recording.facts
        assert (facts.container, facts.codec, facts.sample_rate, facts.channels) == ("wav", "pcm_s16le", 16000, 1)
        assert (facts.bit_depth, facts.sample_format, facts.lossless) == (16, "s16", True)
        assert facts.header_seconds == recording.seconds == FRAMES / 16000
        assert recording.frames == FRAMES
        assert facts.notes == ()


def test_hashes_are_those_of_the_file_and_of_its_samples() -> None:
    data = CLIP.read_bytes()
    with open_recording(CLIP) as recording:
        assert recording.file_sha256 == hashlib.sha256(data).hexdigest()
        assert recording.stream_sha256 == hashlib.sha256(data[44:]).hexdigest()


def test_the_stream_hash_does_not_depend_on_the_container(tmp_path: Path) -> None:
    native = np.frombuffer(CLIP.read_bytes()[44:], dtype="<i2")
    hashes = set()
    for name in ("a.wav", "b.flac"):
        write(tmp_path / name, native, 16000)
        with open_recording(tmp_path / name) as recording:
            hashes.add(recording.stream_sha256)
    assert hashes == {hashlib.sha256(CLIP.read_bytes()[44:]).hexdigest()}


def test_blocks_tile_the_recording() -> None:
    native = np.frombuffer(CLIP.read_bytes()[44:], dtype="<i2")
    with open_recording(CLIP) as recording:
        blocks = list(recording.blocks(seconds=0.5))
        assert [len(block) for block in blocks] == [8000] * 7 + [40]
        assert blocks[0].dtype == np.float32
        assert blocks[0].shape == (8000, 1)
        assert np.array_equal(np.concatenate(blocks)[:, 0], native.astype(np.float32) / 32768)
        assert np.array_equal(np.concatenate(list(recording.native_blocks(0.3)))[:, 0], native)


def test_blocks_with_a_hop_overlap_on_the_grid() -> None:
    with open_recording(CLIP) as recording:
        whole = recording.samples(0, FRAMES)
        blocks = list(recording.blocks(seconds=1.0, hop_s=0.25, start_s=0.5, end_s=3.0))
        assert len(blocks) == 10
        for index, block in enumerate(blocks):
            start = 8000 + 4000 * index
            assert np.array_equal(block, whole[start : min(start + 16000, 48000)])


@settings(max_examples=25, deadline=None)
@given(seconds=st.floats(0.001, 4.0), hop=st.none() | st.floats(0.01, 2.0), start=st.floats(0, 4.0))
def test_blocks_cover_every_sample_in_order(seconds: float, hop: float | None, start: float) -> None:
    with open_recording(CLIP) as recording:
        spans = list(recording._spans(seconds, hop, start, None))
        first = round(start * 16000)
        if first >= FRAMES:
            assert spans == []
            return
        assert spans[0][0] == first
        assert spans[-1][1] <= FRAMES
        if hop is None:
            assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
            assert spans[-1][1] == FRAMES


def test_blocks_at_a_rate_without_whole_frames_stay_on_the_grid(tmp_path: Path) -> None:
    write(tmp_path / "odd.wav", np.zeros(11025 * 3), 11025)
    with open_recording(tmp_path / "odd.wav") as recording:
        lengths = [len(block) for block in recording.blocks(seconds=0.02)]
    assert len(lengths) == 150
    assert sum(lengths) == 33075
    assert set(lengths) == {220, 221}


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100])
def test_resampled_equals_resampling_at_once(rate: int) -> None:
    with open_recording(DATA / "hibari.wav") as recording:
        blocks = list(recording.resampled(rate, seconds=0.5))
        whole = recording.samples(0, recording.frames)[:, 0]
    joined = np.concatenate(blocks)
    assert all(len(block) == rate // 2 for block in blocks[:-1])
    assert len(joined) == round(len(whole) * rate / 24000)
    wanted = soxr.resample(whole, 24000, rate)
    common = min(len(wanted), len(joined))
    assert np.max(np.abs(joined[:common] - wanted[:common])) < 1e-4


def test_resampled_mixes_the_channels(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(44100) / 44100)
    write(tmp_path / "two.wav", np.stack([tone, np.zeros(44100)], axis=1), 44100)
    with open_recording(tmp_path / "two.wav") as recording:
        mono = np.concatenate(list(recording.resampled(16000)))
    assert np.sqrt(np.mean(mono[2000:-2000] ** 2)) == pytest.approx(0.25 / np.sqrt(2), rel=0.01)


def test_excerpt_is_clipped_to_the_recording() -> None:
    with open_recording(CLIP) as recording:
        assert recording.excerpt(1.0, 1.5).samples.shape == (8000, 1)
        assert recording.excerpt(3.0, 99.0).seconds == pytest.approx(FRAMES / 16000 - 3.0)
        assert recording.excerpt(5.0, 6.0).seconds == 0.0


def test_read_resamples_and_mixes() -> None:
    wave = read(CLIP, rate=8000)
    assert wave.rate == 8000
    assert wave.samples.shape == (FRAMES // 2, 1)
    assert wave.mono.shape == (FRAMES // 2,)
    assert wave.seconds == FRAMES / 16000


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("u1", 255, 127 / 128),
        ("<i2", -32768, -1.0),
        ("<i4", 2**30, 0.5),
        ("<f4", np.nan, 0.0),
        ("<f8", 1e300, 0.0),
        ("<f8", np.nan, 0.0),
    ],
)
def test_native_types_become_float(name: str, value: float, wanted: float) -> None:
    from synth.recording import _to_float

    assert _to_float(np.array([[value]], dtype=name))[0, 0] == pytest.approx(wanted)


@pytest.mark.parametrize(
    "name", ["with space.wav", "逐字稿 录音.wav", "-leading.wav", "a'b\"c;$(x).wav", "%d.wav", "x:y.wav"]
)
def test_names_that_trouble_shells_and_libraries(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(CLIP.read_bytes())
    assert read(name).samples.shape == (FRAMES, 1)


def test_write_is_exact_whole_and_repeatable(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (1000, 2))
    for name, subtype, error in (
        ("a.wav", "PCM_16", 2**-15),
        ("a.flac", "PCM_24", 2**-23),
        ("b.wav", "FLOAT", 1e-7),
    ):
        write(tmp_path / name, samples, 48000, subtype)
        first = (tmp_path / name).read_bytes()
        write(tmp_path / name, samples, 48000, subtype)
        assert (tmp_path / name).read_bytes() == first
        wave = read(tmp_path / name)
        assert wave.rate == 48000
        assert np.max(np.abs(wave.samples - samples)) <= error
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.flac", "a.wav", "b.wav"]


def test_float_wav_carries_no_time_of_writing(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", np.zeros(10), 8000, "FLOAT")
    data = (tmp_path / "a.wav").read_bytes()
    place = data.find(b"PEAK")
    assert place > 0
    assert data[place + 12 : place + 16] == bytes(4)


@pytest.mark.parametrize(
    ("name", "samples", "cause"),
    [
        ("a.mp3", [0.0], "cannot be written as .mp3"),
        ("a.wav", [], "not empty"),
        ("a.wav", [np.nan], "finite"),
        ("a.wav", [[[0.0]]], r"\[time\]"),
        ("none/a.wav", [0.0], "could not be written"),
    ],
)
def test_what_cannot_be_written_is_said_and_leaves_nothing(
    name: str, samples: list[float], cause: str, tmp_path: Path
) -> None:
    with pytest.raises(AudioError, match=cause):
        write(tmp_path / name, np.array(samples), 16000)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    write(tmp_path / "a.flac", np.zeros(100), 16000)
    before = (tmp_path / "a.flac").read_bytes()
    with pytest.raises(AudioError):
        write(tmp_path / "a.flac", np.zeros((100, 99)), 16000)
    assert (tmp_path / "a.flac").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]


def test_a_closed_recording_says_so() -> None:
    recording = open_recording(CLIP)
    recording.close()
    recording.close()
    with pytest.raises(AudioError, match="was closed"):
        recording.samples(0, 10)


@pytest.mark.parametrize("arguments", [(0.0,), (1.0, 0.0), (float("nan"),), (1.0, None, -1.0)])
def test_impossible_blocks_are_refused(arguments: tuple[float, ...]) -> None:
    with open_recording(CLIP) as recording, pytest.raises(AudioError, match="blocks"):
        list(recording.blocks(*arguments))


def test_the_working_copy_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with open_recording(CLIP) as recording:
        assert list(tmp_path.iterdir()) == []
        assert os.fstat(recording._copy.fileno()).st_nlink == 0
        assert os.fstat(recording._copy.fileno()).st_size == 2 * FRAMES


def test_nothing_stays_behind_when_the_process_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, sys; from synth.audio import open_recording; recording = open_recording(sys.argv[1]);"
        "assert recording.frames; os.kill(os.getpid(), 9)"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run([sys.executable, "-c", code, str(CLIP)], env=environment, check=False)
    assert result.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_a_killed_decoding_server_is_replaced() -> None:
    open_recording(CLIP).close()
    for server in list(worker._idle):
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    assert read(CLIP).seconds == FRAMES / 16000


def test_a_server_that_does_not_take_a_request_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    open_recording(CLIP).close()
    (server,) = worker._idle[-1:]
    os.kill(server.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(worker, "TAKE_SECONDS", 0.3)
    assert read(CLIP).seconds == FRAMES / 16000
    assert server.process.returncode == -signal.SIGKILL
    assert server not in worker._idle


def test_a_server_that_takes_a_request_and_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    code = (
        "import socket, sys; door = socket.socket(fileno=int(sys.argv[2])); door.sendall(b'ready\\n');"
        "door.recv(65536); door.sendall(b'taken\\n'); door.recv(1)"
    )
    worker.shut()
    monkeypatch.setattr(worker, "CODE", code)
    monkeypatch.setattr(worker, "GRACE_SECONDS", 0.0)
    with pytest.raises(AudioError, match="no answer from the decoding process within") as caught:
        open_recording(CLIP, Limits(wall_seconds=0.2))
    assert caught.value.kind == "time"
    monkeypatch.undo()
    assert read(CLIP).seconds == FRAMES / 16000


def test_time_without_a_processor_does_not_count_against_a_file() -> None:
    assert put_off(100.0, 6.0, 0.0) == 106.0
    assert put_off(100.0, 6.0, 4.5) == 110.5
    assert put_off(100.0, 6.0, 1e9) == 160.0
    assert waited_seconds(os.getpid()) >= 0.0
    assert waited_seconds(2**22 + 1) == 0.0
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        if Path("/proc/self/schedstat").exists():
            assert sleeper.pid in children(os.getpid())
    finally:
        sleeper.communicate(b"\n")


def test_a_child_that_closes_its_pipe_and_stays_is_ended_at_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server must not wait for it without an end: the asking side would get no answer at all."""

    def stay(request: dict[str, Any], source: int, target: int) -> dict[str, Any]:
        os.closerange(3, 256)
        signal.pause()
        return {}

    monkeypatch.setattr(child, "_limited", stay)
    near, far = socket.socketpair()
    with near, far, (tmp_path / "copy").open("w+b") as copy, CLIP.open("rb") as clip:
        limits = Limits(wall_seconds=0.2).for_size(1)
        reply = child._fork({"limits": limits}, [clip.fileno(), copy.fileno()], far)
    assert reply is not None
    assert reply["kind"] == "time"
    assert reply["usage"]["wall_seconds"] >= 0.2


def test_a_server_can_be_started_ahead() -> None:
    worker.shut()
    prepare()
    prepare()
    (server,) = worker._idle
    assert read(CLIP).seconds == FRAMES / 16000
    assert worker._idle == [server]


def test_a_server_that_cannot_start_is_an_error_with_a_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    worker.shut()
    monkeypatch.setattr(worker, "CODE", "raise SystemExit(1)")
    with pytest.raises(AudioError, match="could not be started") as caught:
        open_recording(CLIP)
    assert caught.value.kind == "start"
    assert "import av" in caught.value.cure


def test_a_forked_process_uses_its_own_server() -> None:
    open_recording(CLIP).close()
    inherited = {server.process.pid for server in worker._idle}
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            right = read(CLIP).seconds == FRAMES / 16000
            fresh = {server.process.pid for server in worker._idle}.isdisjoint(inherited)
            worker.shut()
            code = 0 if right and fresh else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert read(CLIP).seconds == FRAMES / 16000


def test_threads_decode_side_by_side() -> None:
    from concurrent.futures import ThreadPoolExecutor

    paths = sorted(DATA.glob("00*.wav")) * 2
    with ThreadPoolExecutor(4) as pool:
        hashes = [recording.stream_sha256 for recording in pool.map(open_recording, paths)]
    wanted = [hashlib.sha256(path.read_bytes()[44:]).hexdigest() for path in paths]
    assert hashes == wanted


def test_limits_on_length_size_memory_and_time() -> None:
    for limits, kind, cause in (
        (Limits(seconds=1.0), "limit", "hours of sound"),
        (Limits(decoded_bytes=1000), "limit", "decodes to more than"),
        (Limits(memory_bytes=1 << 26), "memory", "needs more than 64 MiB"),
        (Limits(wall_seconds=0.0), "time", "took longer"),
    ):
        with pytest.raises(AudioError, match=cause) as caught:
            open_recording(CLIP, limits)
        assert caught.value.kind == kind
        assert str(CLIP) in str(caught.value)
    assert read(CLIP).seconds == FRAMES / 16000
