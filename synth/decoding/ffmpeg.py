"""The first decoder: FFmpeg through PyAV, held to a list of containers and forbidden to open anything else.

Runs in the decoding child. FFmpeg reads the exhibit through our own file object and gets a protocol list that
matches nothing, so that a playlist, an external track reference or a segment list cannot make it open a file or
the network. Source: FFmpeg's documentation of `format_whitelist` and `protocol_whitelist`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
from typing import Any

import av
import av.error
import numpy as np
from av.audio.plane import AudioPlane
from av.stream import Discard

from synth.decoding.headers import Claims, claims_of
from synth.decoding.kinds import ZEROS, kind_of
from synth.decoding.sink import RefusedError, Sink
from synth.decoding.source import Source
from synth.recording import DTYPES

CONTAINERS = (
    "wav", "w64", "flac", "mp3", "mov", "mp4", "m4a", "3gp", "3g2", "mj2", "aac", "loas", "ogg", "matroska", "webm",
    "amr", "amrnb", "amrwb", "gsm", "asf", "aiff", "caf", "au", "ac3", "eac3", "alaw", "mulaw", "g722", "nistsphere",
    "voc", "wv", "ape", "tta", "tak", "mpc", "mpc8", "avi", "mpegts", "mpeg", "flv", "dts", "ircam", "sox", "rm",
    "qcp", "shn", "ilbc", "g723_1", "g729", "mp2",
)  # fmt: skip
"""Demuxers that hold sound themselves."""

RAW = {
    ".al": "alaw", ".alaw": "alaw", ".ul": "mulaw", ".ulaw": "mulaw", ".mulaw": "mulaw", ".g722": "g722",
    ".gsm": "gsm", ".ilbc": "ilbc", ".g729": "g729", ".g723": "g723_1",
}  # fmt: skip
"""File suffixes of streams without a header; only they are believed, and a note says so."""

UNDECLARED = {
    "aac", "loas", "amr", "amrnb", "amrwb", "gsm", "alaw", "mulaw", "g722", "ac3", "eac3", "dts", "mp3", "mp2",
    "mpegts", "mpeg", "ilbc", "g723_1", "g729",
}  # fmt: skip
"""Containers that declare no length; what FFmpeg gives for them is an estimate."""

LOSSLESS = {"flac", "alac", "wavpack", "tta", "ape", "tak", "shorten", "mlp", "truehd", "wmalossless", "als"}
PCM_BITS = {"pcm_u8": 8, "pcm_s8": 8, "pcm_f32": 32, "pcm_f64": 64, "pcm_f16": 16, "pcm_f24": 24}
WHOLE = {"amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""Decoders that give the pauses too (3GPP TS 26.092, 26.192); FFmpeg's own leave out the frames that stand for them."""
EARLY_S = 0.25
"""A change of format before this much sound restarts the decoding, a later one ends it."""
SKIP_MANUAL = 1 << 29
"""AV_CODEC_FLAG2_SKIP_MANUAL: FFmpeg leaves the priming and the padding in."""
GAP_S = 0.1
"""Smallest jump of the time stamps that is reported."""
MAX_TAGS, MAX_TAG = 100, 2000
MAX_STRANGE = 100_000
"""Packets of streams that appear later on, which are passed over."""


def import_everything() -> None:
    """Import all of PyAV now: after the fork, a child may not open any file, its own modules included."""
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith(("__main__", "datasets")):
            importlib.import_module(module.name)


def decode(request: dict[str, Any], source: int, sink: Sink) -> dict[str, Any]:
    """Decode the best audio stream of the open file `source` into `sink`; the facts of the stream."""
    size = os.fstat(source).st_size
    head = os.pread(source, 4096, 0)
    claims = claims_of(lambda offset, count: os.pread(source, count, offset), size)
    container, raw = _open(source, head, request["suffix"], claims)
    with container:
        stream = container.streams.best("audio")
        if stream is None:
            kinds = sorted({other.type for other in container.streams if other.type})
            if "audio" in kinds:
                raise RefusedError("has an audio stream with impossible parameters")
            raise RefusedError(f"has no audio stream (streams: {', '.join(kinds) or 'none'})")
        if stream.codec_context is None:
            raise RefusedError("holds sound in a codec that this FFmpeg cannot decode")
        stream.codec_context.thread_count = 1
        if claims.trim:
            stream.codec_context.flags2 |= SKIP_MANUAL
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        notes = list(claims.notes)
        if raw:
            notes.append(f"a headerless stream: {raw} was assumed from the file's suffix")
        decoder = _decoder(stream.codec_context)
        notes += _decode(container, stream, decoder, sink, claims)
        if sink.md5 is not None and sink.md5.digest() != claims.md5:
            notes.append("the sound does not have the MD5 that its FLAC header declares")
        return _facts(container, stream, decoder.name, sink, claims, notes)


def _open(source: int, head: bytes, suffix: str, claims: Claims) -> tuple[Any, str | None]:
    options = {"format_whitelist": ",".join(CONTAINERS), "protocol_whitelist": "none", "max_size": str(1 << 18)}
    if claims.ignore_length:
        options["ignore_length"] = "1"
    raw = RAW.get(suffix)
    attempts = [None] if raw is None else [None, raw]
    if raw == "gsm" and (not head or head[0] >> 4 != 0xD):
        attempts = [None]
    if kind_of(head) not in (None, ZEROS):
        attempts = [None]
    for name in attempts:
        if name in ("alaw", "mulaw"):
            options["sample_rate"] = "8000"
        try:
            container = av.open(Source(source), format=name, options=dict(options), metadata_errors="replace")
            return container, name
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError, UnicodeError) as error:
            if getattr(error, "errno", None) == 12:
                raise MemoryError from error
            last = error
    kind = kind_of(head)
    if kind is not None:
        raise RefusedError(
            kind if kind == ZEROS else f"is no recording but {kind}", "Give a sound or video file.", "kind"
        ) from last
    raise RefusedError(
        "is no recording that FFmpeg can read", "Check that it is a sound or video file and complete."
    ) from last


def _decoder(context: Any) -> Any:
    """What decodes the stream: FFmpeg's choice, but for speech with pauses."""
    if context.name in WHOLE and context.channels == 1:
        with contextlib.suppress(av.codec.codec.UnknownCodecError):
            return av.CodecContext.create(WHOLE[context.name], "r")
    return context


def _decode(container: Any, stream: Any, decoder: Any, sink: Sink, claims: Claims) -> list[str]:
    """Run every packet through the decoder; notes on what went wrong on the way."""
    notes: list[str] = []
    damaged = packets = jumps = seen = strange = 0
    largest_jump = (0.0, 0.0)
    expected: float | None = None
    demuxer = container.demux(stream)
    while True:
        try:
            packet = next(demuxer)
        except StopIteration:
            break
        except IndexError:  # PyAV knows only the streams of the beginning; a transport stream may get more
            strange += 1
            if strange > MAX_STRANGE:
                notes.append(f"the container holds more than {MAX_STRANGE} packets of streams that it did not announce")
                break
            demuxer = container.demux(stream)
            continue
        except (av.error.FFmpegError, OSError) as error:
            notes.append(f"the container is damaged after {sink.seconds:.2f} s ({_plain(error)})")
            break
        packets += 1
        try:
            frames = decoder.decode(packet)
        except av.error.EOFError:
            break
        except MemoryError:
            raise
        except (av.error.FFmpegError, ValueError, OSError) as error:
            if getattr(error, "errno", None) == 12:
                raise MemoryError from error
            damaged += 1
            continue
        for frame in frames:
            if not frame.samples:
                continue
            form = frame.format.packed.name
            shape = (frame.sample_rate, frame.layout.nb_channels, form)
            if not sink.rate:
                sink.start(*shape)
                if claims.md5:
                    sink.check_md5(claims.bit_depth)
            elif shape != (sink.rate, sink.channels, sink.format):
                was = f"{sink.rate} Hz, {sink.channels} ch, {sink.format}"
                now = f"{shape[0]} Hz, {shape[1]} ch, {shape[2]}"
                if sink.seconds >= EARLY_S:
                    notes.append(
                        f"the stream changes from {was} to {now} at {sink.seconds:.2f} s; "
                        "only the part before the change was decoded"
                    )
                    return notes + _count(damaged, packets, jumps, largest_jump)
                notes.append(f"the first {sink.seconds:.3f} s ({was}) were left out: the stream goes on as {now}")
                sink.restart()
                sink.start(*shape)
            if frame.time is not None:
                if expected is not None and abs(frame.time - expected) > GAP_S:
                    jumps += 1
                    if abs(frame.time - expected) > abs(largest_jump[0]):
                        largest_jump = (frame.time - expected, sink.seconds)
                expected = frame.time + frame.samples / frame.sample_rate
            samples = _native(frame, form, shape[1])
            if claims.trim:
                # FFmpeg 8 cuts the end twice when the last packet is short, as libsndfile writes it: we cut ourselves
                skip = max(0, claims.trim[0] - seen)
                seen += len(samples)
                samples = samples[skip : skip + claims.trim[1] - sink.frames]
            sink.write(samples)
    if not sink.frames:
        if damaged:
            raise RefusedError(f"is damaged: none of its {packets} packets could be decoded")
        raise RefusedError("holds no sound (its audio stream is empty)")
    return notes + _count(damaged, packets, jumps, largest_jump)


def _native(frame: Any, form: str, channels: int) -> np.ndarray:
    """Samples of one frame as they are, interleaved [time, channels]."""
    dtype = DTYPES.get(form)
    if dtype is None:
        raise RefusedError(f"decodes to samples of the unknown format {form!r}")
    # frame.planes walks FFmpeg's pointers up to a null, which eight channels do not have: a plane too many, and a crash
    if frame.format.is_packed or channels == 1:
        packed: Any = AudioPlane(frame, 0)
        return np.frombuffer(packed, dtype=dtype, count=frame.samples * channels).reshape(-1, channels)
    planes: list[Any] = [AudioPlane(frame, number) for number in range(channels)]
    return np.stack([np.frombuffer(plane, dtype=dtype, count=frame.samples) for plane in planes], axis=1)


def _count(damaged: int, packets: int, jumps: int, largest: tuple[float, float]) -> list[str]:
    notes = []
    if damaged:
        notes.append(f"{damaged} of {packets} packets could not be decoded and were left out")
    if jumps:
        notes.append(f"the time stamps jump {jumps} times (largest: {largest[0]:+.2f} s, at {largest[1]:.2f} s)")
    return notes


def _facts(container: Any, stream: Any, decoder: str, sink: Sink, claims: Claims, notes: list[str]) -> dict[str, Any]:
    context = stream.codec_context
    codec = str(getattr(context.codec, "canonical_name", context.name))
    companded = codec in ("pcm_alaw", "pcm_mulaw", "pcm_vidc")
    pcm = codec.startswith("pcm_") and not companded
    lossless = pcm or codec in LOSSLESS
    if claims.known:
        declared = claims.seconds
    elif container.format.name in UNDECLARED:
        declared = None
    else:
        declared = _declared(container, stream)
    tags: dict[str, str] = {}
    for origin in (container.metadata, stream.metadata):
        for key, value in list(origin.items())[:MAX_TAGS]:
            tags.setdefault(str(key)[:MAX_TAG], str(value)[:MAX_TAG])
    if claims.encoder:
        tags.setdefault("encoder", claims.encoder)
    bit_rate = stream.codec_context.bit_rate or container.bit_rate
    return {
        "container": _container(container, tags),
        "codec": codec,
        "bit_depth": _depth(codec, context.extradata, claims, sink) if lossless else None,
        "lossless": lossless,
        "header_seconds": declared,
        "bit_rate": int(bit_rate) if bit_rate and bit_rate > 0 else None,
        "tags": tags,
        "decode_path": f"FFmpeg {av.ffmpeg_version_info} via PyAV {av.__version__}: {decoder}",
        "notes": notes,
        "other_streams": [
            f"{other.type}: {other.codec_context.name if other.codec_context else 'unknown'}"
            for other in container.streams
            if other.index != stream.index
        ][:32],
    }


def _declared(container: Any, stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / 1_000_000
    else:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _container(container: Any, tags: dict[str, str]) -> str:
    name = str(container.format.name)
    if name.startswith("mov,"):
        return "mov" if tags.get("major_brand", "qt  ").strip() in ("qt", "") else "mp4"
    return {"amrnb": "amr", "amrwb": "amr"}.get(name, name.split(",")[0])


def _depth(codec: str, extradata: bytes | None, claims: Claims, sink: Sink) -> int | None:
    """Declared bits per sample; where the container keeps that from us, the bits that are in use."""
    if claims.bit_depth:
        return claims.bit_depth
    for prefix, depth in PCM_BITS.items():
        if codec.startswith(prefix):
            return depth
    if codec.startswith("pcm_"):
        digits = "".join(c for c in codec.split("_")[1] if c.isdigit())
        return int(digits) if digits else None
    if codec == "alac" and extradata and len(extradata) > 17:
        return extradata[17]
    if sink.format in ("u8", "s16"):
        return 8 if sink.format == "u8" else 16
    bits = sink.effective_bits()
    return None if bits is None else next((depth for depth in (16, 20, 24, 32) if bits <= depth), bits)


def _plain(error: BaseException) -> str:
    return str(error).split("] ", 1)[-1].split(":")[0][:120]
