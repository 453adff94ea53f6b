"""The figures of the report, drawn as vectors straight from the records: curves, spectrogram, lanes of segments.

Drawn with reportlab and not with matplotlib: the import of matplotlib (1.1 s) and 0.1 s a figure would cost more than
the whole PDF, and these figures are vectors in the report's own embedded font. All figures of kind `time` share
one axis: same left edge, same scale, whatever the method.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.pathobject import PDFPathObject
from reportlab.platypus import Flowable

from forensics.records import Figure, Finding, Segment, Series, Spectrogram
from reports import theme
from reports.axes import clock, extent, log_ticks, ticks, time_ticks, time_unit
from reports.blocks import draw_sign
from reports.tagging import mark
from reports.typeface import BOLD, SANS, runs, shorten, width

_RAMP = np.array(
    [(255, 255, 255), (226, 235, 240), (168, 195, 209), (88, 136, 160), (30, 82, 108), (9, 34, 50)], dtype=np.float64
)
"""Colours of the spectrogram from quiet to loud; lightness falls evenly, so that it prints in grey."""
_CURVES = (
    (theme.TEAL, None),
    (theme.VERMILION, (4.0, 1.6)),
    (theme.STONE, (1.4, 1.4)),
    (theme.INK, (5.0, 1.5, 1.0, 1.5)),
)
_RIGHT = 6.0


def label(
    canvas: Any, x: float, y: float, words: str, size: float = theme.FINE, colour: str = theme.MUTED,
    align: str = "left", font: str = SANS,
) -> None:  # fmt: skip
    """One line of text with a font for every run."""
    if align != "left":
        across = width(words, size, font)
        x -= across if align == "right" else across / 2
    canvas.setFillColor(HexColor(colour))
    for chosen, part in runs(words, font):
        canvas.setFont(chosen, size)
        canvas.drawString(x, y, part)
        x += canvas.stringWidth(part, chosen, size)


def spectrogram_image(picture: Spectrogram, floor_db: float = 75.0) -> ImageReader:
    """The matrix as an RGB image, `floor_db` below its loudest cell to the loudest cell."""
    from PIL import Image

    levels = np.nan_to_num(np.asarray(picture.levels_db, dtype=np.float64), nan=-200.0, neginf=-200.0, posinf=0.0)
    top = float(np.percentile(levels, 99.7)) if levels.size else 0.0
    shade = np.clip((levels - (top - floor_db)) / floor_db, 0.0, 1.0)[::-1]
    place = shade * (len(_RAMP) - 1)
    low = np.minimum(place.astype(int), len(_RAMP) - 2)
    part = (place - low)[..., None]
    rgb = _RAMP[low] * (1 - part) + _RAMP[low + 1] * part
    return ImageReader(Image.fromarray(np.round(rgb).astype(np.uint8), "RGB"))


class Box:
    """A drawing area in points with its two scales."""

    def __init__(
        self, x: float, y: float, across: float, up: float, x_range: tuple[float, float], y_range: tuple[float, float],
        x_log: bool = False,
    ) -> None:  # fmt: skip
        self.x, self.y, self.across, self.up = x, y, across, up
        self.x_range, self.y_range, self.x_log = x_range, y_range, x_log

    def at_x(self, value: float) -> float:
        """Abscissa in points."""
        low, high = self.x_range
        if self.x_log:
            low, high, value = math.log10(low), math.log10(high), math.log10(max(value, 1e-300))
        return self.x + self.across * (value - low) / (high - low)

    def at_y(self, value: float) -> float:
        """Ordinate in points."""
        low, high = self.y_range
        return self.y + self.up * (value - low) / (high - low)


def _frame(
    canvas: Any, box: Box, x_ticks: Sequence[tuple[float, str]], y_ticks: Sequence[tuple[float, str]], names: bool
) -> None:
    """Grid lines, tick labels and the two axis lines; without `names` the x axis stays unlabelled."""
    canvas.setLineWidth(0.35)
    canvas.setStrokeColor(HexColor("#E4E9ED"))
    for value, words in y_ticks:
        y = box.at_y(value)
        canvas.line(box.x, y, box.x + box.across, y)
        label(canvas, box.x - 4, y - 2.2, words, 6.2, align="right")
    for value, words in x_ticks:
        x = box.at_x(value)
        canvas.line(x, box.y, x, box.y + box.up)
        if names:
            edge = box.x + box.across
            side = "right" if x + width(words, 6.2) / 2 > edge + _RIGHT else "center"
            label(canvas, min(x, edge + _RIGHT) if side == "right" else x, box.y - 8.6, words, 6.2, align=side)
    canvas.setStrokeColor(HexColor(theme.FAINT))
    canvas.setLineWidth(0.5)
    canvas.line(box.x, box.y, box.x + box.across, box.y)
    canvas.line(box.x, box.y, box.x, box.y + box.up)


def _shade(canvas: Any, box: Box, spans: Sequence[Segment], colour: str = theme.VERMILION, alpha: float = 0.16) -> None:
    """Shaded stretches along x with a line at each edge; at least 1.2 points wide, so that a splice stays visible."""
    canvas.saveState()
    for span in spans:
        low, high = max(span.start_s, box.x_range[0]), min(span.end_s, box.x_range[1])
        if high < low:
            continue
        left, right = box.at_x(low), box.at_x(high)
        right = max(right, left + 1.2)
        canvas.setFillColor(HexColor(colour))
        canvas.setFillAlpha(alpha)
        canvas.rect(left, box.y, right - left, box.up, stroke=0, fill=1)
        canvas.setFillAlpha(1)
        canvas.setStrokeColor(HexColor(colour))
        canvas.setLineWidth(0.4)
        canvas.line(left, box.y, left, box.y + box.up)
        canvas.line(right, box.y, right, box.y + box.up)
    canvas.restoreState()


def _curve(canvas: Any, box: Box, series: Series, index: int) -> None:
    colour, dash = _CURVES[index % len(_CURVES)]
    canvas.saveState()
    clip: PDFPathObject = canvas.beginPath()
    clip.rect(box.x, box.y - 0.5, box.across, box.up + 1)
    canvas.clipPath(clip, stroke=0, fill=0)
    canvas.setStrokeColor(HexColor(colour))
    canvas.setFillColor(HexColor(colour))
    canvas.setLineWidth(0.9 if index == 0 else 0.75)
    canvas.setLineJoin(1)
    if dash:
        canvas.setDash(*[list(dash)])
    points = [
        (box.at_x(x), box.at_y(y))
        if y is not None and math.isfinite(y) and math.isfinite(x) and not (box.x_log and x <= 0)
        else None
        for x, y in zip(series.x, series.y, strict=False)
    ]
    if series.style == "bars":
        shown = [point for point in points if point]
        step = min((b[0] - a[0] for a, b in pairwise(shown) if b[0] > a[0]), default=box.across / 12)
        wide, base = max(min(step * 0.7, 22.0), 0.4), box.at_y(min(max(0.0, box.y_range[0]), box.y_range[1]))
        for x, y in shown:
            canvas.rect(x - wide / 2, min(base, y), wide, abs(y - base), stroke=0, fill=1)
    elif series.style == "points":
        for point in points:
            if point:
                canvas.circle(point[0], point[1], 1.3, stroke=0, fill=1)
    else:
        path = canvas.beginPath()
        before: tuple[float, float] | None = None
        for point in points:
            if point is None:
                before = None
                continue
            if before is None:
                path.moveTo(*point)
            elif series.style == "steps":
                path.lineTo(point[0], before[1])
                path.lineTo(*point)
            else:
                path.lineTo(*point)
            before = point
        canvas.drawPath(path, stroke=1, fill=0)
    canvas.restoreState()


def _marks(canvas: Any, box: Box, figure: Figure) -> None:
    """Horizontal reference lines and vertical marks with their labels; labels that would collide move down a line."""
    canvas.saveState()
    canvas.setLineWidth(0.6)
    canvas.setDash([2.2, 1.8])
    for value, words in figure.levels:
        if box.y_range[0] <= value <= box.y_range[1]:
            y = box.at_y(value)
            canvas.setStrokeColor(HexColor(theme.MUTED))
            canvas.line(box.x, y, box.x + box.across, y)
            label(canvas, box.x + box.across - 2, y + 1.8, words, 6.0, theme.INK, "right")
    taken = [-1e9] * 3
    for value, words in sorted(figure.marks):
        if not box.x_range[0] <= value <= box.x_range[1]:
            continue
        x = box.at_x(value)
        canvas.setStrokeColor(HexColor(theme.VERMILION))
        canvas.line(x, box.y, x, box.y + box.up)
        words = shorten(words, 6.0, 130)
        across = width(words, 6.0)
        left = x + 2 if x + 2 + across < box.x + box.across else x - 2 - across
        line = next((index for index, end in enumerate(taken) if left > end + 3), None)
        if line is not None:
            taken[line] = left + across
            label(canvas, left, box.y + box.up - 6.5 - 7 * line, words, 6.0, theme.INK)
    canvas.restoreState()


def _legend(canvas: Any, box: Box, series: Sequence[Series], top: float) -> None:
    """Names of the curves above the plot, right-aligned, where there is more than one."""
    named = [(index, one.label) for index, one in enumerate(series) if one.label]
    if len(series) < 2:
        return
    x = box.x + box.across
    for index, words in reversed(named):
        words = shorten(words, 6.2, 110)
        across = width(words, 6.2)
        if x - across - 20 < box.x + 90:
            break
        label(canvas, x - across, top, words, 6.2, theme.INK)
        colour, dash = _CURVES[index % len(_CURVES)]
        canvas.saveState()
        canvas.setStrokeColor(HexColor(colour))
        canvas.setLineWidth(1.1)
        if dash:
            canvas.setDash(list(dash))
        canvas.line(x - across - 15, top + 2, x - across - 3, top + 2)
        canvas.restoreState()
        x -= across + 24


def _y_label(canvas: Any, box: Box, words: str) -> None:
    words = shorten(words, 6.2, max(box.up + 14, 40))
    canvas.saveState()
    canvas.translate(box.x - theme.GUTTER + 8.5, box.y + box.up / 2)
    canvas.rotate(90)
    label(canvas, 0, 0, words, 6.2, align="center")
    canvas.restoreState()


class FigureBlock(Flowable):  # type: ignore[misc]
    """One figure of a method; `seconds` is the extent of the shared time axis."""

    def __init__(
        self, figure: Figure, seconds: float | None, up: float = 104.0, title: str | None = None, names: bool = True,
        segments: Sequence[Segment] = (),
    ) -> None:  # fmt: skip
        super().__init__()
        self.figure, self.seconds, self.up, self.names = figure, seconds, up, names
        self.title = title if title is not None else figure.title
        self.segments = segments

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, self.up + 13 + (20 if self.names else 4)

    def _box(self) -> tuple[Box, list[tuple[float, str]], str]:
        figure = self.figure
        xs = [x for one in figure.series for x in one.x]
        ys = [y for one in figure.series for y in one.y if y is not None]
        low_y, high_y = extent([*ys, *(value for value, _ in figure.levels)])
        if any(one.style == "bars" for one in figure.series) and ys and min(ys) >= 0:
            low_y = 0.0
        foot = 20 if self.names else 4
        place = (theme.GUTTER, float(foot), self.across - theme.GUTTER - _RIGHT, self.up)
        if figure.kind == "time":
            seconds = self.seconds if self.seconds else max([*xs, *(span.end_s for span in figure.spans), 1e-3])
            box = Box(*place, (0.0, seconds), (low_y, high_y))
            return box, time_ticks(seconds), time_unit(seconds)
        others = [at for at, _ in figure.marks] + [at for span in figure.spans for at in (span.start_s, span.end_s)]
        finite = [x for x in [*xs, *others] if math.isfinite(x) and (x > 0 or not figure.x_log)]
        bars = any(one.style == "bars" for one in figure.series)
        low, high = (min(finite), max(finite)) if finite else (1.0, 10.0) if figure.x_log else (0.0, 1.0)
        if bars and not figure.x_log:
            low, high = extent([low, high], 0.04)
        if high <= low:
            low, high = (low / 2, high * 2) if figure.x_log else (low - 0.5, high + 0.5)
        box = Box(*place, (low, high), (low_y, high_y), figure.x_log)
        return box, log_ticks(low, high) if figure.x_log else ticks(low, high, 9), figure.x_label

    def draw(self) -> None:
        figure, canvas = self.figure, self.canv
        alt = f"Figure: {self.title}. {figure.y_label} against {figure.x_label}."
        with mark(canvas, "Figure", alt):
            box, x_ticks, x_name = self._box()
            top = box.y + box.up + 4.5
            room = self.across - theme.GUTTER - (260 if len(figure.series) > 1 else 0)
            label(canvas, box.x, top, shorten(self.title, 7.0, room, BOLD), 7.0, theme.INK, font=BOLD)
            _frame(canvas, box, x_ticks, ticks(*box.y_range, 5 if self.up > 70 else 3), self.names)
            _shade(canvas, box, figure.spans or self.segments)
            for index, one in reversed(list(enumerate(figure.series))):
                _curve(canvas, box, one, index)
            _marks(canvas, box, figure)
            _legend(canvas, box, figure.series, top)
            _y_label(canvas, box, figure.y_label)
            if self.names:
                label(canvas, box.x + box.across / 2, box.y - 17.5, x_name, 6.2, align="center")


class Strip(Flowable):  # type: ignore[misc]
    """Spectrogram with one lane of segments per method, all on the shared time axis."""

    def __init__(
        self, picture: Spectrogram | None, seconds: float, findings: Sequence[Finding], up: float, more: str = ""
    ) -> None:
        super().__init__()
        self.picture, self.seconds, self.findings, self.up, self.more = picture, seconds, findings, up, more
        self.lane = 11.5

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        lanes = len(self.findings) * self.lane + (9 if self.more else 0)
        return available_width, self.up + lanes + 26

    def draw(self) -> None:
        canvas = self.canv
        lanes = len(self.findings) * self.lane
        said = "; ".join(
            f"{one.title or one.method}: " + ", ".join(between(span, self.seconds) for span in one.segments[:5])
            for one in self.findings
        )
        with mark(canvas, "Figure", f"Spectrogram on the time axis. Marked stretches: {said or 'none'}."):
            base = 20 + (9 if self.more else 0) + lanes
            nyquist = self.picture.nyquist_hz / 1000 if self.picture else 1.0
            box = Box(
                theme.GUTTER, base, self.across - theme.GUTTER - _RIGHT, self.up, (0.0, self.seconds), (0.0, nyquist)
            )
            if self.picture is not None:
                image = spectrogram_image(self.picture)
                right = box.at_x(min(self.picture.seconds, self.seconds))
                canvas.drawImage(image, box.x, box.y, right - box.x, box.up)
                _y_label(canvas, box, "frequency (kHz)")
                marks: list[tuple[float, str]] = ticks(0, nyquist, 4)
            else:
                canvas.setFillColor(HexColor(theme.WASH))
                canvas.rect(box.x, box.y, box.across, box.up, stroke=0, fill=1)
                label(
                    canvas,
                    box.x + box.across / 2,
                    box.y + box.up / 2 - 2,
                    "no spectrogram in the record",
                    align="center",
                )
                marks = []
            for value, words in marks:
                label(canvas, box.x - 4, box.at_y(value) - 2.2, words, 6.2, align="right")
            for finding in self.findings:
                _shade(canvas, box, finding.segments, alpha=0.10)
            canvas.setStrokeColor(HexColor(theme.FAINT))
            canvas.setLineWidth(0.5)
            canvas.rect(box.x, box.y, box.across, box.up, stroke=1, fill=0)
            for row, finding in enumerate(self.findings):
                self._lane(box, finding, base - (row + 1) * self.lane)
            foot = base - lanes
            axis = Box(box.x, foot, box.across, self.up, box.x_range, box.y_range)
            canvas.setStrokeColor(HexColor(theme.FAINT))
            canvas.line(box.x, foot, box.x + box.across, foot)
            for value, words in time_ticks(self.seconds):
                x = axis.at_x(value)
                canvas.line(x, foot, x, foot - 2.4)
                over = x + width(words, 6.2) / 2 > box.x + box.across + _RIGHT
                label(
                    canvas,
                    x if not over else box.x + box.across + _RIGHT,
                    foot - 9,
                    words,
                    6.2,
                    align="right" if over else "center",
                )
            label(canvas, box.x + box.across / 2, foot - 17.5, time_unit(self.seconds), 6.2, align="center")
            if self.more:
                label(canvas, box.x, 1.5, self.more, 6.2)

    def _lane(self, box: Box, finding: Finding, y: float) -> None:
        canvas = self.canv
        colour = lane_colour(finding)
        canvas.setStrokeColor(HexColor("#E4E9ED"))
        canvas.setLineWidth(0.35)
        canvas.line(box.x, y, box.x + box.across, y)
        name = shorten(finding.title or finding.method, 6.2, box.across * 0.55)
        across = width(name, 6.2)
        spans = [
            (box.at_x(one.start_s), max(box.at_x(one.end_s), box.at_x(one.start_s) + 1.6)) for one in finding.segments
        ]
        place = _free(spans, box.x + 10, box.x + box.across, across)
        low, high = (
            (2.2, self.lane - 4.6) if place is not None else (0.7, 2.4)
        )  # no free place: a thin bar under the name
        for left, right in spans:
            canvas.setFillColor(HexColor(colour))
            canvas.rect(left, y + low, min(right, box.x + box.across + 1) - left, high, stroke=0, fill=1)
        place = place if place is not None else box.x + 10
        draw_sign(canvas, finding.outcome, place - 4.4, y + self.lane / 2 + 0.5, 2.3)
        label(canvas, place, y + 4.1, name, 6.2, theme.INK)


def _free(spans: Sequence[tuple[float, float]], left: float, right: float, across: float) -> float | None:
    """Where a label of the given width fits between the spans, the leftmost place."""
    at = left
    for start, end in sorted(spans):
        if at + across + 6 <= start - 10:
            return at
        at = max(at, end + 12)
    return at if at + across <= right else None


def lane_colour(finding: Finding) -> str:
    """Colour of a finding's segments: vermilion against continuity or for a machine, teal for a person, stone else."""
    if finding.log10_lr is not None:
        return theme.VERMILION if finding.log10_lr > 0 else theme.TEAL
    return theme.OUTCOME_COLOUR[finding.outcome]


def between(span: Segment, seconds: float) -> str:
    """A stretch in words of the time axis."""
    unit = " s" if seconds < 60 else ""
    return f"{clock(span.start_s, seconds, 2)}–{clock(span.end_s, seconds, 2)}{unit}"


class LrScale(Flowable):  # type: ignore[misc]
    """The fused log10 LR with its bounds on the verbal scale of ENFSI 2015."""

    SPAN = 6.6
    BANDS = ((0, 1, "weak"), (1, 2, "moderate"), (2, 3, "mod. strong"), (3, 4, "strong"), (4, 6, "very strong"))

    def __init__(self, value: float | None, bounds: tuple[float, float] | None, words: tuple[str, str]) -> None:
        super().__init__()
        self.value, self.bounds, self.words = value, bounds, words

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, 56.0

    def draw(self) -> None:
        said = "no likelihood ratio" if self.value is None else f"log10 LR {self.value:.2f}, bounds {self.bounds}"
        with mark(self.canv, "Figure", f"Scale of the likelihood ratio: {said}."):
            self._draw()

    def _draw(self) -> None:
        canvas, base, up = self.canv, 22.0, 13.0

        def at(value: float) -> float:
            return self.across * (min(max(value, -self.SPAN), self.SPAN) + self.SPAN) / (2 * self.SPAN)

        for low, high, words in self.BANDS:
            for sign, wash in ((1, theme.VERMILION), (-1, theme.TEAL)):
                left, right = sorted((at(sign * low), at(sign * high)))
                canvas.setFillColor(HexColor(wash))
                canvas.setFillAlpha(0.07 + 0.045 * low if self.value is not None else 0.04)
                canvas.rect(left, base, right - left, up, stroke=0, fill=1)
                canvas.setFillAlpha(1)
                label(
                    canvas, (left + right) / 2, base + 3.9, shorten(words, 5.6, right - left - 1), 5.6, align="center"
                )
        canvas.setStrokeColor(HexColor(theme.WHITE))
        canvas.setLineWidth(0.8)
        for tick in (-4, -3, -2, -1, 1, 2, 3, 4):
            canvas.line(at(tick), base, at(tick), base + up)
        canvas.setStrokeColor(HexColor(theme.MUTED))
        canvas.line(at(0), base - 3, at(0), base + up + 3)
        for tick in (-6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6):
            label(canvas, at(tick), base - 9, f"{tick:+d}".replace("-", "−") if tick else "0", 6.0, align="center")
        label(canvas, 0, base - 18.5, self.words[0], 6.4, theme.TEAL, font=BOLD)
        label(canvas, self.across / 2, base - 18.5, "log10 LR", 6.2, align="center")
        label(canvas, self.across, base - 18.5, self.words[1], 6.4, theme.VERMILION, "right", BOLD)
        if self.value is None:
            label(
                canvas, self.across / 2, base + up + 6, "no likelihood ratio: could not be tested", 6.6, align="center"
            )
            return
        y = base + up + 9
        canvas.setStrokeColor(HexColor(theme.INK))
        if self.bounds is not None:
            canvas.setLineWidth(1.8)
            canvas.line(at(self.bounds[0]), y, at(self.bounds[1]), y)
            canvas.setLineWidth(0.9)
            for bound in self.bounds:
                canvas.line(at(bound), y - 3, at(bound), y + 3)
        x = at(self.value)
        canvas.setLineWidth(0.5)
        canvas.setDash([1.2, 1.2])
        canvas.line(x, base, x, y)
        canvas.setDash()
        canvas.setFillColor(HexColor(theme.INK))
        path = canvas.beginPath()
        for index, (dx, dy) in enumerate(((0, 4.2), (4.2, 0), (0, -4.2), (-4.2, 0))):
            (path.lineTo if index else path.moveTo)(x + dx, y + dy)
        path.close()
        canvas.drawPath(path, stroke=0, fill=1)
