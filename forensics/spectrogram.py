"""The spectrogram of the report: a fixed-size matrix of mean power, whatever the length of the recording."""

from __future__ import annotations

import numpy as np

from forensics.records import Spectrogram
from synth.audio import Recording

BINS = 256
MAX_COLUMNS = 1200
FLOOR_DB = -120.0


def spectrogram(recording: Recording) -> Spectrogram:
    """Hann-windowed frames of 512 samples at a quarter-overlap at most, averaged in power into at most 1,200 columns.

    Long recordings are sampled: every column averages up to eight frames spread over its stretch, so that the cost of
    the picture stays bounded. Channels are averaged in power. Returns levels in dB relative to a full-scale sine.
    """
    size = 2 * BINS
    rate = recording.facts.sample_rate
    hop_s = max(size / 4 / rate, recording.seconds / MAX_COLUMNS)
    window = np.hanning(size)
    scale = 2.0 / window.sum()
    columns = []
    for block in recording.blocks(seconds=hop_s):
        starts = np.unique(np.linspace(0, max(len(block) - size, 0), 8 if len(block) > size else 1).astype(int))
        power = np.zeros(BINS)
        for start in starts:
            frame = block[start : start + size]
            frame = np.pad(frame, ((0, size - len(frame)), (0, 0)))
            spectrum = np.fft.rfft(frame * window[:, None], axis=0)[1:] * scale
            power += np.mean(np.abs(spectrum) ** 2, axis=1)
        columns.append(power / len(starts))
    matrix = np.stack(columns or [np.zeros(BINS)], axis=1)
    levels = 10 * np.log10(np.maximum(matrix, 10 ** (FLOOR_DB / 10)))
    return Spectrogram(levels_db=levels.astype(np.float32), seconds=recording.seconds, nyquist_hz=rate / 2)
