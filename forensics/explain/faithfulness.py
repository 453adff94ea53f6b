"""Whether a map of relevance is true of the detector: the tests that every method has to pass.

- Deletion and insertion: cells are taken out (or put back) in the order of the map, and the score has to move more than
  in random orders. Area over the perturbation curve: W. Samek et al., "Evaluating the Visualization of What a Deep
  Neural Network Has Learned" (2017); insertion: V. Petsiuk et al., "RISE" (2018).
- Weights at random: a map that stays the same when the detector's weights are shuffled does not explain the detector.
  J. Adebayo et al., "Sanity Checks for Saliency Maps" (2018).
- Stability: noise far below the speech must not change the map.
- Pointing: on a recording in which a machine's phrase replaces a part of a person's, the map has to point there. After
  the pointing game of J. Zhang et al., "Top-down Neural Attention by Excitation Backprop" (2016).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from detectors.inference import SpeechScorer
from detectors.spectral import SpectralScorer
from forensics.explain.clip import Logit
from forensics.explain.masking import Grid, Masking
from forensics.explain.relevance import RelevanceMap
from forensics.records import GRID_S

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

FRACTIONS = (0.05, 0.1, 0.2, 0.35, 0.5)
"""Shares of the cells that are taken out, or put back."""
SMOOTHED_FRAMES = 25
"""Frames of 20 ms over which relevance is averaged before it points."""


@dataclass(frozen=True)
class Moved:
    """How far a score moves when cells go, or come, in a given order; means over `FRACTIONS`, in log-odds."""

    deletion: float
    """Score less the score without the first cells."""
    insertion: float
    """Score of the first cells alone less the score without any."""
    span: float
    """Score less the score without any cell: what taking out everything does."""


def on_cells(map_: RelevanceMap, grid: Grid, start_s: float) -> FloatArray:
    """What a map shows on the cells of a grid [bands, columns]: finer cells summed, a band for all shared out."""
    bands, columns = grid.shape
    middles = (map_.times_s[1:] + map_.times_s[:-1]) / 2 - start_s
    column = np.clip(np.searchsorted(grid.columns * GRID_S, middles, side="right") - 1, 0, columns - 1)
    out = np.zeros(grid.shape, np.float32)
    shown = map_.contrast
    if len(shown) == 1:
        for at, value in zip(column, shown[0], strict=True):
            out[:, at] += value / bands
        return out
    centres = (map_.bands_hz[1:] + map_.bands_hz[:-1]) / 2
    band = np.clip(np.searchsorted(grid.bands_hz, centres, side="right") - 1, 0, bands - 1)
    np.add.at(out, (band[:, None], column[None]), shown)
    return out


def moved(logit: Logit, masking: Masking, order: IntArray) -> Moved:
    """Take out, and put back, the cells in this order [cells]."""
    shape = masking.grid.shape
    nothing = np.zeros(shape, np.bool_)
    whole, empty = masking.score(logit, nothing), masking.score(logit, ~nothing)
    gone, alone = [], []
    for fraction in FRACTIONS:
        first = np.zeros(shape, np.bool_)
        first.flat[order[: max(1, round(fraction * order.size))]] = True
        gone.append(whole - masking.score(logit, first))
        alone.append(masking.score(logit, ~first) - empty)
    return Moved(float(np.mean(gone)), float(np.mean(alone)), whole - empty)


def first_to_last(cells: FloatArray) -> IntArray:
    """Cells [bands, columns] in the order in which they speak for a machine: flat places [cells]."""
    return np.argsort(-cells.ravel(), kind="stable")


def alike(one: FloatArray, other: FloatArray) -> float:
    """Rank correlation of two maps of one shape; 0 where one of them is flat."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return 0.0
    return float(spearmanr(one.ravel(), other.ravel()).statistic)


def shuffled(scorer: SpeechScorer | SpectralScorer, seed: int = 0) -> SpeechScorer | SpectralScorer:
    """The same detector with the numbers of every tensor of its weights in a random order."""
    rng = np.random.default_rng(seed)
    state = {k: rng.permutation(v.ravel()).reshape(v.shape).astype(np.float32) for k, v in scorer.state.items()}
    if isinstance(scorer, SpeechScorer):
        return SpeechScorer(scorer.config, state)
    return SpectralScorer(scorer.config, state)


@dataclass(frozen=True)
class Pointed:
    """Where a map points, against where the machine's phrase is."""

    iou: float
    """Intersection over union of the truth and as many of the map's highest frames."""
    by_chance: float
    """The same of the map moved around the recording, mean over many places."""
    hit: bool
    """Whether the highest frame lies in the truth."""


def pointing(over_time: FloatArray, truth: BoolArray, heard: tuple[int, int]) -> Pointed:
    """Relevance and truth [frames of 20 ms], and the frames that were heard."""
    span = slice(*heard)
    inside, values = truth[span], smoothed(over_time[span])
    rounds = np.linspace(0, inside.size, 41).astype(int)[1:-1]
    moved_about = [_iou(np.roll(values, by), inside) for by in rounds]
    return Pointed(_iou(values, inside), float(np.mean(moved_about)), bool(inside[int(values.argmax())]))


def smoothed(values: FloatArray, width: int = SMOOTHED_FRAMES) -> FloatArray:
    """Moving average, shorter at the edges: [frames] -> [frames]."""
    kernel = np.ones(min(width, values.size))
    count = np.convolve(np.ones(values.size), kernel, "same")
    return (np.convolve(values, kernel, "same") / count).astype(np.float32)


def frames_inside(segments: Iterable[tuple[float, float]], frames: int) -> BoolArray:
    """Segments in seconds -> the frames of 20 ms whose middle lies in one: [frames]."""
    middles = (np.arange(frames) + 0.5) * GRID_S
    out = np.zeros(frames, np.bool_)
    for start, end in segments:
        out |= (middles >= start) & (middles < end)
    return out


def _iou(values: FloatArray, truth: BoolArray) -> float:
    chosen = np.zeros(values.size, np.bool_)
    chosen[np.argsort(-values, kind="stable")[: int(truth.sum())]] = True
    union = int((chosen | truth).sum())
    return float((chosen & truth).sum() / union) if union else 0.0
