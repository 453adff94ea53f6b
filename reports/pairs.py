"""A table of names and values, set in two columns side by side where all values are short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest

from reportlab.platypus import Flowable

from reports.blocks import grid
from reports.typeface import markup


def pairs(
    head: tuple[str, str],
    rows: Sequence[tuple[str, str]],
    measure: float,
    *,
    dress: Callable[[str], str] = markup,
    letters: int = 30,
) -> Flowable:
    """Rows of plain name and value; `dress` makes markup of both, `letters` is the longest short value."""
    dressed = [(dress(name), dress(value)) for name, value in rows]
    if len(rows) < 4 or max(len(value) for _, value in rows) > letters:
        return grid(head, dressed, (measure * 0.36, measure * 0.64))
    half = (len(rows) + 1) // 2
    beside = [(*left, *right) for left, right in zip_longest(dressed[:half], dressed[half:], fillvalue=("", ""))]
    return grid((*head, *head), beside, [measure * share for share in (0.3, 0.2, 0.3, 0.2)])
