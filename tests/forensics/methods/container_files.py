"""Files of FFmpeg (through PyAV) for the tests of containers, exemplars and delivery paths."""

from __future__ import annotations

import io
import struct

import av
import numpy as np
import soundfile
from method_clips import room_noise

VOICE_MEMOS = "com.apple.VoiceMemos (iPhone Version 17.2.1 (Build 21C66))"


def coded(
    container: str,
    codec: str,
    *,
    rate: int = 16000,
    seconds: float = 2.0,
    bit_rate: int | None = None,
    options: dict[str, str] | None = None,
    tags: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
) -> bytes:
    """Mono noise in a container of FFmpeg."""
    buffer = io.BytesIO()
    sound = (np.clip(room_noise(seconds, rate, -20.0, 1), -1, 1) * 32767).astype(np.int16)
    with av.open(buffer, "w", format=container, options=muxer or {}) as output:
        output.metadata.update(tags or {})
        stream = output.add_stream(codec, rate=rate, layout="mono", options=options or {})
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(sound[None], format="s16", layout="mono")
        frame.sample_rate = rate
        convert = av.AudioResampler(format=stream.codec_context.format, layout="mono", rate=rate,
                                    frame_size=stream.codec_context.frame_size)  # fmt: skip
        for part in [*convert.resample(frame), *convert.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def copied(data: bytes, container: str, muxer: dict[str, str] | None = None) -> bytes:
    """The packets of a file in a new container with its metadata, not coded again."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(data)) as given, av.open(buffer, "w", format=container, options=muxer or {}) as output:
        output.metadata.update(given.metadata)
        stream = output.add_stream_from_template(given.streams.audio[0])
        stream.metadata.update(given.streams.audio[0].metadata)
        for packet in given.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return buffer.getvalue()


def with_bext(originator: bytes, rate: int = 48000, seconds: float = 1.0) -> bytes:
    """A Broadcast WAV whose bext chunk names its originator (EBU Tech 3285), chunks bext, fmt, data."""
    body = bytes(256) + originator.ljust(32, b"\0") + bytes(32) + b"2026-01-0112:00:00" + bytes(8)
    bext = (body + struct.pack("<H", 1)).ljust(602, b"\0")
    plain = io.BytesIO()
    soundfile.write(plain, room_noise(seconds, rate, -30.0, 2), rate, format="WAV", subtype="PCM_16")
    chunks = b"bext" + struct.pack("<I", len(bext)) + bext + plain.getvalue()[12:]
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def lame_mp3() -> bytes:
    """An MP3 by LAME itself (inside libsndfile), with LAME's own tag."""
    buffer = io.BytesIO()
    soundfile.write(buffer, room_noise(2.0, 44100, -20.0, 3), 44100, format="MP3", subtype="MPEG_LAYER_III")
    return buffer.getvalue()
