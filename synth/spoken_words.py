"""Whether a recording says the words of a challenge, if a recogniser is installed; otherwise that it was not checked.

A recogniser is any callable `recognise(samples [n] float32 mono, rate, sentence, language) -> str` under the
entry-point group `voxproof.recognisers`; the first of them is asked. The heard and the wanted words are compared by
their edit distance (V. I. Levenshtein, 1966), over words, or over characters where words are not written apart.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synth.challenge import Challenge
from synth.consent import WordCheck
from synth.matching import Heard

GROUP = "voxproof.recognisers"
LEAST = 0.7
"""Least share of the words that has to be heard; recognisers err, and a wrong sentence shares a few words at most."""


class Recogniser(Protocol):
    """Speech to text."""

    def __call__(self, samples: NDArray[np.float32], rate: int, sentence: str, language: str) -> str: ...


def recognisers() -> list[tuple[str, Recogniser]]:
    """Those that are installed, by name."""
    return [(point.name, point.load()) for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)]


def words_spoken(heard: Heard, challenge: Challenge) -> WordCheck:
    """Compare what a recogniser hears with the sentence."""
    try:
        installed = recognisers()
    except Exception as error:  # a third party's package: any error of its import
        return _unchecked(f"the recogniser cannot be loaded ({type(error).__name__})")
    if not installed:
        return _unchecked("no recogniser is installed")
    name, recogniser = installed[0]
    try:
        text = recogniser(heard.samples, heard.rate, challenge.sentence, challenge.language)
    except Exception as error:  # as above
        return _unchecked(f"the recogniser {name} failed ({type(error).__name__})")
    wanted = split(challenge.sentence)
    share = max(0.0, 1 - edits(wanted, split(text)) / len(wanted))
    return WordCheck(
        checked=True,
        recogniser=name,
        agreement=round(share, 3),
        right=share >= LEAST,
        detail=f"{share:.0%} of {len(wanted)} words as wanted",
    )


def split(text: str) -> list[str]:
    """Words in lower case without marks; characters of scripts without spaces."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return re.findall(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+", plain)


def edits(a: Sequence[object], b: Sequence[object]) -> int:
    """Fewest insertions, deletions and replacements that make `b` of `a`."""
    row = list(range(len(b) + 1))
    for i, one in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


def _unchecked(why: str) -> WordCheck:
    return WordCheck(checked=False, recogniser=None, agreement=None, right=None, detail=why)
