"""The spectrogram of the report: a fixed-size matrix of mean power, whatever the length of the recording."""

from __future__ import annotations

import numpy as np

from forensics.records import Spectrogram
from synth.audio import Recording

BINS = 256
MAX_COLUMNS = 1200
FRAMES_PER_COLUMN = 8
FLOOR_DB = -120.0


def spectrogram(recording: Recording) -> Spectrogram:
    """Hann-windowed frames of about 32 ms, averaged in power into at most 1,200 columns and 256 bins.

    Long recordings are sampled: a column averages at most eight frames spread over its stretch, so that the cost of
    the picture stays bounded. Channels are averaged in power. Levels in dB relative to a full-scale sine.
    """
    rate = recording.facts.sample_rate
    fold = max(1, round(rate / 16_000))
    size = 2 * BINS * fold
    hop_s = max(size / 4 / rate, recording.seconds / MAX_COLUMNS)
    window = np.hanning(size)
    scale = 2.0 / window.sum()
    columns = []
    for block in recording.blocks(seconds=max(hop_s, size / rate), hop_s=hop_s):
        starts = np.unique(np.linspace(0, max(len(block) - size, 0), FRAMES_PER_COLUMN).astype(int))
        power = np.zeros(BINS)
        for start in starts:
            frame = block[start : start + size]
            frame = np.pad(frame, ((0, size - len(frame)), (0, 0)))
            spectrum = np.fft.rfft(frame * window[:, None], axis=0)[1:] * scale
            power += np.mean(np.abs(spectrum) ** 2, axis=1).reshape(BINS, fold).mean(axis=1)
        columns.append(power / len(starts))
    matrix = np.stack(columns or [np.zeros(BINS)], axis=1)
    levels = 10 * np.log10(np.maximum(matrix, 10 ** (FLOOR_DB / 10)))
    return Spectrogram(levels_db=levels.astype(np.float32), seconds=recording.seconds, nyquist_hz=rate / 2)
