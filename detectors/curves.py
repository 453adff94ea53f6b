"""Curves of likelihood ratios: empirical cross-entropy, reliability, and the risk left at a coverage.

Empirical cross-entropy: D. Ramos, J. Gonzalez-Rodriguez, "Reliable support: Measuring calibration of likelihood
ratios", 2013; at prior odds of 1 it is Cllr. Risk and coverage: Y. Geifman, R. El-Yaniv, "Selective Classification for
Deep Neural Networks", 2017. Both classes weigh the same throughout, however many clips they have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
LN10 = math.log(10)


def cross_entropy(machine: FloatArray, human: FloatArray, log10_odds: FloatArray) -> FloatArray:
    """Bits that log10 LRs cost at prior odds for a machine [k] -> [k]; infinite LRs on the right side cost nothing."""
    odds = np.asarray(log10_odds, np.float64) * LN10
    prior = 1 / (1 + np.exp(-odds))
    of_machine = np.logaddexp(0, -(np.asarray(machine, np.float64)[:, None] * LN10 + odds)).mean(0)
    of_human = np.logaddexp(0, np.asarray(human, np.float64)[:, None] * LN10 + odds).mean(0)
    bits: FloatArray = (prior * of_machine + (1 - prior) * of_human) / math.log(2)
    return bits


@dataclass(frozen=True)
class Bin:
    """Clips whose reported LRs lie side by side, and the LR that they have in truth."""

    reported: float
    """Mean of the reported log10 LRs."""
    observed: float
    """log10 of the share of machine clips in the bin over that of human clips, half a clip added to each."""
    machine: int
    human: int


def reliability(machine: FloatArray, human: FloatArray, bins: int = 10) -> list[Bin]:
    """Reported against observed log10 LRs, in bins of about as many clips each; equal LRs are never torn apart."""
    values = np.concatenate([machine, human])
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="lower"))
    of_machine, of_human = np.searchsorted(edges, machine, "left"), np.searchsorted(edges, human, "left")
    made = []
    for number in range(edges.size + 1):
        m, h = machine[of_machine == number], human[of_human == number]
        if m.size + h.size:
            ratio = (m.size + 0.5) / (len(machine) + 1) / ((h.size + 0.5) / (len(human) + 1))
            made.append(Bin(float(np.concatenate([m, h]).mean()), math.log10(ratio), m.size, h.size))
    return made


def risk_coverage(machine: FloatArray, human: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coverage [n], rising to 1, and the error rate among the clips kept [n], the surest kept first.

    The answer is the sign of the log10 LR, its size the sureness; 0 is half an error. Clips equally sure go together.
    """
    size = np.abs(np.concatenate([machine, human]))
    weight = np.concatenate([np.full(len(machine), 0.5 / len(machine)), np.full(len(human), 0.5 / len(human))])
    wrong = np.concatenate([0.5 - 0.5 * np.sign(machine), 0.5 + 0.5 * np.sign(human)])
    order = np.argsort(-size, kind="stable")
    kept, errors = np.cumsum(weight[order]), np.cumsum((weight * wrong)[order])
    last = np.flatnonzero(np.diff(size[order], append=-1.0))
    return kept[last] / kept[-1], errors[last] / kept[last]


def risk_at(machine: FloatArray, human: FloatArray, coverage: float) -> float:
    """The error rate where at least so many clips are answered."""
    reached, risk = risk_coverage(machine, human)
    return float(risk[min(int(np.searchsorted(reached, coverage - 1e-9)), risk.size - 1)])
