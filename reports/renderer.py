"""matplotlib draws onto a reportlab page: a renderer whose paths, texts and images become PDF operators at once.

Text stays text, set in the report's own embedded fonts; curves stay vectors; nothing is rasterised and no second PDF is
made. One pixel of matplotlib is one point of the page (72 dpi). Source: matplotlib, "Writing a backend".
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from matplotlib import rc_context, rcParams, rcParamsDefault
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure, SubFigure
from matplotlib.path import Path as Outline
from matplotlib.transforms import IdentityTransform
from reportlab.lib.colors import Color
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.pathobject import PDFPathObject

from reports import theme
from reports.typeface import BOLD, SANS, runs, width

logging.getLogger("matplotlib").setLevel(logging.ERROR)  # a read-only home is no reason to write to the terminal

_CAPS = {"butt": 0, "round": 1, "projecting": 2}
_JOINS = {"miter": 0, "round": 1, "bevel": 2}
_STYLE: dict[str, Any] = {
    "font.size": theme.TICK, "text.color": theme.INK, "text.parse_math": False, "axes.unicode_minus": True,
    "axes.linewidth": 0.5, "axes.edgecolor": theme.FAINT, "axes.labelcolor": theme.MUTED, "axes.labelsize": theme.TICK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "axes.titlelocation": "left", "axes.titlesize": 7.0, "axes.titleweight": "bold", "axes.titlepad": 0.0,
    "grid.color": theme.GRID, "grid.linewidth": 0.35,
    "xtick.color": theme.MUTED, "xtick.labelsize": theme.TICK, "xtick.major.size": 0.0, "xtick.major.pad": 4.0,
    "ytick.color": theme.MUTED, "ytick.labelsize": theme.TICK, "ytick.major.size": 0.0, "ytick.major.pad": 4.0,
    "xtick.minor.visible": False, "ytick.minor.visible": False,
    "lines.scale_dashes": False, "lines.linewidth": 0.9, "lines.solid_joinstyle": "round",
    "lines.solid_capstyle": "butt", "patch.linewidth": 0.0,
    "legend.frameon": False, "legend.fontsize": theme.TICK, "legend.borderpad": 0.0, "legend.borderaxespad": 0.0,
    "legend.handlelength": 2.0, "legend.handletextpad": 0.5, "legend.columnspacing": 1.4,
    "image.interpolation": "none", "path.simplify": True, "path.simplify_threshold": 0.1,
}  # fmt: skip


@contextmanager
def house_style() -> Iterator[None]:
    """The report's look for every figure inside, whatever the user's own matplotlib settings are."""
    with rc_context():
        rcParams.update(
            {key: value for key, value in rcParamsDefault.items() if not key.startswith("backend")} | _STYLE
        )
        yield


def place(figure: Figure | SubFigure, canvas: Any) -> None:
    """Draw a figure (dpi 72) with its lower left corner at the canvas's origin."""
    canvas.saveState()
    figure.draw(_Renderer(canvas, *figure.bbox.size))
    canvas.restoreState()


def face(weight: str | int) -> str:
    """The report's font for a weight of matplotlib."""
    return (
        BOLD if weight in ("bold", "semibold", "heavy", "black") or (isinstance(weight, int) and weight > 550) else SANS
    )


class _Renderer(RendererBase):
    """Paths, texts and images to reportlab; the page's own clip and transform stay as they are."""

    def __init__(self, canvas: Any, across: float, up: float) -> None:
        super().__init__()
        self.canvas, self.across, self.up = canvas, across, up

    def flipy(self) -> bool:
        return False

    def option_scale_image(self) -> bool:
        return True

    def option_image_nocomposite(self) -> bool:
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.across, self.up

    def points_to_pixels(self, points: Any) -> Any:
        return points

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        size = prop.get_size_in_points()
        return width(s, size, face(prop.get_weight())), size * 0.9, size * 0.2

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        canvas, size = self.canvas, prop.get_size_in_points()
        canvas.saveState()
        canvas.translate(round(float(x), 2), round(float(y), 2))
        if angle:
            canvas.rotate(angle)
        canvas.setFillColor(Color(*gc.get_rgb()[:3]))
        along = 0.0
        for font, part in runs(s, face(prop.get_weight())):
            canvas.setFont(font, size)
            canvas.drawString(along, 0, part)
            along += canvas.stringWidth(part, font, size)
        canvas.restoreState()

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
        fill = rgbFace is not None and (len(rgbFace) < 4 or rgbFace[3] > 0)
        stroke = gc.get_linewidth() > 0 and gc.get_rgb()[3] > 0
        made = _operators(path, transform, simplify=path.should_simplify and not fill)
        if not made or not (fill or stroke):
            return
        canvas = self.canvas
        canvas.saveState()
        self._clip(gc)
        if fill:
            canvas.setFillColor(Color(*rgbFace[:3]))
            canvas.setFillAlpha(gc.get_alpha() if gc.get_forced_alpha() or len(rgbFace) < 4 else rgbFace[3])
        if stroke:
            canvas.setStrokeColor(Color(*gc.get_rgb()[:3]))
            canvas.setStrokeAlpha(gc.get_rgb()[3])
            canvas.setLineWidth(round(gc.get_linewidth(), 2))
            canvas.setLineCap(_CAPS[str(gc.get_capstyle())])
            canvas.setLineJoin(_JOINS[str(gc.get_joinstyle())])
            offset, dashes = gc.get_dashes()
            if dashes is not None:
                canvas.setDash([round(float(dash), 2) for dash in dashes], round(float(offset), 2))
        canvas.drawPath(PDFPathObject(made), stroke=int(stroke), fill=int(fill))
        canvas.restoreState()

    def draw_markers(
        self, gc: Any, marker_path: Any, marker_trans: Any, path: Any, trans: Any, rgbFace: Any = None
    ) -> None:
        """All markers of a curve as one path."""
        one = marker_path.transformed(marker_trans)
        at = trans.transform(path.vertices)
        at = at[np.isfinite(at).all(axis=1)]
        codes = one.codes if one.codes is not None else np.array([1] + [2] * (len(one.vertices) - 1))
        vertices = (at[:, None] + one.vertices[None]).reshape(-1, 2)
        self.draw_path(gc, Outline(vertices, np.tile(codes, len(at))), IdentityTransform(), rgbFace)

    def draw_path_collection(
        self, gc: Any, master_transform: Any, paths: Any, all_transforms: Any, offsets: Any, offset_trans: Any,
        facecolors: Any, edgecolors: Any, linewidths: Any, *rest: Any, **more: Any,
    ) -> None:  # fmt: skip
        """Bars, shaded stretches and marks of one look as one path."""
        looks = max(len(facecolors), len(edgecolors), len(linewidths), len(all_transforms), len(offsets))
        if looks <= 1 and len(paths) > 1:
            paths = [Outline.make_compound_path(*paths)]
        super().draw_path_collection(
            gc, master_transform, paths, all_transforms, offsets, offset_trans, facecolors, edgecolors, linewidths,
            *rest, **more,
        )  # fmt: skip

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        from PIL import Image

        picture = ImageReader(Image.fromarray(np.ascontiguousarray(im[::-1, :, :3]), "RGB"))
        values = transform.frozen().to_values() if transform is not None else (1, 0, 0, 1, 0, 0)
        a, b, c, d, e, f = (float(value) for value in values)
        canvas = self.canvas
        canvas.saveState()
        self._clip(gc)
        canvas.transform(a, b, c, d, round(float(x) + e, 2), round(float(y) + f, 2))
        canvas.drawImage(picture, 0, 0, 1, 1)
        canvas.restoreState()

    def _clip(self, gc: Any) -> None:
        box = gc.get_clip_rectangle()
        if box is not None:
            path = self.canvas.beginPath()
            path.rect(*(round(float(value), 2) for value in box.bounds))
            self.canvas.clipPath(path, stroke=0, fill=0)


def _operators(path: Any, transform: Any, simplify: bool) -> list[str]:
    """The PDF operators of a path, in points."""
    clean = path.cleaned(transform, remove_nans=True, simplify=simplify, curves=True)
    out: list[str] = []
    held: list[str] = []
    for code, (x, y) in zip(clean.codes.tolist(), np.clip(clean.vertices, -1e5, 1e5).tolist(), strict=True):
        if code == Outline.MOVETO:
            out.append(f"{x:.2f} {y:.2f} m")
        elif code == Outline.LINETO:
            out.append(f"{x:.2f} {y:.2f} l")
        elif code == Outline.CURVE4:
            held.append(f"{x:.2f} {y:.2f}")
            if len(held) == 3:
                out.append(" ".join(held) + " c")
                held = []
        elif code == Outline.CLOSEPOLY:
            out.append("h")
        elif code != Outline.STOP:
            raise NotImplementedError("quadratic curves: no figure of the report has any")
    return ["n", *out] if out else []
