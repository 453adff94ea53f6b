"""Weak cues of a join with a fade, at every instant of a 5 ms grid, inside steady voiced sound.

Spectra of 10 ms in 20 bands are averaged before and after the instant, clear of a fade between them: how far their
shapes lie apart, and how that compares with the neighbouring instants; whether the level dips in between; how rough the
sound is on either side; whether the rumble below 55 Hz bends; and whether the partials go on in phase (`_harmonics`).
Sources of the idea: A. Cooper, "Detecting butt-spliced edits in forensic digital audio recordings", AES 39th
International Conference, 2010; X. Pan, X. Zhang and S. Lyu, "Detecting splicing in digital audios using local noise
level estimation", ICASSP 2012. The cues and their combination are our own.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d
from scipy.signal import butter, sosfiltfilt

from forensics.methods import _harmonics
from forensics.methods._grid import HOP_S, Floats, shifted

RATE = 16000
BANDS = 20
WINDOW = 160
"""Length of a frame, samples: 10 ms."""
FFT = 256
STEP = 40
"""Step of the frames, samples: 2.5 ms, two for each instant."""
HOP = round(HOP_S * RATE)
GAP = 2
"""Centres of the frames whose phases are compared: this many instants before and after."""
RUMBLE_HZ = 55.0
RUMBLE_RATE = 500
SIDES = {10: (2, 3), 20: (4, 8), 40: (4, 16)}
"""Stretches before and after the instant, by length in ms: first frame, and number of frames of 2.5 ms."""

LEAST_KEPT = 0.2
MOST_AROUND = 0.5
LEAST_ABOVE_DB = 8.0


def join_cues(samples: Floats, rate: int = RATE) -> NDArray[np.float32]:
    """Cues of samples [time] at 16 kHz: [instants, 1 + len(NAMES)]; the first is 1 where the sound is steady voice."""
    count = len(samples) // HOP
    heard = np.asarray(samples, dtype=np.float64)
    power = _bands(heard, count)
    summed = np.concatenate([np.zeros((1, BANDS)), np.cumsum(power, axis=0, dtype=np.float64)])
    cues: dict[str, Floats] = {}
    sides: dict[int, tuple[Floats, Floats]] = {}
    for length, (gap, width) in SIDES.items():
        left = _db(_mean(summed, -gap - width + 1, -gap + 1, count))
        right = _db(_mean(summed, gap, gap + width, count))
        sides[length] = left, right
        apart = right - left
        cues[f"distance_{length}"] = np.sqrt(np.square(apart).mean(axis=1))
        cues[f"shape_{length}"] = apart.std(axis=1)
    cues["shape_10_contrast"] = cues["shape_10"] - _neighbours(cues["shape_10"], 3, np.minimum)
    cues["distance_10_contrast"] = cues["distance_10"] - _neighbours(cues["distance_10"], 3, np.maximum)
    cues |= _dips(summed, sides, count)
    cues |= _roughness(_db(power), count)
    cues |= _rumble(heard, count)
    low = sosfiltfilt(butter(8, 1750, fs=RATE, output="sos"), heard)[:: RATE // _harmonics.RATE]
    partials = low[: (count + 1) * _harmonics.HOP - 1]  # as many instants, whatever the length
    (phase,) = _harmonics.phase_jumps(partials, (GAP,))
    cues["phase"], cues["phase_contrast"] = phase.any_jump, phase.any_jump - phase.around
    cues["partials_around"] = phase.kept_around
    steady = (phase.kept_around > LEAST_KEPT) & (phase.around < MOST_AROUND)
    loud = _above_quietest(power, sides[40], count) > LEAST_ABOVE_DB
    return np.stack([(steady & loud).astype(np.float32), *(cues[name] for name in NAMES)], axis=1).astype(np.float32)


NAMES = (
    "shape_20", "phase", "rumble_bend", "partials_around", "distance_40", "dip_20", "phase_contrast", "dip_40",
    "rumble_level", "distance_10_contrast", "rough_before", "rough_after", "shape_40", "shape_10_contrast",
)  # fmt: skip
"""The cues in the order of the columns."""


def _bands(samples: Floats, count: int) -> Floats:
    """Mean power per bin in bands of equal width on the mel scale from 120 Hz to 7.36 kHz, [2 * instants, bands]."""
    window = np.hanning(WINDOW + 2)[1:-1]
    window = (window / np.sqrt(np.square(window).sum())).astype(np.float32)
    padded = np.pad(samples.astype(np.float32), (WINDOW // 2, WINDOW))
    frames = sliding_window_view(padded, WINDOW)[::STEP][: 2 * count]
    spectrum = rfft(frames * window, FFT, axis=1)
    return np.asarray(np.square(np.abs(spectrum)) @ _filters() + 1e-10)


def _filters() -> NDArray[np.float32]:
    """Weights of the bins in the bands, [bins, bands]."""
    low, high = (1127.0 * np.log1p(np.array([120.0, 0.46 * RATE]) / 700.0)).tolist()
    edges = 700.0 * np.expm1(np.linspace(low, high, BANDS + 1) / 1127.0)
    hertz = np.fft.rfftfreq(FFT, 1.0 / RATE)
    weights = np.zeros((len(hertz), BANDS), dtype=np.float32)
    for band, (start, end) in enumerate(itertools.pairwise(edges)):
        inside = (hertz >= start) & (hertz < end)
        if not inside.any():
            inside[np.abs(hertz - (start + end) / 2).argmin()] = True
        weights[inside, band] = 1.0 / inside.sum()
    return weights


def _mean(summed: Floats, first: int, last: int, count: int) -> Floats:
    """Mean of the frames 2i+first up to 2i+last (exclusive) of every instant i, from running sums."""
    middle = 2 * np.arange(count)
    start, end = (np.clip(middle + offset, 0, len(summed) - 1) for offset in (first, last))
    return np.asarray((summed[end] - summed[start]) / np.maximum(end - start, 1)[:, None])


def _neighbours(values: Floats, by: int, of: np.ufunc) -> Floats:
    return np.asarray(of(shifted(values, by), shifted(values, -by)))


def _dips(summed: Floats, sides: dict[int, tuple[Floats, Floats]], count: int) -> dict[str, Floats]:
    """How far the level at the instant lies below the lower of both sides, dB: most bands, and the mean of all."""
    here = _db(_mean(summed, -1, 2, count))
    return {
        "dip_20": np.quantile(np.minimum(*sides[20]) - here, 0.25, axis=1),
        "dip_40": (np.minimum(*sides[40]) - here).mean(axis=1),
    }


def _roughness(levels_db: Floats, count: int) -> dict[str, Floats]:
    """Standard deviation of the bands' levels within 45 ms before and after, dB."""
    zero = np.zeros((1, BANDS))
    first = np.concatenate([zero, np.cumsum(levels_db, axis=0, dtype=np.float64)])
    second = np.concatenate([zero, np.cumsum(np.square(levels_db, dtype=np.float64), axis=0)])
    found = {}
    for name, start, end in (("rough_before", -20, -3), ("rough_after", 4, 21)):
        variance = _mean(second, start, end, count) - np.square(_mean(first, start, end, count))
        found[name] = np.sqrt(np.maximum(variance, 0.0)).mean(axis=1)
    return found


def _rumble(samples: Floats, count: int) -> dict[str, Floats]:
    """Bend (second difference) of the rumble against 50 ms before and after, dB; and its level, dBFS."""
    rumble = sosfiltfilt(butter(4, RUMBLE_HZ, fs=RATE, output="sos"), samples)[:: RATE // RUMBLE_RATE]
    bend = np.abs(np.diff(rumble, 2, prepend=rumble[:1], append=rumble[-1:]))
    here, wide = maximum_filter1d(bend, 7), maximum_filter1d(bend, 50)
    at = np.clip(np.round(np.arange(count) * HOP_S * RUMBLE_RATE).astype(int), 0, len(rumble) - 1)
    before, after = wide[np.clip(at - 37, 0, len(rumble) - 1)], wide[np.clip(at + 37, 0, len(rumble) - 1)]
    ratio = here[at] / np.maximum(np.maximum(before, after), 1e-7)
    level = np.sqrt(np.maximum(uniform_filter1d(np.square(rumble), 50), 0.0) + 1e-14)
    return {"rumble_bend": 2.0 * _db(ratio, 1e-4), "rumble_level": 20.0 * np.log10(level[at])}


def _above_quietest(power: Floats, sides: tuple[Floats, Floats], count: int) -> Floats:
    """Mean level of the quieter side above the quietest 22 ms within half a second, dB."""
    quiet = minimum_filter1d(uniform_filter1d(_db(power.mean(axis=1)), 9), 400)[::2][:count]
    return np.asarray(np.minimum(sides[0].mean(axis=1), sides[1].mean(axis=1)) - quiet)


def _db(power: Floats, floor: float = 1e-11) -> Floats:
    return np.asarray(10.0 * np.log10(np.maximum(power, floor)))
