"""How unlike two stretches of speech are as voices: cepstra and pitch, and a two-covariance model of speakers.

For the speaker-change method: a small model that tells the scatter within a speaker from that between speakers
(P. Kenny, "Bayesian speaker verification with heavy-tailed priors", 2010, of which the two-covariance model with
point estimates is the plainest case). It works below 3.8 kHz, so that a telephone leaves it what it needs. Constants:
weights/voices.yaml, learnt by detectors.train.voices. What that finds unlike is heard by the network of voiceprints.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import yaml
from scipy.fft import dct

from detectors.card import WEIGHTS
from detectors.inference import RATE, mel_filters
from synth.errors import VoxproofError
from synth.record import Record
from synth.voiceprint import similarity, voice_network
from synth.voiceprint_network import FRAMES, LEVEL, mel_powers
from synth.yaml_data import load_yaml

FloatArray = npt.NDArray[np.float64]

HOP = 320
"""Samples between frames: 20 ms."""
SIZE, LONG = 400, 1024
"""Samples of a frame for the cepstra, and for the pitch."""
CEPSTRA = 15
SLOWEST, FASTEST = RATE // 70, RATE // 400
"""Longest and shortest period of a voice, samples."""
FARTHEST = 4.0
"""Deviations after which a dimension counts no further: two voices differ in many, a mood or a microphone in few."""
LEAST_VOICED = 20
"""Voiced frames that a side needs for its pitch to count."""
HEARD = 80
"""Frames of speech in a window of the network: 1.6 s."""


class VoiceModel(Record):
    """Constants of the comparison."""

    summary: str
    """What they were learnt from."""
    licences: tuple[str, ...]
    """Of the recordings."""
    transform: tuple[tuple[float, ...], ...]
    """[features, dimensions]: differences to dimensions in which a speaker scatters with variance 1."""
    between: tuple[float, ...]
    """[dimensions]: variance of differences between two speakers."""
    frames: float
    """Frames of a side (harmonic mean of both) at which the variance within a speaker is 1."""
    threshold: float
    """Natural-log LR above which a place is given to the network."""
    likeness: float
    """Cosine of the network's embeddings at or below which another voice is named there."""
    voiceprint: str
    """SHA-256 of the network's weights that this cosine was chosen with."""
    sha256: str = ""
    """Of the file the constants were read from."""


@cache
def voice_model(path: Path = WEIGHTS / "voices.yaml") -> VoiceModel:
    """The shipped constants."""
    try:
        blob = path.read_bytes()
        return VoiceModel.model_validate({**load_yaml(blob), "sha256": hashlib.sha256(blob).hexdigest()})
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise VoxproofError(
            f"not valid constants of voices ({error})", path=path, cure="Reinstall voxproof."
        ) from error


def voice_frames(samples: npt.NDArray[np.float32], count: int) -> FloatArray:
    """Samples [time] at 16 kHz -> [count, 16]: cepstra 1 to 15, and the pitch in semitones (nan: unvoiced)."""
    padded = np.pad(samples, (0, max(count * HOP + LONG - len(samples), 0)))
    short = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP][:count]
    power = np.abs(np.fft.rfft(short * np.hanning(SIZE).astype(np.float32), axis=1)) ** 2
    mel = power @ _filters().T
    log = np.log(np.maximum(mel, mel.max(axis=1, keepdims=True) * 1e-6 + 1e-12))
    cepstra = dct(log, type=2, norm="ortho", axis=1)[:, 1 : CEPSTRA + 1]
    return np.concatenate([cepstra, _pitch(padded, count)[:, None]], axis=1)


@cache
def _filters() -> npt.NDArray[np.float32]:
    """Mel filters whose centres lie between 100 and 3800 Hz."""
    filters = mel_filters(80, SIZE)
    centre = filters.argmax(axis=1) * RATE / SIZE
    return np.asarray(filters[(centre >= 100) & (centre <= 3800)])


def _pitch(padded: npt.NDArray[np.float32], count: int) -> FloatArray:
    """Pitch of each frame by normalised autocorrelation, semitones above 1 Hz; nan where it is no voice: [count]."""
    long = np.lib.stride_tricks.sliding_window_view(padded, LONG)[::HOP][:count]
    centred = (long - long.mean(axis=1, keepdims=True)) * np.hanning(LONG).astype(np.float32)
    auto = np.fft.irfft(np.abs(np.fft.rfft(centred, 2 * LONG, axis=1)) ** 2, axis=1)
    window = np.hanning(LONG)
    taper = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * LONG)) ** 2)
    ratio = auto[:, FASTEST:SLOWEST] / np.maximum(auto[:, :1], 1e-9) / (taper[FASTEST:SLOWEST] / taper[0])
    inner = ratio[:, 1:-1]
    peak = (inner >= ratio[:, :-2]) & (inner >= ratio[:, 2:]) & (inner >= 0.85 * ratio.max(axis=1, keepdims=True))
    best = peak.argmax(axis=1) + 1  # the first: later ones are its multiples
    voiced = peak.any(axis=1) & (ratio[np.arange(count), best] > 0.6)
    return np.where(voiced, 12 * np.log2(RATE / (best + FASTEST)), np.nan)


def sums(frames: FloatArray) -> FloatArray:
    """Running sums with which any stretch is described: frames [time, 16] -> [time + 1, 34]."""
    cepstra, pitch = frames[:, :-1], frames[:, -1]
    voiced = np.isfinite(pitch)
    known = np.where(voiced, pitch, 0.0)
    rows = np.concatenate([cepstra, cepstra**2, known[:, None], known[:, None] ** 2, voiced[:, None]], axis=1)
    ones = np.ones((len(frames), 1))
    return np.concatenate([np.zeros((1, rows.shape[1] + 1)), np.cumsum(np.concatenate([rows, ones], 1), axis=0)])


def difference(running: FloatArray, first: tuple[int, int], second: tuple[int, int]) -> tuple[FloatArray, float]:
    """Of two stretches of frames: features [32] (means, log deviations, pitch), and their harmonic mean length."""
    one, two = (running[end] - running[start] for start, end in (first, second))
    return described(one) - described(two), 2.0 / (1.0 / one[-1] + 1.0 / two[-1])


def described(total: FloatArray) -> FloatArray:
    """Sums of a stretch -> its features [32]; the pitch is 0 where too little is voiced."""
    count, voiced = total[-1], total[-2]
    mean, square = total[:CEPSTRA] / count, total[CEPSTRA : 2 * CEPSTRA] / count
    spread = 0.5 * np.log(np.maximum(square - mean**2, 1e-4))
    pitch = total[2 * CEPSTRA] / max(voiced, 1.0)
    wobble = np.sqrt(max(total[2 * CEPSTRA + 1] / max(voiced, 1.0) - pitch**2, 0.0))
    return np.concatenate([mean, spread, [pitch if voiced >= LEAST_VOICED else np.nan, wobble]])


def log_lr(model: VoiceModel, features: FloatArray, frames: float) -> float:
    """Natural-log LR of "two speakers" against "one", from a difference [32]."""
    known = np.where(np.isfinite(features), features, 0.0)
    if not np.isfinite(features[-2]):
        known[-1] = 0.0
    scale = np.sqrt(frames / model.frames) if frames < model.frames else 1.0
    d = scale * (known @ np.array(model.transform))
    between = np.array(model.between)
    return float(np.sum(0.5 * (np.minimum(d**2, FARTHEST**2) * (1 - 1 / between) - np.log(between))))


def likeness(before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]) -> float:
    """Cosine of two voices as the network of voiceprints hears them; each side is speech [windows, 25600] at 16 kHz.

    Every window is brought to one level, so that a step of the level is no voice.
    """
    network = voice_network()
    mels = []
    for window in np.concatenate([before, after]):
        power = float(np.mean(window.astype(np.float64) ** 2))
        mels.append(mel_powers(window * np.float32(LEVEL / np.sqrt(power + 1e-12)), network.filters)[:FRAMES])
    heard = network.windows(np.stack(mels))
    means = np.stack([heard[: len(before)].mean(axis=0), heard[len(before) :].mean(axis=0)])
    return similarity(*network.embedding(means))
