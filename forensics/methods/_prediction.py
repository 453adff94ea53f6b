"""Linear prediction of short stretches: where it fails, and how badly.

Shared by `splice` and `level_step`. Source of the use of autoregressive residuals for discontinuities: S. J. Godsill
and P. J. W. Rayner, "Digital Audio Restoration", Springer 1998.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.ndimage import maximum_filter1d

from forensics.exhibit import Exhibit

ORDER = 20
"""Order of the predictors."""
TOEPLITZ = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
"""Lag of each element of the normal equations, [order, order]."""
SIDE_S = 0.025
"""Length of sound a predictor is fitted on, seconds."""
CHUNK_S = 4.0
FRAME_S = 0.064
QUIET = 2.0 / 32768.0
"""Smallest prediction error that counts, parts of full scale (two steps of 16 bits)."""

EDGE_S = 0.1
"""Sound at both ends in which nothing is sought: codecs start and stop there, seconds."""

Signal = NDArray[np.float64]


_found: WeakKeyDictionary[Exhibit, tuple[int, ...]] = WeakKeyDictionary()
"""Candidates of the exhibits that are open, so that two methods do not search twice."""


def candidates(exhibit: Exhibit) -> tuple[int, ...]:
    """Samples at which prediction fails more than anywhere within 25 ms, in the mean of all channels, in time order."""
    if exhibit in _found:
        return _found[exhibit]
    rate = exhibit.facts.sample_rate
    margin = 2 * int(SIDE_S * rate) + int(FRAME_S * rate)
    step, total = int(CHUNK_S * rate), exhibit.recording.frames
    found: list[int] = []
    for start in range(0, total, step):
        first = max(start - margin, 0)
        samples = _mono(exhibit, first, start + step + margin)
        found += [first + at for at in _candidates(samples, rate) if start <= first + at < start + step]
    edge = int(EDGE_S * rate)
    _found[exhibit] = tuple(at for at in found if edge <= at < total - edge)
    return _found[exhibit]


def around(exhibit: Exhibit, at: int, reach: int) -> tuple[int, Signal]:
    """Sound up to `reach` samples before and after a sample: (number of the first sample, mean of the channels)."""
    first = max(at - reach, 0)
    return first, _mono(exhibit, first, at + reach)


def _mono(exhibit: Exhibit, first: int, last: int) -> Signal:
    samples = exhibit.recording.samples(first, last)
    return samples[:, 0].astype(np.float64) if samples.shape[1] == 1 else samples.mean(axis=1, dtype=np.float64)


def _candidates(samples: Signal, rate: int, ratio: float = 1.3) -> list[int]:
    """Instants where the error of a predictor for the surroundings exceeds all others within 25 ms."""
    error = _whitened(samples, rate)
    side = int(SIDE_S * rate)
    peaks = np.flatnonzero((error == maximum_filter1d(error, 2 * side + 1)) & (error > QUIET / 2))
    kept = []
    for peak in peaks:
        before, after = error[max(peak - side, 0) : max(peak - 4, 0)], error[peak + ORDER + 1 : peak + side]
        if error[peak] >= ratio * max(before.max(initial=0.0), after.max(initial=0.0)):
            kept.append(int(peak))
    return kept


def _whitened(samples: Signal, rate: int) -> Signal:
    """Magnitude of the forward prediction error, with one predictor per 64 ms frame."""
    length = int(FRAME_S * rate)
    size = next_fast_len(2 * length + ORDER, real=True)
    error = np.zeros(len(samples))
    window = np.hanning(2 * length)
    for start in range(0, len(samples), length):
        first = max(min(start - length // 2, len(samples) - 2 * length), 0)
        part = samples[first : first + 2 * length]
        if len(part) < 2 * length or np.ptp(part) < QUIET:
            continue
        spectrum = np.fft.rfft((part - part.mean()) * window, size)
        lags = np.fft.irfft(spectrum.real**2 + spectrum.imag**2)[: ORDER + 1]
        lags[0] = lags[0] * (1.0 + 1e-9) + 1e-12
        predictor = np.concatenate([[1.0], -np.linalg.solve(lags[TOEPLITZ], lags[1:])])
        lead = min(start, ORDER)
        heard = samples[start - lead : start + length]
        error[start : start + length] = np.convolve(heard, predictor)[lead : len(heard)]
    error[:ORDER] = 0.0
    return np.asarray(np.abs(error), dtype=np.float64)


def surprise(sound: Signal) -> tuple[float, float]:
    """Error at the last sample of a predictor fitted (least squares) on the others, and its largest error on those."""
    scale = float(np.sqrt(np.mean(np.square(sound[:-1])))) + 1e-9
    windows = np.lib.stride_tricks.sliding_window_view(sound / scale, ORDER + 1)
    past, present = np.ascontiguousarray(windows[:-1, :-1]), windows[:-1, -1]
    gram = past.T @ past
    gram.flat[:: ORDER + 1] += 1e-7 * len(present)
    weights = np.linalg.solve(gram, past.T @ present)
    usual = float(np.abs(present - past @ weights).max())
    last = float(abs(windows[-1, -1] - windows[-1, :-1] @ weights))
    return last * scale, max(usual * scale, QUIET)


def fit(sound: Signal) -> tuple[Signal, float]:
    """Predictor (weight of the sample k+1 back at k) fitted by least squares, and its mean squared error."""
    power = float(np.mean(np.square(sound))) + 1e-12
    windows = np.lib.stride_tricks.sliding_window_view(sound, ORDER + 1)
    past, present = np.ascontiguousarray(windows[:, :-1]), windows[:, -1]
    gram = past.T @ past
    gram.flat[:: ORDER + 1] += 1e-7 * len(present) * power
    weights = np.asarray(np.linalg.solve(gram, past.T @ present), dtype=np.float64)
    return weights[::-1], float(np.mean(np.square(present - past @ weights)))


def level(samples: Signal) -> float:
    """RMS in dBFS, not below -120."""
    return 10.0 * float(np.log10(np.mean(np.square(samples)) + 1e-12)) if len(samples) else -120.0
