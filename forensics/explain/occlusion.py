"""Occlusion: how the detector's score changes when a cell of time and frequency is taken out of the sound.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks" (2014). It asks nothing of the detector
but its scores, so that it explains every line alike. What stands in for a cell: forensics/explain/masking.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from forensics.explain.clip import Logit, Passage
from forensics.explain.masking import Grid, Masking
from forensics.explain.relevance import RelevanceMap, spread


def occlusion(
    logit: Logit,
    line: str,
    passage: Passage,
    *,
    masking: Masking | None = None,
    on_cell: Callable[[int, int], None] = lambda done, cells: None,
) -> RelevanceMap:
    """The score less the score without the cell, for every cell; `on_cell` is told how many are done."""
    masking = masking or Masking(passage, Grid.over(passage))
    grid = masking.grid
    bands, columns = grid.shape
    score = passage.score(logit)

    def effect(cell: int) -> float:
        hidden = np.zeros(grid.shape, np.bool_)
        hidden.flat[cell] = True
        return score - masking.score(logit, hidden)

    values = np.zeros(grid.shape, np.float32)
    with ThreadPoolExecutor(min(4, len(os.sched_getaffinity(0)))) as pool:  # NumPy's products let other threads work
        for cell, value in enumerate(pool.map(effect, range(bands * columns))):
            values.flat[cell] = value
            on_cell(cell + 1, bands * columns)
    return RelevanceMap(
        method="occlusion",
        line=line,
        layer="sound",
        times_s=grid.times_s(passage),
        bands_hz=np.array(grid.bands_hz, np.float32),
        values=values,
        start_s=passage.start_s,
        changes=masking.changes_db(),
        over_time=spread(values.sum(0), grid.columns, passage.frames),
        score=score,
        baseline=masking.score(logit, np.ones(grid.shape, np.bool_)),
        passes=bands * columns + 2,
    )
