"""Isolated peaks in the empty band above a recording: the trace that a join made in PCM leaves there.

A recording has passed the low-pass filter of a converter, a resampler or a codec, so that above its upper edge there
is nothing but quantisation noise. A step made afterwards has energy at all frequencies, and shows there for about a
millisecond. That a discontinuity is broadband is common knowledge (S. J. Godsill and P. J. W. Rayner, "Digital Audio
Restoration", Springer 1998); this measure is our own, and its thresholds were chosen as docs/methods.md states.

The score of a peak is its height above everything within half a second, in dB, less what the sound below the edge
rises by at the same instant (measured on differences of neighbouring samples): clicks and plosives rise in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from forensics.exhibit import Exhibit
from forensics.methods._prediction import EDGE_S

TAPS = 255
"""Length of the high-pass filter, samples."""
BETA = 8.5
"""Kaiser parameter of the filter: stop band below -85 dB."""
TRANSITION = 5.4
"""Width of its transition, in units of sample rate / TAPS."""
FRAME_S = 0.001
REACH_S = 0.5
"""Surroundings of a peak, seconds on either side."""
APART_S = 0.012
"""Sound next to a peak that is not compared with it: the filter rings there, seconds."""
FLAT_S = 0.002
"""Samples that do not change for this long are digital silence; its edges are another method's question."""
CHUNK_S = 8.0
LEAST_CONTRAST_DB = 45.0
"""The empty band must lie this far below the sound from 200 Hz to a quarter of the sample rate, per Hz."""
EVEN_DB = 6.0
"""The empty band begins where the spectrum stays within this of its lowest level."""
WINDOW_S = 0.02
"""Step of the levels that are drawn, seconds."""

Signal = NDArray[np.float64]


@dataclass(frozen=True)
class Peak:
    """The highest level of the empty band within half a second on either side."""

    at_s: float
    score: float
    """Height above the surroundings, less the rise of the sound below at the same instant, dB."""
    height_db: float
    """Height above the surroundings, dB."""


@dataclass(frozen=True)
class OutOfBand:
    """The empty band of a recording and what stands out in it."""

    from_hz: float
    """Where the empty band begins."""
    contrast_db: float
    """Level of the sound below minus level of the empty band, per Hz, dB."""
    peaks: tuple[Peak, ...]
    """In time order; empty where the band is not empty enough."""
    levels_db: Signal
    """Largest level of a millisecond in each 20 ms, dBFS, [windows]."""

    @property
    def empty(self) -> bool:
        """Whether there is an empty band to look at."""
        return self.contrast_db >= LEAST_CONTRAST_DB


def out_of_band(exhibit: Exhibit) -> OutOfBand:
    """Measure the empty band of a lossless recording, in the mean of its channels, in chunks."""
    rate, total = exhibit.facts.sample_rate, exhibit.recording.frames
    from_hz, contrast = _empty_band(exhibit)
    if contrast < LEAST_CONTRAST_DB:
        return OutOfBand(from_hz, contrast, (), np.zeros(0))
    taps = _high_pass(from_hz, rate)
    length = max(round(FRAME_S * rate), 3)
    per_window = max(round(WINDOW_S * rate / length), 1)
    step = max(round(CHUNK_S * rate / (length * per_window)), 1) * length * per_window
    margin = (round((REACH_S + APART_S) * rate / length) + 1) * length
    edge = int(EDGE_S * rate)
    peaks: list[Peak] = []
    levels: list[Signal] = []
    for start in range(0, total, step):
        first, last = max(start - margin, 0), min(start + step + margin, total)
        lead = max(first - TAPS, 0)
        heard = exhibit.recording.samples(lead, min(last + TAPS, total)).mean(axis=1, dtype=np.float64)
        sound = heard[first - lead : first - lead + (last - first) // length * length]
        above = _convolved(heard, taps)[first - lead :][: len(sound)]
        high, where = _frame_power(above, length)
        low, _ = _frame_power(np.diff(sound, prepend=sound[:1]), length)
        peaks += [
            peak
            for at, peak in _peaks(high, low, where, sound, rate, length, first)
            if start <= at < start + step and edge <= at < total - edge
        ]
        own = high[(start - first) // length :][: step // length]
        levels.append(own[: len(own) // per_window * per_window].reshape(-1, per_window).max(axis=1))
    return OutOfBand(from_hz, contrast, tuple(peaks), np.concatenate(levels) if levels else np.zeros(0))


def _empty_band(exhibit: Exhibit) -> tuple[float, float]:
    """Lower end of the band in which the long-term spectrum stays at its lowest (Hz), and the contrast to below."""
    nyquist = exhibit.facts.sample_rate / 2
    spectrum = exhibit.band_edge.levels_db.astype(np.float64)
    count = len(spectrum)
    smooth = uniform_filter1d(spectrum[:-2], max(3, round(0.01 * count)), mode="nearest")
    floor = float(smooth[int(0.9 * count) :].min())
    highest_from = np.maximum.accumulate(smooth[::-1])[::-1]
    begin = int(np.argmax(highest_from <= floor + EVEN_DB))
    voice = spectrum[int(200 / nyquist * count) : count // 2]
    below = 10.0 * float(np.log10(np.mean(10.0 ** (voice / 10.0))))
    return min(begin / count, 0.985) * nyquist, below - floor


def _high_pass(from_hz: float, rate: int) -> Signal:
    """Linear-phase high-pass filter whose stop band ends where the empty band begins, [TAPS]."""
    transition = TRANSITION / TAPS
    cut = min(from_hz / rate + transition / 2, 0.5 - transition / 4)
    n = np.arange(TAPS) - TAPS // 2
    taps = -2.0 * cut * np.sinc(2.0 * cut * n)
    taps[TAPS // 2] += 1.0
    return np.asarray(taps * np.kaiser(TAPS, BETA), dtype=np.float64)


def _convolved(samples: Signal, taps: Signal) -> Signal:
    """The samples through a filter, without its delay; same length."""
    size = next_fast_len(len(samples) + len(taps) - 1, real=True)
    filtered = irfft(rfft(samples, size) * rfft(taps, size), size)
    return np.asarray(filtered[len(taps) // 2 :][: len(samples)], dtype=np.float64)


def _frame_power(samples: Signal, length: int) -> tuple[Signal, NDArray[np.intp]]:
    """Largest mean square of a millisecond around any sample of each frame, dB, and that sample, both [frames]."""
    power = uniform_filter1d(samples * samples, length).reshape(-1, length)
    best = power.argmax(axis=1)
    top = power[np.arange(len(power)), best]
    return 10.0 * np.log10(np.maximum(top, 1e-15)), np.arange(len(power)) * length + best


def _peaks(
    high: Signal, low: Signal, where: NDArray[np.intp], sound: Signal, rate: int, length: int, first: int
) -> list[tuple[int, Peak]]:
    """Peaks of a chunk with their samples; those at clipped or constant samples are left out."""
    if not len(high):
        return []
    reach, apart = round(REACH_S * rate / length), round(APART_S * rate / length)
    ceiling = 0.999 * float(np.abs(sound).max())
    found = []
    for frame in np.flatnonzero(high == maximum_filter1d(high, 2 * reach + 1)):
        at = int(where[frame])
        near = sound[max(at - apart * length, 0) : at + apart * length]
        before, after = slice(max(frame - reach, 0), max(frame - apart, 0)), slice(frame + apart, frame + reach)
        around = max(high[before].max(initial=-150.0), high[after].max(initial=-150.0))
        if np.abs(near).max() >= ceiling or _flat(near, max(int(FLAT_S * rate), 8)):
            continue
        low_around = max(low[before].max(initial=-150.0), low[after].max(initial=-150.0))
        rise = float(low[max(frame - apart // 2, 0) : frame + apart // 2].max(initial=-150.0)) - low_around
        height = float(high[frame]) - around
        found.append((first + at, Peak((first + at) / rate, height - max(rise, 0.0), height)))
    return found


def _flat(samples: Signal, length: int) -> bool:
    """Whether this many samples in a row are the same."""
    moves = np.flatnonzero(np.diff(samples))
    return bool(np.diff(np.concatenate([[-1], moves, [len(samples)]])).max(initial=0) > length)
