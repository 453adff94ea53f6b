"""What an explanation draws on the pages of its PDF beyond the report's blocks: pictures, keys, bars."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from reportlab.lib.colors import HexColor
from reportlab.platypus import Flowable

from forensics.explain.fusion_shares import Share
from reports import theme
from reports.blocks import label
from reports.explanation_pictures import TICKS_HZ, Pixels, height
from reports.tagging import mark
from reports.typeface import shorten, width

_FOOT, _HEAD = 20.0, 4.0
"""Room below and above the axes, points."""


class Picture(Flowable):  # type: ignore[misc]
    """Pixels over time and frequency, with axes at the place that all time axes share."""

    def __init__(
        self, pixels: Pixels, start: float, seconds: float, up: float, alt: str, names: tuple[str, str]
    ) -> None:
        super().__init__()
        self.pixels, self.start, self.seconds, self.up, self.alt, self.names = pixels, start, seconds, up, alt, names

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, _FOOT + self.up + _HEAD + 4

    def draw(self) -> None:
        with (
            mark(self.canv, "Figure", self.alt),
            self.canv.easel.time_figure(self.across, _FOOT, self.up, _HEAD) as axes,
        ):
            self._draw(axes)

    def _draw(self, axes: Axes) -> None:
        end = self.start + self.seconds
        axes.grid(visible=False)
        axes.imshow(self.pixels, aspect="auto", extent=(self.start, end, 0.0, 1.0), zorder=1)
        axes.set_xlim(self.start, end)
        axes.set_ylim(0.0, 1.0)
        axes.set_yticks(height(TICKS_HZ), [f"{hz / 1000:g}" for hz in TICKS_HZ])
        step = next((s for s in (0.2, 0.5, 1.0, 2.0, 5.0) if self.seconds / s <= 12), 10.0)
        at = np.arange(np.ceil(self.start / step) * step, end + 1e-6, step)
        axes.set_xticks(at, [f"{one:g}" for one in at])
        axes.set_xlabel(self.names[0])
        axes.set_ylabel(self.names[1])


class Key(Flowable):  # type: ignore[misc]
    """What the colours mean."""

    def __init__(self, entries: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self.entries = entries

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        return available_width, 11.0

    def draw(self) -> None:
        x = 0.0
        with mark(self.canv, "P"):
            for words, colour in self.entries:
                self.canv.setFillColor(HexColor(colour))
                self.canv.rect(x, 1.5, 6, 6, stroke=0, fill=1)
                label(self.canv, x + 9, 2.2, words, theme.FINE)
                x += 9 + width(words, theme.FINE) + 14


class Bar(Flowable):  # type: ignore[misc]
    """A share as a bar to the right (machine) or left (person) of a middle line."""

    def __init__(self, share: Share, widest: float) -> None:
        super().__init__()
        self.share, self.widest = share, widest

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, 10.0

    def draw(self) -> None:
        half = self.across / 2
        wide = half * abs(self.share.bans) / self.widest
        canvas = self.canv
        said = shorten(f"{self.share.bans:+.2f}", theme.FINE, half)
        with mark(canvas, "Figure", f"Bar: {said}"):
            canvas.setFillColor(HexColor(theme.WASH))
            canvas.rect(0, 1, self.across, 8, stroke=0, fill=1)
            canvas.setFillColor(HexColor(theme.VERMILION if self.share.bans > 0 else theme.TEAL))
            canvas.rect(half if self.share.bans > 0 else half - wide, 1, wide, 8, stroke=0, fill=1)
            canvas.setStrokeColor(HexColor(theme.MUTED))
            canvas.setLineWidth(0.6)
            canvas.line(half, 0, half, 10)
