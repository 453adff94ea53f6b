"""Whether what a recogniser hears is what was to be said: errors of letters, and words left out or said again.

Both texts are read as speech (numbers, abbreviations and signs as words), in lower case and without marks. The letter
error rate is the edit distance (V. I. Levenshtein, 1966) of the letters without spaces, over the letters wanted. Words
are aligned by dynamic programming, in which a word may also stand for two ("everyone", "every one"); a wanted word
opposite nothing is missing, a heard word opposite nothing is repeated if the same word is near, and else added.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from synth.channels.base import FloatArray
from synth.spoken_words import edits

NEAR = 4
"""Words to either side in which the first saying of a repeated word is looked for."""
_JOINED = 0.5
"""Price of taking one word for two, so that it is not preferred to a word left out."""


class Recogniser(Protocol):
    """Speech to text."""

    def __call__(self, samples: FloatArray) -> str:
        """Samples [time] at 16 kHz -> what is said."""


@dataclass(frozen=True)
class Said:
    """What a recogniser heard in a clip."""

    identity: str
    heard: str
    letters: int
    """Letters wanted."""
    errors: int
    words: int
    """Words wanted."""
    missing: int
    repeated: int
    added: int


def compared(identity: str, wanted: str, heard: str) -> Said:
    """The errors of what was heard."""
    one, two = spoken(wanted), spoken(heard)
    missing, extra = unmatched(one, two)
    again = sum(_said_near(two, one, place) for place in extra)
    letters = "".join(one)
    return Said(
        identity, heard, len(letters), edits(letters, "".join(two)), len(one), len(missing), again, len(extra) - again
    )


def spoken(text: str) -> list[str]:
    """The words of a text as it is spoken: lower case, numbers written out, no marks but apostrophes within words."""
    from synth.text.english_lexicon import known
    from synth.text.english_normalise import normalise

    return re.findall(r"[a-z]+(?:'[a-z]+)*", normalise(text, known).lower())


def unmatched(wanted: Sequence[str], heard: Sequence[str]) -> tuple[list[int], list[int]]:
    """Places of wanted words opposite nothing, and of heard words opposite nothing, in the cheapest alignment."""
    cost = [[0.0] * (len(heard) + 1) for _ in range(len(wanted) + 1)]
    step = [[(0, 0)] * (len(heard) + 1) for _ in range(len(wanted) + 1)]
    for i in range(len(wanted) + 1):
        for j in range(len(heard) + 1):
            ways = [
                (cost[i - a][j - b] + _price(wanted[i - a : i], heard[j - b : j]), n, (a, b))
                for n, (a, b) in enumerate(((1, 1), (1, 0), (0, 1), (2, 1), (1, 2)))
                if i >= a and j >= b
            ]
            if ways:
                cost[i][j], _, step[i][j] = min(ways)
    missing, extra = [], []
    i, j = len(wanted), len(heard)
    while i or j:
        a, b = step[i][j]
        i, j = i - a, j - b
        if not b:
            missing.append(i)
        if not a:
            extra.append(j)
    return missing[::-1], extra[::-1]


def _price(one: Sequence[str], two: Sequence[str]) -> float:
    """Letters that have to be changed, put in or taken out."""
    return edits("".join(one), "".join(two)) + (_JOINED if len(one) + len(two) > 2 else 0.0)


def _said_near(heard: Sequence[str], wanted: Sequence[str], place: int) -> bool:
    """Whether a heard word is heard near its place a second time, and in all oftener than it is wanted."""
    word = heard[place]
    around = heard[max(place - NEAR, 0) : place + NEAR + 1]
    return around.count(word) > 1 and heard.count(word) > wanted.count(word)
