"""The second decoder: libsndfile, for the formats that FFmpeg refuses. Runs in the decoding child."""

from __future__ import annotations

import os
from typing import Any

import soundfile

from synth.decoding.headers import claims_of
from synth.decoding.sink import RefusedError, Sink
from synth.decoding.source import Source

FORMATS = {"PCM_U8": "s16", "PCM_S8": "s16", "PCM_16": "s16", "FLOAT": "flt", "DOUBLE": "dbl"}
"""Subtype -> native format; every other subtype is read as 32-bit integers, which keeps 24 bit exact."""
BITS = {"PCM_U8": 8, "PCM_S8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 32, "DOUBLE": 64}
NUMPY = {"s16": "int16", "s32": "int32", "flt": "float32", "dbl": "float64"}


def decode(request: dict[str, Any], source: int, sink: Sink) -> dict[str, Any]:
    """Decode the open file `source` into `sink`; the facts of the stream."""
    try:
        sound = soundfile.SoundFile(Source(source))
    except (soundfile.LibsndfileError, TypeError, ValueError, OverflowError) as error:
        raise RefusedError("is no recording that FFmpeg or libsndfile can read", str(error)) from error
    form = FORMATS.get(sound.subtype, "s32")
    sink.start(sound.samplerate, sound.channels, form)
    notes = []
    try:
        while True:
            block = sound.read(65536, dtype=NUMPY[form], always_2d=True)
            if not len(block):
                break
            sink.write(block)
    except soundfile.LibsndfileError as error:
        notes.append(f"decoding stopped at {sink.seconds:.2f} s: {error}")
    claims = claims_of(lambda offset, size: os.pread(source, size, offset), os.fstat(source).st_size)
    declared = sound.frames / sound.samplerate if 0 < sound.frames < 2**53 else None
    return {
        "container": sound.format.lower(),
        "codec": sound.subtype.lower(),
        "bit_depth": BITS.get(sound.subtype),
        "lossless": sound.subtype in BITS or sound.subtype.startswith("ALAC"),
        "header_seconds": claims.seconds if claims.known else declared,
        "bit_rate": None,
        "tags": {key: value for key, value in sound.copy_metadata().items() if value},
        "decode_path": f"libsndfile {soundfile.__libsndfile_version__} via soundfile {soundfile.__version__}: "
        f"{sound.format} {sound.subtype}",
        "notes": claims.notes + notes,
        "other_streams": [],
    }
