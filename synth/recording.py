"""A decoded recording: what is known about its stream, and its samples, read in blocks from a private copy.

Made by `synth.audio.open_recording`; nothing here opens a file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.errors import VoxproofError

Float32 = npt.NDArray[np.float32]

DTYPES = {"u8": "u1", "s16": "<i2", "s32": "<i4", "s64": "<i8", "flt": "<f4", "dbl": "<f8"}
"""Sample format -> numpy type of the working copy (little-endian)."""
LOUDEST = 2.0**20
"""Largest floating-point sample taken for sound: 120 dB above full scale; of more, squares of spectra overflow."""


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

    def part(self, start_s: float, end_s: float) -> Recording:
        """The sound between two times (clipped to the recording) as a recording of its own, to be measured."""
        rate = self.facts.sample_rate
        native = self.native(round(start_s * rate), round(end_s * rate))
        if not len(native):
            raise AudioError(f"has no sound from {start_s} to {end_s} s", path=self.path, kind="argument")
        try:
            copy = tempfile.TemporaryFile(prefix="voxproof-")  # noqa: SIM115 - the recording closes it
            copy.write(native.tobytes())
            copy.flush()
        except OSError as error:
            raise AudioError(
                f"a working copy could not be made ({error.strerror})", path=self.path, cure="Set TMPDIR.", kind="space"
            ) from error
        digest = hashlib.sha256(native.tobytes()).hexdigest()
        return replace(self, frames=len(native), stream_sha256=digest, usage={}, _copy=copy)


def mean_of_channels(samples: Float32) -> Float32:
    """[time, channels] -> [time]; the same sum on every machine, and faster than a strided mean."""
    total = samples[:, 0]
    for channel in range(1, samples.shape[1]):
        total = total + samples[:, channel]
    return total if samples.shape[1] == 1 else total * np.float32(1 / samples.shape[1])


def _to_float(native: npt.NDArray[Any]) -> Float32:
    """Native samples as float32 with full scale ±1; senseless values become zero."""
    kind, width = native.dtype.kind, native.dtype.itemsize
    if kind == "u":
        return (native.astype(np.float32) - 128.0) / 128.0
    if kind == "i":
        return native.astype(np.float32) / np.float32(2.0 ** (8 * width - 1))
    with np.errstate(over="ignore", invalid="ignore"):
        out = native.astype(np.float32)
    wild = senseless(out)
    if wild.any():
        out[wild] = 0.0
    return out


def senseless(samples: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which floating-point samples are no number, infinite or beyond LOUDEST: no sound, and read as zero."""
    return np.asarray(~(np.abs(samples) <= LOUDEST))
