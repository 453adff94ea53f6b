"""Sound in and out: the only module that opens a recording or writes one.

`open_recording` decodes any container into a private working copy of native samples, in a separate process with
limits on memory, time and size (`synth.decoding`), and gives a `Recording` that is read in blocks. The native
sample rate, channels and depth are kept, the decoding path is recorded, and a file that cannot be decoded gives
an `AudioError` with its cause and cure. `docs/sound.md` lists the formats and what is promised about them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import math
import os
import secrets
import stat
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.decoding import worker
from synth.errors import VoxproofError

Float32 = npt.NDArray[np.float32]

DTYPES = {"u8": "u1", "s16": "<i2", "s32": "<i4", "s64": "<i8", "flt": "<f4", "dbl": "<f8"}
LONGEST_READ = 1 << 30
"""Bytes of float32 above which `read` asks for `open_recording` instead."""


class AudioError(VoxproofError):
    """A recording that cannot be read or written.

    `kind` says why in one word: "kind" (no recording), "refused", "empty", "limit", "time", "memory", "crash",
    "broken", "space", "file" (the file itself cannot be opened), "start", "argument". `usage` is what the decoding
    child used before it failed (peak_bytes, cpu_seconds, wall_seconds), or empty.
    """

    def __init__(
        self,
        cause: str,
        *,
        path: str | Path | None = None,
        cure: str = "",
        kind: str = "broken",
        usage: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(cause, path=path, cure=cure)
        self.kind = kind
        self.usage: Mapping[str, float] = dict(usage or {})


@dataclass(frozen=True)
class Limits:
    """What decoding one file may cost before it is given up."""

    seconds: float = 6 * 3600.0
    """Longest sound, in seconds."""
    decoded_bytes: int = 16 << 30
    """Largest working copy, in bytes."""
    memory_bytes: int = 1 << 30
    """Address space of the decoding child, in bytes."""
    wall_seconds: float | None = None
    """Longest time to decode; None scales it to the file: 6 s and 1 s per 100 kB, at most 900 s."""
    channels: int = 64
    """Largest number of channels."""

    def for_size(self, file_bytes: int) -> dict[str, float]:
        """The limits of one file, as the decoding child takes them."""
        wall = self.wall_seconds if self.wall_seconds is not None else min(900.0, 6.0 + file_bytes / 100_000)
        return {
            "seconds": self.seconds,
            "decoded_bytes": self.decoded_bytes,
            "memory_bytes": self.memory_bytes,
            "wall_seconds": wall,
            "channels": self.channels,
        }


@dataclass(frozen=True)
class StreamFacts:
    """What the container and the decoder say about a recording."""

    container: str
    """Normalised name: wav, w64, flac, mp3, mp4, mov, aac, ogg, matroska (WebM too), amr, gsm, asf, aiff, caf, …"""
    codec: str
    """FFmpeg's name of the codec: pcm_s16le, pcm_alaw, flac, mp3, aac, opus, amr_nb, …"""
    sample_rate: int
    """Native rate in Hz, as decoded."""
    channels: int
    """Native number of channels."""
    bit_depth: int | None
    """Declared bits per sample; None for a lossy codec (A-law and mu-law included)."""
    sample_format: str
    """Type of the decoded samples: u8, s16, s32 (24-bit sound in the upper bits), s64, flt, dbl."""
    lossless: bool
    """True when the samples are those that were put into the container."""
    header_seconds: float | None
    """Length that the header declares; None when it declares none."""
    bit_rate: int | None
    """Declared or mean bits per second of the audio stream."""
    tags: Mapping[str, str]
    """Tags of the container, then those of the stream, as written."""
    decode_path: str
    """Decoder and versions, e.g. "FFmpeg 8.1.2 via PyAV 18.1.0: pcm_s16le"."""
    notes: tuple[str, ...] = ()
    """Contradictions and damage met on the way, in words."""
    effective_bits: int | None = None
    """Upper bits of lossless integer samples that are ever used (16 in a 24-bit file: padded); else None."""
    other_streams: tuple[str, ...] = ()
    """Further streams of the container, e.g. "video: h264"."""


@dataclass(frozen=True)
class Waveform:
    """A short piece of sound in memory."""

    samples: Float32
    """[time, channels], full scale is ±1."""
    rate: int
    """Sample rate in Hz."""

    @property
    def mono(self) -> Float32:
        """Mean of the channels, [time]."""
        return mean_of_channels(self.samples)

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


@dataclass
class Recording:
    """A decoded recording: facts, and native samples on disk that are read in blocks. Use as a context manager.

    The working copy is an unlinked temporary file: no other user can open it, and it is gone when the recording
    is closed, collected, or the process ends, however it ends.
    """

    path: Path
    """The file that was decoded."""
    facts: StreamFacts
    """What the container and the decoder say about it."""
    frames: int
    """Samples per channel that were decoded."""
    stream_sha256: str
    """SHA-256 of the decoded native samples (interleaved, little-endian), in hexadecimal."""
    file_sha256: str
    """SHA-256 of the file, taken from the very descriptor that was decoded, just before decoding."""
    usage: Mapping[str, float] = field(default_factory=dict)
    """What decoding cost: peak_bytes and cpu_seconds of the child, wall_seconds."""
    _copy: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self._close = weakref.finalize(self, self._copy.close)
        self._dtype = np.dtype(DTYPES[self.facts.sample_format])

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the working copy back; reading afterwards is an AudioError."""
        self._close()

    @property
    def rate(self) -> int:
        """Native sample rate in Hz."""
        return self.facts.sample_rate

    @property
    def seconds(self) -> float:
        """Decoded length in seconds."""
        return self.frames / self.facts.sample_rate

    def native(self, start: int, stop: int) -> npt.NDArray[Any]:
        """Samples start..stop (clipped to the recording) of every channel in their native type, [time, channels]."""
        start, stop = max(0, start), min(stop, self.frames)
        channels = self.facts.channels
        if not self._close.alive:
            raise AudioError("was closed and cannot be read any more", path=self.path, kind="argument")
        if stop <= start:
            return np.empty((0, channels), dtype=self._dtype)
        width = channels * self._dtype.itemsize
        out = np.empty((stop - start, channels), dtype=self._dtype)
        view = out.data.cast("B")
        done = 0
        while done < len(view):
            got = os.preadv(self._copy.fileno(), [view[done:]], start * width + done)
            if not got:
                raise AudioError("its working copy is shorter than it was", path=self.path)
            done += got
        return out

    def samples(self, start: int, stop: int) -> Float32:
        """Like `native`, as float32 with full scale ±1; samples that are not finite numbers read as zero."""
        return _to_float(self.native(start, stop))

    def blocks(
        self,
        seconds: float = 1.0,
        hop_s: float | None = None,
        start_s: float = 0.0,
        end_s: float | None = None,
    ) -> Iterator[Float32]:
        """Blocks of float32 [time, channels] between `start_s` and `end_s`.

        Block i starts at start_s + i * hop_s, to the nearest sample. Without `hop_s` the blocks follow each other
        without gap or overlap (where `seconds` is not a whole number of samples, lengths differ by one); with it
        they all have the same length. Only blocks at the end may be shorter.
        """
        for start, stop in self._spans(seconds, hop_s, start_s, end_s):
            yield self.samples(start, stop)

    def native_blocks(self, seconds: float = 1.0) -> Iterator[npt.NDArray[Any]]:
        """Blocks of native samples [time, channels] that follow each other; the last may be shorter."""
        for start, stop in self._spans(seconds, None, 0.0, None):
            yield self.native(start, stop)

    def _spans(
        self, seconds: float, hop_s: float | None, start_s: float, end_s: float | None
    ) -> Iterator[tuple[int, int]]:
        hop = seconds if hop_s is None else hop_s
        rate = self.facts.sample_rate
        if not (seconds * rate >= 1 and hop * rate >= 1 and start_s >= 0):
            raise AudioError(f"cannot be read in blocks of {seconds} s every {hop} s", path=self.path, kind="argument")
        end = self.frames if end_s is None else min(self.frames, round(end_s * rate))
        index, length = 0, round(seconds * rate)
        start = round(start_s * rate)
        while start < end:
            following = round((start_s + (index + 1) * hop) * rate)
            yield start, min(end, following if hop_s is None else start + length)
            index, start = index + 1, following

    def resampled(self, rate: int, seconds: float = 1.0) -> Iterator[Float32]:
        """The mean of the channels at another rate: float32 [time], every block rate * seconds long but the last.

        Streaming soxr (HQ); as many samples altogether as round(frames * rate / native rate).
        """
        import soxr

        native = self.facts.sample_rate
        total, size = round(self.frames * rate / native), round(rate * seconds)
        if rate < 1 or size < 1:
            raise AudioError(f"cannot be resampled to {rate} Hz in blocks of {seconds} s", path=self.path)
        stream = soxr.ResampleStream(native, rate, 1, dtype="float32") if rate != native else None
        waiting: list[Float32] = []
        held = given = 0
        for start, stop in self._spans(max(1.0, 2 / native), None, 0.0, None):
            block = mean_of_channels(self.samples(start, stop))
            if stream is not None:
                block = stream.resample_chunk(block, last=stop >= self.frames)
            waiting.append(block)
            held += len(block)
            while held >= size and given + size <= total:
                joined = np.concatenate(waiting)
                yield joined[:size]
                waiting = [joined[size:]]
                held, given = held - size, given + size
        if given < total:
            rest = np.concatenate(waiting)[: total - given]
            yield np.pad(rest, (0, total - given - len(rest)))

    def excerpt(self, start_s: float, end_s: float) -> Waveform:
        """The sound between two times (clipped to the recording), in memory."""
        rate = self.facts.sample_rate
        return Waveform(self.samples(round(start_s * rate), round(end_s * rate)), rate)


def open_recording(path: str | Path, limits: Limits | None = None) -> Recording:
    """Decode a file in a separate, limited process. Raises AudioError, whatever is in the file."""
    path = Path(path)
    limits = limits or Limits()
    source = _open_source(path)
    try:
        digest = _file_sha256(source)
        request = {"suffix": path.suffix.lower(), "limits": limits.for_size(os.fstat(source).st_size)}
        try:
            copy = tempfile.TemporaryFile(prefix="voxproof-")  # noqa: SIM115 - the recording closes it
        except OSError as error:
            raise AudioError(
                f"its working copy could not be made ({error.strerror})", path=path, cure="Set TMPDIR.", kind="space"
            ) from error
        try:
            reply = worker.decode(request | {"decoder": "ffmpeg"}, source, copy.fileno())
            if not reply["ok"] and reply["kind"] == "refused":
                os.ftruncate(copy.fileno(), 0)
                os.lseek(copy.fileno(), 0, os.SEEK_SET)
                second = worker.decode(request | {"decoder": "libsndfile"}, source, copy.fileno())
                reply = second if second["ok"] or second["kind"] != "refused" else reply
            return _recording(path, digest, reply, copy)
        except BaseException:
            copy.close()
            raise
    finally:
        os.close(source)


def _open_source(path: Path) -> int:
    """Open a regular, readable, non-empty file; an AudioError for everything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        cause, cure = {
            errno.ENOENT: ("does not exist", "Check the path."),
            errno.ENOTDIR: ("does not exist", "Check the path."),
            errno.EACCES: ("may not be read", "Ask for read permission."),
            errno.ELOOP: ("is a symbolic link that leads in a circle", "Give the recording itself."),
            errno.ENXIO: ("is no regular file", "Give a recording."),
        }.get(number or 0, (f"cannot be opened ({error})", ""))
        raise AudioError(cause, path=path, cure=cure, kind="file") from error
    status = os.fstat(descriptor)
    trouble = None
    if stat.S_ISDIR(status.st_mode):
        trouble = ("is a folder", "Give a recording, or use `voxproof scan` for a folder.")
    elif not stat.S_ISREG(status.st_mode):
        trouble = ("is no regular file but a device, pipe or socket", "Save the recording to a file first.")
    elif status.st_size == 0:
        trouble = ("is empty (0 bytes)", "Obtain the recording again.")
    if trouble:
        os.close(descriptor)
        raise AudioError(trouble[0], path=path, cure=trouble[1], kind="file")
    return descriptor


def _file_sha256(descriptor: int) -> str:
    digest, position = hashlib.sha256(), 0
    while block := os.pread(descriptor, 1 << 20, position):
        digest.update(block)
        position += len(block)
    return digest.hexdigest()


def _recording(path: Path, file_sha256: str, reply: dict[str, Any], copy: Any) -> Recording:
    """Turn the reply of the decoding process into a Recording; nothing in it is taken on trust."""
    usage = reply.get("usage", {})
    if not reply["ok"]:
        raise AudioError(reply["cause"], path=path, cure=reply["cure"], kind=reply["kind"], usage=usage)
    facts = reply["facts"]
    notes = list(facts["notes"])
    rate, channels, frames, form = reply["rate"], reply["channels"], reply["frames"], reply["format"]
    size = os.fstat(copy.fileno()).st_size
    if form not in DTYPES or size != frames * channels * np.dtype(DTYPES[form]).itemsize or min(rate, frames) < 1:
        raise AudioError("made the decoder contradict itself", path=path, kind="crash", usage=usage)
    declared, decoded = facts["header_seconds"], frames / rate
    if declared is not None:
        declared = float(declared) if math.isfinite(declared) and declared >= 0 else None
    if declared is not None and abs(declared - decoded) > max(0.1, 0.005 * decoded):
        notes.append(f"the header declares {declared:.2f} s, {decoded:.2f} s could be decoded")
    return Recording(
        path=path,
        facts=StreamFacts(
            container=facts["container"],
            codec=facts["codec"],
            sample_rate=rate,
            channels=channels,
            bit_depth=facts["bit_depth"],
            sample_format=form,
            lossless=facts["lossless"],
            header_seconds=declared,
            bit_rate=facts["bit_rate"],
            tags=facts["tags"],
            decode_path=facts["decode_path"],
            notes=tuple(notes),
            effective_bits=reply["effective_bits"] if facts["lossless"] else None,
            other_streams=tuple(facts["other_streams"]),
        ),
        frames=frames,
        stream_sha256=reply["sha256"],
        file_sha256=file_sha256,
        usage=usage,
        _copy=copy,
    )


def read(path: str | Path, rate: int | None = None, limits: Limits | None = None) -> Waveform:
    """A whole short clip in memory, all channels, resampled (soxr HQ) if `rate` is given."""
    with open_recording(path, limits) as recording:
        if recording.frames * recording.facts.channels * 4 > LONGEST_READ:
            raise AudioError(
                f"is too long to be held in memory ({recording.seconds:.0f} s)",
                path=path,
                cure="Use open_recording and read it in blocks.",
                kind="argument",
            )
        samples = recording.samples(0, recording.frames)
        native = recording.facts.sample_rate
    if rate is None or rate == native:
        return Waveform(samples, native)
    import soxr

    return Waveform(np.asarray(soxr.resample(samples, native, rate), dtype=np.float32), rate)


def write(path: str | Path, samples: npt.ArrayLike, rate: int, subtype: str = "PCM_16") -> None:
    """Write [time] or [time, channels] as WAV or FLAC (by suffix), whole or not at all; same input, same bytes.

    Samples outside ±1 are clipped in the PCM subtypes. `subtype` is libsndfile's: PCM_16, PCM_24, FLOAT, ULAW, …
    """
    import soundfile

    path = Path(path)
    form = {".wav": "WAV", ".flac": "FLAC"}.get(path.suffix.lower())
    array = np.asarray(samples)
    if form is None:
        raise AudioError(
            f"cannot be written as {path.suffix or 'a file without suffix'}",
            path=path,
            cure="Name it .wav or .flac.",
            kind="argument",
        )
    if array.ndim not in (1, 2) or not array.size or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise AudioError(
            f"cannot be written: samples of shape {array.shape} must be [time] or [time, channels], not empty, finite",
            path=path,
            kind="argument",
        )
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    part = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}.part")
    try:
        with part.open("x+b") as file:
            soundfile.write(file, array, int(rate), format=form, subtype=subtype)
            _undate(file)
        part.replace(path)
    except (OSError, ValueError, TypeError, soundfile.LibsndfileError) as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise AudioError(f"could not be written ({error})", path=path, kind="file") from error
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _undate(file: Any) -> None:
    """Blank the time of writing in the PEAK chunk of a float WAV, so that the same input gives the same bytes."""
    file.seek(0)
    position = file.read(128).find(b"PEAK")
    if position > 0:
        file.seek(position + 12)
        file.write(bytes(4))


def mean_of_channels(samples: Float32) -> Float32:
    """[time, channels] -> [time]; the same sum on every machine, and faster than a strided mean."""
    total = samples[:, 0]
    for channel in range(1, samples.shape[1]):
        total = total + samples[:, channel]
    return total if samples.shape[1] == 1 else total * np.float32(1 / samples.shape[1])


def _to_float(native: npt.NDArray[Any]) -> Float32:
    """Native samples as float32 with full scale ±1; values that are not finite become zero."""
    kind, width = native.dtype.kind, native.dtype.itemsize
    if kind == "u":
        return (native.astype(np.float32) - 128.0) / 128.0
    if kind == "i":
        return native.astype(np.float32) / np.float32(2.0 ** (8 * width - 1))
    with np.errstate(over="ignore"):
        out = native.astype(np.float32)
    if not np.isfinite(out).all():
        out[~np.isfinite(out)] = 0.0
    return out
