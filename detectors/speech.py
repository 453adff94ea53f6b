"""The trained lines that ship: windows of sound to calibrated scores, one clip or three hours, in bounded memory.

Windows of 5 s side by side, each cut to its speech and brought to one level inside the scorer, so that silence around
the speech, digital zeros, level and length say nothing. A window gives one logit and one per 20 ms;
the clip's score is the mean of the windows' logits weighted by their speech; the card calibrates it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.calibration import frame_log10_lr, log10_lr
from detectors.card import WEIGHTS, Card
from detectors.head import Heard
from detectors.inference import FRAME, RATE, load_network
from detectors.spectral import load_spectral
from synth.card import checked_weights, read_card
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

WINDOW = 5 * RATE
Scorer = Callable[[FloatArray], Heard]
"""Samples [time], 16 kHz -> what is heard in the window, frame logits [time // 320]."""
SCORERS: Mapping[str, Callable[[Path], Scorer]] = {
    "detector.speech": load_network,
    "detector.spectral": load_spectral,
}
"""How the weights of each line are loaded, by the name in their card."""
LEAST_SPEECH = 25
"""Speech frames (0.5 s) below which a window is not scored."""


@dataclass(frozen=True)
class SpeechScores:
    """What the detector says about one clip. Positive: made by a machine."""

    frame_log10_lr: FloatArray
    """[frames of 20 ms], log10 LR of a clip that sounded like this frame throughout; nan where nothing was scored."""
    log10_lr: float
    """Of the clip, bounded; nan when no window held enough speech."""
    log10_lr_bounds: tuple[float, float]
    """95 % interval of the calibration, bounded alike."""
    speech_seconds: float
    """Speech that was scored."""
    windows: int
    """Windows that were scored; 0 means: could not be tested."""
    logit: float
    """Speech-weighted mean of the windows' logits, before calibration and bounds; nan without windows."""
    units: FloatArray
    """[units], speech-weighted mean of the head's hidden units: where the clip lies; empty without windows."""


@dataclass(frozen=True)
class RawScores:
    """Before calibration: logits of the network."""

    frames: FloatArray
    """[frames of 20 ms], nan where nothing was scored."""
    score: float
    """Speech-weighted mean of the windows' logits; nan without windows."""
    speech_seconds: float
    """Speech in the scored windows, counted once."""
    windows: int
    """Windows scored."""
    units: FloatArray
    """[units], speech-weighted mean of the head's hidden units; empty without windows."""


class SpeechDetector:
    """A trained line and its card. `load` once, `score` as many clips as you like."""

    def __init__(self, scorer: Scorer, card: Card) -> None:
        self.scorer = scorer
        self.card = card
        self.name, self.version, self.sha256 = card.name, card.version, card.sha256

    @classmethod
    def load(cls, weights: Path | None = None) -> SpeechDetector:
        """The shipped weights, or a safetensors file with its card (same name, .yaml) beside it."""
        path = weights or WEIGHTS / "speech.safetensors"
        card = read_card(path.with_suffix(".yaml"), Card)
        if card.name not in SCORERS:
            known = ", ".join(SCORERS)
            raise VoxproofError(f"weights of an unknown line ({card.name})", path=path, cure=f"Known are: {known}.")
        cure = "Reinstall voxproof, or name the weights together with their own card."
        return cls(SCORERS[card.name](checked_weights(card, path.parent, cure=cure)), card)

    def score(self, blocks: Iterable[FloatArray], speech: BoolArray | None = None) -> SpeechScores:
        """Mono 16 kHz blocks [time] of any sizes, in order -> scores; `speech` on the 20 ms grid if it is known."""
        raw = raw_scores(self.scorer, blocks, speech)
        if raw.windows == 0:
            nan = float("nan")
            return SpeechScores(raw.frames, nan, (nan, nan), raw.speech_seconds, 0, nan, raw.units)
        value, lower, upper = log10_lr(self.card.calibration, np.array([raw.score]), np.array([raw.speech_seconds]))
        frames = frame_log10_lr(self.card.calibration, raw.frames)
        bounds = float(lower[0]), float(upper[0])
        return SpeechScores(frames, float(value[0]), bounds, raw.speech_seconds, raw.windows, raw.score, raw.units)


def raw_scores(scorer: Scorer, blocks: Iterable[FloatArray], speech: BoolArray | None = None) -> RawScores:
    """Logits before calibration; blocks and mask as in `SpeechDetector.score`."""
    pieces: list[tuple[int, FloatArray]] = []
    masks: list[tuple[int, BoolArray]] = []
    weighted = weight = 0.0
    units = np.zeros(0, np.float32)
    samples = 0
    for first, window in windows(blocks):
        samples = first * FRAME + window.size
        frames = -(-window.size // FRAME)
        mask = own_speech(window) if speech is None else fitted(speech[first : first + frames], frames)
        if mask.sum() < LEAST_SPEECH:
            continue
        start, cut = cut_to_speech(window, mask)
        heard = scorer(cut)
        pieces.append((first + start, heard.frames))
        masks.append((first, mask))
        weight += float(mask.sum())
        weighted += float(mask.sum()) * heard.logit
        units = units + float(mask.sum()) * heard.units if units.size else float(mask.sum()) * heard.units
    length = -(-samples // FRAME)
    summed, count, spoken = np.zeros(length), np.zeros(length), np.zeros(length, np.bool_)
    for at, values in pieces:
        summed[at : at + values.size] += values
        count[at : at + values.size] += 1
    for at, mask in masks:
        spoken[at : at + mask.size] |= mask
    average = np.where(count > 0, summed / np.maximum(count, 1), np.nan).astype(np.float32)
    score = weighted / weight if weight else float("nan")
    return RawScores(average, score, float(spoken.sum()) * FRAME / RATE, len(pieces), units / max(weight, 1.0))


def cut_to_speech(window: FloatArray, mask: BoolArray) -> tuple[int, FloatArray]:
    """What of a window is scored, from its first to its last speech: (first frame, samples)."""
    inside = np.flatnonzero(mask)
    start, end = int(inside[0]), int(inside[-1]) + 1
    return start, window[start * FRAME : end * FRAME]


def windows(blocks: Iterable[FloatArray]) -> Iterator[tuple[int, FloatArray]]:
    """Blocks of any sizes -> (first frame, samples [up to 5 s]); the last window ends with the sound.

    Positions depend on the sound alone: 0, 5, 10 s, and a last one that begins on the 20 ms grid.
    """
    held, start = np.zeros(0, np.float32), 0  # samples kept, and the position of the first of them
    following = 0  # the next window's start
    for block in blocks:
        held = np.concatenate([held, np.asarray(block, np.float32)])
        while start + held.size >= following + WINDOW:
            yield following // FRAME, held[following - start : following - start + WINDOW]
            following += WINDOW
            keep = max(0, following - WINDOW - start)  # a last window may begin up to 5 s before the next
            held, start = held[keep:], start + keep
    end = start + held.size
    if end > following:
        first = max(0, -(-(end - WINDOW) // FRAME) * FRAME)
        yield first // FRAME, held[first - start :]


def own_speech(window: FloatArray) -> BoolArray:
    """Where a window is within 30 dB of its loud parts and above -95 dB of full scale: [frames of 20 ms]."""
    frames = -(-window.size // FRAME)
    padded = np.zeros(frames * FRAME, np.float32)
    padded[: window.size] = window
    level = 10 * np.log10(np.mean(padded.reshape(-1, FRAME) ** 2, axis=1) + 1e-12)
    return np.asarray((level > np.percentile(level, 95) - 30) & (level > -95), np.bool_)


def fitted(mask: BoolArray, frames: int) -> BoolArray:
    """A mask of exactly so many frames; what it does not cover counts as silence."""
    return np.concatenate([mask[:frames], np.zeros(max(0, frames - mask.size), np.bool_)])
