"""Voice-like sounds, and joins of them with a fade."""

from __future__ import annotations

import numpy as np
from method_clips import Samples, room_noise
from scipy.signal import lfilter

RATE = 16000


def vowel(seconds: float, pitch_hz: float, formants_hz: tuple[float, ...], seed: int) -> Samples:
    """A steady vowel of slowly gliding pitch in a little noise: pulses through resonances, RMS near -20 dBFS."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    pitch = pitch_hz * (1.0 + 0.05 * np.linspace(0.0, 1.0, count))
    cycles = np.cumsum(pitch) / RATE + rng.uniform()
    sound = np.diff(np.floor(cycles), prepend=np.floor(cycles[0]))
    for formant in formants_hz:
        radius = np.exp(-np.pi * 90.0 / RATE)
        sound = lfilter([1.0], [1.0, -2.0 * radius * np.cos(2.0 * np.pi * formant / RATE), radius**2], sound)
    voiced: Samples = 0.1 * sound / np.sqrt(np.mean(np.square(sound)))
    return voiced + room_noise(seconds, RATE, -55.0, seed + 100)[:count]


def crossfaded(first: Samples, second: Samples, fade_s: float) -> Samples:
    """The end of the first and the start of the second overlap by the fade, linear; the join is its middle."""
    count = round(fade_s * RATE)
    if not count:
        return np.concatenate([first, second])
    rise = (np.arange(count) + 0.5) / count
    middle = first[-count:] * (1.0 - rise) + second[:count] * rise
    return np.concatenate([first[:-count], middle, second[count:]])
