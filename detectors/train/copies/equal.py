"""A copy and its original made equal in all that is no speech: place in time, tilt, edges, length, level, floor.

What a detector learns from such a pair is the waveform. Both go through this together; neither is favoured.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.signal

from detectors.neutral import trimmed_span
from detectors.train.copies.base import Doubles, Rng
from synth.channels.base import FloatArray, fit
from synth.errors import VoxproofError

LEVEL_DB, FLOOR_DB = -26.0, -86.0
"""RMS of both, and of the white noise that both get, dB re full scale."""
MOST_DB = 15.0
"""Farthest that the copy's long-term spectrum is moved to the original's, dB."""
TAPS, SMOOTH = 255, 9
"""Of the filter that moves it; bins (of 513) over which the difference is smoothed."""
LONGEST_LAG_S = 0.02
"""Delay of a copy that is looked for, seconds."""
MOST_LAG_S = 0.002
"""What may be left of it, seconds."""
HEADROOM = 0.98
MARGIN_S = 0.01
"""What is always cut at either end, where methods have had to invent a beginning, seconds."""
SHORTEST_S = 0.5


def equalised(original: FloatArray, copy: FloatArray, rate: int, rng: Rng) -> tuple[FloatArray, FloatArray]:
    """Original and copy [time] -> both [the same, shorter time]. Raises `VoxproofError` if too little is left."""
    copy = moved(fit(copy, original.size), -lag(original, copy, rate))
    copy = tilted(copy, original)
    spans = [trimmed_span(one) for one in (original, copy)]
    margin = round(MARGIN_S * rate)
    first = max(margin, *(span[0] for span in spans))
    last = min(original.size - margin, *(span[1] for span in spans))
    if last - first < SHORTEST_S * rate:
        raise VoxproofError("too little sound is left where original and copy are both loud")
    pair = original[first:last], copy[first:last]
    if abs(lag(pair[0], pair[1], rate)) > MOST_LAG_S * rate:
        raise VoxproofError(f"the copy stays more than {1000 * MOST_LAG_S:g} ms beside its original")
    noise = rng.standard_normal(last - first) * 10 ** (FLOOR_DB / 20)
    level = 10 ** (LEVEL_DB / 20)
    scaled = [one * (level / np.sqrt(np.mean(one.astype(np.float64) ** 2))) + noise for one in pair]
    peak = max(float(np.abs(one).max()) for one in scaled)
    gain = min(1.0, HEADROOM / peak)
    return (gain * scaled[0]).astype(np.float32), (gain * scaled[1]).astype(np.float32)


def lag(original: FloatArray, copy: FloatArray, rate: int) -> int:
    """Samples that the copy comes late, by its envelope: phases may be others altogether."""
    smooth = np.hanning(rate // 100) / (rate / 200)
    envelopes = []
    for one in (original, copy):
        power = np.convolve(one.astype(np.float64) ** 2, smooth, "same")
        log = np.log(power + 1e-6 * power.max() + 1e-20)
        envelopes.append(log - log.mean())
    reach = round(LONGEST_LAG_S * rate)
    both = scipy.signal.correlate(envelopes[1], envelopes[0], "full", method="fft")
    middle = original.size - 1
    near: npt.NDArray[np.floating] = both[middle - reach : middle + reach + 1]
    return int(np.argmax(near)) - reach


def moved(samples: FloatArray, by: int) -> FloatArray:
    """Samples [time] later by so many, or earlier if negative; zeros come in: [time]."""
    if by >= 0:
        return np.concatenate([np.zeros(by, np.float32), samples])[: samples.size]
    return np.concatenate([samples[-by:], np.zeros(-by, np.float32)])


def tilted(copy: FloatArray, original: FloatArray) -> FloatArray:
    """The copy [time] with the original's smoothed long-term spectrum, as far as `MOST_DB` goes; no delay."""
    size = 1024
    difference = _long_term_db(original, size) - _long_term_db(copy, size)
    difference -= float(np.median(difference))
    kernel = np.ones(SMOOTH) / SMOOTH
    smooth = np.convolve(np.pad(difference, SMOOTH // 2, mode="edge"), kernel, "valid")
    gain = 10 ** (np.clip(smooth, -MOST_DB, MOST_DB) / 20)
    taps = scipy.signal.firwin2(TAPS, np.linspace(0, 1, gain.size), gain)
    return np.asarray(scipy.signal.oaconvolve(copy, taps, "same"), np.float32)


def _long_term_db(samples: FloatArray, size: int) -> Doubles:
    _, power = scipy.signal.welch(samples, nperseg=min(size, samples.size), nfft=size)
    return np.asarray(10 * np.log10(power + 1e-9 * power.max() + 1e-20), np.float64)
