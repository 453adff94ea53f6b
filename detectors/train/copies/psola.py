"""Another pitch in the same time by moving the periods themselves: pitch-synchronous overlap-add.

E. Moulines, F. Charpentier, "Pitch-Synchronous Waveform Processing Techniques for Text-to-Speech Synthesis Using
Diphones" (1990), TD-PSOLA. Concatenative synthesis and pitch correction do this; the words stay where they were.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from detectors.train.copies.base import Doubles, Family, Method, Rng, Setting, Settings
from detectors.train.copies.spectra import hann, pitch_track
from synth.channels.base import FloatArray

UNVOICED_S = 0.005
"""Distance of marks where there is no voice, seconds."""


class Psola(Method):
    name: ClassVar[str] = "psola"
    family: ClassVar[Family] = Family.PROCESSED

    def draw(self, rng: Rng) -> dict[str, Setting]:
        change = float(rng.uniform(0.5, 3.0)) * float(rng.choice([-1, 1]))
        return {"semitones": round(change, 2)}

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        hertz = pitch_track(samples, rate)
        marks = pitch_marks(samples, hertz, rate)
        factor = 2 ** (float(settings["semitones"]) / 12)
        out, weight = np.zeros(samples.size), np.full(samples.size, 1e-3)
        at, reach = float(marks[0]), int(0.03 * rate)
        padded = np.pad(samples, reach)
        while at < samples.size:
            place = int(at)
            mark = marks[_nearest(marks, place)]
            period = _period(hertz[mark], rate)
            half = min(period, reach)
            window = hann(2 * half)
            first = place - half
            low, high = max(first, 0), min(place + half, samples.size)
            piece = padded[mark + reach - half : mark + reach + half] * window
            out[low:high] += piece[low - first : high - first]
            weight[low:high] += window[low - first : high - first]
            at += period / factor if hertz[min(place, hertz.size - 1)] > 0 else period
        # where windows overlap more or less than by half, the level is set right
        return np.asarray(out / np.maximum(weight, 0.2), np.float32)


def pitch_marks(samples: FloatArray, hertz: Doubles, rate: int) -> npt.NDArray[np.int64]:
    """Samples about a period apart, at peaks of the wave where there is a voice, ascending [n]."""
    marks, at = [0], 0
    while True:
        period = _period(hertz[at], rate)
        following = at + period
        if following >= samples.size:
            return np.array(marks)
        if hertz[at] > 0:
            reach = max(period // 6, 1)
            low = max(following - reach, at + 1)
            high = min(following + reach + 1, samples.size)
            following = low + int(np.argmax(samples[low:high]))
        marks.append(following)
        at = following


def _period(hertz: float, rate: int) -> int:
    return round(rate / hertz) if hertz > 0 else round(UNVOICED_S * rate)


def _nearest(marks: npt.NDArray[np.int64], place: int) -> int:
    after = int(np.searchsorted(marks, place))
    if after == 0:
        return 0
    if after == marks.size or place - marks[after - 1] <= marks[after] - place:
        return after - 1
    return after
