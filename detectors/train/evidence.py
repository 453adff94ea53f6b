"""Statistics of evidence for the calibration: weighted logistic regression, bootstrap of sources, thresholds."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
LN10 = float(np.log(10))


class Table:
    """Columns of a score file as arrays."""

    def __init__(self, rows: list[dict[str, str]], lines: Sequence[str]) -> None:
        self.rows = rows
        self.machine = np.array([r["label"] == "machine" for r in rows])
        self.source = np.array([r["source"] for r in rows])
        self.group = np.array([r["generator"] if r["label"] == "machine" else r["source"] for r in rows])
        self.condition = np.array([r["condition"] for r in rows])
        self.id = np.array([r["id"] for r in rows])
        self.score = {name: np.array([float(r[name]) for r in rows]) for name in lines}
        self.frame_score = {name: np.array([float(r[f"{name}.frames"]) for r in rows]) for name in lines}
        self.seconds = np.array([float(r["speech_seconds"]) for r in rows])

    def weights(self) -> FloatArray:
        """Classes equal; a group (generator or human source) in a condition counts by the root of its size."""
        key = list(zip(self.machine.tolist(), self.group.tolist(), self.condition.tolist(), strict=True))
        size = Counter(key)
        weight = np.array([size[k] ** -0.5 for k in key])
        for label in (True, False):
            weight[self.machine == label] *= 0.5 / weight[self.machine == label].sum()
        return weight


def logistic(x: FloatArray, machine: npt.NDArray[np.bool_], weight: FloatArray, ridge: float = 1e-4) -> FloatArray:
    """Weighted logistic regression by Newton's method: x [n, k] -> constants [k] for the log10 LR (classes equal)."""
    beta = np.zeros(x.shape[1])
    target = machine.astype(np.float64)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        gradient = x.T @ (weight * (p - target)) + ridge * beta
        hessian = (x * (weight * p * (1 - p))[:, None]).T @ x + ridge * np.eye(x.shape[1])
        step = np.linalg.solve(hessian, gradient)
        beta -= step
        if np.abs(step).max() < 1e-9:
            break
    return beta / LN10


def bootstrap(x: FloatArray, table: Table, rounds: int, seed: int) -> FloatArray:
    """Constants refitted on whole sources drawn with replacement, human and machine-made apart: [rounds, k]."""
    rng = np.random.default_rng(seed)
    weight = table.weights()
    fits = []
    for _ in range(rounds):
        times = np.zeros(len(weight))
        for label in (True, False):
            rows = np.flatnonzero(table.machine == label)
            names, index = np.unique(table.source[rows], return_inverse=True)
            drawn = np.bincount(rng.integers(0, len(names), len(names)), minlength=len(names))
            times[rows] = drawn[index]
            times[rows] *= 0.5 / max((times[rows] * weight[rows]).sum(), 1e-12)
        fits.append(logistic(x, table.machine, weight * times))
    return np.array(fits)


def covariance(x: FloatArray, table: Table, rounds: int, seed: int) -> FloatArray:
    """Covariance [k, k] of the constants over the bootstrap."""
    return np.atleast_2d(np.cov(bootstrap(x, table, rounds, seed).T))


def threshold(
    values: FloatArray, families: list[npt.NDArray[np.bool_]], weight: FloatArray, rate: float, largest: float
) -> float:
    """Lowest threshold at which the weighted share of values above it is at most `rate` in every family; >= 0."""
    found = 0.0
    for family in families:
        v, w = values[family], weight[family]
        if v.size == 0:
            continue
        order = np.argsort(-v)
        share = np.cumsum(w[order]) / w.sum()
        beyond = int(np.searchsorted(share, rate, "right"))  # the first that may not lie above
        if beyond < v.size:
            found = max(found, float(v[order][beyond]))
    return min(float(np.ceil(found * 1000) / 1000), largest)


def joint(x: FloatArray, table: Table, rounds: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Constants [k] and covariance [k, k] for lines side by side; x [n, k] ends with a column of ones.

    No weight is negative: a line that would count against itself once the others are known is left at 0.
    """
    used = list(range(x.shape[1]))
    while True:
        constants = logistic(x[:, used], table.machine, table.weights())
        worst = int(np.argmin(constants[:-1]))
        if constants[worst] >= 0 or len(used) == 2:
            break
        del used[worst]
    whole, spread = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    whole[used] = constants
    spread[np.ix_(used, used)] = covariance(x[:, used], table, rounds, seed)
    return whole, spread
