"""What each line of evidence adds to the verdict: the verdict's errors without it, less those with all lines.

Without a line the others are fused by the constants for their set, as `voxproof verify` does where that line cannot be
tested. On the clips that all lines answered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from detectors.fusion import Fusion
from detectors.judged import IntArray, bootstrap
from detectors.metrics import cllr, eer
from forensics.benches.detector.clips import Clip
from forensics.benches.detector.compare import NONE, Interval
from forensics.benches.detector.run import VERDICT, Scored


@dataclass(frozen=True)
class Added:
    """Of one line in one condition; positive where the verdict is better with it."""

    line: str
    condition: str
    human: int
    machine: int
    eer: float
    eer_interval: Interval
    """95 %, over whole sources, both verdicts on the same draw; nan where a class has a single source."""
    cllr: float
    """Bits, of the LRs as they are given."""
    cllr_interval: Interval


def added(
    condition: str,
    tested: Sequence[Scored],
    clips: Mapping[str, Clip],
    source: Mapping[str, str],
    fusion: Fusion,
    seed: int,
) -> list[Added]:
    """One for each line, in the order of their names; none where there is only one, or a class is missing."""
    whole = [row for row in tested if fusion.lines <= row.answers.keys()]
    machine = np.array([clips[row.name].label == "machine" for row in whole], bool)
    cluster = np.array([source[row.name] for row in whole])
    if len(fusion.lines) < 2 or not machine.any() or machine.all():
        return []
    alone = min(len(set(cluster[machine == label].tolist())) for label in (True, False)) < 2
    scores = np.array([row.answers[VERDICT].score for row in whole])
    lrs = np.array([row.answers[VERDICT].log10_lr for row in whole])
    found = []
    for line in sorted(fusion.lines):
        others = fusion.lines - {line}
        left_scores = np.array([fusion.unbounded({n: row.answers[n].score for n in others}) for row in whole])
        left_lrs = np.array([fusion.fuse({n: row.answers[n].log10_lr for n in others}).log10_lr for row in whole])

        def gains(
            of_machine: IntArray, of_human: IntArray, left_scores: np.ndarray = left_scores,
            left_lrs: np.ndarray = left_lrs,
        ) -> tuple[float, float]:  # fmt: skip
            return (
                eer(left_scores[of_machine], left_scores[of_human]) - eer(scores[of_machine], scores[of_human]),
                cllr(left_lrs[of_machine], left_lrs[of_human]) - cllr(lrs[of_machine], lrs[of_human]),
            )

        spread = [NONE, NONE] if alone else bootstrap(machine, cluster, gains, seed=seed)
        gain = gains(np.flatnonzero(machine), np.flatnonzero(~machine))
        counts = int((~machine).sum()), int(machine.sum())
        found.append(Added(line, condition, *counts, gain[0], spread[0], gain[1], spread[1]))
    return found
