"""The plots of an explanation's page: pictures and curves over one time axis, with a line that moves with the sound."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from forensics.explain.relevance import RelevanceMap
from reports import theme
from reports.explanation_pictures import TICKS_HZ, Pixels, height, png

FloatArray = npt.NDArray[np.float64]
COLOURS = (theme.TEAL, theme.VERMILION, theme.STONE, theme.INK)
DASHES = ("", "7 4", "2 3", "9 3 2 3")
"""Of the first curve, the second, …; as in the PDF (reports/plots.py)."""


class Plots:
    """HTML of plots of a passage; what is given as `alt` is escaped already."""

    def __init__(self, start_s: float, seconds: float, frequency: str) -> None:
        """`frequency` names the axis of the pictures."""
        self.start, self.seconds, self.frequency = start_s, seconds, frequency

    def picture(self, pixels: Pixels, alt: str, high: int, over: str = "") -> str:
        """Time and frequency, `high` pixels; `over` lies on it."""
        ticks = "".join(_tick(float(height(hz)), f"{hz / 1000:g}") for hz in TICKS_HZ)
        image = f'<img alt="{alt}" src="{data_uri("image/png", png(pixels))}">'
        return self._plot(f'{image}{over}{ticks}<span class="tick name">{self.frequency}</span>', high)

    def curves(self, curves: Sequence[tuple[FloatArray, FloatArray]], levels: Sequence[float], alt: str) -> str:
        """Curves, each (instants, values), with gaps where a value is not finite; `levels` are dashed."""
        finite = np.concatenate([values[np.isfinite(values)] for _, values in curves] + [np.array(levels)])
        low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
        room = (high - low) * 0.08 or 1.0
        low, high = low - room, high + room

        def up(value: float) -> float:
            return (value - low) / (high - low)

        lines = "".join(
            f'<line x1="0" x2="1000" y1="{1000 - 1000 * up(v):.1f}" y2="{1000 - 1000 * up(v):.1f}" '
            f'stroke="{theme.FAINT}" stroke-dasharray="5 4" vector-effect="non-scaling-stroke"/>'
            for v in levels
        )
        for n, (times, values) in enumerate(curves):
            path, pen = "", "M"
            for x, value in zip(self._across(times), values, strict=False):
                if np.isfinite(value) and 0 <= x <= 1000:
                    path += f"{pen}{x:.1f} {1000 - 1000 * up(float(value)):.1f}"
                    pen = "L"
                elif not np.isfinite(value):
                    pen = "M"
            lines += (
                f'<path d="{path}" fill="none" stroke="{COLOURS[n % 4]}" stroke-width="2" '
                f'stroke-dasharray="{DASHES[n % 4]}" vector-effect="non-scaling-stroke"/>'
            )
        zero = [0.0] if all(abs(up(v) - up(0.0)) > 0.12 for v in levels) else []
        ticks = "".join(_tick(up(v), f"{v:+.2f}" if v else "0") for v in sorted({*levels, *zero}))
        image = f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" role="img" aria-label="{alt}">{lines}</svg>'
        return self._plot(image + ticks, 120)

    def cells(self, one: RelevanceMap) -> str:
        """Invisible cells that say their numbers under the pointer."""
        boxes = []
        for column, (left, right) in enumerate(itertools.pairwise(one.times_s)):
            x, across = self._across(np.array([left]))[0], 1000 * (right - left) / self.seconds
            for band, (low, high) in enumerate(itertools.pairwise(one.bands_hz)):
                y, up = 1000 * (1 - height(high)), 1000 * (height(high) - height(low))
                said = f"{left:.2f}-{right:.2f} s, {low:.0f}-{high:.0f} Hz: {one.contrast[band, column]:+.3f}"
                boxes.append(
                    f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{across:.1f}" height="{up:.1f}">'
                    f"<title>{said}</title></rect>"
                )
        return f'<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">{"".join(boxes)}</svg>'

    def key(self, n: int, name: str) -> str:
        """The n-th curve's pen, with its (escaped) name."""
        style = "dashed" if DASHES[n % 4] else "solid"
        return (
            f'<span class="key"><i class="line" style="color:{COLOURS[n % 4]};border-top-style:{style}"></i>'
            f"{name}</span>"
        )

    def _across(self, times: npt.NDArray[np.floating]) -> FloatArray:
        """Instants of the recording -> places on the axis, 0 to 1000."""
        return np.asarray(1000 * (times - self.start) / self.seconds, np.float64)

    def _plot(self, inside: str, high: int) -> str:
        step = next((s for s in (0.2, 0.5, 1, 2, 5, 10) if self.seconds / s <= 12), 30)
        at = np.arange(np.ceil(self.start / step) * step, self.start + self.seconds + 1e-6, step)
        ticks = "".join(
            f'<span class="tick x" style="left:{x / 10:.2f}%">{t:g}{" s" if t == at[-1] else ""}</span>'
            for t, x in zip(at, self._across(at), strict=True)
        )
        return f'<figure><div class="plot" style="--h:{high}px">{inside}{ticks}<div class="head"></div></div></figure>'


def _tick(up: float, said: str) -> str:
    return f'<span class="tick y" style="bottom:{100 * up:.1f}%">{said}</span>'


def data_uri(kind: str, content: bytes) -> str:
    """A file inside the page; `kind` is its media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
