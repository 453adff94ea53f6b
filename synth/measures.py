"""How much speech a recording holds, how loud and how clean it is, and how far up its spectrum goes.

Speech activity: energy in the band of speech above a noise floor that follows the recording (minimum statistics
after R. Martin, IEEE Trans. Speech and Audio Processing 9(5), 2001), in runs that hold some voiced sound
(autocorrelation after P. Boersma, Proc. Inst. Phonetic Sciences Amsterdam 17, 1993), so that steady noise and
clicks are no speech. SNR: mean power of the speech frames less that of the noise, over the median power of the
other frames. Everything is streamed; only a few numbers per 20 ms frame stay in memory. The error of the SNR on
constructed mixes, and the agreement with another speech detector, are in `docs/sound.md`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from synth.audio import Recording, mean_of_channels

FRAME_S = 0.02
"""The house's time grid in seconds."""
RATE = 16_000
"""Rate in Hz at which speech activity is judged."""
HOP = 320
"""Samples per frame at RATE."""
SILENCE_DB = -120.0
"""Level that stands for digital silence, in dB relative to full scale."""
SNR_RANGE_DB = (-10.0, 60.0)

WINDOW, CONTEXT, FFT = 512, 96, 1024
SPEECH_BAND_HZ = (150.0, 4000.0)
VOICE_BAND_HZ = (80.0, 1500.0)
PITCH_HZ = (70.0, 400.0)
FULL_SCALE = 0.999
"""Magnitude from which a sample counts as clipped when its neighbours do too."""
ONSET_DB, STAY_DB = 6.0, 2.5
"""Level above the noise floor that starts a run of speech, and that continues it."""
ONSET_BELOW_DB, STAY_BELOW_DB = 22.0, 30.0
"""Largest distance below the loud frames of the surrounding 10 s, for the same two decisions."""
VOICED = 0.6
"""Normalised autocorrelation from which a frame counts as voiced."""
QUIETEST_DB = -85.0
"""Level in the speech band below which nothing is taken for speech."""

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Activity:
    """Levels and speech on the 20 ms grid of a whole recording. Levels are dB relative to full scale (RMS of ±1: 0)."""

    rms_db: FloatArray
    """Level of each frame, mean power of the channels, [frames]; SILENCE_DB for digital silence."""
    speech: npt.NDArray[np.bool_]
    """True where there is speech, [frames]."""
    noise_floor_db: float
    """Level of the frames without speech in the band below 8 kHz (median); of all frames when they are too few."""
    speech_level_db: float | None
    """Level of the speech in the band below 8 kHz, noise taken off; None without speech."""
    snr_db: float | None
    """Speech level over noise floor, limited to -10..60; None without speech."""
    speech_seconds: float
    """Time marked as speech."""
    seconds: float
    """Length of the recording."""
    silent_fraction: float
    """Share of frames that are digital silence, 0..1."""
    clipped_fraction: float
    """Share of samples in runs of three or more at full scale (at least 0.999), 0..1."""
    peak: float
    """Largest magnitude of any sample, full scale 1."""
    dc: tuple[float, ...]
    """Mean of each channel, full scale 1."""

    def segments(self) -> list[tuple[float, float]]:
        """Runs of speech as (start, end) in seconds."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.speech.astype(np.int8), [0]])))
        return [(int(a) * FRAME_S, int(b) * FRAME_S) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@dataclass(frozen=True)
class BandEdge:
    """Where the long-term spectrum ends."""

    hz: float
    """Upper band edge in Hz; the Nyquist frequency when the spectrum has no step."""
    step_db: float
    """Drop across the edge (means of 500 Hz on both sides); 0 when there is none."""
    nyquist_hz: float
    """Half the native sample rate."""
    frequencies: FloatArray
    """Frequencies of the long-term spectrum in Hz, [bins]."""
    levels_db: FloatArray
    """Long-term power spectrum in dB (arbitrary zero), [bins]."""


def measure_activity(recording: Recording) -> Activity:
    """All measures of `Activity`, in two passes over the recording; memory grows by some 40 bytes per frame."""
    rms, peak, clipped, dc = _native_levels(recording)
    band, wide, voiced = _features(recording.resampled(RATE))
    count = len(rms)
    band, wide, voiced = (_fit(x, count) for x in (band, wide, voiced))
    silent = rms <= SILENCE_DB
    speech = _speech(band, voiced, silent)
    noise, level, snr = _levels(wide, speech, silent)
    return Activity(
        rms_db=rms,
        speech=speech,
        noise_floor_db=noise,
        speech_level_db=level,
        snr_db=snr,
        speech_seconds=min(float(speech.sum()) * FRAME_S, recording.seconds),
        seconds=recording.seconds,
        silent_fraction=float(silent.mean()),
        clipped_fraction=clipped,
        peak=peak,
        dc=dc,
    )


def speech_frames(samples: FloatArray) -> npt.NDArray[np.bool_]:
    """Where there is speech in samples [time] at 16 kHz, as `measure_activity` marks it: [frames of 20 ms]."""
    if not len(samples):
        return np.zeros(0, dtype=bool)
    silent = frame_levels([np.pad(samples, (0, -len(samples) % HOP))]) <= SILENCE_DB
    band, _, voiced = _features(iter(np.split(samples, range(RATE, len(samples), RATE))))
    return _speech(_fit(band, len(silent)), _fit(voiced, len(silent)), silent)


def frame_levels(blocks: Iterable[FloatArray]) -> FloatArray:
    """Level of each whole 20 ms frame of 16 kHz mono blocks [time] (any lengths), dB re full scale, [frames]."""
    levels = []
    rest = np.empty(0, dtype=np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        whole = len(rest) // HOP * HOP
        frames = rest[:whole].reshape(-1, HOP).astype(np.float64)
        levels.append(_db((frames**2).mean(axis=1)))
        rest = rest[whole:]
    return np.concatenate(levels).astype(np.float32) if levels else np.empty(0, dtype=np.float32)


def _native_levels(recording: Recording) -> tuple[FloatArray, float, float, tuple[float, ...]]:
    """Frame levels, peak, clipped share and channel means, at the native rate."""
    rate, channels = recording.facts.sample_rate, recording.facts.channels
    grid = FRAME_S * rate
    levels = array("f")
    total = np.zeros(channels)
    peak, clipped, first, frame = 0.0, 0, 0, 0
    tail = counted = np.zeros((2, channels), dtype=bool)
    for block in recording.blocks(seconds=1.0):
        total += [block[:, channel].sum(dtype=np.float64) for channel in range(channels)]
        largest = max(float(block.max()), -float(block.min()))
        peak = max(peak, largest)
        if largest >= FULL_SCALE or tail.any():
            full = np.concatenate([tail, np.abs(block) >= FULL_SCALE])
            runs = full[:-2] & full[1:-1] & full[2:]
            marked = np.zeros_like(full)
            for shift in range(3):
                marked[shift : shift + len(runs)] |= runs
            clipped += int(marked.sum()) - int((marked[:2] & counted).sum())
            tail, counted = full[-2:], marked[-2:]
        else:
            tail = counted = np.zeros((2, channels), dtype=bool)
        last = first + len(block)
        starts = []
        while round(frame * grid) < last:
            starts.append(round(frame * grid) - first)
            frame += 1
        _add(levels, _db(_frame_power(block, starts)))
        first = last
    share = clipped / (recording.frames * channels)
    means = tuple(float(x) for x in total / recording.frames)
    return np.frombuffer(levels, np.float32), peak, share, means


def _frame_power(block: FloatArray, starts: list[int]) -> npt.NDArray[Any]:
    """Mean square of the samples from each start to the next, all channels, [frames]."""
    if not starts:
        return np.empty(0)
    counts = np.diff([*starts, len(block)])
    power: npt.NDArray[Any]
    if starts[0] == 0 and (counts == counts[0]).all():
        rows = np.ascontiguousarray(block).reshape(len(starts), -1)
        power = np.einsum("ij,ij->i", rows, rows) / rows.shape[1]
    else:
        power = np.add.reduceat(np.square(block, dtype=np.float64).mean(axis=1), starts) / counts
    return power


def _features(blocks: Iterator[FloatArray]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Per frame: level in the speech band, level up to 8 kHz (both dB), and voicing (0..1)."""
    window = np.hanning(WINDOW).astype(np.float32)
    scale = 2.0 / (FFT * float((window**2).sum()))
    hertz = np.fft.rfftfreq(FFT, 1 / RATE)
    in_band = (hertz >= SPEECH_BAND_HZ[0]) & (hertz <= SPEECH_BAND_HZ[1])
    audible = hertz >= VOICE_BAND_HZ[0]
    voice = ((hertz >= VOICE_BAND_HZ[0]) & (hertz <= VOICE_BAND_HZ[1])).astype(np.float32)
    lags = slice(int(RATE / PITCH_HZ[1]), int(RATE / PITCH_HZ[0]) + 1)
    own = np.fft.irfft(np.abs(np.fft.rfft(window, FFT)) ** 2)
    correction = (own[0] / own[lags]).astype(np.float32)
    band, wide, voicing = array("f"), array("f"), array("f")

    def measure(samples: FloatArray, count: int) -> None:
        if not samples.any():
            _add(band, np.full(count, SILENCE_DB))
            _add(wide, np.full(count, SILENCE_DB))
            _add(voicing, np.zeros(count))
            return
        frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count]
        power = np.abs(fft.rfft(frames * window, FFT)).astype(np.float32) ** 2
        _add(band, _db(power[:, in_band].sum(axis=1, dtype=np.float64) * scale))
        _add(wide, _db(power[:, audible].sum(axis=1, dtype=np.float64) * scale))
        correlation = fft.irfft(power * voice)
        peaks = (correlation[:, lags] * correction).max(axis=1)
        _add(voicing, np.clip(peaks / np.maximum(correlation[:, 0], 1e-20), 0.0, 1.0))

    rest = np.zeros(CONTEXT, dtype=np.float32)
    done = total = 0
    for block in blocks:
        total += len(block)
        rest = np.concatenate([rest, block])
        count = (len(rest) - WINDOW) // HOP + 1
        if count > 0:
            measure(rest, count)
            done += count
            rest = rest[count * HOP :]
    left = math.ceil(total / HOP) - done
    if left > 0:
        measure(np.pad(rest, (0, max(0, (left - 1) * HOP + WINDOW - len(rest)))), left)
    return np.frombuffer(band, np.float32), np.frombuffer(wide, np.float32), np.frombuffer(voicing, np.float32)


def _add(numbers: array[float], more: npt.NDArray[Any]) -> None:
    """One array that grows: thousands of small ones would leave the memory in pieces."""
    numbers.frombytes(more.astype(np.float32).tobytes())


def _speech(band: FloatArray, voicing: FloatArray, silent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Speech mask from level above the floor, with hysteresis, a voiced core, short gaps closed, edges kept."""
    above = np.where(silent, -np.inf, band - _floor(band, silent))
    loud = _loud(band)
    stay = (above > STAY_DB) & (band > np.maximum(loud - STAY_BELOW_DB, QUIETEST_DB))
    onset = (above > ONSET_DB) & (band > np.maximum(loud - ONSET_BELOW_DB, QUIETEST_DB))
    stay = ndimage.binary_closing(np.pad(stay, 5), structure=np.ones(4, dtype=np.int8))[5:-5]
    label, count = ndimage.label(stay)
    if not count:
        return np.zeros(len(band), dtype=bool)
    index = np.arange(1, count + 1)
    core = ndimage.sum_labels(onset & (voicing > VOICED), label, index)
    length = ndimage.sum_labels(stay, label, index)
    keep = np.concatenate([[False], (core >= 3) & (core >= 0.1 * length)])
    speech = keep[label]
    speech = ndimage.binary_closing(np.pad(speech, 10), structure=np.ones(11, dtype=np.int8))[10:-10]
    grown: npt.NDArray[np.bool_] = ndimage.binary_dilation(speech, structure=np.ones(3, dtype=np.int8)) & ~silent
    return grown


def _floor(band: FloatArray, silent: npt.NDArray[np.bool_]) -> FloatArray:
    """Noise floor in dB per frame: minimum over 4 s of 0.1 s means, smoothed; digital silence does not count."""
    power = np.where(silent, 0.0, 10.0 ** (band.astype(np.float64) / 10))
    weight = ndimage.uniform_filter1d((~silent).astype(np.float64), 5, mode="nearest")
    mean = ndimage.uniform_filter1d(power, 5, mode="nearest") / np.maximum(weight, 1e-9)
    level = np.where(weight > 0.5, _db(mean), np.inf)
    lowest = ndimage.minimum_filter1d(level, 201, mode="nearest")
    finite = np.isfinite(lowest)
    if not finite.any():
        return np.full(len(band), SILENCE_DB, dtype=np.float32)
    lowest = np.where(finite, lowest, lowest[finite].min())
    return np.asarray(ndimage.uniform_filter1d(lowest, 101, mode="nearest") + 1.0, dtype=np.float32)


def _loud(band: FloatArray) -> FloatArray:
    """Level in dB of the loud frames around each frame (95th percentile of 10 s, neighbours interpolated)."""
    size = 500
    chunks = [band[start : start + size] for start in range(0, max(1, len(band) - size // 2), size)]
    levels = [float(np.percentile(chunk, 95)) for chunk in chunks]
    centres = [size * i + len(chunk) / 2 for i, chunk in enumerate(chunks)]
    return np.interp(np.arange(len(band)), centres, levels).astype(np.float32)


def _levels(
    wide: FloatArray, speech: npt.NDArray[np.bool_], silent: npt.NDArray[np.bool_]
) -> tuple[float, float | None, float | None]:
    """Noise floor, speech level and SNR in dB."""
    sounding = ~silent
    quiet = ndimage.binary_erosion(~speech, structure=np.ones(5, dtype=np.int8), border_value=1) & sounding
    if quiet.sum() < 15:
        quiet = ~speech & sounding
    if not speech.any():
        return (float(np.median(wide[sounding])) if sounding.any() else SILENCE_DB), None, None
    if quiet.sum() >= 15:
        noise = float(np.median(wide[quiet]))
    elif (~speech).sum() >= 15:
        noise = SILENCE_DB
    else:
        noise = float(np.percentile(wide[speech], 3))
    noise_power = 10 ** (noise / 10)
    power = float(np.mean(10.0 ** (wide[speech].astype(np.float64) / 10))) - noise_power
    level = 10 * math.log10(max(power, noise_power * 10 ** (SNR_RANGE_DB[0] / 10), 1e-12))
    return noise, level, float(np.clip(level - noise, *SNR_RANGE_DB))


def long_term_spectrum(recording: Recording) -> tuple[FloatArray, FloatArray]:
    """Frequencies in Hz (some 20 Hz apart) and mean power in dB at the native rate, mono, [bins].

    Hann windows overlap by half in recordings of up to a minute, and adjoin in longer ones.
    """
    rate = recording.facts.sample_rate
    size = 1 << max(8, round(math.log2(rate / 20)))
    window = np.hanning(size).astype(np.float32)
    hop = size // 2 if recording.seconds <= 60 else size
    power = np.zeros(size // 2 + 1)
    rest = np.zeros(0, dtype=np.float32)
    for block in recording.blocks(seconds=4.0):
        rest = np.concatenate([rest, mean_of_channels(block)])
        if len(rest) >= size:
            frames = np.lib.stride_tricks.sliding_window_view(rest, size)[::hop]
            power += (np.abs(fft.rfft(frames * window)) ** 2).sum(axis=0, dtype=np.float64)
            rest = rest[len(frames) * hop :]
    if not power.any() and len(rest):
        power += np.abs(fft.rfft(np.pad(rest, (0, max(0, size - len(rest))))[:size] * window)) ** 2
    return np.fft.rfftfreq(size, 1 / rate).astype(np.float32), _db(power / size).astype(np.float32)


def band_edge(recording: Recording, least_step_db: float = 12.0) -> BandEdge:
    """Highest frequency at which the long-term spectrum falls by a step and does not come back.

    The step is the difference of the mean levels in the 500 Hz below and above, 60 Hz apart; the edge is the
    largest step above which the spectrum stays at least half the step below the level before it.
    """
    hertz, levels = long_term_spectrum(recording)
    width = float(hertz[1])
    near, far = max(1, round(30 / width)), max(3, round(530 / width))
    total = np.concatenate([[0.0], np.cumsum(levels, dtype=np.float64)])
    centres = np.arange(far, len(levels) - near - 2)
    nyquist = float(recording.facts.sample_rate) / 2
    none = BandEdge(nyquist, 0.0, nyquist, hertz, levels)
    if not len(centres) or levels.max() <= SILENCE_DB:
        return none
    upper = np.minimum(centres + far, len(levels))
    below = (total[centres - near] - total[centres - far]) / (far - near)
    above = (total[upper] - total[centres + near]) / (upper - centres - near)
    smooth = ndimage.uniform_filter1d(levels, max(3, round(100 / width)))
    returns = np.maximum.accumulate(smooth[::-1])[::-1][np.minimum(centres + near, len(levels) - 1)]
    step = below - above
    stays = returns <= below - 0.5 * step
    step = np.where(stays, step, 0.0)
    best = int(np.argmax(step))
    if step[best] < least_step_db:
        return none
    return BandEdge(float(hertz[centres[best]]), float(step[best]), nyquist, hertz, levels)


def _db(power: npt.NDArray[Any]) -> npt.NDArray[Any]:
    levels = 10.0 * np.log10(np.maximum(power, 10.0 ** (SILENCE_DB / 10)))
    floored: npt.NDArray[Any] = np.maximum(levels, SILENCE_DB)
    return floored


def _fit(values: FloatArray, count: int) -> FloatArray:
    """Cut or repeat the end, so that both grids have the same number of frames."""
    if len(values) >= count:
        return values[:count]
    return np.pad(values, (0, count - len(values)), mode="edge")
