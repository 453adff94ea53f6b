"""Band levels of a recording at 16 kHz, frame by frame: what the methods that compare surroundings start from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from forensics.exhibit import Exhibit

RATE = 16000
WINDOW = 512
LOWEST_DB = -120.0

Levels = NDArray[np.float32]


def usable_bands(exhibit: Exhibit, edges_hz: Sequence[float]) -> int:
    """How many of the bands lie below 95 % of the native Nyquist frequency."""
    return int(np.sum(np.asarray(edges_hz[1:]) <= 0.475 * exhibit.facts.sample_rate))


def band_levels(exhibit: Exhibit, edges_hz: Sequence[float], hop: int) -> Iterator[Levels]:
    """Mean level per bin of each band, dBFS, in batches [frames, bands].

    Hann windows of 32 ms; frame i of the whole recording is centred at i × hop / 16000 s.
    """
    window = np.hanning(WINDOW).astype(np.float32)
    scale = np.float32(2.0 / (WINDOW * float(np.square(window).sum())))
    edges = np.searchsorted(np.fft.rfftfreq(WINDOW, 1 / RATE), edges_hz)
    counts = np.diff(edges)
    rest = np.zeros(WINDOW // 2, dtype=np.float32)
    for block in exhibit.recording.resampled(RATE, seconds=5.0):
        rest = np.concatenate([rest, block])
        if len(rest) < WINDOW:
            continue
        framed = np.lib.stride_tricks.sliding_window_view(rest, WINDOW)[::hop]
        spectrum = fft.rfft(framed * window, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        mean = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1) * (scale / counts)
        yield np.asarray(10.0 * np.log10(np.maximum(mean, 10.0 ** (LOWEST_DB / 10))), dtype=np.float32)
        rest = rest[len(framed) * hop :]
