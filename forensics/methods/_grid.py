"""The sound of an exhibit in overlapping stretches, for cues that are measured at every instant of a 5 ms grid.

A cue of an instant depends on the sound within `MARGIN_S` on either side, so that cues measured stretch by stretch
equal those measured at once, and memory stays flat for recordings of any length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit

HOP_S = 0.005
"""Step of the grid, seconds."""
MARGIN_S = 1.0
STRETCH_S = 8.0

Floats = NDArray[np.floating]
Values = TypeVar("Values", bound=np.generic)


def on_grid(exhibit: Exhibit, rate: int, cues: Callable[[NDArray[np.float32], int], Floats]) -> NDArray[np.float32]:
    """Cues of the whole recording: `cues(samples [time], rate)` gives [instants, ...], one per whole 5 ms."""
    hop, margin, stretch = round(HOP_S * rate), round(MARGIN_S * rate), round(STRETCH_S * rate)
    found: list[NDArray[np.float32]] = []
    held, lead = np.zeros(0, dtype=np.float32), 0
    for block in exhibit.recording.resampled(rate, seconds=STRETCH_S):
        held = np.concatenate([held, block])
        while len(held) >= lead + stretch + margin:
            part = held[: lead + stretch + margin]
            found.append(_float32(cues(part, rate)[lead // hop : (lead + stretch) // hop]))
            cut = lead + stretch - margin
            held, lead = held[cut:].copy(), margin
    if len(held) > lead:
        found.append(_float32(cues(held, rate)[lead // hop :]))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def shifted(values: NDArray[Values], by: int) -> NDArray[Values]:
    """Values [instants, ...] as they were `by` instants before (negative: after); the ends are repeated."""
    moved = np.empty_like(values)
    if by > 0:
        moved[by:], moved[:by] = values[:-by], values[:1]
    elif by < 0:
        moved[:by], moved[by:] = values[-by:], values[-1:]
    else:
        moved[:] = values
    return moved


def places(scores: Floats, least: float, apart_s: float = 0.15) -> list[int]:
    """Instants whose score is at least `least` and the highest within `apart_s` on either side, in time order."""
    found: list[int] = []
    reach = round(apart_s / HOP_S)
    for instant in np.flatnonzero(scores >= least):
        near = scores[max(instant - reach, 0) : instant + reach + 1]
        if scores[instant] >= near.max() and (not found or instant - found[-1] > reach):
            found.append(int(instant))
    return found


def _float32(values: Floats) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)
