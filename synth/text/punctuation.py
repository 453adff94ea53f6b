"""Marks: which of them the models hear, and which of a run is kept.

The models know six marks (`! ? … , . -`). A run of marks is given to them as one, because runs make the model leak the
reference recording into the output (upstream issues 1165 and 1176); the reference keeps the first of the run.
"""

from __future__ import annotations

import re

from synth.text.symbols import PUNCTUATION

_RUN = re.compile(f"([{re.escape(''.join(PUNCTUATION))}])[{re.escape(''.join(PUNCTUATION))}]+")
_RANK = "?!….,-"
_SPACED_RUN = re.compile(rf"\s*([{re.escape(_RANK)}](?:\s*[{re.escape(_RANK)}])*)")

WIDE = str.maketrans(
    {"，": ",", "、": ",", "。": ".", "！": "!", "？": "?", "：": ":", "；": ";", "．": ".", "｡": ".", "､": ","}
)
"""Marks of Chinese and Japanese to those of ASCII."""


def first_of_runs(text: str) -> str:
    """Every run of marks becomes its first mark, as in the reference; spaces end a run."""
    return _RUN.sub(r"\1", text)


def strongest_of_adjacent(text: str) -> str:
    """Every run of marks without spaces becomes the one that says most, several dots `…`.

    The dot of an abbreviation stays before another mark ("at 5 p.m.?").
    """
    return _RUN.sub(_adjacent, text)


def _adjacent(run: re.Match[str]) -> str:
    marks = run.group()
    if set(marks) == {"."}:
        return "…"
    before = run.string[run.start() - 1 : run.start()]
    dot = "." if marks[0] == "." != marks[1] and before.isalpha() and before.isascii() else ""
    return dot + _most(marks[len(dot) :])


def strongest_of_runs(text: str) -> str:
    """Every run of marks, spaces between them included, becomes the one that says most: ? ! … . , - in this order.

    The mark stands directly behind the word before it and is followed by one space.
    """
    return _SPACED_RUN.sub(_strongest, text).strip()


def _strongest(run: re.Match[str]) -> str:
    return _most(run.group(1).replace(" ", "")) + " "


def _most(marks: str) -> str:
    return min(marks, key=lambda mark: _RANK.find(mark) % len(_RANK))
