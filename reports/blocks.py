"""Building blocks of the report on platypus: text, headings, tables, pills; tagged and with one look.

Texts given here are paragraph markup: pass foreign strings through `typeface.markup`, `mono` or `exact` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Spacer, Table, TableStyle

from forensics.records import Outcome
from reports import theme
from reports.paragraph import Text
from reports.tagging import mark
from reports.typeface import BOLD, MONO, SANS, register, runs, width


@cache
def style(name: str) -> ParagraphStyle:
    """A paragraph style of the design system by name."""
    register()
    common: dict[str, Any] = {
        "fontName": SANS,
        "textColor": HexColor(theme.INK),
        "splitLongWords": 1,
        "allowWidows": 0,
        "bulletFontName": SANS,
    }
    sizes: dict[str, dict[str, Any]] = {
        "body": {"fontSize": theme.BODY, "leading": 12.6, "spaceAfter": 4},
        "tight": {"fontSize": theme.BODY, "leading": 12.0},
        "muted": {"fontSize": theme.BODY, "leading": 12.4, "textColor": HexColor(theme.MUTED), "spaceAfter": 4},
        "small": {"fontSize": theme.SMALL, "leading": 10.4},
        "small-muted": {"fontSize": theme.SMALL, "leading": 10.4, "textColor": HexColor(theme.MUTED)},
        "fine": {"fontSize": theme.FINE, "leading": 8.8, "textColor": HexColor(theme.MUTED)},
        "cell": {"fontSize": theme.SMALL, "leading": 10.2},
        "cell-right": {"fontSize": theme.SMALL, "leading": 10.2, "alignment": TA_RIGHT},
        "head": {"fontSize": theme.FINE, "leading": 8.8, "textColor": HexColor(theme.MUTED), "fontName": BOLD},
        "head-right": {
            "fontSize": theme.FINE, "leading": 8.8, "textColor": HexColor(theme.MUTED), "fontName": BOLD, "alignment": TA_RIGHT,  # noqa: E501
        },
        "mono": {"fontSize": 7.2, "leading": 9.8, "fontName": MONO},
        "label": {"fontSize": theme.FINE, "leading": 9, "textColor": HexColor(theme.MUTED), "fontName": BOLD},
        "lead": {"fontSize": theme.LEAD, "leading": 14.4, "spaceAfter": 4},
        "bullet": {"fontSize": theme.BODY, "leading": 12.2, "leftIndent": 10, "bulletIndent": 0, "bulletFontSize": theme.BODY, "spaceAfter": 2.5},  # noqa: E501
        "bullet-small": {"fontSize": theme.SMALL, "leading": 10.4, "leftIndent": 9, "bulletIndent": 0, "bulletFontSize": theme.SMALL, "spaceAfter": 2},  # noqa: E501
        "answer": {"fontSize": 15.5, "leading": 18.5, "fontName": BOLD},
        "answer-small": {"fontSize": 11.5, "leading": 14, "fontName": BOLD},
        "h1": {"fontSize": theme.H1, "leading": 23, "fontName": BOLD},
        "h2": {"fontSize": theme.H2, "leading": 18, "fontName": BOLD, "spaceBefore": 4, "spaceAfter": 6, "keepWithNext": 1},  # noqa: E501
        "h3": {"fontSize": theme.H3, "leading": 14, "fontName": BOLD, "spaceBefore": 6, "spaceAfter": 3, "keepWithNext": 1},  # noqa: E501
        "h4": {
            "fontSize": theme.SMALL, "leading": 10.4, "fontName": BOLD, "textColor": HexColor(theme.MUTED),
            "spaceBefore": 6, "spaceAfter": 2, "keepWithNext": 1,
        },
    }  # fmt: skip
    return ParagraphStyle(name, **(common | sizes[name]))


class Heading(Text):
    """A heading with its bookmark; `number` is printed before the title in muted ink."""

    def __init__(self, title: str, level: int, key: str, plain: str, number: str = "") -> None:
        lead = f'<font color="{theme.FAINT}">{number}</font>&nbsp;&nbsp;' if number else ""
        super().__init__(lead + title, style(f"h{level + 1}"))
        self.level, self.key, self.plain = level, key, f"{number} {plain}".strip()
        self.role = f"H{level + 1}"

    def draw(self) -> None:
        canvas = self.canv
        canvas.bookmarkHorizontal(self.key, 0, self.height + 8)
        canvas.headings.append((self.level, self.key, self.plain, canvas.getPageNumber()))
        canvas.addOutlineEntry(self.plain, self.key, level=self.level - 1, closed=self.level > 1)
        super().draw()


def text(markup_: str, kind: str = "body") -> Text:
    """A paragraph in a named style."""
    return Text(markup_, style(kind))


def bullets(items: Iterable[str], kind: str = "bullet") -> list[Text]:
    """A list with round bullets."""
    return [Text(item, style(kind), bulletText="•") for item in items]


def gap(points: float) -> Spacer:
    """Vertical room."""
    return Spacer(0, points)


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


class Rule(Flowable):  # type: ignore[misc]
    """A thin line across the text block."""

    def __init__(self, colour: str = theme.RULE, weight: float = 0.6, before: float = 0, after: float = 6) -> None:
        super().__init__()
        self.colour, self.weight = colour, weight
        self.spaceBefore, self.spaceAfter = before, after

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        self.across = available_width
        return available_width, self.weight

    def draw(self) -> None:
        with self.canv.tagger.artifact(self.canv):
            self.canv.setStrokeColor(HexColor(self.colour))
            self.canv.setLineWidth(self.weight)
            self.canv.line(0, 0, self.across, 0)


def draw_sign(canvas: Any, outcome: str, x: float, y: float, radius: float = 3.0) -> None:
    """The outcome's shape around (x, y): disc, triangle, diamond, ring; told apart without colour."""
    colour = HexColor(theme.OUTCOME_COLOUR[outcome])
    canvas.saveState()
    canvas.setFillColor(colour)
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(0.9)
    path = canvas.beginPath()
    if outcome in ("consistent", "supports_human"):
        path.circle(x, y, radius * 0.92)
    elif outcome in ("inconsistent", "supports_machine"):
        path.moveTo(x, y + radius * 1.1)
        path.lineTo(x + radius * 1.1, y - radius * 0.85)
        path.lineTo(x - radius * 1.1, y - radius * 0.85)
        path.close()
    elif outcome == "inconclusive":
        path.moveTo(x, y + radius * 1.15)
        path.lineTo(x + radius * 1.15, y)
        path.lineTo(x, y - radius * 1.15)
        path.lineTo(x - radius * 1.15, y)
        path.close()
    else:
        path.circle(x, y, radius * 0.8)
    canvas.drawPath(path, stroke=1, fill=int(outcome != "could_not_test"))
    canvas.restoreState()


class Sign(Flowable):  # type: ignore[misc]
    """An outcome's shape and word, for table cells and the head of a method."""

    def __init__(self, outcome: Outcome, size: float = theme.SMALL) -> None:
        super().__init__()
        self.outcome, self.size = outcome, size

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        return available_width, self.size * 1.3

    def draw(self) -> None:
        with mark(self.canv, "P"):
            draw_sign(self.canv, self.outcome, 3.4, self.size * 0.56, self.size * 0.38)
            self.canv.setFillColor(
                HexColor(theme.OUTCOME_COLOUR[self.outcome] if self.outcome != "could_not_test" else theme.MUTED)
            )
            self.canv.setFont(BOLD, self.size)
            self.canv.drawString(10, self.size * 0.25, theme.OUTCOME_WORD[self.outcome])


_LONG = 1200
"""Letters in a cell from which on a row may break across pages."""


def _table(
    rows: list[list[Any]], widths: Sequence[float], commands: list[tuple[Any, ...]], repeat: int, long: bool
) -> Table:
    common: list[tuple[Any, ...]] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 2.6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.8),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, HexColor(theme.RULE)),
    ]
    made = Table(rows, colWidths=list(widths), repeatRows=repeat, splitByRow=1, splitInRow=int(long), hAlign="LEFT")
    made.setStyle(TableStyle(common + commands))
    made.spaceBefore, made.spaceAfter = 2, 6
    return made


def grid(
    head: Sequence[str], rows: Sequence[Sequence[Any]], widths: Sequence[float], right: Iterable[int] = ()
) -> Table:
    """A table with a head that repeats on every page; `right` names right-aligned columns; widths in points."""
    aligned = set(right)
    titles = [text(title, "head-right" if column in aligned else "head") for column, title in enumerate(head)]
    body = [
        [
            cell if isinstance(cell, Flowable | list) else text(cell, "cell-right" if column in aligned else "cell")
            for column, cell in enumerate(row)
        ]
        for row in rows
    ]
    commands = [
        ("BACKGROUND", (0, 0), (-1, 0), HexColor(theme.WASH)),
        ("LINEABOVE", (0, 0), (-1, 0), 0.8, HexColor(theme.INK)),
        ("LINEBELOW", (0, 0), (-1, 0), 0.5, HexColor(theme.INK)),
    ]
    if _short(rows):  # no row stands alone on a page
        commands += [("NOSPLIT", (0, 0), (-1, min(2, len(body)))), ("NOSPLIT", (0, max(len(body) - 1, 0)), (-1, -1))]
        if len(body) <= 6:
            commands.append(("NOSPLIT", (0, 0), (-1, -1)))
    return _table([titles, *body], widths, commands, 1, _long(rows))


def facts(rows: Sequence[tuple[str, Any]], measure: float, label: float = 118.0) -> Table:
    """A two-column table of labels and values."""
    body = [
        [text(name, "small-muted"), value if isinstance(value, Flowable | list) else text(value, "cell")]
        for name, value in rows
    ]
    commands: list[tuple[Any, ...]] = [("LINEABOVE", (0, 0), (-1, 0), 0.4, HexColor(theme.RULE))]
    if len(body) > 3 and _short(rows):
        commands += [("NOSPLIT", (0, 0), (-1, 1)), ("NOSPLIT", (0, len(body) - 2), (-1, -1))]
    return _table(body, (label, measure - label), commands, 0, _long(rows))


def _short(rows: Iterable[Sequence[Any]]) -> bool:
    return all(len(cell) < 200 for row in rows for cell in row if isinstance(cell, str))


def _long(rows: Iterable[Sequence[Any]]) -> bool:
    return any(len(cell) > _LONG for row in rows for cell in row if isinstance(cell, str))


def side_by_side(left: list[Any], right: list[Any], measure: float, between: float = 18.0, share: float = 0.5) -> Table:
    """Two columns of flowables without lines."""
    first = (measure - between) * share
    made = Table([[left, "", right]], colWidths=[first, between, measure - between - first], hAlign="LEFT")
    made.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 0),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
            ]
        )
    )
    return made


def panel(
    content: list[Any], measure: float, wash: str = theme.WASH, edge: str | None = None, pad: float = 9.0
) -> Table:
    """A washed box around flowables, with a coloured edge at its left where one is given."""
    made = Table([[content]], colWidths=[measure], hAlign="LEFT")
    commands: list[tuple[Any, ...]] = [
        ("BACKGROUND", (0, 0), (-1, -1), HexColor(wash)),
        ("LEFTPADDING", (0, 0), (-1, -1), pad + 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), pad),
        ("TOPPADDING", (0, 0), (-1, -1), pad - 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), pad),
    ]
    if edge:
        commands.append(("LINEBEFORE", (0, 0), (0, -1), 2.6, HexColor(edge)))
    made.setStyle(TableStyle(commands))
    return made
