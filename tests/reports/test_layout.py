"""The layout of long and awkward reports: nothing leaves the page, nothing stands alone, one time axis."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import matplotlib as mpl
import pytest
import report_samples as samples
from pypdf import PageObject, PdfReader

from forensics.records import Examination
from reports import easel, theme
from reports.pdf import pdf_bytes

LETTER = (612.0, 792.0)


@dataclass
class Page:
    """One page: pieces of text with their places in points, fonts, plain text."""

    pieces: list[tuple[float, float, str]] = field(default_factory=list)
    text: str = ""


def read(data: bytes) -> list[Page]:
    """Every page of a report once through the extractor."""

    def one(source: PageObject) -> Page:
        page = Page()

        def visit(text: str, cm: list[float], tm: list[float], _font: object, _size: float) -> None:
            x, y = tm[4] * cm[0] + tm[5] * cm[2] + cm[4], tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            if text.strip() and not (text.strip().isdigit() and x < 54):  # page numbers are forms
                page.pieces.append((x, y, text.strip()))

        page.text = " ".join(source.extract_text(visitor_text=visit).split())
        return page

    return [one(source) for source in PdfReader(io.BytesIO(data)).pages]


@dataclass
class Forty:
    """The report of forty findings, with the axes of its figures as they were drawn."""

    data: bytes
    pages: list[Page]
    axes: list[tuple[float, float, float, float, str]]
    """Left and right edge in points, limits of x, name of the x axis."""


@pytest.fixture(scope="module")
def forty() -> Forty:
    drawn: list[tuple[float, float, float, float, str]] = []
    place = easel.place

    def watch(figure: mpl.figure.Figure, canvas: object) -> None:
        for axes in figure.axes:
            box = axes.get_window_extent()
            drawn.append((float(box.x0), float(box.x1), *map(float, axes.get_xlim()), axes.get_xlabel()))
        place(figure, canvas)

    patch = pytest.MonkeyPatch()
    patch.setattr(easel, "place", watch)
    data = pdf_bytes(samples.forty(), page="letter", case=samples.case())
    patch.undo()
    return Forty(data, read(data), drawn)


def test_all_time_figures_share_one_axis(forty: Forty) -> None:
    timed = [one for one in forty.axes if one[4].startswith("time")]
    assert len(timed) == 20 + 3  # twenty figures over time, page 1, two pages of lanes
    measure = LETTER[0] - 108
    for left, right, low, high, name in timed:
        assert (left, right) == pytest.approx((theme.GUTTER, measure - theme.MARGIN), abs=0.01)
        assert (low, high, name) == (0.0, 62.5, "time (m:ss)")
    charts = [one for one in forty.axes if one[4] in ("frequency (kHz)", "value (steps)")]
    assert len(charts) == 20
    assert {round(left, 2) for left, *_ in charts} == {theme.GUTTER}


def test_no_text_leaves_any_page(forty: Forty) -> None:
    assert 20 <= len(forty.pages) <= 36
    for number, page in enumerate(forty.pages, 1):
        assert len(page.pieces) > 20, f"page {number} is nearly empty"
        for x, y, text in page.pieces:
            assert 54 - 0.5 <= x <= LETTER[0] - 54 + 2, (number, text)
            assert 30 <= y <= LETTER[1] - 30, (number, text)


def test_no_heading_ends_a_page(forty: Forty) -> None:
    reader = PdfReader(io.BytesIO(forty.data))

    def flat(items: list[object]) -> Iterator[object]:
        for item in items:
            yield from flat(item) if isinstance(item, list) else [item]

    headings = [one for one in flat(reader.outline) if one.title != "Summary"]
    assert len(headings) == 17 + 40
    for one in headings:
        page = reader.get_destination_page_number(one)
        below = [y for _, y, _ in forty.pages[page].pieces if 60 < y < float(one.top) - 24]
        assert len(below) >= 3, one.title


def test_every_method_has_its_lane_and_its_block(forty: Forty) -> None:
    overview = forty.pages[1].text + forty.pages[2].text
    whole = " ".join(page.text for page in forty.pages)
    for finding in samples.forty().findings:
        assert finding.title in overview
        assert finding.method in whole
    assert "and 58 more" in overview
    assert "and 48 more" in whole


def test_what_else_was_recognised_is_named_and_not_held_against_the_recording(forty: Forty) -> None:
    said = "Also recognised (no sign of tampering by itself): coded as MP3 earlier; resampled from 8 kHz."
    assert said in forty.pages[0].text
    assert "also: coded as MP3 earlier" in forty.pages[1].text + forty.pages[2].text
    whole = " ".join(page.text for page in forty.pages)
    assert "Coded as MP3 earlier. No sign of tampering by itself." in whole
    assert "No sign of tampering by itself: coded as MP3 earlier; resampled from 8 kHz." in whole


def test_own_fonts_are_embedded_and_text_stays_text(forty: Forty) -> None:
    fonts: dict[str, bool] = {}
    for page in PdfReader(io.BytesIO(forty.data)).pages:
        for font in page["/Resources"]["/Font"].values():
            made = font.get_object()
            held = made.get("/FontDescriptor")
            fonts[made["/BaseFont"]] = held is not None and "/FontFile2" in held.get_object()
    assert sum(fonts.values()) >= 3
    assert {name for name, embedded in fonts.items() if not embedded} <= {"/Helvetica"}  # reportlab's unused default
    whole = " ".join(page.text for page in forty.pages)
    for said in ("frequency (kHz)", "largest step", "threshold", "offset (full scale), in thousandths", "time (m:ss)"):
        assert said in whole


def test_settings_of_the_user_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = pdf_bytes(samples.machine())
    with mpl.rc_context({"lines.linewidth": 7.0, "text.parse_math": True, "axes.grid": False, "font.size": 30.0}):
        assert pdf_bytes(samples.machine()) == before
        assert mpl.rcParams["lines.linewidth"] == 7.0


def test_what_could_not_be_tested_is_gathered() -> None:
    examination = samples.untested()
    pages = read(pdf_bytes(examination, page="letter", case=samples.case()))
    assert len(pages) <= 9
    assert re.search(r"Machine or person · Continuity of the recording and 19 more: The recording lasts", pages[0].text)
    assert "Could not be tested (20)" in pages[1].text
    whole = " ".join(page.text for page in pages)
    assert "Methods that could not be tested" in whole
    for finding in examination.findings:
        assert finding.method in whole


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (samples.CJK_NAME, "音声メモ_送金依頼_録音３.wav"),
        (samples.KOREAN_NAME, "음성메모_송금요청_세번째.m4a"),
        (samples.ARABIC_NAME, "‹U+0631›"),
        (samples.LONG_NAME, "WhatsApp-Audio_forwarded-from-the-chief"),
    ],
)
def test_names_of_all_scripts_stand_on_page_one(name: str, shown: str) -> None:
    examination: Examination = samples.named(name)
    page = read(pdf_bytes(examination))[0]
    assert shown in page.text
    assert "WHAT TO DO NEXT" in page.text
    assert max(x for x, _, _ in page.pieces) < 595 - 54
