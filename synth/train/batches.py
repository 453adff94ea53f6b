"""Which recordings go together: batches of near-equal length, in a new order every epoch, known from seed and epoch.

Nothing is remembered from one epoch to the next, so that a resumed training has the same batches. Small sets are
repeated to some hundred recordings an epoch, as the reference does.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST = 100
"""Recordings an epoch; fewer are repeated."""


def repetitions(count: int) -> int:
    """How often each of `count` recordings is heard in one epoch."""
    return 1 if count >= FEWEST else max(2, FEWEST // count)


@dataclass(frozen=True)
class Batches:
    """Batches of indices into `lengths`."""

    lengths: Sequence[float]
    """Of each recording, in any unit."""
    size: int
    """Most recordings a batch."""
    edges: Sequence[float]
    """Lengths at which a new bucket begins, rising."""
    seed: int
    rank: int = 0
    """Which of the processes that train together this is."""
    world: int = 1
    """How many there are; all get the same number of batches."""

    def epoch(self, number: int) -> list[list[int]]:
        """The batches of one epoch for this process."""
        rng = np.random.default_rng([self.seed, number])
        buckets: dict[int, list[int]] = {}
        for index in list(range(len(self.lengths))) * repetitions(len(self.lengths)):
            buckets.setdefault(bisect_right(self.edges, self.lengths[index]), []).append(index)
        made: list[list[int]] = []
        for _, members in sorted(buckets.items()):
            order = [members[i] for i in rng.permutation(len(members))]
            made += [order[at : at + self.size] for at in range(0, len(order), self.size)]
        made = [made[i] for i in rng.permutation(len(made))]
        made += made[: -len(made) % self.world]
        return made[self.rank :: self.world]

    def steps(self, number: int, accumulation: int) -> list[list[list[int]]]:
        """The same in groups of `accumulation` batches, one for each step; the last group may be smaller."""
        made = self.epoch(number)
        return [made[at : at + accumulation] for at in range(0, len(made), accumulation)]


def held_out(count: int, share: float) -> list[int]:
    """Indices kept for validation: evenly spread, at least one where there are at least five recordings."""
    wanted = round(count * share)
    if count < 5 or share <= 0:
        return []
    wanted = min(max(wanted, 1), count // 2)
    return sorted({int((i + 0.5) * count / wanted) for i in range(wanted)})


def shown(count: int, share: float) -> list[int]:
    """Indices of recordings to look at and listen to: those held out, or the first where none is."""
    return held_out(count, share) or [0]
