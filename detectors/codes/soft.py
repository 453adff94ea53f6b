"""How likely speech is under what may come next, when its codes are only guessed: the measures of the tuned ear.

Of every place the tuned ear (detectors/codes/tuned.py) gives a distribution q over the codes, and a model of sequences
gives p, what comes next. How well they meet is log sum p q; what they would have met by the frequencies of codes alone,
log sum u q, is taken away, so that common sounds are no evidence. p is, in turn: the GPT's after the likeliest codes so
far, under the phones heard, a wrong sentence and no sentence; the pairs of codes that our GPT drew; the pairs heard in
people. The GPT is asked of what the plain ear hears, too (`plain.…`), as its mistakes differ: those of the tuned ear
lean towards what our decoder was given. The measures are means over the codes in speech, and over grids or of the best
of them: as the best grid is sought in people's recordings as well, the reference distributions hold what that search
gives by chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from detectors.codes.hearing import Codes
from detectors.codes.likelihood import CONTEXT, coming
from detectors.codes.statistics import PairModel
from synth.gpt import GPT

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
Texts = Callable[[Codes], Mapping[str, Sequence[int]]]
"""Codes [k] -> ids of phones by the name of the text."""

TEXT_GRIDS = 2
"""The GPT is asked on the grids that begin 0 and 20 ms after the window, since it takes most of the time."""
PAIR_MEASURES: Mapping[str, str] = {
    "sure": "mean log-probability of the likeliest code on the grid where it is highest, nats",
    "pairs": "log-probability under the drawn pairs less that under people's, best grid, nats a code",
    "pairs_heard": "the same of the likeliest codes alone, best grid, bits a code",
}
TEXT_MEASURE = "above_usage"
"""Of each text: log-probability under the GPT less that by the frequencies of codes, mean of two grids, nats a code."""


class PairTables:
    """Pairs of drawn codes and pairs heard in people, as tables that multiply."""

    def __init__(self, people: PairModel, drawn: PairModel) -> None:
        self.people, self.drawn = people, drawn
        self.people_dense, self.drawn_dense = people.dense(), drawn.dense()
        self.usage = np.log(people.lower).astype(np.float32)  # [1024]


def pair_measures(logs: FloatArray, counted: BoolArray, tables: PairTables) -> dict[str, float]:
    """Log-probabilities [4, k, 1024] and which of the codes [k] count -> `PAIR_MEASURES`; nan without any."""
    counted = _late(counted)
    if not counted.any():
        return dict.fromkeys(PAIR_MEASURES, float("nan"))
    soft, hard = [], []
    for one in logs:
        likeliest = one.argmax(-1)
        gain = pair_gain(one, tables)
        bits = tables.people.surprisal(likeliest) - tables.drawn.surprisal(likeliest)
        soft.append(float(gain[counted].mean()))
        hard.append(float(bits[counted].mean()))
    sure = logs.max(-1)[:, counted].mean(1).max()
    return {"sure": float(sure), "pairs": max(soft), "pairs_heard": max(hard)}


def pair_gain(logs: FloatArray, tables: PairTables) -> FloatArray:
    """Of one grid [k, 1024] -> [k] nats by which drawn pairs foretell a code better than people's; the first is nan."""
    shares = np.exp(logs)
    own = ((shares[:-1] @ tables.drawn_dense) * shares[1:]).sum(1)
    others = ((shares[:-1] @ tables.people_dense) * shares[1:]).sum(1)
    return np.concatenate([np.full(1, np.nan, np.float32), np.log(own / others)]).astype(np.float32)


def text_measures(
    logs: FloatArray, counted: BoolArray, tables: PairTables, gpt: GPT, texts: Texts, prefix: str = ""
) -> dict[str, float]:
    """`PREFIX TEXT.above_usage` of log-probabilities [4, k, 1024]; nan where no code counts."""
    counted = _late(counted)
    found: dict[str, list[float]] = {}
    for one in logs[:TEXT_GRIDS]:
        likeliest = one.argmax(-1)
        given = dict(texts(likeliest))
        usual = _meet(one, tables.usage)
        for name, scores in zip(given, coming(gpt, likeliest, list(given.values())), strict=True):
            above = (_meet(one, scores) - usual)[counted]
            found.setdefault(name, []).append(float(above.mean()) if len(above) else float("nan"))
    return {f"{prefix}{name}.{TEXT_MEASURE}": float(np.mean(values)) for name, values in found.items()}


def _meet(one: FloatArray, other: FloatArray) -> FloatArray:
    both = one + other
    top = both.max(-1, keepdims=True)
    return np.asarray((top + np.log(np.exp(both - top).sum(-1, keepdims=True)))[..., 0], np.float32)


def _late(counted: BoolArray) -> BoolArray:
    return counted & (np.arange(len(counted)) >= CONTEXT)
