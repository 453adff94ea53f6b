"""Constants of the code lines from measures: fit, bounds, figures and reference distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from lir.algorithms.bayeserror import elub

from detectors.calibration import log10_of_count
from detectors.card import Bounds
from detectors.codes.card import QUANTILES, CodeLine, Distribution, LineFigure
from detectors.codes.conditions import CONDITIONS, PLAIN
from detectors.codes.measured import Row, table
from detectors.metrics import auc, cllr
from detectors.train.evidence import logistic

FloatArray = npt.NDArray[np.float64]

USE = ("distinct", "mean_run", "surprisal", "surprisal_spread", "gain", "rare", "distance", "distance_spread")
"""How the codes that the plain ear hears are used."""
LIKELY = (
    "heard.above_usage", "wrong.above_usage", "free.above_usage", "plain.heard.above_usage", "plain.wrong.above_usage",
    "plain.free.above_usage", "sure", "pairs", "pairs_heard",
)  # fmt: skip
"""How well the codes are foretold, by the GPT and by tables of pairs, with the codes as guesses."""
LINES: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "codes.statistics": (("human",), USE),
    "codes.likelihood": (("human", "control"), (*LIKELY, *USE)),
}
"""By method: what stands on the other side, and the measures that are weighed. Chosen on the voices of "calibration",
by leaving out one voice at a time."""
RIDGE = 0.02
"""Of the logistic regression on standard scores: few voices, and measures that move together."""


def fitted(method: str, rows: Sequence[Row], rounds: int, seed: int) -> CodeLine:
    """Constants of one line from the calibration rows; classes, the two kinds of others, and conditions equal."""
    against, names = LINES[method]
    used = [row for row in rows if row.sound.kind in ("clone", *against)]
    values = table(used, names)
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(values).all(1))
    used = [row for row, one in zip(used, known.tolist(), strict=True) if one]
    values = values[known]
    machine = np.array([row.sound.kind == "clone" for row in used])
    line = CodeLine(
        method=method, against=against, measures=names, means=_numbers(np.median(values, 0)),
        deviations=_numbers(np.maximum(values.std(0), 1e-6)), weights=(0.0,) * len(names), intercept=0.0,
        covariance=(), bounds=Bounds(lower=-9, upper=9),
    )  # fmt: skip
    x = np.concatenate([line.standard(values), np.ones((len(used), 1))], 1)
    weight = weights_of(used)
    constants = logistic(x, machine, weight, RIDGE)
    voices = np.array([f"{row.sound.source} {row.sound.speaker}" for row in used])
    draw = np.random.default_rng(seed)
    fits = []
    names_of, index = np.unique(voices, return_inverse=True)
    for _ in range(rounds):
        times = np.bincount(draw.integers(0, len(names_of), len(names_of)), minlength=len(names_of))[index] * weight
        for side in (machine, ~machine):
            times[side] *= 0.5 / max(float(times[side].sum()), 1e-12)
        fits.append(logistic(x, machine, times, RIDGE))
    cap = log10_of_count(len(names_of))
    plain = np.array([row.condition == PLAIN for row in used])
    low, high = elub((x @ constants)[plain], machine[plain].astype(int), add_misleading=1)
    return line.model_copy(
        update={
            "weights": _numbers(constants[:-1]),
            "intercept": round(float(constants[-1]), 6),
            "covariance": tuple(_numbers(row) for row in np.cov(np.array(fits).T)),
            "bounds": Bounds(lower=round(max(-cap, float(low)), 2), upper=round(min(cap, float(high)), 2)),
        }
    )


def weights_of(rows: Sequence[Row]) -> FloatArray:
    """Clones one half, the others the other half, shared by their kinds; within a kind every condition equal."""
    kinds = [row.sound.kind for row in rows]
    others = len(set(kinds) - {"clone"})
    groups = [(row.sound.kind, row.condition) for row in rows]
    conditions = {kind: len({g[1] for g in groups if g[0] == kind}) for kind in set(kinds)}
    share = {kind: 0.5 if kind == "clone" else 0.5 / max(others, 1) for kind in set(kinds)}
    return np.array(
        [share[kind] / conditions[kind] / groups.count(group) for kind, group in zip(kinds, groups, strict=True)]
    )


def figures_of(line: CodeLine, rows: Sequence[Row]) -> tuple[LineFigure, ...]:
    """The line on rows of voices that it never saw, by condition and by what the clones are told from."""
    found = []
    for condition in CONDITIONS:
        scores: dict[str, list[float]] = {"human": [], "control": [], "clone": []}
        for row in rows:
            answer = line.log10_lr(row.measures) if row.condition == condition else None
            if answer is not None:
                scores[row.sound.kind].append(answer[0])
        for kind in ("human", "control"):
            if scores["clone"] and scores[kind]:
                one, other = np.array(scores["clone"]), np.array(scores[kind])
                found.append(
                    LineFigure(
                        condition=f"{condition}, against {kind}", clones=len(one), others=len(other),
                        auc=round(auc(*(unbounded(line, rows, condition, one) for one in ("clone", kind))), 3),
                        cllr=round(cllr(one, other), 3),
                    )
                )  # fmt: skip
    return tuple(found)


def unbounded(line: CodeLine, rows: Sequence[Row], condition: str, kind: str) -> FloatArray:
    """The line's sums before the bounds, which order clips: [clips of the kind in the condition]."""
    used = [row for row in rows if row.condition == condition and row.sound.kind == kind]
    values = table(used, line.measures)
    return line.sums(values[np.isfinite(values).all(1)])


def distributions(rows: Sequence[Row]) -> tuple[Distribution, ...]:
    """Of every measure, 5 s undisturbed."""
    plain = [row for row in rows if row.condition == PLAIN]
    names = sorted({name for row in plain for name in row.measures})
    found = []
    for name in names:
        sides = {}
        for kind in ("human", "clone"):
            values = table([row for row in plain if row.sound.kind == kind], [name])[:, 0]
            sides[kind] = _numbers(np.quantile(values[np.isfinite(values)], QUANTILES))
        found.append(Distribution(measure=name, people=sides["human"], clones=sides["clone"]))
    return tuple(found)


def _numbers(values: FloatArray) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)
