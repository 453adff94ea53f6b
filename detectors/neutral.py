"""The neutral version of a clip: same band, edges, length law, level and noise floor for both classes.

What a classifier can still tell apart afterwards is speech, not the trivial habits of a page. Mono 16 kHz, zero-phase
low-pass at 7 kHz, edges below -40 dB of the peak cut, a random piece of 1.5 to 5 s (or of a stated length) with a
random number of samples, -26 dBFS RMS, white noise 60 dB below.
"""

import zlib

import numpy as np
import numpy.typing as npt
import scipy.signal

FloatArray = npt.NDArray[np.float32]
RATE = 16_000
_LOW_PASS = scipy.signal.butter(8, 7000, "low", fs=RATE, output="sos")


def neutral(samples: FloatArray, key: str, seconds: float | None = None) -> FloatArray:
    """Samples [time] at 16 kHz -> neutral samples [time]; `key` (the clip's id) seeds the piece. Empty if too short."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    sound = trimmed(samples)
    wanted = int(rng.integers(24000, 80000)) if seconds is None else int(seconds * RATE)
    length = min(sound.size, wanted)
    length -= int(rng.integers(0, max(1, min(400, length // 10))))
    if length < 0.5 * RATE or (seconds is not None and length < 0.9 * wanted):
        return np.zeros(0, np.float32)
    start = int(rng.integers(0, sound.size - length + 1))
    return evened(sound[start : start + length], rng)


def evened(piece: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Samples [time] at 16 kHz, low-passed at 7 kHz, at -26 dBFS RMS, with white noise 60 dB below: [time]."""
    piece = scipy.signal.sosfiltfilt(_LOW_PASS, piece)
    piece = piece / (np.sqrt((piece**2).mean()) + 1e-9) * 10 ** (-26 / 20)
    noise = rng.standard_normal(len(piece)) * 10 ** (-86 / 20)
    noisy: FloatArray = np.clip(piece + noise, -1, 1).astype(np.float32)
    return noisy


def trimmed(samples: FloatArray, floor_db: float = -40.0) -> FloatArray:
    """Samples [time] at 16 kHz without the edges that stay `floor_db` below the loudest 10 ms."""
    return samples[slice(*trimmed_span(samples, floor_db))]


def trimmed_span(samples: FloatArray, floor_db: float = -40.0) -> tuple[int, int]:
    """First sample that `trimmed` keeps, and the one after its last; (0, 0) where nothing is loud."""
    envelope = np.convolve(np.abs(samples), np.ones(160, np.float32) / 160, "same")
    loud = np.flatnonzero(envelope > envelope.max() * 10 ** (floor_db / 20))
    return (int(loud[0]), int(loud[-1]) + 1) if loud.size else (0, 0)
