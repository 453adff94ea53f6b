"""The figures of the methods: curves, bars, marks and shaded stretches, drawn by matplotlib straight from the records.

All figures of kind `time` share one axis: same left edge, same scale, whatever the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator
from reportlab.platypus import Flowable

from forensics.records import Figure, Segment, Series
from reports import theme
from reports.numerals import clock, number, time_unit
from reports.tagging import mark
from reports.typeface import BOLD, shorten, width

_CURVES: tuple[tuple[str, Any], ...] = (
    (theme.TEAL, "solid"),
    (theme.VERMILION, (0, (4.0, 1.6))),
    (theme.STONE, (0, (1.4, 1.4))),
    (theme.INK, (0, (5.0, 1.5, 1.0, 1.5))),
)
_CLOCK_STEPS = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
_POWERS = {-6: "in millionths", -3: "in thousandths", 3: "in thousands", 6: "in millions"}
_HEAD, _FOOT, _BARE = 13.0, 20.0, 4.0
"""Room above the axes for the title, below for tick labels and the axis name, below without names; points."""


def time_axis(axes: Axes, seconds: float, across: float, names: bool = True) -> None:
    """The shared time axis: 0 to the recording's length, in seconds below a minute, else as clock time."""
    axes.set_xlim(0.0, seconds)
    if seconds < 60:
        at = [one for one in MaxNLocator(9, steps=[1, 2, 5, 10]).tick_values(0.0, seconds) if 0 <= one <= seconds]
        step = at[1] - at[0] if len(at) > 1 else seconds
        words = [f"{one:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}" for one in at]
    else:
        longest = 14400 * math.ceil(seconds / 14400 / 9)
        step = next((one for one in _CLOCK_STEPS if seconds / one <= 9), longest)
        at = [index * step for index in range(int(seconds / step) + 1)]
        words = [clock(one, seconds, 0).removesuffix(":00" if seconds >= 3600 else " ") for one in at]
    _x_ticks(axes, at, words if names else [], across)
    if names:
        axes.set_xlabel(time_unit(seconds))


def _x_ticks(axes: Axes, at: Sequence[float], words: Sequence[str], across: float) -> None:
    """Ticks with their labels, or without any; a label that would leave the page's measure ends at its tick."""
    axes.set_xticks(at, words or [""] * len(at))
    for tick, said in zip(axes.xaxis.get_major_ticks(), words, strict=False):
        right = axes.transData.transform((tick.get_loc(), 0.0))[0] + width(said, theme.TICK) / 2
        tick.label1.set_horizontalalignment("right" if right > across else "center")


def _y_axis(axes: Axes, low: float, high: float, up: float, name: str) -> None:
    """Round values with labels; a power of ten goes to the axis's name where numbers would be long."""
    axes.set_ylim(low, high)
    at = [
        one
        for one in MaxNLocator(5 if up > 70 else 3, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
        if low <= one <= high
    ]
    size = max((abs(one) for one in at), default=0.0)
    power = 3 * math.floor(math.log10(size) / 3 + 1e-9) if size and not 0.01 <= size < 1e5 else 0
    axes.set_yticks(at, [number(round(one / 10.0**power, 9), 4) for one in at])
    if power:
        name += f", {_POWERS.get(power, f'× 10^{power}'.replace('-', '−'))}"
    axes.set_ylabel(shorten(name, theme.TICK, max(up + 14, 40)))


def _extent(values: Sequence[float], pad: float = 0.06) -> tuple[float, float]:
    """Range of the finite values with a margin; never empty."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    room = (high - low) * pad or max(abs(high) * 0.1, 1e-6 if high else 1.0)
    return low - room, high + room


def shade(
    axes: Axes, spans: Sequence[Segment], point: float, alpha: float = 0.16, height: tuple[float, float] = (0.0, 1.0)
) -> None:
    """Shaded stretches with a line at each edge; at least 1.2 points wide (`point` in x), so that a splice shows."""
    if not spans:
        return
    edges = [(one.start_s, max(one.end_s, one.start_s + 1.2 * point)) for one in spans]
    along = axes.get_xaxis_transform()
    low, high = height
    bars: dict[str, Any] = {"transform": along, "facecolor": theme.VERMILION, "alpha": alpha, "linewidth": 0}
    axes.broken_barh([(a, b - a) for a, b in edges], (low, high - low), **bars)
    axes.vlines(
        [one for pair in edges for one in pair], *height, transform=along, colors=theme.VERMILION, linewidth=0.4
    )


def _curve(axes: Axes, series: Series, index: int, points_across: float) -> None:
    colour, dash = _CURVES[index % len(_CURVES)]
    x = np.asarray(series.x, dtype=np.float64)
    y = np.asarray([np.nan if one is None else one for one in series.y], dtype=np.float64)
    x, y = x[: len(y)], y[: len(x)]
    y[~np.isfinite(y)] = np.nan
    words: dict[str, Any] = {"label": series.label, "color": colour}
    if series.style == "bars":
        low, high = axes.get_xlim()
        steps = np.diff(np.unique(x[np.isfinite(y)]))
        step = float(steps.min()) / (high - low) * points_across if steps.size else points_across / 12
        base = min(max(0.0, axes.get_ylim()[0]), axes.get_ylim()[1])
        axes.vlines(x, base, y, linewidth=max(min(step * 0.7, 22.0), 0.4), **words)
    elif series.style == "points":
        axes.plot(x, y, linestyle="none", marker="o", markersize=2.6, markeredgewidth=0, **words)
    else:
        steps_ = "steps-post" if series.style == "steps" else "default"
        axes.plot(x, y, linestyle=dash, drawstyle=steps_, linewidth=0.75 if index else 0.9, **words)


def _marks(axes: Axes, figure: Figure, box: Any) -> None:
    """Horizontal reference lines and vertical marks with their labels; labels that would collide move down a line."""
    low, high = axes.get_ylim()
    small: dict[str, Any] = {"fontsize": 6.0, "color": theme.INK}
    for value, words in figure.levels:
        if low <= value <= high:
            axes.axhline(value, color=theme.MUTED, linewidth=0.6, linestyle=(0, (2.2, 1.8)))
            axes.annotate(
                words, (1, value), (-2, 1.8), axes.get_yaxis_transform(), "offset points", ha="right", **small
            )
    left, right = axes.get_xlim()
    inside = [(at, words) for at, words in sorted(figure.marks) if left <= at <= right]
    if not inside:
        return
    along = axes.get_xaxis_transform()
    axes.vlines(
        [at for at, _ in inside],
        0,
        1,
        transform=along,
        colors=theme.VERMILION,
        linewidth=0.6,
        linestyle=[(0, (2.2, 1.8))],
    )
    taken = [-1e9] * 3
    for at, words in inside:
        words = shorten(words, 6.0, 130)
        across, x = width(words, 6.0), float(axes.transData.transform((at, low))[0])
        start = x + 2 if x + 2 + across < box.x1 else x - 2 - across
        line = next((index for index, end in enumerate(taken) if start > end + 3), None)
        if line is not None:
            taken[line] = start + across
            axes.annotate(words, (at, 1), (start - x, -6.5 - 7 * line), along, "offset points", **small)


class FigureBlock(Flowable):  # type: ignore[misc]
    """One figure of a method; `seconds` is the extent of the shared time axis."""

    def __init__(
        self, figure: Figure, seconds: float | None, up: float = 104.0, title: str | None = None, names: bool = True,
        segments: Sequence[Segment] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.figure, self.seconds, self.full, self.up, self.names = figure, seconds, up, up, names
        self.title = title if title is not None else figure.title
        self.segments = segments

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """A figure that is a little too high for the rest of the page is drawn a little lower."""
        self.across = available_width
        high = self.full + _HEAD + (_FOOT if self.names else _BARE)
        self.up = self.full - max(high - available_height, 0.0) if high - available_height <= 34.0 else self.full
        return available_width, high - self.full + self.up

    def draw(self) -> None:
        figure = self.figure
        alt = f"Figure: {self.title}. {figure.y_label} against {figure.x_label}."
        size = (self.across, _FOOT if self.names else _BARE, self.up, _HEAD)
        with mark(self.canv, "Figure", alt), self.canv.easel.time_figure(*size) as axes:
            self._draw(axes)

    def _draw(self, axes: Axes) -> None:
        figure, up = self.figure, self.up
        box = axes.get_window_extent()
        ys = [y for one in figure.series for y in one.y if y is not None]
        low, high = _extent([*ys, *(value for value, _ in figure.levels)])
        if any(one.style == "bars" for one in figure.series) and ys and min(ys) >= 0:
            low = 0.0
        _y_axis(axes, low, high, up, figure.y_label)
        self._x_axis(axes)
        left, right = axes.get_xlim()
        shade(axes, figure.spans or self.segments, (right - left) / box.width)
        for index, one in reversed(list(enumerate(figure.series))):
            _curve(axes, one, index, box.width)
        _marks(axes, figure, box)
        axes.set_title(shorten(self.title, 7.0, box.width - self._legend(axes), BOLD), y=1 + 4.5 / up, pad=0)

    def _x_axis(self, axes: Axes) -> None:
        figure = self.figure
        xs = [x for one in figure.series for x in one.x]
        if figure.kind == "time":
            seconds = self.seconds if self.seconds else max([*xs, *(span.end_s for span in figure.spans), 1e-3])
            time_axis(axes, seconds, self.across, self.names)
            return
        others = [at for at, _ in figure.marks] + [at for span in figure.spans for at in (span.start_s, span.end_s)]
        finite = [x for x in [*xs, *others] if math.isfinite(x) and (x > 0 or not figure.x_log)]
        low, high = (min(finite), max(finite)) if finite else (1.0, 10.0) if figure.x_log else (0.0, 1.0)
        if not figure.x_log and any(one.style == "bars" for one in figure.series):
            low, high = _extent([low, high], 0.04)
        if high <= low:
            low, high = (low / 2, high * 2) if figure.x_log else (low - 0.5, high + 0.5)
        locator: Any = MaxNLocator(9, steps=[1, 2, 2.5, 5, 10])
        if figure.x_log:
            axes.set_xscale("log")
            axes.xaxis.minorticks_off()
            locator = LogLocator(subs=(1, 2, 5) if high / low <= 1e4 else (1,))
        axes.set_xlim(low, high)
        at = [float(one) for one in locator.tick_values(low, high) if low <= one <= high]
        _x_ticks(axes, at, [number(round(one, 12), 4) for one in at] if self.names else [], self.across)
        if self.names:
            axes.set_xlabel(figure.x_label)

    def _legend(self, axes: Axes) -> float:
        """Names of the curves above the plot, where there is more than one; returns the room they take, in points."""
        named = [one for one in self.figure.series if one.label]
        if len(self.figure.series) < 2 or not named:
            return 0.0
        handles, labels = axes.get_legend_handles_labels()
        labels = [shorten(one, theme.TICK, 110) for one in labels]
        pairs = list(zip(handles, labels, strict=True))[::-1]  # curves are drawn last to first
        room = [width(one, theme.TICK) + 24.0 for _, one in pairs]
        while len(pairs) > 1 and sum(room) > 0.62 * self.across:
            pairs.pop()
            room.pop()
        axes.legend(
            [one for one, _ in pairs], [one for _, one in pairs], loc="lower right", ncols=len(pairs),
            bbox_to_anchor=(1.0, 1.0 + 3.2 / self.up), labelcolor=theme.INK,
        )  # fmt: skip
        return sum(room) + 8
