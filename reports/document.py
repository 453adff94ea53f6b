"""The PDF file around the flowables: pages with header and footer, bookmarks, metadata, tags and attachments.

Deterministic: no clock, no random ids; dates only from the case record or SOURCE_DATE_EPOCH. "Page n of m" and the
page numbers of the contents are form XObjects that are defined at the end, so that one pass is enough.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfdoc
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFString
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, PageTemplate

from reports import theme
from reports.blocks import label
from reports.easel import Easel
from reports.enclosed import Attachment, attach, write_xmp
from reports.renderer import house_style
from reports.tagging import Tagger, mark
from reports.theme import Sheet
from reports.typeface import BOLD, MONO, SANS, register, shorten, width


@dataclass(frozen=True)
class Furniture:
    """What stands on every page and in the file's metadata."""

    title: str
    running: str
    """Right end of the running header: case, exhibit or file name."""
    exhibit_sha256: str | None
    author: str
    made: datetime | None
    """Date of the file; None leaves it out."""
    attachments: Sequence[Attachment] = ()
    kind: str = "examination report"
    """What it is, in the running header."""
    language: str = "en"
    """Of the text, as the file declares it."""


class ReportCanvas(Canvas):  # type: ignore[misc]
    """A canvas that tags, counts its pages and remembers its headings."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tagger = Tagger()
        self.easel = Easel(self)
        self.headings: list[tuple[int, str, str, int]] = []
        """Level, bookmark, title, page of every heading so far."""
        self.wanted: set[str] = set()
        """Bookmarks whose page number some page shows as a form."""


class _Info(pdfdoc.PDFInfo):  # type: ignore[misc]
    """Document information without invented dates."""

    made: datetime | None = None
    signature_box: tuple[float, ...] | None = None
    """Page (from 0) and rectangle kept free for a visible signature."""

    def format(self, document: Any) -> Any:
        entries: dict[str, Any] = {
            "Title": PDFString(self.title),
            "Author": PDFString(self.author),
            "Subject": PDFString(self.subject),
            "Creator": PDFString(self.creator),
            "Producer": PDFString("Voxproof (reportlab)"),
            "Trapped": PDFName("False"),
        }
        if self.signature_box is not None:
            entries["VoxproofSignatureBox"] = PDFArray([round(value, 2) for value in self.signature_box])
        if self.made is not None:
            stamp = self.made.astimezone(UTC).strftime("D:%Y%m%d%H%M%S+00'00'")
            entries["CreationDate"] = entries["ModDate"] = PDFString(stamp)
        return PDFDictionary(entries).format(document)


class PageNumber(Flowable):  # type: ignore[misc]
    """The page on which a bookmark will stand, right-aligned; filled in at the end."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, 10.0

    def draw(self) -> None:
        self.canv.wanted.add(self.key)
        self.canv.saveState()
        self.canv.translate(self.across - 20, 2.4)
        self.canv.doForm(f"page-of-{self.key}")
        self.canv.restoreState()


class Digest(Flowable):  # type: ignore[misc]
    """A hash on one line that `report check` finds again by its mark in the page stream."""

    def __init__(self, name: str, digest: str, size: float = 7.2) -> None:
        super().__init__()
        self.name, self.digest, self.size = name, digest, size

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        room = available_width / max(width(self.digest, 1.0, MONO), 1.0)
        self.size = min(self.size, room)
        return available_width, self.size * 1.4

    def draw(self) -> None:
        with mark(self.canv, "P"):
            self.canv._code.append(f"/{self.name} BMC")
            label(self.canv, 0, 2.4, self.digest, self.size, theme.INK, font=MONO)
            self.canv._code.append("EMC")


class SignatureBox(Flowable):  # type: ignore[misc]
    """The place of the visible signature."""

    up = 58.0

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, self.up

    def draw(self) -> None:
        canvas = self.canv
        with canvas.tagger.artifact(canvas):
            canvas.setStrokeColor(HexColor(theme.FAINT))
            canvas.setLineWidth(0.6)
            canvas.rect(0, 0, self.across, self.up)
        left, low = canvas.absolutePosition(0, 0)
        canvas._doc.info.signature_box = (canvas.getPageNumber() - 1, left, low, left + self.across, low + self.up)


def epoch_date() -> datetime | None:
    """SOURCE_DATE_EPOCH as a date, None where it is not set or no number."""
    said = os.environ.get("SOURCE_DATE_EPOCH", "").strip()
    return datetime.fromtimestamp(int(said), UTC) if said.isdigit() else None


@contextmanager
def _reportlab_settings() -> Iterator[None]:
    """Binary streams instead of ASCII-85 while a report is built; reportlab keeps this setting in a global."""
    before = rl_config.useA85
    rl_config.useA85 = 0
    try:
        yield
    finally:
        rl_config.useA85 = before


def build(story: Sequence[Flowable], sheet: Sheet, furniture: Furniture) -> bytes:
    """Lay out the story and return the file."""
    register()
    out = io.BytesIO()

    def decorate(canvas: Any, _document: Any) -> None:
        with canvas.tagger.artifact(canvas):
            _decorate(canvas, sheet, furniture)

    def make(*args: Any, **kwargs: Any) -> ReportCanvas:
        canvas = ReportCanvas(*args, **kwargs)
        canvas._doc.info = info = _Info()
        info.made = furniture.made
        info.title, info.author = furniture.title, furniture.author
        info.subject, info.creator = "Forensic examination of a voice recording", "Voxproof"
        return canvas

    document = _Template(
        out, pagesize=(sheet.width, sheet.height), leftMargin=sheet.left, rightMargin=sheet.right,
        topMargin=sheet.top, bottomMargin=sheet.bottom, invariant=1, pageCompression=1, lang=furniture.language, title=furniture.title,  # noqa: E501
        furniture=furniture,
    )  # fmt: skip
    document.addPageTemplates(PageTemplate("page", [_frame(sheet)], onPage=decorate))
    with _reportlab_settings(), house_style():
        document.build(list(story), canvasmaker=make)
    return out.getvalue()


def _frame(sheet: Sheet) -> Frame:
    return Frame(
        sheet.left,
        sheet.bottom,
        sheet.measure,
        sheet.depth,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )


class _Template(BaseDocTemplate):  # type: ignore[misc]
    """Adds forms, tags and attachments after the last page."""

    def __init__(self, *args: Any, furniture: Furniture, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.furniture = furniture

    def _endBuild(self) -> None:  # noqa: N802 (reportlab's name)
        self._doSave = 0
        super()._endBuild()  # closes the last page
        canvas: Any = self.canv
        pages = canvas.getPageNumber() - 1
        _form(canvas, "page-total", f"{pages}", theme.FINE, theme.MUTED, "left")
        where = {key: page for _, key, _, page in canvas.headings}
        for key in sorted(canvas.wanted):
            _form(canvas, f"page-of-{key}", f"{where.get(key, '')}", theme.SMALL, theme.INK, "right")
        canvas.tagger.finish(canvas._doc)
        attach(canvas._doc, self.furniture.attachments, self.furniture.made)
        write_xmp(canvas._doc, title=self.furniture.title, author=self.furniture.author, made=self.furniture.made)
        canvas._doc.Catalog.ViewerPreferences = PDFDictionary({"DisplayDocTitle": "true"})
        canvas._doc.Catalog.PageMode = PDFName("UseOutlines")
        canvas.save()


def _form(canvas: Any, name: str, words: str, size: float, colour: str, align: str) -> None:
    canvas.beginForm(name, 0, -3, 40, 12)
    canvas.setFillColor(HexColor(colour))
    canvas.setFont(SANS, size)
    (canvas.drawRightString if align == "right" else canvas.drawString)(20 if align == "right" else 0, 0, words)
    canvas.endForm()


def _decorate(canvas: Any, sheet: Sheet, furniture: Furniture) -> None:
    page, right = canvas.getPageNumber(), sheet.width - sheet.right
    if page > 1:
        y = sheet.height - 38
        label(canvas, sheet.left, y, "Voxproof", theme.SMALL, theme.INK, font=BOLD)
        label(canvas, sheet.left + width("Voxproof", theme.SMALL, BOLD) + 6, y, furniture.kind, theme.SMALL)
        label(
            canvas, right, y, shorten(furniture.running, theme.SMALL, sheet.measure * 0.6), theme.SMALL, align="right"
        )
        canvas.setStrokeColor(HexColor(theme.RULE))
        canvas.setLineWidth(0.5)
        canvas.line(sheet.left, y - 6, right, y - 6)
    y = 34.0
    canvas.setStrokeColor(HexColor(theme.RULE))
    canvas.setLineWidth(0.5)
    canvas.line(sheet.left, y + 10, right, y + 10)
    words = f"Page {page} of "
    label(canvas, sheet.left, y, words, theme.FINE)
    canvas.saveState()
    canvas.translate(sheet.left + width(words, theme.FINE), y)
    canvas.doForm("page-total")
    canvas.restoreState()
    digest = furniture.exhibit_sha256 or "not known"
    across = width(digest, 6.2, MONO)
    label(canvas, right, y, digest, 6.2, align="right", font=MONO)
    label(canvas, right - across - 5, y, "Exhibit SHA-256", theme.FINE, align="right")
