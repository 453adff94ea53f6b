"""Writing sound as WAV or FLAC through `synth.audio`, or as MP3, M4A (AAC) or Ogg (Opus) through FFmpeg's libraries.

Lossy files are mono or stereo. `GrowingWav` writes sound while more of it is being made. Nothing here marks anything:
whoever lets sound out uses `synth.emission`.
"""

from __future__ import annotations

import contextlib
import struct
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from synth import audio
from synth.recording import AudioError

PCM = (".wav", ".flac")
LOSSY = {
    ".mp3": ("mp3", "libmp3lame", "fltp", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    ".m4a": ("ipod", "aac", "fltp", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    ".ogg": ("ogg", "libopus", "flt", (48000,)),
    ".opus": ("ogg", "libopus", "flt", (48000,)),
}
"""Suffix -> container, encoder, sample format, rates that the encoder takes."""
SUFFIXES = (*PCM, *LOSSY)
BIT_RATE = 64_000
"""bit/s a channel of lossy files, unless told otherwise."""


def require_writable(path: Path) -> None:
    """Raise AudioError unless sound can be written under this name."""
    if path.suffix.lower() not in SUFFIXES:
        raise AudioError(
            f"cannot be written as {path.suffix or 'a file without suffix'}",
            path=path,
            cure=f"Name it {', '.join(SUFFIXES)}.",
            kind="argument",
        )
    if not path.parent.is_dir():
        raise AudioError("its folder does not exist", path=path, cure="Make the folder first.", kind="file")
    if path.is_dir():
        raise AudioError("is a folder", path=path, cure="Give the name of a file.", kind="file")


def write_sound(path: Path, samples: NDArray[Any], rate: int, subtype: str = "PCM_16", bit_rate: int = BIT_RATE) -> str:
    """Write [frames, channels], full scale 1, by suffix; says what was written, e.g. "wav pcm_16" or "mp3 64k"."""
    require_writable(path)
    suffix = path.suffix.lower()
    if suffix in PCM:
        audio.write(path, samples, rate, subtype)
        return f"{suffix[1:]} {subtype.lower()}"
    _write_lossy(path, np.atleast_2d(np.asarray(samples, np.float32).T).T, rate, bit_rate)
    return f"{suffix[1:]} {bit_rate * samples.shape[1] // 1000}k"


class GrowingWav:
    """A WAV file (16 bit, mono) that can be played while it grows; taken away unless its end is reached.

    Nothing is there before the first sound. Until the end the header says that the length is not known; a stream such
    as stdout, which cannot be gone back in, keeps that.
    """

    _UNKNOWN = 0xFFFFFFFF

    def __init__(self, out: Path | BinaryIO) -> None:
        """A path that is still free, or a stream."""
        self.out = out
        self._file: BinaryIO | None = None
        self._bytes = self._rate = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or not isinstance(self.out, Path):
            return
        done = False
        try:
            with self._file:
                if error is None:
                    self._file.seek(0)
                    self._file.write(_wav_header(self._rate, self._bytes))
                    done = True
        finally:
            if not done:
                with contextlib.suppress(OSError):
                    self.out.unlink()

    def write(self, samples: NDArray[Any], rate: int) -> None:
        """Samples [frames], full scale 1, at the rate of the first ones."""
        pcm = np.clip(np.rint(np.asarray(samples, np.float64) * 32768), -32768, 32767).astype("<i2").tobytes()
        try:
            if self._file is None:
                self._file = self.out.open("xb") if isinstance(self.out, Path) else self.out
                self._rate = rate
                self._file.write(_wav_header(rate, self._UNKNOWN))
            self._file.write(pcm)
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            path = self.out if isinstance(self.out, Path) else None
            raise AudioError(f"could not be written ({error.strerror})", path=path, kind="file") from error
        self._bytes += len(pcm)


def _wav_header(rate: int, data_bytes: int) -> bytes:
    """44 bytes: RIFF, format (PCM, mono, 16 bit) and the head of the data."""
    whole = min(data_bytes + 36, GrowingWav._UNKNOWN)
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return b"RIFF" + struct.pack("<I", whole) + b"WAVEfmt " + form + b"data" + struct.pack("<I", data_bytes)


def _write_lossy(path: Path, samples: NDArray[np.float32], rate: int, bit_rate: int) -> None:
    import av
    import soxr

    container, encoder, form, rates = LOSSY[path.suffix.lower()]
    channels = samples.shape[1]
    if channels > 2:
        raise AudioError(
            f"cannot be written with {channels} channels", path=path, cure="Use .wav or .flac.", kind="argument"
        )
    to = min((one for one in rates if one >= rate), default=max(rates))
    sound = np.clip(samples if to == rate else soxr.resample(samples, rate, to), -1, 1).astype(np.float32)
    layout = "mono" if channels == 1 else "stereo"
    try:
        with av.open(str(path), "w", format=container) as file:
            stream: Any = file.add_stream(encoder, rate=to)
            stream.codec_context.layout, stream.codec_context.format = layout, form
            stream.codec_context.bit_rate = bit_rate * channels
            stream.codec_context.open()
            size = stream.codec_context.frame_size or 1024
            for start in range(0, len(sound), size):
                block = sound[start : start + size]
                planes = np.ascontiguousarray(block.T) if form.endswith("p") else block.reshape(1, -1)
                frame = av.AudioFrame.from_ndarray(planes, format=form, layout=layout)
                frame.sample_rate, frame.pts, frame.time_base = to, start, Fraction(1, to)
                file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
    except (av.FFmpegError, ValueError, OSError) as error:
        raise AudioError(f"could not be written ({error})", path=path, kind="file") from error
