"""From a score to a bounded log10 likelihood ratio with its interval. The constants come from a card.

Logistic calibration whose slope depends on the length of the speech; the interval follows from the covariance of the
constants over a bootstrap of whole sources; both ends are held inside the cap and the ELUB bounds of the card
(P. Vergeer et al., "Numerical likelihood ratios outputted by LR systems are often based on extrapolation", 2016).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from detectors.card import Calibration

FloatArray = npt.NDArray[np.float64]

LONGEST_S = 10.0
"""Speech beyond this length changes nothing: longer clips were not in the calibration part."""
SHORTEST_S = 0.5
Z95 = 1.959964


def design(score: FloatArray, speech_seconds: FloatArray) -> FloatArray:
    """What the three constants multiply: scores [n], seconds [n] -> [n, 3]."""
    octaves = np.log2(np.clip(speech_seconds, SHORTEST_S, LONGEST_S) / 4)
    return np.stack([score, octaves * score, np.ones_like(score)], -1)


def limits(calibration: Calibration) -> tuple[float, float]:
    """Least and largest log10 LR that may be reported."""
    return max(-calibration.cap, calibration.elub.lower), min(calibration.cap, calibration.elub.upper)


def raw_log10_lr(calibration: Calibration, score: FloatArray, speech_seconds: FloatArray) -> FloatArray:
    """Unbounded log10 LRs [n]; the slope never becomes negative, so that more score is never less evidence."""
    octaves = np.log2(np.clip(speech_seconds, SHORTEST_S, LONGEST_S) / 4)
    slope = np.maximum(calibration.slope + calibration.slope_per_octave * octaves, 0.0)
    return slope * score + calibration.intercept


def log10_lr(
    calibration: Calibration, score: FloatArray, speech_seconds: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Bounded log10 LRs [n] with the ends of their 95 % intervals [n], [n]."""
    low, high = limits(calibration)
    value = raw_log10_lr(calibration, score, speech_seconds)
    x = design(score, speech_seconds)
    half = Z95 * np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", x, np.array(calibration.covariance), x), 0))
    return tuple(np.clip(v, low, high) for v in (value, value - half, value + half))  # type: ignore[return-value]


def with_interval(
    x: FloatArray, constants: FloatArray, covariance: FloatArray, bounds: tuple[float, float]
) -> tuple[float, tuple[float, float]]:
    """log10 LR x . constants of one clip and its 95 % interval over the constants' covariance, all held inside bounds.

    Measures with a last one for the intercept [k], constants [k], covariance [k, k].
    """
    value = float(x @ constants)
    half = Z95 * float(np.sqrt(max(0.0, float(x @ covariance @ x))))
    low, high = bounds
    value, lower, upper = (float(np.clip(v, low, high)) for v in (value, value - half, value + half))
    return value, (lower, upper)


def frame_log10_lr(calibration: Calibration, score: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bounded log10 LR of each 20 ms frame: the LR of a clip that sounded like this frame throughout; nan stays nan."""
    low, high = limits(calibration)
    value = calibration.frame_slope * score + calibration.frame_intercept
    out: npt.NDArray[np.float32] = np.clip(value, low, high).astype(np.float32)
    return out


def log10_of_count(sources: int) -> float:
    """The cap that so many independent sources allow, rounded down to two digits."""
    return math.floor(math.log10(max(1, sources)) * 100) / 100
