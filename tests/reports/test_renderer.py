"""matplotlib on a reportlab page: paths, text and images arrive where they belong."""

from __future__ import annotations

import io
import zlib

import numpy as np
import pytest
from matplotlib.figure import Figure
from pypdf import PdfReader

from reports.document import ReportCanvas
from reports.renderer import house_style, place
from reports.typeface import register


def drawn(figure: Figure) -> tuple[str, PdfReader]:
    """The page's operators and the file."""
    register()
    out = io.BytesIO()
    canvas = ReportCanvas(out, pagesize=(200, 100), invariant=1)
    place(figure, canvas)
    canvas.showPage()
    canvas.save()
    reader = PdfReader(io.BytesIO(out.getvalue()))
    return " ".join(reader.pages[0].get_contents().get_data().decode("latin-1").split()), reader


def bare() -> tuple[Figure, object]:
    figure = Figure(figsize=(200 / 72, 100 / 72), dpi=72, frameon=False)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, 200)
    axes.set_ylim(0, 100)
    return figure, axes


def test_one_pixel_is_one_point() -> None:
    with house_style():
        figure, axes = bare()
        axes.plot([10, 30, 50], [20, 40, 20], color="#FF0000", linewidth=2.0)
        code, _ = drawn(figure)
    assert "n 10.00 20.00 m 30.00 40.00 l 50.00 20.00 l S" in code
    assert "1 0 0 RG" in code
    assert "2 w" in code


def test_gaps_break_a_curve_and_fills_are_closed() -> None:
    with house_style():
        figure, axes = bare()
        axes.plot([10, 20, 30, 40], [5, 5, np.nan, 5])
        axes.broken_barh([(60, 10), (80, 10)], (30, 20), facecolor="#0000FF", alpha=0.5, linewidth=0)
        code, reader = drawn(figure)
    assert "10.00 5.00 m 20.00 5.00 l" in code
    assert "30.00" not in code.split("60.00")[0]
    assert "n 60.00 30.00 m 60.00 50.00 l 70.00 50.00 l 70.00 30.00 l" in code
    assert code.count(" f ") + code.count(" f* ") == 1
    states = reader.pages[0]["/Resources"]["/ExtGState"]
    assert 0.5 in [float(one.get_object().get("/ca", 1)) for one in states.values()]


def test_text_is_text_in_the_reports_font_and_never_mathematics() -> None:
    with house_style():
        figure, axes = bare()
        axes.text(20, 50, "$x^2$ dBFS")
        axes.text(20, 70, "bold", weight="bold")
        _, reader = drawn(figure)
    assert "$x^2$ dBFS" in reader.pages[0].extract_text()
    names = {one.get_object()["/BaseFont"] for one in reader.pages[0]["/Resources"]["/Font"].values()}
    assert sum("Voxproof" in name or "Plex" in name for name in names) == 2


def test_an_image_keeps_its_cells() -> None:
    cells = np.arange(12.0).reshape(3, 4)
    with house_style():
        figure, axes = bare()
        axes.imshow(cells, "gray", extent=(20, 60, 10, 40), aspect="auto", origin="lower")
        axes.set_xlim(0, 200)
        axes.set_ylim(0, 100)
        code, reader = drawn(figure)
    image = next(iter(reader.pages[0]["/Resources"]["/XObject"].values())).get_object()
    assert (image["/Width"], image["/Height"]) == (4, 3)
    pixels = np.frombuffer(image.get_data(), dtype=np.uint8).reshape(3, 4, 3)[::-1, :, 0]
    assert pixels == pytest.approx(np.round(cells / 11 * 255), abs=1)
    assert "40 0 0 30 20 10 cm" in code


def test_many_points_are_one_path() -> None:
    with house_style():
        figure, axes = bare()
        axes.plot(np.linspace(10, 190, 300), np.full(300, 50.0), "o", markersize=2, markeredgewidth=0)
        code, _ = drawn(figure)
    assert code.count(" f ") + code.count(" f* ") == 1
    assert code.count(" c ") > 300
    assert len(zlib.compress(code.encode())) < 40_000
