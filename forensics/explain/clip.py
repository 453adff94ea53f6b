"""The passage of a recording that is explained, in the windows in which the trained lines score it.

Windows, their cut to speech and their weights are those of detectors/speech.py, so that the score that is explained is
the score that the verdict was made of, as long as the passage is the whole recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.inference import FRAME, RATE
from detectors.speech import LEAST_SPEECH, WINDOW, cut_to_speech, own_speech, windows

FloatArray = npt.NDArray[np.float32]
Logit = Callable[[FloatArray], float]
"""A detector as it is explained: samples [time], 16 kHz -> logit of one window; positive: made by a machine."""

LONGEST_S = 20.0
"""Seconds that are explained of a longer recording: what costs most grows with them."""


@dataclass(frozen=True)
class Window:
    """One window as it is scored."""

    first: int
    """Frame of 20 ms at which it begins in the passage."""
    samples: FloatArray
    """[time], 16 kHz, from its first to its last speech."""
    weight: float
    """Its share of the passage's score; the shares add up to 1."""


@dataclass(frozen=True)
class Passage:
    """A stretch of a recording as the trained lines hear it."""

    start_s: float
    """Where it begins in the recording, seconds."""
    samples: FloatArray
    """[time], mono, 16 kHz."""
    windows: tuple[Window, ...]
    """Those that hold enough speech; none: nothing can be explained."""

    @classmethod
    def of(cls, samples: FloatArray, start_s: float = 0.0) -> Passage:
        """Samples [time], mono, 16 kHz -> the passage in its windows."""
        return cls(start_s, np.asarray(samples, np.float32), tuple(_spoken(samples)))

    @property
    def frames(self) -> int:
        """Frames of 20 ms, the last one begun counted."""
        return -(-self.samples.size // FRAME)

    @property
    def seconds(self) -> float:
        """Length of the passage."""
        return self.samples.size / RATE

    @property
    def heard(self) -> tuple[int, int]:
        """First frame of 20 ms that is scored, and the one after the last."""
        ends = [w.first + -(-w.samples.size // FRAME) for w in self.windows]
        return min((w.first for w in self.windows), default=0), max(ends, default=0)

    def score(self, logit: Logit) -> float:
        """The logit of the passage, the weighted mean of its windows'; positive: made by a machine."""
        return float(sum(w.weight * logit(w.samples) for w in self.windows))


def leaning(blocks: Iterable[FloatArray], detectors: Sequence[Logit], seconds: float = LONGEST_S) -> float:
    """Where the passage of so many seconds begins, s, that leans most to where the whole recording leans.

    Blocks [time], mono, 16 kHz, of any sizes, are listened to in turn and not kept. Passages begin at multiples of 5 s,
    as the windows do, the last one so that it ends with the sound; 0 of a recording that is no longer.
    """
    begins, logits, weights, length = [], [], [], 0
    for first, window in windows(blocks):
        length = first * FRAME + window.size
        mask = own_speech(window)
        if mask.sum() >= LEAST_SPEECH:
            _, cut = cut_to_speech(window, mask)
            begins.append(first * FRAME)
            logits.append(sum(line(cut) for line in detectors))
            weights.append(float(mask.sum()))
    size = int(seconds * RATE)
    if length <= size or not begins:
        return 0.0
    pulls, starts = np.array(logits) * np.array(weights), np.array(begins)
    direction = np.sign(float(pulls.sum())) or 1.0

    def pull(start: int) -> float:
        inside = (starts >= start) & (starts + WINDOW <= start + size + FRAME)
        return float(direction * pulls[inside].sum())

    start = max(range(0, length - WINDOW, WINDOW), key=pull)
    return min(start, (length - size) // FRAME * FRAME) / RATE


def _spoken(samples: FloatArray) -> list[Window]:
    found = []
    for first, window in windows([samples]):
        mask = own_speech(window)
        if mask.sum() >= LEAST_SPEECH:
            start, cut = cut_to_speech(window, mask)
            found.append((first + start, cut, float(mask.sum())))
    total = sum(weight for _, _, weight in found)
    return [Window(first, cut, weight / total) for first, cut, weight in found]
