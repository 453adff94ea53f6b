"""Encode and decode in memory, through the FFmpeg libraries inside PyAV or through libsndfile.

Timing: what a codec adds in front (priming, look-ahead, filter banks) depends on encoder, decoder and on how much of it
this FFmpeg takes out by itself, so it is measured, once per codec, rate and bit rate, on a voice-like probe, and cut.
"""

from __future__ import annotations

import io
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
import scipy.signal
import soundfile

from synth.channels.base import FloatArray
from synth.errors import VoxproofError

_FULL_SCALE = {"s16": 2**15, "s16p": 2**15, "s32": 2**31, "s32p": 2**31, "flt": 1, "fltp": 1, "dbl": 1, "dblp": 1}

Options = tuple[tuple[str, str], ...]


def through_ffmpeg(
    samples: FloatArray,
    rate: int,
    encoder: str,
    decoder: str,
    sample_format: str,
    bit_rate: int | None = None,
    options: Options = (),
) -> FloatArray:
    """Samples [time] at `rate` -> decoded samples [at least time] at `rate`, aligned to the input."""
    delay = _delay(rate, encoder, decoder, sample_format, bit_rate, options)
    decoded = _round_trip(samples, rate, encoder, decoder, sample_format, bit_rate, options)
    return decoded[delay:] if delay >= 0 else np.concatenate([np.zeros(-delay, np.float32), decoded])


def through_libsndfile(
    samples: FloatArray, rate: int, container: str, subtype: str, compression: float | None = None
) -> FloatArray:
    """Samples [time] at `rate` -> decoded samples [at least time] at `rate`; these codecs add no delay."""
    buffer = io.BytesIO()
    extra = {} if compression is None else {"compression_level": compression}
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype, **extra)
    buffer.seek(0)
    decoded: FloatArray = soundfile.read(buffer, dtype="float32")[0]
    return decoded


def _round_trip(
    samples: FloatArray,
    rate: int,
    encoder: str,
    decoder: str,
    sample_format: str,
    bit_rate: int | None,
    options: Options,
) -> FloatArray:
    """Everything the decoder gives, one packet after another, with the codec's own delay."""
    try:
        coder = av.CodecContext.create(encoder, "w")
        coder.sample_rate, coder.layout, coder.format = rate, "mono", sample_format
        coder.time_base = Fraction(1, rate)
        if bit_rate is not None:
            coder.bit_rate = bit_rate
        coder.options = dict(options)
        coder.open()
        size = coder.frame_size or 1024
        tail = max(4096, rate // 5)
        padded = np.concatenate([samples, np.zeros(tail + -(samples.size + tail) % size, np.float32)])
        if _FULL_SCALE[sample_format] > 1:
            padded = np.clip(np.round(padded * 32767), -32768, 32767).astype(np.int16)
        packets = []
        for start in range(0, padded.size, size):
            frame = av.AudioFrame.from_ndarray(padded[None, start : start + size], format=sample_format, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            packets += coder.encode(frame)
        packets += coder.encode(None)
        reader = av.CodecContext.create(decoder, "r")
        reader.sample_rate, reader.layout = rate, "mono"
        if coder.extradata:
            reader.extradata = coder.extradata
        reader.open()
        pieces = [np.zeros(0, np.float32)]
        for packet in [*packets, None]:
            for frame in reader.decode(packet):
                if frame.sample_rate != rate:
                    raise ValueError(f"decoder {decoder} answers at {frame.sample_rate} Hz")
                pieces.append(frame.to_ndarray().reshape(-1).astype(np.float32) / _FULL_SCALE[frame.format.name])
        return np.concatenate(pieces)
    except (av.FFmpegError, ValueError) as error:
        raise VoxproofError(f"codec {encoder} failed at {rate} Hz ({error})") from error


@lru_cache(maxsize=256)
def _delay(rate: int, encoder: str, decoder: str, sample_format: str, bit_rate: int | None, options: Options) -> int:
    """Samples by which the decoded sound lags: the peak of the cross-correlation with a voice-like probe."""
    probe = _probe(rate)
    decoded = _round_trip(probe, rate, encoder, decoder, sample_format, bit_rate, options)
    correlation = scipy.signal.correlate(decoded, probe, "full", method="fft")
    return int(np.argmax(correlation)) - (probe.size - 1)


def _probe(rate: int) -> FloatArray:
    """Pulses at an irregular pitch through two formants, 1.5 s: [time]."""
    rng = np.random.default_rng(7)
    pulses = np.zeros(int(1.5 * rate))
    times = 0.2 + np.cumsum(rng.uniform(0.006, 0.011, 120))
    pulses[(times[times < 1.3] * rate).astype(int)] = 1.0
    for hz, width in ((600, 120), (1700, 200)):
        radius = np.exp(-np.pi * width / rate)
        pulses = scipy.signal.lfilter([1.0], [1.0, -2 * radius * np.cos(2 * np.pi * hz / rate), radius**2], pulses)
    out: FloatArray = (0.5 * pulses / np.abs(pulses).max()).astype(np.float32)
    return out
