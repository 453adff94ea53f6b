"""A smaller set of the same shape: both classes, and sources in turn, so that no page rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from forensics.benches.detector.clips import Clip


def sample(clips: Sequence[Clip], source: Mapping[str, str], limit: int, seed: int) -> list[Clip]:
    """At most `limit` clips, half of each class as far as there are, in the order of the list."""
    rng = np.random.default_rng(seed)
    queues = {label: in_turn([c for c in clips if c.label == label], source, rng) for label in ("human", "machine")}
    half = limit // 2
    few = min(queues, key=lambda label: len(queues[label]))
    other = "machine" if few == "human" else "human"
    taken = queues[few][: half if len(queues[few]) >= half else len(queues[few])]
    kept = {clip.name for clip in [*taken, *queues[other][: limit - len(taken)]]}
    return [clip for clip in clips if clip.name in kept]


def in_turn(clips: Sequence[Clip], source: Mapping[str, str], rng: np.random.Generator) -> list[Clip]:
    """One clip of every source and generator, then the next of each, in an order drawn by lot."""
    groups: dict[tuple[str, str], list[Clip]] = defaultdict(list)
    for place in rng.permutation(len(clips)):
        groups[source[clips[place].name], clips[place].generator].append(clips[place])
    ranks = [(number, rank) for rank, group in enumerate(groups.values()) for number in range(len(group))]
    members = list(groups.values())
    return [members[rank][number] for number, rank in sorted(ranks)]
