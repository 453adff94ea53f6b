"""One short clip in every container and codec that we promise to read: material for tests and for the mutation harness.

Written with libsndfile (the formats it writes) and FFmpeg through PyAV (the others), so that the specimens of most
formats come from another library than the one that decodes them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Specimen:
    """How one kind of file is made, and what must be read from it."""

    name: str
    """Name and file stem, e.g. "wav-s24"."""
    suffix: str
    """File suffix with dot."""
    container: str
    """Container that StreamFacts must report."""
    codec: str
    """Codec that StreamFacts must report."""
    bit_depth: int | None = None
    """Bits per sample that must come back exactly; None for a lossy codec."""
    rate: int | None = None
    """Rate in Hz that the codec forces; None keeps the clip's."""
    sndfile: tuple[str, str] | None = None
    """libsndfile's format and subtype; None writes with FFmpeg."""
    format: str | None = None
    """FFmpeg's muxer, where the suffix does not say it."""
    encoder: str | None = None
    """FFmpeg's encoder."""
    video: bool = False
    """True puts a moving picture beside the sound."""
    most_channels: int = 2
    """Channels that the codec takes here: 1, 2 or 8."""


SPECIMENS: tuple[Specimen, ...] = (
    Specimen("wav-u8", ".wav", "wav", "pcm_u8", 8, sndfile=("WAV", "PCM_U8")),
    Specimen("wav-s16", ".wav", "wav", "pcm_s16le", 16, sndfile=("WAV", "PCM_16")),
    Specimen("wav-s24", ".wav", "wav", "pcm_s24le", 24, sndfile=("WAV", "PCM_24")),
    Specimen("wav-s32", ".wav", "wav", "pcm_s32le", 32, sndfile=("WAV", "PCM_32")),
    Specimen("wav-f32", ".wav", "wav", "pcm_f32le", 32, sndfile=("WAV", "FLOAT")),
    Specimen("wav-f64", ".wav", "wav", "pcm_f64le", 64, sndfile=("WAV", "DOUBLE")),
    Specimen("wav-extensible", ".wav", "wav", "pcm_s24le", 24, sndfile=("WAVEX", "PCM_24")),
    Specimen("wav-rf64", ".wav", "wav", "pcm_s16le", 16, sndfile=("RF64", "PCM_16")),
    Specimen("wav-alaw", ".wav", "wav", "pcm_alaw", sndfile=("WAV", "ALAW")),
    Specimen("wav-mulaw", ".wav", "wav", "pcm_mulaw", sndfile=("WAV", "ULAW")),
    Specimen("wav-gsm", ".wav", "wav", "gsm_ms", rate=8000, sndfile=("WAV", "GSM610"), most_channels=1),
    Specimen("wav-adpcm", ".wav", "wav", "adpcm_ima_wav", sndfile=("WAV", "IMA_ADPCM")),
    Specimen("w64", ".w64", "w64", "pcm_s16le", 16, sndfile=("W64", "PCM_16")),
    Specimen("flac-16", ".flac", "flac", "flac", 16, sndfile=("FLAC", "PCM_16")),
    Specimen("flac-24", ".flac", "flac", "flac", 24, sndfile=("FLAC", "PCM_24")),
    Specimen("aiff", ".aiff", "aiff", "pcm_s16be", 16, sndfile=("AIFF", "PCM_16")),
    Specimen("aiff-24", ".aif", "aiff", "pcm_s24be", 24, sndfile=("AIFF", "PCM_24")),
    Specimen("caf", ".caf", "caf", "pcm_s16be", 16, sndfile=("CAF", "PCM_16")),
    Specimen("caf-alac", ".caf", "caf", "alac", 24, sndfile=("CAF", "ALAC_24")),
    Specimen("au", ".au", "au", "pcm_s16be", 16, sndfile=("AU", "PCM_16")),
    Specimen("au-mulaw", ".au", "au", "pcm_mulaw", sndfile=("AU", "ULAW")),
    Specimen("mp3", ".mp3", "mp3", "mp3", encoder="libmp3lame"),
    Specimen("m4a", ".m4a", "mp4", "aac", format="ipod", encoder="aac", most_channels=8),
    Specimen("m4a-alac", ".m4a", "mp4", "alac", 16, format="ipod", encoder="alac"),
    Specimen("adts", ".aac", "aac", "aac", format="adts", encoder="aac"),
    Specimen("vorbis", ".ogg", "ogg", "vorbis", sndfile=("OGG", "VORBIS")),
    Specimen("opus", ".opus", "ogg", "opus", rate=48000, encoder="libopus", most_channels=8),
    Specimen("webm", ".webm", "matroska", "opus", rate=48000, encoder="libopus"),
    Specimen("mkv", ".mkv", "matroska", "aac", encoder="aac"),
    Specimen("mkv-pcm", ".mkv", "matroska", "pcm_s16le", 16, encoder="pcm_s16le", most_channels=8),
    Specimen("mp4-video", ".mp4", "mp4", "aac", encoder="aac", video=True),
    Specimen("mov-video", ".mov", "mov", "pcm_s16le", 16, encoder="pcm_s16le", video=True),
    Specimen("mkv-video", ".mkv", "matroska", "flac", 16, encoder="flac", video=True),
    Specimen("amr", ".amr", "amr", "amr_nb", rate=8000, encoder="libopencore_amrnb", most_channels=1),
    Specimen("3gp", ".3gp", "mp4", "amr_nb", rate=8000, encoder="libopencore_amrnb", most_channels=1),
    Specimen("wma", ".wma", "asf", "wmav2", format="asf", encoder="wmav2"),
    Specimen("gsm", ".gsm", "gsm", "gsm", rate=8000, sndfile=("RAW", "GSM610"), most_channels=1),
    Specimen("alaw", ".al", "alaw", "pcm_alaw", rate=8000, format="alaw", encoder="pcm_alaw", most_channels=1),
    Specimen("mulaw", ".ul", "mulaw", "pcm_mulaw", rate=8000, format="mulaw", encoder="pcm_mulaw", most_channels=1),
    Specimen("g722", ".g722", "g722", "adpcm_g722", rate=16000, format="g722", encoder="g722", most_channels=1),
    Specimen("ac3", ".ac3", "ac3", "ac3", rate=32000, encoder="ac3"),
    Specimen("wavpack", ".wv", "wv", "wavpack", 16, format="wv", encoder="wavpack"),
    Specimen("tta", ".tta", "tta", "tta", 16, format="tta", encoder="tta"),
    Specimen("avi", ".avi", "avi", "mp3", encoder="libmp3lame", video=True),
    Specimen("ts", ".ts", "mpegts", "aac", format="mpegts", encoder="aac"),
)


PACKET = 1024
"""Samples that are handed to an encoder at once."""
LAYOUTS = {1: "mono", 2: "stereo", 8: "7.1"}
"""Channels -> FFmpeg's name of their layout."""


def make(specimen: Specimen, samples: npt.NDArray[Any], rate: int, folder: Path) -> Path:
    """Write `samples` (float, [time] or [time, channels], full scale ±1) as this specimen; the file's path.

    PCM and lossless specimens hold the samples rounded to their depth; the rate is changed only if it is forced.
    """
    import soxr

    samples = np.asarray(samples, dtype=np.float64)
    if specimen.rate not in (None, rate):
        samples = np.clip(soxr.resample(samples, rate, specimen.rate), -1, 1)
        rate = int(specimen.rate or rate)
    path = folder / f"{specimen.name}{specimen.suffix}"
    if specimen.sndfile:
        _write_sndfile(specimen, samples, rate, path)
    else:
        _write_ffmpeg(specimen, samples, rate, path)
    return path


def _write_sndfile(specimen: Specimen, samples: npt.NDArray[Any], rate: int, path: Path) -> None:
    import soundfile

    form, subtype = specimen.sndfile or ("", "")
    if specimen.bit_depth in (16, 24, 32) and subtype != "FLOAT":
        step = 2.0 ** (specimen.bit_depth - 1)
        samples = (np.clip(np.round(samples * step), -step, step - 1) * 2.0 ** (32 - specimen.bit_depth)).astype(
            np.int32
        )
    soundfile.write(str(path), samples, rate, format=form, subtype=subtype)


def _write_ffmpeg(specimen: Specimen, samples: npt.NDArray[Any], rate: int, path: Path) -> None:
    import av

    pcm = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    pcm = pcm[:, None] if pcm.ndim == 1 else pcm
    layout = LAYOUTS[pcm.shape[1]]
    with av.open(str(path), "w", format=specimen.format) as container:
        picture: Any = container.add_stream("mpeg4", rate=10) if specimen.video else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        stream: Any = container.add_stream(specimen.encoder, rate=rate, layout=layout)
        stream.codec_context.thread_count = 1
        formats = [each.name for each in stream.codec_context.codec.audio_formats or ()]
        stream.codec_context.format = next((name for name in ("s16", "s16p") if name in formats), formats[0])
        if specimen.encoder == "wmav2":
            stream.bit_rate = 32_000 * pcm.shape[1]
        if picture is not None:
            for number in range(int(len(pcm) / rate * 10)):
                shade = np.full((48, 64, 3), (number * 16) % 256, dtype=np.uint8)
                container.mux(picture.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
            container.mux(picture.encode(None))
        for start in range(0, len(pcm), PACKET):
            part = np.ascontiguousarray(pcm[start : start + PACKET].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(part, format="s16", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
