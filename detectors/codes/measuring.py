"""One clip through ear, tables and GPT: every code measure of it, in windows, and what the lines of evidence use.

Measures that depend on the length (how many different codes, the entropy of their use) are means over windows of 5 s,
so that a clip of ten seconds can be held against one of five. The GPT reads every window under three texts:

    free     a full stop and nothing else: what follows what, without knowing what is said
    heard    the phones that the model's own reader hears in the codes, where nobody gave a transcript
    wrong    one fixed sentence that was not said
    given    the transcript, where there is one and the clip is a single window

With a tuned ear (detectors/codes/tuned.py), every window is heard with it as well, by itself, for the measures of
detectors/codes/soft.py.

The model has no text-free mode; a full stop is the shortest text that it accepts, and it was never trained on it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from detectors.codes.hearing import CODE, CodeEar, Codes, HeardCodes
from detectors.codes.likelihood import MEASURES, WINDOW, Foretold, foretold, joined
from detectors.codes.soft import PairTables, pair_gain, pair_measures, text_measures
from detectors.codes.statistics import LEAST, CodeStatistics, PairModel, code_statistics
from detectors.codes.tuned import Tuning, guessed, plain
from synth.gpt import GPT
from synth.measures import speech_frames
from synth.text.pipeline import TextPipeline

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

GRID_S = 0.02
"""Of the time axis that all methods share."""
SPAN = 125
"""Codes of one window, 5 s."""
WRONG = "We should meet again on Thursday afternoon, he said, unless it rains."
"""The sentence that was not said."""
TEXTS = ("free", "heard", "wrong")


@dataclass(frozen=True, eq=False)
class Measured:
    """Of one clip."""

    heard: HeardCodes
    counted: BoolArray
    """[k] which codes lie in speech."""
    statistics: tuple[CodeStatistics, ...]
    """Of every window with enough speech; none: could not be measured."""
    foretold: dict[str, Foretold]
    """Of the whole row of codes, window by window, by text; empty without a GPT."""
    windows: tuple[tuple[int, int], ...]
    """First and past-the-last code of the windows that were measured."""
    soft: tuple[dict[str, float], ...] = ()
    """Of every window, the measures of the tuned ear; empty without one."""
    gain: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))
    """[k] nats by which drawn pairs foretell a code better than people's, on the first grid; nan: not measured."""

    @cached_property
    def measures(self) -> dict[str, float]:
        """Every measure by name: means over the windows, weighted by their speech; likelihoods as `heard.curvature`."""
        weight = np.array([one.codes for one in self.statistics], np.float64)
        if not len(weight):
            return {}
        rows = [one.values() for one in self.statistics]
        found = {name: float(np.average([row[name] for row in rows], weights=weight)) for name in rows[0]}
        found["codes"] = float(weight.sum())
        for text, row in self.foretold.items():
            parts = [row_measures(row, self.counted, *window) for window in self.windows]
            for name in MEASURES:
                values = np.array([part[name] for part in parts])
                known = np.isfinite(values)
                mean = float(np.average(values[known], weights=weight[known])) if known.any() else float("nan")
                found[f"{text}.{name}"] = mean
        for name in self.soft[0] if self.soft else ():
            found[name] = float(np.average([one[name] for one in self.soft], weights=weight))
        return found

    def heat(self, text: str = "") -> tuple[NDArray[np.float64], FloatArray]:
        """A value for every 20 ms, high where the speech is like the model's: times [n] in seconds, values [n].

        Without `text` the gain of drawn pairs over people's, nats a code; with one of `foretold`, the excess of the
        log-probability over the model's expectation, standard deviations. nan outside of speech.
        """
        values = self.foretold[text].excess() if text else self.gain
        kept = np.where(self.counted[: len(values)], values, np.float32(np.nan))
        times = np.asarray(np.arange(2 * len(kept)) * GRID_S, np.float64)
        return times, np.asarray(np.repeat(kept, 2), np.float32)


def row_measures(row: Foretold, counted: BoolArray, first: int, last: int) -> dict[str, float]:
    """`Foretold.measures` of the codes from `first` to before `last` that lie in speech."""
    inside = np.zeros(len(counted), np.bool_)
    inside[first:last] = counted[first:last]
    return row.measures(inside)


class CodeMeasurer:
    """Ear, tables and, for the likelihood, GPT: load once, measure many clips."""

    def __init__(
        self, ear: CodeEar, people: PairModel, generator: PairModel, gpt: GPT | None = None,
        tuning: Tuning | None = None, tables: PairTables | None = None,
    ) -> None:  # fmt: skip
        """`people` and `generator`: pairs as the plain ear hears them; `tables` are for `tuning`, the tuned ear."""
        self.ear, self.people, self.generator, self.gpt = ear, people, generator, gpt
        self.tuning, self.tables, self.plain = tuning, tables, plain(ear)

    def without_gpt(self) -> CodeMeasurer:
        """The same, but for the GPT."""
        return CodeMeasurer(self.ear, self.people, self.generator, None, self.tuning, self.tables)

    def measure(
        self, samples: FloatArray, speech: BoolArray | None = None, transcript: str = "", temperature: float = 1.0
    ) -> Measured:
        """Samples [time] at 16 kHz; `speech` on the 20 ms grid, if it is known already; a transcript in English."""
        heard = self.ear.hear(samples)
        counted = in_codes(speech_frames(samples) if speech is None else speech, len(heard))
        windows = tuple((first, last) for first, last in spans(len(heard)) if int(counted[first:last].sum()) >= LEAST)
        statistics = (
            code_statistics(heard.part(*one), self.people, self.generator, counted[slice(*one)]) for one in windows
        )
        measured = tuple(one for one in statistics if one is not None)
        rows = {} if self.gpt is None or not windows else self._foretold(self.gpt, heard, transcript, temperature)
        gain = np.full(len(heard), np.nan, np.float32)
        soft = tuple(self._soft(samples, counted, *one, gain) for one in windows) if self.tuning else ()
        return Measured(heard, counted, measured, rows, windows, soft, gain)

    def _soft(
        self, samples: FloatArray, counted: BoolArray, first: int, last: int, gain: FloatArray
    ) -> dict[str, float]:
        """Measures of the tuned ear of one window; fills its part of `gain`."""
        assert self.tuning is not None  # noqa: S101 (asked for by `measure`)
        assert self.tables is not None  # noqa: S101
        logs, untuned = guessed(self.ear, [self.tuning, self.plain], samples[first * CODE : last * CODE])
        kept = counted[first : first + logs.shape[1]]
        gain[first : first + logs.shape[1]] = pair_gain(logs[0], self.tables)
        found = pair_measures(logs, kept, self.tables)
        if self.gpt is not None:
            for one, prefix in ((logs, ""), (untuned, "plain.")):
                found |= text_measures(one, kept, self.tables, self.gpt, self._said, prefix)
        return found

    def _foretold(self, gpt: GPT, heard: HeardCodes, transcript: str, temperature: float) -> dict[str, Foretold]:
        names = (*TEXTS, "given") if transcript and len(heard) <= WINDOW else TEXTS
        rows: dict[str, list[Foretold]] = {name: [] for name in names}
        step = WINDOW if "given" in names else SPAN
        for first, last in spans(len(heard), step):
            codes = heard.codes[first:last]
            for name, row in zip(
                names,
                foretold(gpt, codes, list(self._said(codes, transcript, names).values()), temperature),
                strict=True,
            ):
                rows[name].append(row)
        return {name: joined(parts) for name, parts in rows.items()}

    def _said(self, codes: Codes, transcript: str = "", names: Sequence[str] = TEXTS) -> dict[str, Sequence[int]]:
        said = {"free": phones_of("."), "wrong": phones_of(WRONG)}
        said["heard"] = tuple(self.ear.phones(codes)) or said["free"]
        if "given" in names:
            said["given"] = phones_of(transcript)
        return {name: said[name] for name in names}


def spans(count: int, size: int = SPAN) -> Iterator[tuple[int, int]]:
    """Windows of about `size` codes that cover all: as many as it takes, all but equally long."""
    edges = np.linspace(0, count, max(-(-count // size), 1) + 1).round().astype(int).tolist()
    return itertools.pairwise(edges) if count else iter(())


def in_codes(speech: BoolArray, count: int) -> BoolArray:
    """Speech on the grid of 20 ms -> codes [count] of 40 ms of which any part is speech."""
    frames = 2 * count
    fitted = np.concatenate([speech[:frames], np.zeros(max(0, frames - len(speech)), np.bool_)])
    return np.asarray(fitted.reshape(count, 2).any(1))


@cache
def phones_of(text: str) -> tuple[int, ...]:
    """Ids of the phones of an English text."""
    pipeline = TextPipeline("en")
    if text == ".":
        return pipeline.read(text).ids
    return tuple(place for piece in pipeline.utterances(text) for place in piece.ids)
