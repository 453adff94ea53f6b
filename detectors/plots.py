"""The five pictures of a detector's answers: DET, Tippett, empirical cross-entropy, reliability, risk and coverage.

Every function takes log10 LRs or scores of machine clips [n] and of human clips [n], or several named pairs of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.curves import cross_entropy, reliability, risk_coverage
from detectors.metrics import pool_adjacent_violators, rates

FloatArray = npt.NDArray[np.floating]
Pair = tuple[FloatArray, FloatArray]
MACHINE, HUMAN = "#b3402a", "#2a5db3"
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9)


@contextmanager
def _drawn(path: Path, width: float = 6.4, height: float = 3.6) -> Iterator[Any]:
    """Axes that are written to `path` at the end."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(width, height), dpi=120)
    yield axes
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def det(systems: Mapping[str, Pair], path: Path) -> None:
    """Both error rates on normal-deviate axes, a line for each system (A. Martin et al., "The DET curve", 1997)."""
    from scipy.special import ndtri

    with _drawn(path, 5.2, 4.8) as axes:
        for name, (machine, human) in systems.items():
            _, false_alarms, misses = rates(machine, human)
            inside = np.clip(np.stack([false_alarms, misses]), 1e-3, 1 - 1e-3)
            axes.step(*ndtri(inside), label=name, where="post", lw=1.3)
        axes.plot(ndtri([0.005, 0.95]), ndtri([0.005, 0.95]), color="0.8", lw=0.8)
        for ticks, labels, limits in (
            (axes.set_xticks, axes.set_xticklabels, axes.set_xlim),
            (axes.set_yticks, axes.set_yticklabels, axes.set_ylim),
        ):
            ticks(ndtri(TICKS))
            labels([f"{100 * tick:g}" for tick in TICKS])
            limits(*ndtri([0.005, 0.95]))
        axes.set_xlabel("human clips at or above the threshold, %")
        axes.set_ylabel("machine clips below it, %")


def tippett(machine: FloatArray, human: FloatArray, path: Path) -> None:
    """Cumulative shares of human and machine-made clips over the log10 LR."""
    with _drawn(path) as axes:
        for found, name, colour in ((machine, "machine-made", MACHINE), (human, "human", HUMAN)):
            values = np.sort(found)
            axes.step(values, 1 - np.arange(values.size) / values.size, label=name, color=colour, where="post")
        axes.set_xlabel("log10 LR (positive: machine)")
        axes.set_ylabel("share of clips at or above")
        axes.axvline(0, color="0.7", lw=0.8)


def ece(machine: FloatArray, human: FloatArray, path: Path) -> None:
    """Empirical cross-entropy over the prior odds: as reported, after the best calibration, and of saying nothing."""
    odds = np.linspace(-2.5, 2.5, 101)
    nothing = np.zeros(1)
    curves = (
        ("as reported", (machine, human), "-", MACHINE),
        ("best monotone calibration (PAV)", pool_adjacent_violators(machine, human), "--", HUMAN),
        ("LR 1 throughout", (nothing, nothing), ":", "0.4"),
    )
    with _drawn(path) as axes:
        for name, (of_machine, of_human), style, colour in curves:
            axes.plot(odds, cross_entropy(of_machine, of_human, odds), style, label=name, color=colour)
        axes.set_xlabel("prior log10 odds (positive: machine)")
        axes.set_ylabel("empirical cross-entropy, bits")
        axes.set_ylim(0, 1.2)


def reliable(machine: FloatArray, human: FloatArray, path: Path) -> None:
    """The log10 LR that clips have in truth over the one that was reported."""
    bins = reliability(machine, human, max(2, min(10, (len(machine) + len(human)) // 12)))
    with _drawn(path, 4.8, 4.4) as axes:
        reported, observed = [b.reported for b in bins], [b.observed for b in bins]
        reach = max(0.5, *(abs(value) for value in (*reported, *observed))) * 1.1
        axes.plot([-reach, reach], [-reach, reach], color="0.7", lw=0.8, label="well calibrated")
        axes.plot(reported, observed, "o-", color=MACHINE, label="bins of clips")
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_xlabel("reported log10 LR")
        axes.set_ylabel("observed log10 LR")


def risk(systems: Mapping[str, Pair], path: Path) -> None:
    """The error rate among the clips that are answered, the surest first, over their share."""
    with _drawn(path) as axes:
        for name, (machine, human) in systems.items():
            coverage, wrong = risk_coverage(machine, human)
            axes.step(100 * coverage, 100 * wrong, label=name, where="post", lw=1.3)
        axes.set_xlabel("clips answered, % (classes weigh the same)")
        axes.set_ylabel("of them wrongly, %")
        axes.set_xlim(0, 100)
        axes.set_ylim(bottom=0)
