"""Where a property that blocks of a recording have or lack changes: runs of blocks, and the steps between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A step from blocks with a property to blocks without it, or back."""

    last: int
    """Last block that tells, before the step."""
    first: int
    """First block that tells, after it."""
    has: bool
    """Whether the property holds after the step."""


def changes_of(states: Sequence[int], least: int, most: int) -> tuple[Change, ...]:
    """Steps of a series of blocks: 1 has the property, -1 lacks it, 0 does not tell.

    Both sides of every step need `least` blocks that tell; a shorter run, or more than `most` steps, is no pair of
    passages but a property that comes and goes, and gives none.
    """
    runs: list[tuple[int, list[int]]] = []
    for index, state in enumerate(states):
        if state == 0:
            continue
        if not runs or runs[-1][0] != state:
            runs.append((state, []))
        runs[-1][1].append(index)
    if len(runs) < 2 or len(runs) - 1 > most or any(len(blocks) < least for _, blocks in runs):
        return ()
    return tuple(Change(before[-1], after[0], state > 0) for (_, before), (state, after) in itertools.pairwise(runs))
