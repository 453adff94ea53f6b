"""Systems side by side on the same clips: ours, other people's by their scores, and the trivial baselines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.judged import IntArray, bootstrap
from detectors.metrics import auc, cllr_min, eer, hits_at, min_dcf
from forensics.benches.detector.baselines import baselines
from forensics.benches.detector.clips import Clip
from forensics.benches.detector.run import VERDICT, Scored

FEW_FALSE_ALARMS = 0.02
"""Rate of false alarms at which hits are compared across systems, whose thresholds we do not know."""
Interval = tuple[float, float]
NONE: Interval = (float("nan"), float("nan"))
Pair = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Compared:
    """What needs no threshold and no calibration, so that any system's scores have it."""

    system: str
    condition: str
    human: int
    machine: int
    eer: float
    eer_interval: Interval
    """95 %, over whole sources; nan where a class has a single source."""
    auc: float
    auc_interval: Interval
    cllr_min: float
    min_dcf: float
    hits: float
    """Share of machine clips found while 2 % of the human clips are called machine-made."""
    note: str = ""


def compare(
    condition: str,
    tested: Sequence[Scored],
    clips: Mapping[str, Clip],
    source: Mapping[str, str],
    others: Mapping[str, Mapping[str, float]],
    seed: int,
    with_baselines: bool,
) -> list[tuple[Compared, Pair]]:
    """All systems on the clips that we tested and every other system scored, with their scores."""
    names = [row.name for row in tested]
    systems: dict[str, dict[str, float]] = {VERDICT: {}}
    notes = {}
    for row in tested:
        for system, answer in row.answers.items():
            systems.setdefault(system, {})[row.name] = answer.score
    for name, scores in others.items():
        lacking = sum(one not in scores for one in names)
        notes[name] = f"has no score for {lacking} of {len(names)} clips" if lacking else ""
        systems[name if name not in systems else f"{name} (given)"] = dict(scores)
    if with_baselines:
        table = np.array([row.features for row in tested], np.float64)
        seconds = np.array([row.seconds for row in tested])
        machine = np.array([clips[name].label == "machine" for name in names])
        for baseline in baselines(table, seconds, machine, [source[name] for name in names], seed):
            scored = zip(names, baseline.scores, strict=False)
            systems[baseline.name] = {name: float(score) for name, score in scored if np.isfinite(score)}
            notes[baseline.name] = baseline.note
    common = [name for name in names if all(name in scores for scores in others.values())]
    found = []
    for system, scores in systems.items():
        kept = [name for name in common if name in scores]
        one = _one(system, condition, kept, scores, clips, source, seed, notes.get(system, ""))
        found.append((one, _pair(kept, scores, clips)))
    return found


def _pair(names: Iterable[str], scores: Mapping[str, float], clips: Mapping[str, Clip]) -> Pair:
    listed = list(names)
    machine, human = (
        np.array([scores[name] for name in listed if clips[name].label == label]) for label in ("machine", "human")
    )
    return machine, human


def _one(
    system: str,
    condition: str,
    names: Sequence[str],
    scores: Mapping[str, float],
    clips: Mapping[str, Clip],
    source: Mapping[str, str],
    seed: int,
    note: str,
) -> Compared:
    pair = _pair(names, scores, clips)
    machine, human = (int(one.size) for one in pair)
    nan = float("nan")
    if not (machine and human):
        return Compared(system, condition, human, machine, nan, NONE, nan, NONE, nan, nan, nan, note)
    values = np.array([scores[name] for name in names])
    labels = np.array([clips[name].label == "machine" for name in names])
    cluster = np.array([source[name] for name in names])
    spread = [NONE, NONE]
    if min(len(set(cluster[labels == label].tolist())) for label in (True, False)) > 1:

        def figures(of_machine: IntArray, of_human: IntArray) -> tuple[float, ...]:
            drawn = values[of_machine], values[of_human]
            return eer(*drawn), auc(*drawn)

        spread = bootstrap(labels, cluster, figures, seed=seed)
    return Compared(
        system, condition, human, machine, eer(*pair), spread[0], auc(*pair), spread[1],
        cllr_min(*pair), min_dcf(*pair), hits_at(*pair, FEW_FALSE_ALARMS), note,
    )  # fmt: skip
