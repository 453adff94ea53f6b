"""What the mark does to the sound: PESQ-WB, STOI, signal over residual, residual over the masking threshold, DNSMOS.

Masking: in each critical band and frame of 32 ms, the threshold of ISO/IEC 11172-3 psychoacoustic model 1 for a tonal
masker in the same band, -6.025 - 0.275 z dB (z the critical-band rate in bark; noise maskers allow more). Spreading
from other bands is left out, which makes the threshold stricter.
"""

from __future__ import annotations

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from synth.channels.base import FloatArray
from synth.watermark.carrier import BIN_HZ, converted, powers

_TOO_LITTLE_SPEECH = 1e-5
"""What pystoi gives, with a warning, where fewer than 30 frames are left without the silence."""


def quality(original: FloatArray, marked: FloatArray, rate: int) -> tuple[float, float, float, float, float]:
    """What the mark did to a sound [time].

    -> PESQ-WB, STOI, signal over residual in dB, the share of critical bands and frames with speech in which the
    residual exceeds the masking threshold, and by how much DNSMOS rises. PESQ, STOI and DNSMOS are nan without their
    packages (pesq, pystoi, speechmos), STOI also where there is too little speech for it.
    """
    a, b = (converted(sound, rate, 16_000) for sound in (original, marked))
    ratio = 10 * np.log10(float(np.sum(a.astype(float) ** 2)) / max(float(np.sum((b - a).astype(float) ** 2)), 1e-20))
    return *likeness(a, b), ratio, over_masking(a, b), dnsmos(b) - dnsmos(a)


def likeness(a: FloatArray, b: FloatArray) -> tuple[float, float]:
    """PESQ-WB and STOI of two sounds at 16 kHz [time]."""
    return _pesq(a, b), _stoi(a, b)


def bark(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Critical-band rate (Zwicker and Terhardt, J. Acoust. Soc. Am. 68(5), 1980)."""
    return 13 * np.arctan(0.00076 * hz) + 3.5 * np.arctan((hz / 7500) ** 2)


def over_masking(original: FloatArray, marked: FloatArray) -> float:
    """Sounds [time] at 16 kHz -> share of bands and frames with speech in which the residual exceeds the threshold."""
    rate = bark(BIN_HZ)
    bands = np.floor(rate).astype(int)
    fold = (bands[None] == np.arange(bands.max() + 1)[:, None]).astype(np.float32)
    host, residual = fold @ powers(original), fold @ powers(marked - original)
    allowed = -6.025 - 0.275 * (np.arange(fold.shape[0]) + 0.5)
    live = host > 1e-5 * host.max()
    above = 10 * np.log10((residual + 1e-12) / (host + 1e-12)) > allowed[:, None]
    return float(above[live].mean())


def _pesq(a: FloatArray, b: FloatArray) -> float:
    try:
        from pesq import pesq
    except ImportError:
        return float("nan")
    return float(pesq(16_000, a, b, "wb"))


def _stoi(a: FloatArray, b: FloatArray) -> float:
    try:
        from pystoi import stoi
    except ImportError:
        return float("nan")
    value = float(stoi(a, b, 16_000))
    return value if value > _TOO_LITTLE_SPEECH else float("nan")


def dnsmos(sound: FloatArray) -> float:
    """Overall quality by DNSMOS P.835 (Reddy et al., ICASSP 2022)."""
    try:
        package = import_module("speechmos.dnsmos")
    except ImportError:
        return float("nan")
    return float(package.run(np.clip(sound, -1, 1), 16_000)["ovrl_mos"])
