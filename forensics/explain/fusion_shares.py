"""What each line of evidence adds to the fused log10 LR: exact Shapley values, in bans.

L. S. Shapley, "A Value for n-Person Games" (1953); as shares of a model's answer: S. M. Lundberg, S.-I. Lee, "A Unified
Approach to Interpreting Model Predictions" (2017). A line's share is the mean, over all orders in which the lines could
be heard, of what the fused log10 LR gains when that line is heard. The fusion was learnt for every set of lines
(detectors/fusion.py), so that no line has to be replaced by a made-up value; all sets are gone through. The shares add
up to the fused log10 LR.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any

from detectors.fusion import Fusion
from forensics.fusion import WATERMARK, usable_lines
from forensics.records import Finding


@dataclass(frozen=True)
class Share:
    """One line of evidence in the fused answer."""

    line: str
    """Method id."""
    title: str
    """For readers."""
    bans: float
    """Its Shapley value, log10 LR; positive speaks for a machine."""
    alone: float
    """The log10 LR that the fusion gives when it hears this line only."""


@dataclass(frozen=True)
class Shares:
    """The fused log10 LR, shared out."""

    total: float
    """Fused log10 LR of all lines: the verdict's."""
    lines: tuple[Share, ...]
    """Those that took part, the largest share first; none: there is no answer to share out."""

    def told(self) -> dict[str, Any]:
        """As JSON."""
        lines = {one.line: {"bans": round(one.bans, 4), "alone": round(one.alone, 4)} for one in self.lines}
        return {"method": "shares", "log10_lr": round(self.total, 4) if self.lines else None, "lines": lines}


def fusion_shares(findings: Sequence[Finding], fusion: Fusion) -> Shares:
    """The shares of the lines that the verdict was fused from (`forensics.fusion.judge_origin`)."""
    lines = usable_lines(findings, fusion)
    mark = next((f.log10_lr for f in findings if f.method == WATERMARK and f.log10_lr), None)
    values = lines if mark is None else {**lines, WATERMARK: mark}
    titles = {f.method: f.title or f.method for f in findings}
    worth = {heard: _fused(heard, values, fusion) for heard in _subsets(tuple(values))}
    everything = frozenset(values)
    shares = [Share(line, titles[line], _shapley(line, everything, worth), worth[frozenset({line})]) for line in values]
    return Shares(worth[everything], tuple(sorted(shares, key=lambda one: -abs(one.bans))))


def _fused(heard: frozenset[str], values: Mapping[str, float], fusion: Fusion) -> float:
    """The log10 LR of these lines alone: the trained ones fused, a mark added; 0 for none."""
    trained = {line: values[line] for line in values if line in heard and line != WATERMARK}
    return (fusion.fuse(trained).log10_lr if trained else 0.0) + (values[WATERMARK] if WATERMARK in heard else 0.0)


def _shapley(line: str, everything: frozenset[str], worth: Mapping[frozenset[str], float]) -> float:
    count = len(everything)
    total = 0.0
    for others in _subsets(tuple(everything - {line})):
        orders = factorial(len(others)) * factorial(count - len(others) - 1) / factorial(count)
        total += orders * (worth[others | {line}] - worth[others])
    return total


def _subsets(lines: tuple[str, ...]) -> list[frozenset[str]]:
    sizes = range(len(lines) + 1)
    return [frozenset(chosen) for size in sizes for chosen in itertools.combinations(lines, size)]
