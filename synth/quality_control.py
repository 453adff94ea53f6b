"""Does a generated sentence say its text? Missing and repeated words, sounds too many, a stop that never came.

    codes ─ reader (synth/code_reader.py) ─ scores of phones ─┐
    text ─ words and their phones ────────────────────────────┴─ alignment (synth/aligning.py) ─ Check ─► faults

It hears what the GPT has drawn, before it is made sound. The classes of phones are coarser than the table: a vowel
counts as said with any stress, and a mark is silence, wherever a voice pauses. What a sentence of another language or
an engine without a reader says is not checked, and the record says so. docs/clone/quality-control.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from synth.aligning import Alignment, Costs, Float, Int, Visit, aligned
from synth.quality import Fault, Quality
from synth.text.symbols import ARPABET_VOWELS, PAD, PAUSES, PUNCTUATION, V2

if TYPE_CHECKING:
    from synth.text.frame import Phones
    from synth.text.pipeline import Utterance

LANGUAGES = frozenset({"en"})
"""That the reader has learnt."""
FRAMES_PER_SECOND, FRAMES_PER_CODE = 50, 2

Status = Literal["said", "missing", "repeated", "moved"]


@dataclass(frozen=True)
class Limits:
    """What counts as a fault."""

    costs: Costs = field(default_factory=Costs)
    """Which decide over missing and repeated words."""
    other_phones: int = 3
    """From so many phones on that belong to no word."""
    silent_s: float = 1.5
    """Longest silence before the first word and behind the last."""
    slowest: float = 4.0
    fastest: float = 25.0
    """Phones a second, from the first word to the last."""
    least_phones: int = 10
    """Fewer have no pace."""
    clear: float = 0.25
    """Nats a phone by which all of a piece may lie below the best that could have been heard; beyond, it is drawn again
    though nothing is missing."""


@dataclass(frozen=True)
class Word:
    """What is to be said."""

    text: str
    ids: tuple[int, ...]
    """Of its phones, marks left out."""


@dataclass(frozen=True)
class Said:
    """What became of a word."""

    text: str
    visits: tuple[Visit, ...]
    status: Status


@dataclass(frozen=True)
class Check:
    """One piece of the text beside its codes."""

    words: tuple[Said, ...]
    alignment: Alignment
    seconds: float
    pace: float | None
    """Phones a second; None: too few."""
    faults: tuple[Fault, ...]
    wrong_from: int = 0
    """The code at which the first of them begins, or else the word that is heard worst."""
    clear: bool = True
    """Whether its words are heard well enough not to try again."""

    @property
    def rank(self) -> tuple[int, float]:
        """Smaller is better."""
        return len(self.faults), self.alignment.cost


def words_of(utterance: Utterance) -> tuple[Word, ...]:
    """The words of a piece; where a front end does not tell them, what stands between two marks."""
    return tuple(word for part in utterance.parts for word in _words(part))


def _words(part: Phones) -> Iterable[Word]:
    silent = _classes() == 0
    units = part.words or [("", len(list(run))) for _, run in groupby(part.ids, lambda place: bool(silent[place]))]
    at = 0
    for text, count in units:
        ids = tuple(place for place in part.ids[at : at + count] if not silent[place])
        at += count
        if ids:
            yield Word(text or part.text, ids)


def checkable(utterance: Utterance) -> bool:
    """Whether the reader knows the language of all of it."""
    return all(part.language in LANGUAGES for part in utterance.parts)


def check(
    scores: NDArray[np.floating], words: Sequence[Word], *, piece: int = 0, capped: bool = False,
    limits: Limits | None = None,
) -> Check:  # fmt: skip
    """Log-probabilities of phones [frames at 50 Hz, 733], the blank last, beside what they should say."""
    limits = limits or Limits()
    classes = _classes()
    found = aligned(
        pooled(scores, limits.costs.floor), [classes[list(word.ids)].tolist() for word in words], limits.costs
    )
    said = _said(words, found)
    pace = _pace(words, found, limits)
    end = max((visit.end for visit in found.visits), default=0)
    faults = [
        (Fault(kind=one.status, piece=piece, word=n), _departure(found, n, one))
        for n, one in enumerate(said)
        if one.status != "said"
    ]
    faults += [
        (Fault(kind="other sounds", piece=piece, word=_next(found, other.end)), other.start)
        for other in found.others
        if other.phones >= limits.other_phones
    ]
    if found.visits:
        first, last = found.visits[0].start, len(scores) - found.visits[-1].end
        if max(first, last) > limits.silent_s * FRAMES_PER_SECOND:
            faults.append((Fault(kind="silence", piece=piece), 0 if first > last else end))
    if pace is not None and not limits.slowest <= pace <= limits.fastest:
        faults.append((Fault(kind="pace", piece=piece), 0))
    if capped:
        faults.append((Fault(kind="cut off", piece=piece), end))
    worst = max(found.visits, key=lambda visit: visit.fit, default=None)
    began = min((frame for _, frame in faults), default=worst.start if worst else 0) // FRAMES_PER_CODE
    clear = not faults and found.cost <= limits.clear * sum(len(word.ids) for word in words)
    seconds = len(scores) / FRAMES_PER_SECOND
    return Check(said, found, seconds, pace, tuple(fault for fault, _ in faults), began, clear)


def summary(checks: Sequence[Check | None], redraws: int, reason: str = "") -> Quality:
    """Of all pieces; None is one that was not checked, for `reason`."""
    done = [one for one in checks if one is not None]
    return Quality(
        pieces=len(checks),
        checked=len(done),
        words=sum(len(one.words) for one in done),
        redraws=redraws,
        faults=tuple(fault for one in done for fault in one.faults),
        reason="" if len(done) == len(checks) else reason,
    )


def pooled(scores: NDArray[np.floating], floor: float) -> Float:
    """Log-probabilities of phones [frames, 733] -> of classes of them [frames, classes], none below -`floor`."""
    classes = _classes()
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], np.arange(classes.max() + 1))
    chances = np.exp(np.asarray(scores, np.float64))[:, order]
    summed = np.add.reduceat(chances, starts, axis=1)
    return np.log(np.clip(summed, np.exp(-floor), 1.0))  # type: ignore[no-any-return]


@cache
def _classes() -> Int:
    """Of every phone of the table and of the blank behind them; 0 is silence."""
    silence = {PAD, *PUNCTUATION, *PAUSES}
    names = ["" if phone in silence else _unstressed(phone) for phone in V2.symbols] + [""]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(["", *names]))}
    return np.array([numbers[name] for name in names])


def _unstressed(phone: str) -> str:
    bare = phone.rstrip("012")
    return bare if bare in ARPABET_VOWELS else phone


def _said(words: Sequence[Word], found: Alignment) -> tuple[Said, ...]:
    visits: list[list[Visit]] = [[] for _ in words]
    for visit in found.visits:
        visits[visit.word].append(visit)
    out, furthest = [], -1
    for word, mine in zip(words, visits, strict=True):
        status: Status = "missing" if not mine else "repeated" if len(mine) > 1 else "said"
        if status == "said" and mine[0].start < furthest:
            status = "moved"
        furthest = max([furthest, *(visit.end for visit in mine[:1])])
        out.append(Said(word.text, tuple(mine), status))
    return tuple(out)


def _departure(found: Alignment, number: int, word: Said) -> int:
    """The frame where a word that was left out was due, or where one was said that should not have been."""
    if word.visits:
        return word.visits[-1].start
    return max((visit.end for visit in found.visits if visit.word < number), default=0)


def _next(found: Alignment, frame: int) -> int | None:
    """The word that is said from this frame on or later; None behind the last."""
    return next((visit.word for visit in found.visits if visit.start >= frame), None)


def _pace(words: Sequence[Word], found: Alignment, limits: Limits) -> float | None:
    phones = sum(len(words[visit.word].ids) for visit in found.visits)
    if phones < limits.least_phones:
        return None
    return phones * FRAMES_PER_SECOND / (found.visits[-1].end - found.visits[0].start)
