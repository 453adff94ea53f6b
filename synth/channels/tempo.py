"""Faster or slower at the same pitch, by FFmpeg's `atempo` filter (waveform-similarity overlap-add)."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np

from synth.channels.base import FloatArray, fit
from synth.errors import VoxproofError


def at_tempo(samples: FloatArray, rate: int, tempo: float) -> FloatArray:
    """Samples [time] at `rate` Hz -> [round(time / tempo)], `tempo` (0.5 to 2) times as fast."""
    try:
        graph = av.filter.Graph()
        source = graph.add_abuffer(sample_rate=rate, format="flt", layout="mono", time_base=Fraction(1, rate))
        filtered = graph.add("atempo", f"{tempo:.6f}")
        sink = graph.add("abuffersink")
        source.link_to(filtered)
        filtered.link_to(sink)
        graph.configure()
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32)[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        graph.push(frame)
        graph.push(None)
        pieces = [np.zeros(0, np.float32)]
        while True:
            try:
                pieces.append(graph.pull().to_ndarray().reshape(-1))
            except (av.error.EOFError, av.error.BlockingIOError):
                break
    except (av.FFmpegError, ValueError) as error:
        raise VoxproofError(f"tempo {tempo:g} failed at {rate} Hz ({error})") from error
    return fit(np.concatenate(pieces), round(samples.size / tempo))
