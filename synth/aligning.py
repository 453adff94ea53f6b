"""Known words laid along scores of phones, where words may be left out, said again, or have other sounds between them.

The states of connectionist temporal classification (A. Graves et al., 2006) for every phone of every word, and arcs
between the words that a reading which went wrong needs:

    border ─ first phone ┄ last phone ─ border ─ next word …
       │  ╰──── left out ────────────────╯ │  ╰ other sounds ╯
       ╰─────────── said again ────────────╯

The best path (Viterbi) says which words were jumped over and which were gone back to, as a coach does that follows a
child's reading of a known text (J. Mostow et al., "A Prototype Reading Coach that Listens", 1994). Every arc costs what
`Costs` says, so that the reading as written wins unless the scores speak against it by more: a word counts as left out
when its phones lie that far below the best that could have been heard instead, per phone, which is S. Witt's and
S. Young's goodness of pronunciation ("Phone-level pronunciation scoring and assessment for interactive language
learning", 2000) with the cost as its threshold. Other sounds are free phones, as with the star of V. Pratap et al.
("Scaling Speech Technology to 1,000+ Languages", 2023), but for a cost of each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]


@dataclass(frozen=True)
class Costs:
    """Of what departs from the text, in nats."""

    missing_word: float = 4.0
    """Of leaving a word out, and for every one of its phones:"""
    missing_phone: float = 2.5
    again: float = 5.0
    """Of going back to the beginning of an earlier word."""
    other: float = 4.0
    """Of a stretch of other sounds, and for every phone heard in it:"""
    other_phone: float = 1.5
    twice: float = 3.0
    """Of a phone heard once more behind a blank: readers do that to long vowels."""
    shared: float = 3.0
    """Of two words that meet in one phone ("last time")."""
    floor: float = 10.0
    """What one frame can cost at most, so that one strange phone does not make a word a missing one."""


@dataclass(frozen=True)
class Visit:
    """One time that a word was said."""

    word: int
    """Its number."""
    start: int
    end: int
    """Frames from its first phone to behind its last."""
    fit: float
    """Nats per phone by which it lies below the best that could have been heard; 0 is perfect."""


@dataclass(frozen=True)
class Stretch:
    """Other sounds."""

    start: int
    end: int
    """Frames."""
    phones: int
    """Heard in it."""


@dataclass(frozen=True)
class Alignment:
    """The best path."""

    visits: tuple[Visit, ...]
    """In the order in which they were said."""
    others: tuple[Stretch, ...]
    """Before, between and behind them."""
    cost: float
    """Nats by which the whole lies below the best that could have been heard, departures included; 0 is perfect."""


def aligned(scores: Float, words: Sequence[Sequence[int]], costs: Costs | None = None) -> Alignment:
    """Log-probabilities [frames, classes], class 0 the blank, and the classes of each word's phones -> best path."""
    if not len(scores) or not words:
        missing = sum(_missing(costs or Costs(), word) for word in words)
        return Alignment((), (), missing)
    return _Graph(scores, words, costs or Costs()).best()


def _missing(costs: Costs, word: Sequence[int]) -> float:
    return costs.missing_word + costs.missing_phone * len(word)


class _Graph:
    """States: every phone [phones], the blank behind it, and at every border [words + 1] silence and other sounds."""

    def __init__(self, scores: Float, words: Sequence[Sequence[int]], costs: Costs) -> None:
        self.costs = costs
        self.counts = np.array([len(word) for word in words])
        self.last = np.cumsum(self.counts) - 1
        self.first = self.last - self.counts + 1
        self.word = np.repeat(np.arange(len(words)), self.counts)
        scores = np.maximum(scores, -costs.floor)
        self.said, self.blank = scores[:, [phone for word in words for phone in word]], scores[:, 0]
        heard = scores.argmax(1)
        self.free = scores[np.arange(len(scores)), heard]
        self.onset = (heard != 0) & np.concatenate([[True], heard[1:] != heard[:-1]])
        meets = np.array([before[-1] == after[0] for before, after in pairwise(words)] + [False])
        self.shared = costs.shared * meets
        self.left_out = np.concatenate([[0.0], np.cumsum([_missing(costs, word) for word in words])])

    def best(self) -> Alignment:
        frames, phones, borders = len(self.said), len(self.word), len(self.counts) + 1
        self.came = np.zeros((frames, phones), np.int8)  # to a phone: 0 stayed, 1 its blank, 2 before, 3 blank before
        self.rested = np.zeros((frames, phones), bool)  # the blank behind a phone: it was blank before
        self.went_on = np.zeros((frames, borders), bool)  # other sounds: there were some before
        self.hushed = np.zeros((frames, borders), bool)  # silence at a border: it came straight from the word before
        self.ended = np.zeros((frames + 1, borders), np.int8)  # to a border: 0 from a word, 1 silence, 2 other sounds
        self.back = np.zeros((frames + 1, borders), np.int64)  # and the border that was gone back from
        self.over = np.zeros((frames + 1, borders), np.int64)  # and, after that, the one from which words were left out
        phone, behind = np.full(phones, -np.inf), np.full(phones, -np.inf)
        other, ends = np.full(borders, -np.inf), np.full((3, borders), -np.inf)
        ends[1, 0] = 0.0
        border = self._jumps(0, ends)
        spoken, ways, places = np.full(borders, -np.inf), np.full((4, phones), -np.inf), np.arange(phones)
        for t in range(frames):
            ways[0], ways[1] = phone, behind - self.costs.twice
            ways[2, 1:], ways[3, 1:] = phone[:-1], behind[:-1]
            ways[2, self.first], ways[3, self.first] = border[:-1], -np.inf
            self.came[t] = came = ways.argmax(0)
            np.greater(behind, phone, out=self.rested[t])
            behind = np.maximum(behind, phone) + self.blank[t]
            phone = ways[came, places] + self.said[t]
            new = border - self.costs.other
            np.greater(other, new, out=self.went_on[t])
            other = np.maximum(other, new) + (self.free[t] - self.costs.other_phone * self.onset[t])
            np.greater(spoken, border, out=self.hushed[t])
            ends[1], ends[2] = np.maximum(spoken, border) + self.blank[t], other
            spoken[1:] = phone[self.last]
            ends[0, 1:] = spoken[1:] - self.shared
            border = self._jumps(t + 1, ends)
        return self._traced(float(self.free.sum() - border[-1]))

    def _jumps(self, t: int, ends: Float) -> Float:
        """Scores of the borders when words may be gone back to and left out."""
        self.ended[t] = ended = ends.argmax(0)
        reached, places = ends[ended, np.arange(ends.shape[1])], np.arange(ends.shape[1])
        later, source = _running(reached[::-1])
        later = np.append(later[::-1][1:], -np.inf) - self.costs.again
        gone_back = later > reached
        self.back[t] = np.where(gone_back, np.append((len(places) - 1 - source)[::-1][1:], 0), places)
        total, self.over[t] = _running(np.where(gone_back, later, reached) + self.left_out)
        border: Float = total - self.left_out
        return border

    def _traced(self, cost: float) -> Alignment:
        """The best path, from its end."""
        visits: list[Visit] = []
        others: list[Stretch] = []
        t, at = len(self.said), len(self.counts)
        while t:
            at = int(self.back[t, self.over[t, at]])
            way = self.ended[t, at]
            if way == 1:
                t -= 1
                way = 0 if self.hushed[t, at] else way
            if way == 0:
                visit = self._visit(t, at - 1)
                visits.append(visit)
                t, at = visit.start, at - 1
            elif way == 2:
                end = t
                while self.went_on[t - 1, at]:
                    t -= 1
                t -= 1
                others.append(Stretch(t, end, int(self.onset[t:end].sum())))
        return Alignment(tuple(visits[::-1]), tuple(others[::-1]), cost)

    def _visit(self, end: int, word: int) -> Visit:
        """The word that was over at `end`."""
        place, t, in_blank, lost = int(self.last[word]), end, False, 0.0
        while True:
            t -= 1
            lost += self.free[t] - (self.blank[t] if in_blank else self.said[t, place])
            if in_blank:
                in_blank = bool(self.rested[t, place])
                continue
            came = int(self.came[t, place])
            if came >= 2 and place == self.first[word]:
                return Visit(word, t, end, float(lost) / int(self.counts[word]))
            in_blank = came in (1, 3)
            place -= came >= 2


def _running(values: Float) -> tuple[Float, Int]:
    """The largest so far [n], and where the latest of them is."""
    largest = np.maximum.accumulate(values)
    return largest, np.maximum.accumulate(np.where(values == largest, np.arange(len(values)), 0))
