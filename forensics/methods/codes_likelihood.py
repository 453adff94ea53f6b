"""How well our voice model's own GPT foretells the codes of the speech (detectors/codes/likelihood.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.codes.card import CodeLine
from forensics.exhibit import Exhibit
from forensics.methods._code_line import CodeMethod
from forensics.methods._frames import curve
from forensics.records import GRID_S, Figure, Finding

if TYPE_CHECKING:
    from detectors.codes.measuring import Measured

SMOOTHED = 25
"""Codes of the moving mean that is drawn, 1 s."""


class CodesLikelihood(CodeMethod):
    """Drawn by our own checkpoint or spoken, by how likely the codes are to it."""

    id = "codes.likelihood"
    likelihood = True
    title = "Code likelihood"
    purpose = (
        "Asks the GPT of our voice model how likely each code of the speech is after those before it, given the phones "
        "heard, a wrong sentence, and no sentence; a model finds its own draws likelier than a person's speech."
    )

    def answered(
        self, exhibit: Exhibit, measured: Measured, line: CodeLine, value: float, bounds: tuple[float, float]
    ) -> Finding:
        outcome, reasons, told, told_bounds = self.told(value, bounds)
        measures = measured.measures
        more = {
            f"{text}.{name}": round(measures[f"{text}.{name}"], 4)
            for text in measured.foretold
            for name in ("log_probability", "curvature", "top_1", "top_5", "top_10", "top_50")
        }
        if self.transcript and "given" not in measured.foretold:
            reasons.append("The transcript was not used: the recording is longer than 10 s, the most it is used for.")
        return self.finding(
            outcome,
            reasons=reasons,
            exhibit=exhibit,
            measurements={
                "codes": round(measures["codes"]),
                "windows": len(measured.windows),
                "checkpoint_log10_lr": round(value, 4),
                "checkpoint_log10_lr_bounds": (round(bounds[0], 4), round(bounds[1], 4)),
                **more,
                **self.placed(measures, line.measures),
            },
            figures=[_map(measured)],
            log10_lr=round(told, 4),
            log10_lr_bounds=(round(told_bounds[0], 4), round(told_bounds[1], 4)),
        )


def _map(measured: Measured) -> Figure:
    """Excess of every code's log-probability over its expectation; a code of 40 ms holds for two frames of 20 ms."""
    series = []
    for text in ("given", "heard", "wrong"):
        if text in measured.foretold:
            frames = np.repeat(np.where(measured.counted, measured.foretold[text].excess(), np.nan), 2)
            series.append(curve(f"text {text}", np.arange(len(frames)) * GRID_S, _smooth(frames)))
    return Figure(
        kind="time",
        title="Log-probability of the codes over its expectation, mean over one second",
        x_label="time (s)",
        y_label="standard deviations",
        series=tuple(series),
        levels=((0.0, "as the model's own draws"),),
    )


def _smooth(frames: NDArray[np.float32]) -> NDArray[np.float64]:
    known = np.isfinite(frames)
    kernel = np.ones(2 * SMOOTHED)
    total = np.convolve(np.where(known, frames, 0.0), kernel, "same")[: len(frames)]
    count = np.convolve(known.astype(float), kernel, "same")[: len(frames)]
    return np.where(known & (count > 0), total / np.maximum(count, 1), np.nan)
