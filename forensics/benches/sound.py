"""How well the measures of `synth.measures` do: SNR on constructed mixes, and speech activity against silero-vad.

The mixes are speech of clean recordings and noise of known power, so that the true SNR is known: mean power of the
speech over the frames in which the clean recording has speech, over the power of the added noise and of the clean
recording's own floor, all between 80 Hz and 8 kHz. Silero-vad (https://github.com/snakers4/silero-vad) is another
detector, not the truth; it is no dependency of this package.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import signal

from forensics.benches.battery.clips import Clip
from forensics.benches.battery.plan import draw
from synth.audio import AudioError, open_recording, read, write
from synth.errors import VoxproofError
from synth.measures import FRAME_S, Activity, measure_activity

RATE = 16_000
LEVELS_DB = (0, 5, 10, 15, 20, 25, 30)
CLEAN_DB = 35.0
"""Least SNR of a recording that is taken for clean, dB (as measured)."""
SECONDS = (1.5, 20.0)
TALKERS = 8
WITHIN_DB = 3.0
NOISES = ("white", "pink", "brown", "eight talkers")
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Clean:
    """A clean recording at 16 kHz, and its activity as measured."""

    samples: Samples
    """[time], mono."""
    activity: Activity
    clip: Clip


@dataclass(frozen=True)
class SnrRow:
    """Errors of the SNR in one noise at one level."""

    noise: str
    level_db: int
    """True SNR."""
    errors_db: tuple[float, ...]
    """Measured less true, one for each recording in which speech was found."""
    count: int
    """Recordings; those without any speech found count as failures."""

    @property
    def within(self) -> float:
        """Share of recordings whose SNR is within WITHIN_DB of the truth, 0..1."""
        return sum(abs(error) <= WITHIN_DB for error in self.errors_db) / self.count

    @property
    def mean_error_db(self) -> float:
        """Mean error, nan without any."""
        return float(np.mean(self.errors_db)) if self.errors_db else float("nan")


@dataclass(frozen=True)
class Agreement:
    """Frames of 20 ms of two speech detectors."""

    clips: int
    frames: int
    both: int
    """Speech to both."""
    ours: int
    """Speech to us."""
    theirs: int
    """Speech to silero-vad."""

    @property
    def agree(self) -> float:
        """Share of frames in which both say the same."""
        return (self.frames - self.ours - self.theirs + 2 * self.both) / self.frames


def clean_clips(clips: Sequence[Clip], count: int, seed: int) -> list[Clean]:
    """Up to `count` clean recordings of all sources in turn."""
    found: list[Clean] = []
    fit = [clip for clip in clips if SECONDS[0] <= clip.seconds <= SECONDS[1]]
    for clip in draw(fit, len(fit), np.random.default_rng(seed)):
        if len(found) == count:
            break
        try:
            samples = read(clip.path, rate=RATE).mono
        except AudioError:
            continue
        activity = _measured(samples)
        if activity.snr_db is not None and activity.snr_db >= CLEAN_DB:
            found.append(Clean(samples, activity, clip))
    if len(found) <= TALKERS:
        cause = f"only {len(found)} clean recordings were found, at least {TALKERS + 1} are needed"
        raise VoxproofError(cause, cure="Install pocketsphinx-testdata, or give folders of recordings with --clips")
    return found


def snr_rows(clips: Sequence[Clean], seed: int) -> Iterator[SnrRow]:
    """Errors for each noise and level."""
    for noise in NOISES:
        errors: dict[int, list[float]] = {level: [] for level in LEVELS_DB}
        for index, clip in enumerate(clips):
            rng = np.random.default_rng([seed, NOISES.index(noise), index])
            others = [other for other in clips if other.clip.speaker != clip.clip.speaker] or list(clips)
            length = len(clip.samples)
            added = babble(others, length, rng) if noise == NOISES[-1] else coloured(noise, length, rng)
            for level in LEVELS_DB:
                snr = _measured(mix(clip, added, level)).snr_db
                if snr is not None:
                    errors[level].append(snr - level)
        for level in LEVELS_DB:
            yield SnrRow(noise, level, tuple(errors[level]), len(clips))


def coloured(noise: str, length: int, rng: np.random.Generator) -> Samples:
    """Noise whose power falls by 0 (white), 3 (pink) or 6 dB (brown) an octave above 40 Hz, [time]."""
    spectrum = np.fft.rfft(rng.standard_normal(length))
    hertz = np.maximum(np.fft.rfftfreq(length, 1 / RATE), 40.0)
    slope = {"white": 0.0, "pink": 0.5, "brown": 1.0}[noise]
    return np.fft.irfft(spectrum / hertz**slope, length).astype(np.float32)


def babble(clips: Sequence[Clean], length: int, rng: np.random.Generator) -> Samples:
    """Eight recordings at once, each of the same power, repeated from a random instant on."""
    total = np.zeros(length, dtype=np.float32)
    for index in rng.permutation(len(clips))[:TALKERS]:
        voice = clips[index].samples
        start = int(rng.integers(len(voice)))
        total += np.resize(np.roll(voice, -start), length) / np.sqrt(np.mean(voice**2))
    return total


def mix(clip: Clean, noise: Samples, level_db: float) -> Samples:
    """The clip with noise at a true SNR, at most 0.9 of full scale."""
    floor = 10.0 ** (clip.activity.noise_floor_db / 10)
    wanted = max(_speech_power(clip) / 10.0 ** (level_db / 10) - floor, 0.0)
    mixed = clip.samples + noise * np.sqrt(wanted / _power(noise))
    return np.asarray(mixed * min(1.0, 0.9 / float(np.abs(mixed).max())), dtype=np.float32)


def _speech_power(clip: Clean) -> float:
    speech = np.repeat(clip.activity.speech, int(FRAME_S * RATE))[: len(clip.samples)]
    return _power(clip.samples, speech)


def _power(samples: Samples, where: npt.NDArray[np.bool_] | None = None) -> float:
    """Mean power above 80 Hz, where asked for."""
    high = signal.sosfiltfilt(signal.butter(4, 80.0, "highpass", fs=RATE, output="sos"), samples)
    return float(np.mean((high if where is None else high[: len(where)][where]) ** 2))


def _measured(samples: Samples) -> Activity:
    with tempfile.TemporaryDirectory(prefix="voxproof-bench-") as folder:
        path = Path(folder) / "mix.wav"
        write(path, samples, RATE, "FLOAT")
        with open_recording(path) as recording:
            return measure_activity(recording)


def silero() -> Callable[[Samples], npt.NDArray[np.bool_]]:
    """Silero-vad as a function from samples at 16 kHz to a mask on the 20 ms grid."""
    try:
        torch, vad = import_module("torch"), import_module("silero_vad")
    except ImportError as error:
        cause = f"silero-vad cannot be imported ({error})"
        raise VoxproofError(cause, cure="Install it with pip install silero-vad, or leave out --silero") from error
    model = vad.load_silero_vad()

    def mask(samples: Samples) -> npt.NDArray[np.bool_]:
        spans: list[dict[str, Any]] = vad.get_speech_timestamps(torch.from_numpy(samples), model, sampling_rate=RATE)
        centres = (np.arange(-(-len(samples) // int(FRAME_S * RATE))) + 0.5) * FRAME_S * RATE
        inside = np.zeros(len(centres), dtype=bool)
        for span in spans:
            inside |= (centres >= span["start"]) & (centres < span["end"])
        return inside

    return mask


def agreement(clips: Sequence[Clean], theirs: Callable[[Samples], npt.NDArray[np.bool_]]) -> Agreement:
    """Our speech mask against another on clean recordings."""
    frames = both = ours = others = 0
    for clip in clips:
        mine, other = clip.activity.speech, theirs(clip.samples)
        size = min(len(mine), len(other))
        mine, other = mine[:size], other[:size]
        frames += size
        both += int((mine & other).sum())
        ours += int(mine.sum())
        others += int(other.sum())
    return Agreement(len(clips), frames, both, ours, others)


def markdown(clips: Sequence[Clean], rows: Sequence[SnrRow], agreed: Agreement | None) -> str:
    """The tables of docs/sound.md."""
    sources = sorted({clip.clip.source for clip in clips})
    lines = [
        f"{len(clips)} clean recordings of {', '.join(sources)}. Share within {WITHIN_DB:g} dB, and mean error in dB:",
        "",
        "| noise | " + " | ".join(f"{level} dB" for level in LEVELS_DB) + " |",
        "|---" * (len(LEVELS_DB) + 1) + "|",
    ]
    for noise in NOISES:
        cells = [f"{100 * row.within:.0f} %, {row.mean_error_db:+.1f}" for row in rows if row.noise == noise]
        lines.append(f"| {noise} | {' | '.join(cells)} |")
    if agreed is not None:
        lines += [
            "",
            f"Speech activity against silero-vad on the same {agreed.clips} recordings, {agreed.frames:,} frames: "
            f"{100 * agreed.agree:.1f} % agree; of the frames that we mark, "
            f"{100 * agreed.both / max(agreed.ours, 1):.1f} % are speech to silero-vad, and of its frames we mark "
            f"{100 * agreed.both / max(agreed.theirs, 1):.1f} %.",
        ]
    return "\n".join(lines)
