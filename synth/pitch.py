"""The pitch of a voice: P. Boersma, "Accurate short-term analysis of the fundamental frequency and the
harmonics-to-noise ratio of a sampled sound" (1993).

The autocorrelation of each windowed frame is divided by that of the window, its peaks are candidates, one more stands
for "no voice", and a path through all frames is found that likes strong candidates and dislikes jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

RATE = 8_000
"""Hz: what the sound is brought to."""
STEP = 80
"""Samples from frame to frame: 100 a second, the first one's middle at 5 ms."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PitchConfig:
    """Parameters of the paper, with its values where it gives one."""

    lowest: float = 60.0
    """Hz."""
    highest: float = 550.0
    """Hz."""
    candidates: int = 6
    """Of a frame, besides "no voice"."""
    voicing: float = 0.45
    """Strength of the candidate "no voice" in loud frames."""
    silence: float = 0.03
    """Peak, as a share of the recording's, below which a frame is taken to be silent."""
    octave: float = 0.01
    """What is taken from a candidate's strength per octave that it lies below the highest."""
    jump: float = 0.35
    """Cost of an octave's jump from frame to frame."""
    change: float = 0.14
    """Cost of going from voice to no voice, or back."""


def pitch_of(samples: NDArray[np.floating], rate: int, config: PitchConfig | None = None) -> Floats:
    """Samples [n] -> pitch in Hz [n * 100 // rate], 0 where there is no voice."""
    c = config or PitchConfig()
    frames = len(samples) * 100 // rate
    if not frames:
        return np.zeros(0)
    sound = soxr.resample(np.asarray(samples, np.float64), rate, RATE)
    window = int(3 * RATE / c.lowest)
    edge = window // 2 - STEP // 2
    padded = np.pad(sound, (edge, edge + window + STEP))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, window)[::STEP][:frames]
    pieces = pieces - pieces.mean(1, keepdims=True)
    hertz, strength = _candidates(pieces, float(np.abs(sound).max(initial=0.0)), c)
    return _path(hertz, strength, c)


def _candidates(pieces: Floats, peak: float, c: PitchConfig) -> tuple[Floats, Floats]:
    """Pitch and strength of each frame's candidates [frames, 1 + candidates]; the first is "no voice", at 0 Hz."""
    frames, window = pieces.shape
    hann = np.hanning(window)
    size = 1 << (2 * window - 1).bit_length()
    shortest, longest = int(RATE / c.highest), int(RATE / c.lowest) + 1
    seen = slice(longest + 2)
    auto = _autocorrelation(pieces * hann, size)[:, seen] / _autocorrelation(hann[None], size)[:, seen]
    r = auto / np.maximum(auto[:, :1], 1e-12)
    lags = np.arange(max(shortest, 1), longest + 1)
    before, at, after = r[:, lags - 1], r[:, lags], r[:, lags + 1]
    bend = before - 2 * at + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
    value = np.minimum(at - 0.25 * (before - after) * shift, 1.0)
    found = RATE / (lags + np.clip(shift, -1, 1))
    score = value - c.octave * np.log2(c.highest / found)
    score[~((at > before) & (at >= after) & (at > 0.5 * c.voicing))] = -np.inf
    best = np.argsort(-score, 1)[:, : c.candidates]
    level = np.abs(pieces).max(1) / max(peak, 1e-12)
    unvoiced = c.voicing + np.maximum(0.0, 2 - (level / c.silence) / (1 + c.voicing))
    strength = np.concatenate([unvoiced[:, None], np.take_along_axis(score, best, 1)], 1)
    hertz = np.concatenate([np.zeros((frames, 1)), np.take_along_axis(found, best, 1)], 1)
    return hertz, strength


def _autocorrelation(rows: Floats, size: int) -> Floats:
    spectrum = np.fft.rfft(rows, size)
    return np.fft.irfft(np.abs(spectrum) ** 2, size)[:, : rows.shape[1]]


def _path(hertz: Floats, strength: Floats, c: PitchConfig) -> Floats:
    """The candidates of the best path."""
    voiced = hertz > 0
    octaves = np.log2(np.where(voiced, hertz, 1.0))
    total, came = strength[0], np.zeros(hertz.shape, np.int64)
    for frame in range(1, len(hertz)):
        both = voiced[frame - 1][:, None] & voiced[frame]
        cost = np.where(
            both,
            c.jump * np.abs(octaves[frame - 1][:, None] - octaves[frame]),
            c.change * (voiced[frame - 1][:, None] != voiced[frame]),
        )
        routes = total[:, None] - cost
        came[frame] = routes.argmax(0)
        total = routes.max(0) + strength[frame]
    place, places = int(total.argmax()), np.zeros(len(hertz), np.int64)
    for frame in range(len(hertz) - 1, -1, -1):
        places[frame] = place
        place = int(came[frame, place])
    return np.take_along_axis(hertz, places[:, None], 1)[:, 0]
