"""Paragraphs of the report: reportlab's, tagged, with a short way for text in one face.

Most cells of a report hold one run of plain text on one line. Those need neither the markup parser nor the line
breaker, which together took half the time of the layout; and a table asks every cell for its size several times.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import unescape

from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import getAscentDescent, stringWidth
from reportlab.platypus import Paragraph
from reportlab.platypus.paraparser import ParaFrag

from reports.tagging import mark
from reports.typeface import BOLD, SANS

_ONE_FACE = re.compile(
    r'(?:<font name="(?P<font>[\w-]+)">(?P<set>[^<]*)</font>|<b>(?P<bold>[^<]*)</b>|(?P<plain>[^<]*))'
)
_ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
_BLANKS = re.compile(r"[ \t\r\n]+")


class Text(Paragraph):  # type: ignore[misc]
    """A paragraph that tags itself; it is broken into lines once for every width."""

    role = "P"

    def __init__(
        self, markup: str | None, style: ParagraphStyle, bulletText: str | None = None, frags: Any = None
    ) -> None:
        if frags is None and markup is not None:
            frags = _one_face(markup, style)
        super().__init__(markup, style, bulletText=bulletText, frags=frags)
        self._broken_for: float | None = None
        self._size: tuple[float, float] = (0.0, 0.0)

    def wrap(self, availWidth: float, availHeight: float) -> tuple[float, float]:
        if self._broken_for != availWidth or not hasattr(self, "blPara"):  # `split` takes the lines away
            self._size = super().wrap(availWidth, availHeight)
            self._broken_for = availWidth
        return self._size

    def breakLines(self, width: Any) -> Any:  # noqa: N802 (reportlab's name)
        """One line where it fits; reportlab's own lines else."""
        only = self.frags[0] if len(self.frags) == 1 and not self.bulletText else None
        words = getattr(only, "text", "")
        if words and only is not None and not (only.link or only.us_lines or getattr(only, "cbDefn", None)):
            line = _BLANKS.sub(" ", words).strip(" ")
            room = width[0] - stringWidth(line, only.fontName, only.fontSize)
            if line and room >= 0 and "\u00ad" not in line:
                ascent, descent = getAscentDescent(only.fontName, only.fontSize)
                self._width_max = width[0] - room
                self.height = 0
                return only.clone(kind=0, lines=[(room, [line])], ascent=ascent, descent=descent)
        return super().breakLines(width)

    def drawOn(self, canvas: Any, x: float, y: float, _sW: float = 0) -> None:  # noqa: N802 (reportlab's name)
        with mark(canvas, self.role):
            super().drawOn(canvas, x, y, _sW)


def _one_face(markup: str, style: ParagraphStyle) -> list[ParaFrag] | None:
    """The one fragment of markup in a single face; None where the parser is needed."""
    found = _ONE_FACE.fullmatch(markup)
    if found is None or _ENTITY.search(markup) or (found["bold"] is not None and style.fontName != SANS):
        return None
    font = found["font"] or (BOLD if found["bold"] is not None else style.fontName)
    words = unescape(found["set"] or found["bold"] or found["plain"] or "")
    return [
        ParaFrag(
            text=_BLANKS.sub(" ", words).strip(" "), fontName=font, fontSize=style.fontSize, textColor=style.textColor,
            bold=0, italic=0, rise=0, greek=0, link=[], us_lines=[],
        )
    ]  # fmt: skip
