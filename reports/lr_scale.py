"""The fused log10 LR with its bounds on the verbal scale of ENFSI 2015, for page 1."""

from __future__ import annotations

from typing import Any

from reportlab.platypus import Flowable

from reports import theme
from reports.tagging import mark
from reports.typeface import shorten

_SPAN = 6.6
_BANDS = ((0, 1, "weak"), (1, 2, "moderate"), (2, 3, "mod. strong"), (3, 4, "strong"), (4, 6, "very strong"))
_LOW, _UP = 22.0, 13.0
"""Lower edge and height of the coloured scale, points."""


class LrScale(Flowable):  # type: ignore[misc]
    """Bands of support for either proposition, the value as a diamond, its bounds as a bar above the scale."""

    high = 56.0

    def __init__(self, value: float | None, bounds: tuple[float, float] | None, words: tuple[str, str]) -> None:
        super().__init__()
        self.value, self.bounds, self.words = value, bounds, words

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, self.high

    def draw(self) -> None:
        said = "no likelihood ratio" if self.value is None else f"log10 LR {self.value:.2f}, bounds {self.bounds}"
        with (
            mark(self.canv, "Figure", f"Scale of the likelihood ratio: {said}."),
            self.canv.easel.plain(self.across, self.high, (-_SPAN, _SPAN)) as axes,
        ):
            self._scale(axes)
            if self.value is None:
                words = "no likelihood ratio: could not be tested"
                axes.text(0, _LOW + _UP + 6, words, ha="center", fontsize=6.6, color=theme.MUTED)
            else:
                self._value(axes, self.value)

    def _scale(self, axes: Any) -> None:
        point = 2 * _SPAN / self.across
        for low, high, words in _BANDS:
            alpha = 0.07 + 0.045 * low if self.value is not None else 0.04
            for sign, wash in ((1, theme.VERMILION), (-1, theme.TEAL)):
                spans = [(min(sign * low, sign * high), high - low)]
                axes.broken_barh(spans, (_LOW, _UP), facecolor=wash, alpha=alpha, linewidth=0)
                said = shorten(words, 5.6, (high - low) / point - 1)
                axes.text(sign * (low + high) / 2, _LOW + 3.9, said, ha="center", fontsize=5.6, color=theme.MUTED)
        axes.vlines((-4, -3, -2, -1, 1, 2, 3, 4), _LOW, _LOW + _UP, colors=theme.WHITE, linewidth=0.8)
        axes.vlines(0, _LOW - 3, _LOW + _UP + 3, colors=theme.MUTED, linewidth=0.8)
        for tick in (-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6):
            said = f"{tick:+d}".replace("-", "−") if tick else "0"
            axes.text(tick, _LOW - 9, said, ha="center", fontsize=6.0, color=theme.MUTED)
        axes.text(-_SPAN, _LOW - 18.5, self.words[0], fontsize=6.4, color=theme.TEAL, weight="bold")
        axes.text(0, _LOW - 18.5, "log10 LR", ha="center", color=theme.MUTED)
        axes.text(_SPAN, _LOW - 18.5, self.words[1], ha="right", fontsize=6.4, color=theme.VERMILION, weight="bold")

    def _value(self, axes: Any, value: float) -> None:
        y, x = _LOW + _UP + 9, min(max(value, -_SPAN), _SPAN)
        if self.bounds is not None:
            low, high = (min(max(one, -_SPAN), _SPAN) for one in self.bounds)
            axes.hlines(y, low, high, colors=theme.INK, linewidth=1.8)
            axes.vlines((low, high), y - 3, y + 3, colors=theme.INK, linewidth=0.9)
        axes.vlines(x, _LOW, y, colors=theme.INK, linewidth=0.5, linestyle=[(0, (1.2, 1.2))])
        axes.plot([x], [y], marker="D", markersize=5.9, markeredgewidth=0, color=theme.INK, clip_on=False)
