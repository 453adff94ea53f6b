"""Whole pages left out: the folds, what may train for each, simple fits, and what their scores are worth.

A page is never divided. Of the pages that train, clips go whose generator, or whose speaker as far as names tell, is
heard on a page that is judged. Everything that is fitted, standardisation and thresholds too, is fitted on the other
folds.
"""

import itertools
from collections import Counter
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detectors.metrics import auc
from detectors.trivial import tree

FloatArray = npt.NDArray[np.floating]
BoolArray = npt.NDArray[np.bool_]
Rows = list[dict[str, str]]
Fit = Callable[[FloatArray, Rows, FloatArray], FloatArray]
"""Features [n, channels] of training clips, the clips, features [m, channels] -> scores [m]; positive: machine."""

OWN = "generated"
"""Source of clips of our own making, which have no page."""
LEAST = 5
"""Clips of either class that a page needs for an AUC of its own."""
RIDGE = 1e-3
"""Inverse weight of the squared coefficients of the logistic regression, on standardised features."""
OFFSET = 100.0
"""Square of the constant feature, so that the constant is hardly held down."""


def is_machine(clips: Rows) -> BoolArray:
    """Labels [clips]."""
    return np.array([c["label"] == "machine" for c in clips], bool)


def fold_of_pages(clips: Rows, folds: int, seed: int) -> dict[str, int]:
    """Fold of every page: in random order, each to the fold that has fewest clips of the class it has most of."""
    rng = np.random.default_rng(seed)
    pages = sorted({c["source"] for c in clips if c["source"] != OWN})
    count = Counter((c["source"], c["label"]) for c in clips)
    total = np.zeros((folds, 2))
    place = {}
    for page in rng.permutation(pages).tolist():
        size = np.array([count[page, "machine"], count[page, "human"]])
        place[page] = int(np.argmin(total[:, int(size[1] > size[0])]))
        total[place[page]] += size
    return place


def learnable(clips: Rows, judged: BoolArray, place: dict[str, int], fold: int) -> BoolArray:
    """Which clips may train when those marked are judged: other pages, other generators, other known speakers."""
    heard = [c for c, of in zip(clips, judged, strict=True) if of]
    generators = {c["generator"] for c in heard if c["label"] == "machine"}
    speakers = {c["speaker"] for c in heard if c["label"] == "human" and not c["speaker"].startswith("page:")}
    return np.array(
        [
            place.get(c["source"], -1) != fold
            and (c["generator"] not in generators if c["label"] == "machine" else c["speaker"] not in speakers)
            for c in clips
        ],
        bool,
    )


def clip_weights(clips: Rows) -> npt.NDArray[np.float64]:
    """Classes equal; within one, a generator on a page or a human source counts by the root of its size."""
    group = [(c["label"], c["source"], c["generator"]) for c in clips]
    size = Counter(group)
    weight = np.array([size[g] ** -0.5 for g in group])
    machine = is_machine(clips)
    for label in (machine, ~machine):
        weight[label] *= len(clips) / 2 / weight[label].sum()
    return weight


def standardised(x: FloatArray, other: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both by mean and deviation of the first."""
    mean, scale = x.mean(0), x.std(0) + 1e-4
    return (x - mean) / scale, (other - mean) / scale


def logistic(x: FloatArray, clips: Rows, other: FloatArray) -> FloatArray:
    """Weighted ridge logistic regression, by Newton's method on inner products: there are fewer clips than features."""
    x, other = standardised(x, other)
    target, weight = is_machine(clips).astype(np.float64), RIDGE * clip_weights(clips)
    products = (x @ x.T).astype(np.float64) + OFFSET
    scores, dual = np.zeros(len(x)), np.zeros(len(x))
    for _ in range(20):
        p = 1 / (1 + np.exp(-scores))
        root = np.sqrt(weight * np.maximum(p * (1 - p), 1e-6))
        aim = root**2 * scores + weight * (target - p)
        system = np.eye(len(x)) + root[:, None] * products * root
        dual = aim - root * np.linalg.solve(system, root * (products @ aim))
        before, scores = scores, products @ dual
        if np.abs(scores - before).max() < 1e-3:
            break
    answer: FloatArray = (other @ x.T + OFFSET) @ dual
    return answer


def differences(x: FloatArray, clips: Rows, other: FloatArray) -> FloatArray:
    """The same on what is left of every training page once the mean of its human clips is taken off."""
    source, human = np.array([c["source"] for c in clips]), ~is_machine(clips)
    middle = x[human].mean(0)
    less = x - middle
    for page in np.unique(source[human]):
        of = source == page
        if (of & human).sum() >= LEAST:
            less[of] = x[of] - x[of & human].mean(0)
    return logistic(less, clips, other - middle)


def boosted(x: FloatArray, clips: Rows, other: FloatArray) -> FloatArray:
    """The tree of the trivial baseline."""
    scores: FloatArray = tree(len(x)).fit(x, is_machine(clips)).predict_proba(other)[:, 1]
    return scores


def left_out(x: FloatArray, clips: Rows, fit: Fit, folds: int, seed: int) -> tuple[FloatArray, npt.NDArray[np.intp]]:
    """Score and fold of every clip [clips], from a fit that never saw its page, generator or known speaker.

    Clips of our own making have no score (nan, fold -1).
    """
    place = fold_of_pages(clips, folds, seed)
    number = np.array([place.get(c["source"], -1) for c in clips])
    scores = np.full(len(clips), np.nan)
    for fold in range(folds):
        judged = number == fold
        train = learnable(clips, judged, place, fold)
        scores[judged] = fit(x[train], [c for c, of in zip(clips, train, strict=True) if of], x[judged])
    return scores, number


def within_pages(scores: FloatArray, machine: BoolArray, source: npt.NDArray[np.str_]) -> float:
    """Mean AUC of pages that have clips of both classes: what no habit of a page can help."""
    found = []
    for page in np.unique(source):
        of = source == page
        if min((of & machine).sum(), (of & ~machine).sum()) >= LEAST:
            found.append(auc(scores[of & machine], scores[of & ~machine]))
    return float(np.mean(found)) if found else float("nan")


def balanced_auc(scores: FloatArray, machine: BoolArray, source: npt.NDArray[np.str_]) -> float:
    """AUC in which every page counts alike, however many clips it has."""
    of_machine = [scores[machine & (source == p)] for p in np.unique(source[machine])]
    of_human = [scores[~machine & (source == p)] for p in np.unique(source[~machine])]
    return float(np.mean([auc(m, h) for m, h in itertools.product(of_machine, of_human)]))


def at_frozen(scores: FloatArray, machine: BoolArray, fold: npt.NDArray[np.intp], rate: float) -> tuple[float, float]:
    """Rates of human and machine clips above a threshold which `rate` of the human clips of the other folds exceed."""
    above = np.zeros(len(scores), bool)
    for number in np.unique(fold):
        of = fold == number
        above[of] = scores[of] > np.quantile(scores[~of & ~machine], 1 - rate)
    return float(above[~machine].mean()), float(above[machine].mean())
