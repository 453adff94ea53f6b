"""Fonts of the report and the choice of a font per run of text.

IBM Plex (SIL Open Font License, subset under `reports/fonts`) sets the report; DejaVu Sans, which matplotlib ships,
stands in for letters that the subset lacks; Chinese, Japanese and Korean use the reader's own fonts (PDF's predefined
CID fonts). What none of them can show faithfully (right-to-left scripts, emoji, control characters) is
printed as its code point, `‹U+202E›`, so that a file name cannot deceive.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

SANS, BOLD, MONO, SPARE = "Voxproof", "Voxproof-Bold", "Voxproof-Mono", "Voxproof-Spare"
_FILES = {SANS: "VoxproofSans-Regular.ttf", BOLD: "VoxproofSans-SemiBold.ttf", MONO: "VoxproofMono-Regular.ttf"}
_HAN, _KANA, _HANGUL = "STSong-Light", "HeiseiMin-W3", "HYSMyeongJo-Medium"


@cache
def _covers(font: str) -> frozenset[int]:
    """Code points of a font; registers it on first use."""
    if font == SPARE:
        spec = find_spec("matplotlib")  # only located, never imported
        roots = [Path(place) for place in (spec.submodule_search_locations or [])] if spec else []
        found = [root / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf" for root in roots]
        path = next((candidate for candidate in found if candidate.is_file()), None)
        if path is None:
            return frozenset()
        made = TTFont(font, str(path))
    else:
        made = TTFont(font, str(files("reports").joinpath("fonts", _FILES[font])))
    pdfmetrics.registerFont(made)
    return frozenset(made.face.charToGlyph)


@cache
def _cid(font: str) -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(font))
    return font


@cache
def register() -> None:
    """Make the report's own fonts known to reportlab."""
    for font in _FILES:
        _covers(font)
    pdfmetrics.registerFontFamily(SANS, normal=SANS, bold=BOLD, italic=SANS, boldItalic=BOLD)
    pdfmetrics.registerFontFamily(MONO, normal=MONO, bold=MONO, italic=MONO, boldItalic=MONO)


def _script(point: int) -> str | None:
    """East Asian script of a code point of the basic plane, None for all others."""
    if 0x3040 <= point <= 0x30FF or 0x31F0 <= point <= 0x31FF:
        return "kana"
    if 0xAC00 <= point <= 0xD7A3 or 0x3130 <= point <= 0x318F:
        return "hangul"
    if 0x4E00 <= point <= 0x9FFF or 0x3400 <= point <= 0x4DBF or 0x3000 <= point <= 0x303F or 0xFF00 <= point <= 0xFFEE:
        return "han"
    return None


def runs(text: str, font: str = SANS) -> list[tuple[str, str]]:
    """Split text into (font, text) runs; what no font can show becomes its code point."""
    register()
    if text.isascii() and text.isprintable():
        return [(font, text)] if text else []
    text = unicodedata.normalize("NFC", text)
    scripts = {_script(ord(char)) for char in text}
    asian = _HANGUL if "hangul" in scripts else _KANA if "kana" in scripts else _HAN
    parts: list[tuple[str, str]] = []
    for char in text:
        point = ord(char)
        category = unicodedata.category(char)
        if category in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") or unicodedata.bidirectional(char) in (
            "R",
            "AL",
            "AN",
        ):
            chosen, char = font, f"‹U+{point:04X}›"
        elif point in _covers(font):
            chosen = font
        elif point in _covers(SANS) and font != SANS:
            chosen = SANS
        elif _script(point):
            chosen = _cid(asian)
        elif category[0] != "M" and point < 0x1F000 and point in _covers(SPARE):
            chosen = SPARE
        else:
            chosen, char = font, f"‹U+{point:04X}›"
        if parts and parts[-1][0] == chosen:
            parts[-1] = (chosen, parts[-1][1] + char)
        else:
            parts.append((chosen, char))
    return parts


def markup(text: object, font: str = SANS) -> str:
    """Any text as paragraph markup, escaped, with a font for every run; line breaks and tabs become spaces."""
    flat = " ".join(str(text).replace("\t", " ").splitlines()) if str(text).strip() else str(text)
    out = []
    for chosen, part in runs(flat, font):
        safe = escape(part)
        out.append(safe if chosen == font and font == SANS else f'<font name="{chosen}">{safe}</font>')
    return "".join(out)


def mono(text: object) -> str:
    """Paragraph markup in the typewriter face: ids, hashes, raw names."""
    return markup(text, MONO)


def exact(text: object) -> str:
    """Paragraph markup that hides nothing: line breaks and tabs show as code points too (file names)."""
    return "".join(
        escape(part) if chosen == SANS else f'<font name="{chosen}">{escape(part)}</font>'
        for chosen, part in runs(str(text))
    )


def width(text: str, size: float, font: str = SANS) -> float:
    """Width in points of a single line."""
    return float(sum(pdfmetrics.stringWidth(part, chosen, size) for chosen, part in runs(text, font)))


def shorten(text: str, size: float, room: float, font: str = SANS) -> str:
    """The text, cut in the middle with an ellipsis until it fits the room (points)."""
    if width(text, size, font) <= room:
        return text
    low, high = 1, max(len(text) - 1, 1)
    while low < high:
        keep = (low + high + 1) // 2
        cut = text[: (keep + 1) // 2] + "…" + (text[len(text) - keep // 2 :] if keep > 1 else "")
        low, high = (keep, high) if width(cut, size, font) <= room else (low, keep - 1)
    return text[: (low + 1) // 2] + "…" + (text[len(text) - low // 2 :] if low > 1 else "")


def plain(text: object) -> str:
    """The text as it is printed: what cannot be shown as code points (for bookmarks and metadata)."""
    return "".join(part for _, part in runs(str(text)))
