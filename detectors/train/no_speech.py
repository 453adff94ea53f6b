"""Sounds that are no speech, five seconds each, made from a seed: what a detector of machine speech must not answer."""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Rng = np.random.Generator
RATE = 16_000
SAMPLES = 5 * RATE
_TIME = np.arange(SAMPLES) / RATE


def _sines(frequencies: npt.NDArray[np.float64], level: float = 0.1) -> npt.NDArray[np.float64]:
    waves: npt.NDArray[np.float64] = level * np.sin(2 * np.pi * frequencies[:, None] * _TIME).mean(0)
    return waves


def _white(rng: Rng) -> npt.NDArray[np.float64]:
    return 0.1 * rng.standard_normal(SAMPLES)


def _bursts(rng: Rng) -> npt.NDArray[np.float64]:
    return _white(rng) * (np.sin(2 * np.pi * rng.uniform(1, 4) * _TIME) > 0)


def _chord(rng: Rng) -> npt.NDArray[np.float64]:
    return _sines(rng.uniform(150, 350) * np.array([1, 1.25, 1.5, 2]))


def _sweep(rng: Rng) -> npt.NDArray[np.float64]:
    start, end = rng.uniform(100, 300), rng.uniform(1000, 4000)
    wave: npt.NDArray[np.float64] = 0.1 * np.sin(2 * np.pi * (start * _TIME + (end - start) / 10 * _TIME**2))
    return wave


def _clicks(rng: Rng) -> npt.NDArray[np.float64]:
    return np.asarray(0.5 * (rng.random(SAMPLES) < rng.uniform(3e-4, 3e-3)), np.float64)


def _ringing(rng: Rng) -> npt.NDArray[np.float64]:
    """A telephone's: two tones, on and off, over faint noise."""
    tone = _sines(np.array([440.0, 480.0])) * (np.sin(2 * np.pi * rng.uniform(0.3, 1) * _TIME) > 0)
    return tone + 1e-3 * rng.standard_normal(SAMPLES)


def _melody(rng: Rng) -> npt.NDArray[np.float64]:
    """Four plucked notes a second, with overtones."""
    out = np.zeros(SAMPLES)
    for start in range(0, SAMPLES, RATE // 4):
        note = 220 * 2 ** (int(rng.integers(0, 24)) / 12)
        decay = np.exp(-6 * _TIME[: SAMPLES - start])
        out[start:] += 0.1 * decay * sum(np.sin(2 * np.pi * note * k * _TIME[: SAMPLES - start]) / k for k in (1, 2, 3))
    return out


NO_SPEECH: Mapping[str, Callable[[Rng], npt.NDArray[np.float64]]] = {
    "white noise": _white,
    "bursts of noise": _bursts,
    "chord": _chord,
    "sweep": _sweep,
    "clicks": _clicks,
    "ringing tone": _ringing,
    "plucked melody": _melody,
}
"""How each kind is drawn."""


def sound(kind: str, seed: int) -> FloatArray:
    """Samples [time], 16 kHz."""
    return NO_SPEECH[kind](np.random.default_rng(seed)).astype(np.float32)
