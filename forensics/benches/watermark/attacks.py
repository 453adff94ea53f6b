"""What is done to marked and to unmarked sound: channels, and changes of timing, each with what is asked after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import soxr

from synth.channels import (
    G711,
    G722,
    Aac,
    AmrNb,
    Band,
    Channel,
    Echo,
    Gain,
    Gsm,
    Mp3,
    Noise,
    Opus,
    Pitch,
    Quantise,
    Resample,
    Room,
    Smooth,
    Vorbis,
)
from synth.channels.base import FloatArray
from synth.channels.tempo import at_tempo

RATE = 16_000
Change = Callable[[FloatArray, int], FloatArray]


@dataclass(frozen=True)
class Attack:
    """One row of the tables."""

    name: str
    change: Change
    """(samples [time] at 16 kHz, seed) -> samples [time] at 16 kHz."""
    presence: float = 0.98
    """Least share of 5 s clips in which the mark is to be found."""
    payload_5s: float | None = None
    """Least share of 5 s clips whose payload is to authenticate; None: no aim."""
    payload_10s: float | None = None

    def __call__(self, samples: FloatArray, seed: int) -> FloatArray:
        """Applied, and rounded to 16 bits as in a file: [time] -> [time]."""
        out = self.change(samples, seed)
        return (np.round(np.clip(out, -1, 32767 / 32768) * 32768) / 32768).astype(np.float32)


def _channel(channel: Channel) -> Change:
    return lambda samples, seed: channel(samples, RATE, seed)[0]


def _speed(factor: float) -> Change:
    """Played `factor` times as fast: pitch and tempo."""
    return lambda samples, seed: soxr.resample(samples, factor, 1.0, quality="HQ").astype(np.float32)


def _stretch(factor: float) -> Change:
    """`factor` times as long, at the same pitch."""
    return lambda samples, seed: at_tempo(samples, RATE, 1 / factor)


def _crop(samples: FloatArray, seed: int) -> FloatArray:
    """Up to 1 s off the start, and a shift by part of a sample."""
    rng = np.random.default_rng(seed)
    cut = samples[int(rng.integers(1, RATE)) :]
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(cut.size) * rng.uniform(0.1, 0.9))
    return np.fft.irfft(np.fft.rfft(cut) * turn, cut.size).astype(np.float32)


def _excerpt(samples: FloatArray, seed: int) -> FloatArray:
    """The second with the most energy among five drawn: an excerpt that somebody would choose holds speech."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(0, max(samples.size - RATE, 0) + 1, 5)
    best = max(starts.tolist(), key=lambda at: float(np.sum(samples[at : at + RATE] ** 2)))
    return samples[best : best + RATE]


ATTACKS: tuple[Attack, ...] = (
    Attack("none", lambda samples, seed: samples, payload_5s=0.95),
    Attack("MP3 64k", _channel(Mp3(64_000)), payload_5s=0.95),
    Attack("MP3 32k", _channel(Mp3(32_000)), payload_5s=0.95),
    Attack("AAC 64k", _channel(Aac(64_000)), payload_5s=0.95),
    Attack("AAC 32k", _channel(Aac(32_000)), payload_5s=0.95),
    Attack("Opus 24k", _channel(Opus(24_000)), payload_5s=0.95),
    Attack("Opus 12k", _channel(Opus(12_000)), payload_10s=0.8),
    Attack("Vorbis q1", _channel(Vorbis(0.1))),
    Attack("G.711 µ-law", _channel(G711("mu")), payload_5s=0.95),
    Attack("G.722", _channel(G722()), payload_5s=0.95),
    Attack("AMR-NB 12.2", _channel(AmrNb(12_200)), payload_10s=0.8),
    Attack("resampled 8 kHz", _channel(Resample(8000)), payload_5s=0.95),
    Attack("resampled 11 kHz", _channel(Resample(11_025)), payload_5s=0.95),
    Attack("300-3400 Hz", _channel(Band(300.0, 3400.0)), payload_5s=0.95),
    Attack("high-pass 1.5 kHz", _channel(Band(1500.0, None))),
    Attack("low-pass 500 Hz", _channel(Band(None, 500.0))),
    Attack("white noise 20 dB", _channel(Noise(20.0)), payload_10s=0.8),
    Attack("pink noise 10 dB", _channel(Noise(10.0, -3.0)), payload_10s=0.8),
    Attack("echo 0.5 s, 0.5", _channel(Echo())),
    Attack("room 0.5 s", _channel(Room(0.5)), payload_10s=0.8),
    Attack("gain x10, clipped", _channel(Gain(10.0)), payload_5s=0.95),
    Attack("gain x0.1", _channel(Gain(0.1)), payload_5s=0.95),
    Attack("polarity", _channel(Gain(-1.0)), payload_5s=0.95),
    Attack("smoothed 40", _channel(Smooth())),
    Attack("8 bit", _channel(Quantise(8))),
    Attack("crop, part of a sample", _crop, payload_5s=0.95),
    Attack("speed 0.95", _speed(0.95), payload_10s=0.8),
    Attack("speed 1.05", _speed(1.05), payload_10s=0.8),
    Attack("speed 1.25", _speed(1.25), payload_10s=0.8),
    Attack("stretch 0.9", _stretch(0.9), payload_10s=0.8),
    Attack("stretch 1.1", _stretch(1.1), payload_10s=0.8),
    Attack("GSM-FR", _channel(Gsm()), presence=0.9),
    Attack("AMR-NB 5.9", _channel(AmrNb(5900)), presence=0.9),
    Attack("white noise 10 dB", _channel(Noise(10.0)), presence=0.9),
    Attack("pitch +1 semitone", _channel(Pitch(1.0)), presence=0.9),
    Attack("pitch -1 semitone", _channel(Pitch(-1.0)), presence=0.9),
    Attack("1 s excerpt", _excerpt, presence=0.9),
)
"""What the mark is aimed to survive; a row that sounds are not resampled in is at 16 kHz."""
