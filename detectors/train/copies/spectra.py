"""Frames, spectra and excitation that several methods build on. Frame k lies about sample k * hop, in all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.fft

from detectors.train.copies.base import Doubles, Rng
from synth.channels.base import FloatArray
from synth.pitch import pitch_of

Spectra = npt.NDArray[np.complexfloating]


def hann(size: int) -> FloatArray:
    """The periodic window [size]."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)


def framed(samples: FloatArray, size: int, hop: int) -> FloatArray:
    """Samples [time] -> pieces [1 + time // hop, size], reflected at the ends (padded with zeros where too short)."""
    sides = size // 2, size - size // 2
    padded = np.pad(samples, sides, mode="reflect") if samples.size > size else np.pad(samples, sides)
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][: 1 + samples.size // hop]


def stft(samples: FloatArray, size: int, hop: int) -> Spectra:
    """Samples [time] -> spectra [1 + time // hop, size // 2 + 1] under a Hann window."""
    spectra: Spectra = scipy.fft.rfft(framed(samples, size, hop) * hann(size), axis=1)
    return spectra


def istft(spectra: Spectra, size: int, hop: int, length: int) -> FloatArray:
    """The inverse of `stft` for consistent spectra, least squares for others: -> [length]."""
    window = hann(size)
    pieces = scipy.fft.irfft(spectra, size, axis=1) * window
    weight = added(np.broadcast_to(window**2, pieces.shape), hop)
    out = (added(pieces, hop) / np.maximum(weight, 1e-3))[size // 2 :]
    return np.pad(out, (0, max(0, length - out.size)))[:length].astype(np.float32)


def added(pieces: npt.NDArray[np.floating], hop: int) -> Doubles:
    """Pieces [frames, size], each `hop` after the one before, added up: [(frames - 1) * hop + size]."""
    frames, size = pieces.shape
    parts = -(-size // hop)
    padded = np.pad(pieces, ((0, 0), (0, parts * hop - size))).reshape(frames, parts, hop)
    out = np.zeros((frames + parts, hop))
    for part in range(parts):
        out[part : part + frames] += padded[:, part]
    return out.reshape(-1)[: (frames - 1) * hop + size]


def minimum_phase(log_magnitude: npt.NDArray[np.floating]) -> Spectra:
    """Natural-log magnitudes [frames, bins] -> spectra [frames, bins] of the same magnitude, without delay."""
    size = 2 * (log_magnitude.shape[1] - 1)
    cepstra = scipy.fft.irfft(log_magnitude, size, axis=1)
    cepstra[:, 1 : size // 2] *= 2
    cepstra[:, size // 2 + 1 :] = 0
    spectra: Spectra = np.exp(scipy.fft.rfft(cepstra, axis=1))
    return spectra


def filtered(excitation: FloatArray, filters: Spectra, hop: int) -> FloatArray:
    """Excitation [time] through the filter of each moment [1 + time // hop, bins], by overlapping pieces: [time]."""
    size = 2 * (filters.shape[1] - 1)
    pieces = framed(excitation, 2 * hop, hop) * hann(2 * hop)
    rows = min(len(pieces), len(filters))
    made = scipy.fft.irfft(scipy.fft.rfft(pieces[:rows], size, axis=1) * filters[:rows], size, axis=1)
    return added(made, hop)[hop : hop + excitation.size].astype(np.float32)


def pitch_track(samples: FloatArray, rate: int) -> Doubles:
    """Hz of every sample [time], 0 where there is no voice; between frames it glides."""
    frames = pitch_of(samples, rate)
    places = (np.arange(samples.size) / rate - 0.005) * 100
    if not (frames > 0).any():
        return np.zeros(samples.size)
    voiced = np.flatnonzero(frames > 0)
    hertz = np.interp(places, voiced, frames[voiced])
    nearest = np.clip(np.rint(places).astype(int), 0, frames.size - 1)
    return np.where(frames[nearest] > 0, hertz, 0.0)


def pulses(hertz: Doubles, rate: int) -> FloatArray:
    """One pulse a period where there is a voice, of power 1: Hz [time] -> [time]; between samples it is shared."""
    turns = np.cumsum(hertz / rate)
    at = np.flatnonzero(np.diff(np.floor(turns), prepend=0.0) >= 1)
    out = np.zeros(hertz.size + 1)
    step = np.maximum(hertz[at], 1.0) / rate
    early = np.clip((turns[at] - np.floor(turns[at])) / step, 0, 1)  # the crossing lies so far before the sample
    height = 1 / np.sqrt(step)
    np.add.at(out, at, height * (1 - early))
    np.add.at(out, np.maximum(at - 1, 0), height * early)
    return out[: hertz.size].astype(np.float32)


def excitation(hertz: Doubles, rate: int, noise_above_hz: float, rng: Rng) -> FloatArray:
    """Pulses where there is a voice, white noise elsewhere and, in the voice, above a frequency: [time], power 1."""
    noise = rng.standard_normal(hertz.size).astype(np.float32)
    tone = pulses(hertz, rate)
    voiced = (hertz > 0).astype(np.float32)
    if noise_above_hz < rate / 2:
        high = np.fft.rfftfreq(hertz.size, 1 / rate) > noise_above_hz
        both = np.where(high, np.fft.rfft(noise * voiced), np.fft.rfft(tone))
        tone = np.fft.irfft(both, hertz.size).astype(np.float32)
    mixed: FloatArray = (tone * voiced + noise * (1 - voiced)).astype(np.float32)
    return mixed
