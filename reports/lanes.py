"""The overview strip: the spectrogram and, below it on the same time axis, one lane for every method."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator
from reportlab.platypus import Flowable

from forensics.records import Examination, Finding, Spectrogram
from reports import theme
from reports.blocks import draw_sign, label
from reports.numerals import between, number, signed
from reports.plots import shade, time_axis
from reports.tagging import mark
from reports.typeface import shorten, width

RAMP = LinearSegmentedColormap.from_list("loudness", ["#FFFFFF", "#E2EBF0", "#A8C3D1", "#5888A0", "#1E526C", "#092232"])
"""Colours of the spectrogram from quiet to loud; lightness falls evenly, so that it prints in grey."""
_FLOOR_DB = 75.0
"""Depth of the spectrogram below its loudest cells."""
_FOOT = 20.0
_TRACK = 3.4
"""Height of the bar that shows a method's stretches, points."""


def lanes(examination: Examination) -> list[Finding]:
    """Findings that say something, those that matter most first."""
    order = {"inconsistent": 0, "inconclusive": 1, "consistent": 2}
    found = [one for one in examination.findings if one.outcome in order]
    return sorted(found, key=lambda one: (order[one.outcome], -abs(one.log10_lr or 0.0), not one.segments, one.method))


def lane_colour(finding: Finding) -> str:
    """Colour of a finding's segments: vermilion against continuity or for a machine, teal for a person, stone else."""
    if finding.log10_lr is not None:
        return theme.VERMILION if finding.log10_lr > 0 else theme.TEAL
    return theme.OUTCOME_COLOUR[finding.outcome]


def in_short(finding: Finding, seconds: float, most: int = 2) -> str:
    """A finding at the right end of its lane: outcome, likelihood ratio, where, what else it recognised."""
    said = [theme.OUTCOME_WORD[finding.outcome]]
    if finding.log10_lr is not None:
        said.append(f"log10 LR {signed(finding.log10_lr)}")
    if finding.segments:
        rest = len(finding.segments) - most
        where = ", ".join(between(one, seconds) for one in finding.segments[:most])
        said.append(where + (f" and {rest} more" if rest > 0 else ""))
    if finding.traces:
        said.append("also: " + shorten(", ".join(finding.traces), theme.TICK, 150))
    return "  ·  ".join(said)


class Strip(Flowable):  # type: ignore[misc]
    """Spectrogram (`up` points high) with a lane per finding (`row` points high), all on the shared time axis."""

    def __init__(
        self, picture: Spectrogram | None, seconds: float, findings: Sequence[Finding], up: float, more: str = "",
        row: float = 15.5,
    ) -> None:  # fmt: skip
        super().__init__()
        self.picture, self.seconds, self.findings, self.up, self.more = picture, seconds, findings, up, more
        self.row = row

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        self.below = len(self.findings) * self.row + (4.0 if self.findings else 0.0)
        return available_width, self.up + self.below + _FOOT + (12 if self.more else 4)

    def draw(self) -> None:
        said = "; ".join(f"{one.title or one.method}: {in_short(one, self.seconds, 5)}" for one in self.findings)
        with mark(self.canv, "Figure", f"Spectrogram on the time axis. Methods: {said or 'none'}."):
            self.canv.saveState()
            self.canv.translate(0, 10 if self.more else 2)
            with self.canv.easel.time_figure(self.across, _FOOT, self.up + self.below, 2.0) as axes:
                self._draw(axes)
            for index, finding in enumerate(self.findings):
                self._name(finding, _FOOT + self.below - 4.0 - index * self.row)
            self.canv.restoreState()
            if self.more:
                label(self.canv, theme.GUTTER, 1.5, self.more, theme.TICK)

    def _draw(self, axes: Axes) -> None:
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)
        axes.set_ylim(-self.below, self.up)  # ordinates are points; the lanes lie below zero
        axes.set_yticks([])
        time_axis(axes, self.seconds, self.across)
        point = self.seconds / axes.get_window_extent().width
        self._spectrogram(axes, point)
        for index, finding in enumerate(self.findings):
            low = -4.0 - (index + 1) * self.row + 2.0
            spans = [(one.start_s, max(one.end_s - one.start_s, 1.6 * point)) for one in finding.segments]
            axes.axhline(low, color=theme.GRID, linewidth=0.5, zorder=1)
            axes.broken_barh(spans, (low, _TRACK), facecolor=lane_colour(finding), linewidth=0, zorder=3)

    def _spectrogram(self, axes: Axes, point: float) -> None:
        if self.picture is None:
            axes.axhspan(0, self.up, color=theme.WASH)
            words: dict[str, Any] = {"ha": "center", "va": "center", "color": theme.MUTED, "fontsize": theme.FINE}
            axes.text(self.seconds / 2, self.up / 2, "no spectrogram in the record", **words)
        else:
            levels = np.nan_to_num(self.picture.levels_db.astype(np.float64), nan=-200.0, neginf=-200.0, posinf=0.0)
            top = float(np.percentile(levels, 99.7)) if levels.size else 0.0
            extent = (0.0, min(self.picture.seconds, self.seconds), 0.0, self.up)
            axes.imshow(
                levels, RAMP, aspect="auto", origin="lower", extent=extent, vmin=top - _FLOOR_DB, vmax=top, zorder=1
            )
            axes.set_xlim(0.0, self.seconds)  # the picture may end a little before the sound
            axes.set_ylim(-self.below, self.up)
            khz = self.picture.nyquist_hz / 1000
            at = [one for one in MaxNLocator(4 if self.up > 60 else 2).tick_values(0.0, khz) if 0 <= one <= khz]
            axes.set_yticks([one / khz * self.up for one in at], [number(round(one, 9)) for one in at])
            axes.set_ylabel(shorten("frequency (kHz)", theme.TICK, max(self.up, 40.0)))
            middle = (self.below + self.up / 2) / (self.below + self.up)
            axes.yaxis.set_label_coords(axes.yaxis.get_label().get_position()[0], middle)
        axes.plot([0, self.seconds, self.seconds, 0, 0], [0, 0, self.up, self.up, 0], color=theme.FAINT, linewidth=0.5)
        for finding in self.findings:
            if lane_colour(finding) == theme.VERMILION:
                shade(axes, finding.segments, point, alpha=0.10, height=(self.below / (self.below + self.up), 1.0))

    def _name(self, finding: Finding, top: float) -> None:
        """Outcome sign and name at the left, the finding in short at the right, above the track."""
        room = self.across - theme.GUTTER - theme.MARGIN
        said = shorten(in_short(finding, self.seconds), theme.TICK, room * 0.62)
        right = theme.GUTTER + room
        label(self.canv, right, top - 7.4, said, theme.TICK, theme.MUTED, "right")
        name = shorten(finding.title or finding.method, theme.TICK, room - width(said, theme.TICK) - 22)
        draw_sign(self.canv, finding.outcome, theme.GUTTER + 3.2, top - 5.2, 2.3)
        label(self.canv, theme.GUTTER + 9.5, top - 7.4, name, theme.TICK, theme.INK)
