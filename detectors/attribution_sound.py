"""From sound to the statistics that attribution compares: what a generator leaves in the texture of speech.

The stem and first layer of the shipped speech line (detectors/inference.py) and the front end of the spectral line
(detectors/spectral.py) hear windows of 5 s, cut to their speech and evened (detectors/neutral.py: low-passed at 7 kHz,
one level, one noise floor), so that level, edges, band and silence, the habits of a page rather than of a generator,
say little. The statistics of both, side by side, are those of detectors/head.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.head import pooled
from detectors.inference import FRAME, RATE, SpeechScorer
from detectors.neutral import evened
from detectors.spectral import SpectralConfig, spectral_frames
from detectors.speech import LEAST_SPEECH, own_speech, windows

FloatArray = npt.NDArray[np.float32]

MOST_WINDOWS = 12
"""Windows of a long recording that are heard, from its first speech on: a minute."""
LEAST_SAMPLES = RATE // 2
"""A stretch shorter than this is not heard."""


@dataclass(frozen=True)
class Statistics:
    """What was heard of one clip."""

    values: FloatArray
    """[channels]; mean over the windows, weighted by their speech."""
    speech_seconds: float
    """Speech that was heard; 0 with all values 0 where no window held enough."""


def statistics_of(scorer: SpeechScorer, blocks: Iterable[FloatArray]) -> Statistics:
    """Mono 16 kHz blocks [time] of any sizes, in order -> statistics of their speech."""
    spectral = SpectralConfig()
    width = 3 * (scorer.config.channels + spectral.channels)
    total, weight, heard = np.zeros(width, np.float64), 0.0, 0
    for _, window in windows(blocks):
        mask = own_speech(window)
        if mask.sum() < LEAST_SPEECH:
            continue
        inside = np.flatnonzero(mask)
        piece = window[int(inside[0]) * FRAME : (int(inside[-1]) + 1) * FRAME]
        if piece.size < LEAST_SAMPLES:
            continue
        piece = evened(piece, np.random.default_rng(0))
        of_speech = pooled(np.concatenate(scorer.encode(scorer.log_mel(piece)), axis=1))
        total += float(mask.sum()) * np.concatenate([of_speech, pooled(spectral_frames(piece, spectral))])
        weight += float(mask.sum())
        heard += 1
        if heard == MOST_WINDOWS:
            break
    values = (total / max(weight, 1.0)).astype(np.float32)
    return Statistics(values, weight * FRAME / RATE)
