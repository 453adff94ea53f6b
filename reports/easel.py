"""Axes for the figures of one report: made once for every size of figure and wiped after use.

Making a figure with its axes and ticks costs matplotlib more time than drawing on it; a report has dozens of the same
size. One easel belongs to one canvas, so that nothing is shared between reports.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports import theme
from reports.renderer import place


class Easel:
    """Draws figures onto one reportlab canvas."""

    def __init__(self, canvas: Any) -> None:
        self._canvas = canvas
        self._kept: dict[tuple[float, ...], Axes] = {}

    @contextmanager
    def time_figure(self, across: float, foot: float, up: float, head: float) -> Iterator[Axes]:
        """Axes at the left edge and with the width that all time axes share; drawn on leaving the block.

        `across` points wide, the axes `up` points high, with `foot` points below for tick labels and the axis name and
        `head` points above for the title.
        """
        key = (across, foot, up, head)
        axes = self._kept.get(key) or self._kept.setdefault(key, _made(*key))
        yield axes
        place(axes.figure, self._canvas)
        for artist in [*axes.lines, *axes.collections, *axes.texts, *axes.images, *axes.patches]:
            artist.remove()
        if (legend := axes.get_legend()) is not None:
            legend.remove()
        axes.set_title("")
        axes.set_xlabel("")
        axes.set_ylabel("")
        if axes.get_xscale() != "linear":
            del self._kept[key]

    @contextmanager
    def plain(self, across: float, high: float, x_range: tuple[float, float]) -> Iterator[Axes]:
        """Axes without lines and ticks over the whole figure; ordinates are points. Drawn on leaving the block."""
        made = Figure(figsize=(across / 72, high / 72), dpi=72, frameon=False)
        axes = made.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_autoscale_on(False)
        axes.set_xlim(*x_range)
        axes.set_ylim(0, high)
        yield axes
        place(made, self._canvas)


def _made(across: float, foot: float, up: float, head: float) -> Axes:
    high = foot + up + head
    inner = across - theme.GUTTER - theme.MARGIN
    made = Figure(figsize=(across / 72, high / 72), dpi=72, frameon=False)
    axes = made.add_axes((theme.GUTTER / across, foot / high, inner / across, up / high))
    axes.set_autoscale_on(False)
    axes.patch.set_visible(False)
    axes.xaxis.set_label_coords(0.5, -17.5 / up)
    axes.xaxis.get_label().set_verticalalignment("baseline")
    axes.yaxis.set_label_coords((11.5 - theme.GUTTER) / inner, 0.5)
    return axes
