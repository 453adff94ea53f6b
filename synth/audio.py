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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from synth.decoding import worker
from synth.recording import DTYPES, AudioError, Recording, StreamFacts, Waveform, mean_of_channels

__all__ = [
    "AudioError",
    "Limits",
    "Recording",
    "StreamFacts",
    "Waveform",
    "mean_of_channels",
    "open_recording",
    "prepare",
    "read",
    "write",
]

EXACT = ("wav", "w64", "flac", "aiff", "au")
"""Containers whose header gives the length of lossless sound to the sample."""
LONGEST_READ = 1 << 30
"""Bytes of float32 above which `read` asks for `open_recording` instead."""


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


def prepare() -> None:
    """Start the decoding process ahead of need, without waiting: it gets ready while the caller imports its own."""
    worker.start()


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
    exact = facts["lossless"] and facts["container"] in EXACT
    tolerance = 0.01 if exact else max(0.1, 0.005 * decoded)
    if declared is not None and abs(declared - decoded) > tolerance:
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
