"""What a tree makes of the habits of files, learnt inside the set: whole sources are left out in turn.

A detector that is no better than these on a set has shown nothing there: the set's classes differ in how files were
made, and its figures say little about speech.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors.trivial import tree

MOST_FOLDS = 5
NAMES = ("trivial features, a tree", "duration alone, a tree")


@dataclass(frozen=True)
class Baseline:
    """The scores of one, or why there are none."""

    name: str
    scores: npt.NDArray[np.float64]
    """[n], nan where no fold could score the clip; empty where nothing could be done."""
    note: str
    """How it was learnt, or why not."""


def baselines(
    habits: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.float64],
    machine: npt.NDArray[np.bool_],
    source: Sequence[str],
    seed: int,
) -> list[Baseline]:
    """Both, of trivial features [n, k] and of durations [n]."""
    return [
        _across(name, x, machine, np.array(source), seed)
        for name, x in zip(NAMES, (habits, seconds[:, None]), strict=True)
    ]


def _across(
    name: str, x: npt.NDArray[np.float64], machine: npt.NDArray[np.bool_], source: npt.NDArray[np.str_], seed: int
) -> Baseline:
    """Folds of whole sources, as alike in their classes as can be."""
    from threadpoolctl import threadpool_limits

    counts = [len(set(source[machine == label].tolist())) for label in (False, True)]
    folds = min(MOST_FOLDS, *counts)
    said = f"{counts[0]} sources of human and {counts[1]} of machine clips"
    if folds < 2:
        return Baseline(name, np.zeros(0), f"too few groups to leave one out: {said}")
    tree(len(x))  # says what is missing before anything else is imported
    from sklearn.model_selection import StratifiedGroupKFold

    scores = np.full(len(x), np.nan)
    split = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # folds of unlike sizes are what groups are
        for learnt, left in split.split(x, machine, source):
            if len(set(machine[learnt].tolist())) == 2:
                learner = tree(len(learnt)).set_params(class_weight="balanced")  # else a fold's mixture is a cue
                scores[left] = learner.fit(x[learnt], machine[learnt]).predict_proba(x[left])[:, 1]
    lost = int(np.isnan(scores).sum())
    note = f"{folds} folds of whole sources ({said})"
    if folds < MOST_FOLDS:
        note += f"; fewer than {MOST_FOLDS} groups in a class: the figure says little"
    if lost:
        note += f"; {lost} clips could not be scored, since without their sources one class is empty"
    return Baseline(name, scores if lost < len(x) else np.zeros(0), note)
