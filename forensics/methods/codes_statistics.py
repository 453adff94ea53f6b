"""How the speech uses the codes of our voice model: variety, runs, transitions, fit (detectors/codes/statistics.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.codes.card import QUANTILES, CodeLine
from forensics.exhibit import Exhibit
from forensics.methods._code_line import CodeMethod
from forensics.methods._frames import curve
from forensics.records import Figure, Finding

if TYPE_CHECKING:
    from detectors.codes.measuring import Measured


class CodesStatistics(CodeMethod):
    """Our own checkpoint or a person, by how codes follow each other."""

    id = "codes.statistics"
    likelihood = False
    title = "Code statistics"
    purpose = (
        "Turns the speech into the 25 codes a second of our voice model, and compares their variety, runs, transitions "
        "and distances with those of people and of the model's own clones."
    )

    def answered(
        self, exhibit: Exhibit, measured: Measured, line: CodeLine, value: float, bounds: tuple[float, float]
    ) -> Finding:
        outcome, reasons, told, told_bounds = self.told(value, bounds)
        return self.finding(
            outcome,
            reasons=reasons,
            exhibit=exhibit,
            measurements={
                "codes": round(measured.measures["codes"]),
                "windows": len(measured.windows),
                "checkpoint_log10_lr": round(value, 4),
                "checkpoint_log10_lr_bounds": (round(bounds[0], 4), round(bounds[1], 4)),
                **self.placed(measured.measures, line.measures),
            },
            figures=self._figures(measured, line),
            log10_lr=round(told, 4),
            log10_lr_bounds=(round(told_bounds[0], 4), round(told_bounds[1], 4)),
        )

    def _figures(self, measured: Measured, line: CodeLine) -> list[Figure]:
        """Reference distributions of every measure that is weighed, with the clip's place."""
        assert self.card is not None  # noqa: S101
        figures = []
        for name in line.measures:
            reference = self.card.distribution(name)
            if reference is None:
                continue
            share = np.array(QUANTILES)
            figures.append(
                Figure(
                    kind="chart",
                    title=f"{name.replace('_', ' ').capitalize()} of the codes",
                    x_label=name.replace("_", " "),
                    y_label="share of clips below",
                    series=(
                        curve("people", np.array(reference.people), share),
                        curve("clones", np.array(reference.clones), share),
                    ),
                    marks=((round(measured.measures[name], 4), "this clip"),),
                )
            )
        return figures
