"""What a file that is no recording seems to be, for an error that helps."""

from __future__ import annotations

ZEROS = "begins with nothing but zero bytes"

KINDS: tuple[tuple[bytes, str], ...] = (
    (b"#EXTM3U", "a playlist (M3U), which names other files instead of holding sound"),
    (b"ffconcat", "a concat list, which names other files instead of holding sound"),
    (b"v=0\r\no=", "a session description (SDP), which names a stream instead of holding sound"),
    (b"v=0\no=", "a session description (SDP), which names a stream instead of holding sound"),
    (b"[playlist]", "a playlist (PLS), which names other files instead of holding sound"),
    (b"<?xml", "an XML document"),
    (b"<!DOCTYPE", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\x80\x02", "a Python pickle"),
)


def kind_of(head: bytes) -> str | None:
    """What a file that is no recording seems to be, from its first bytes; None when that cannot be told."""
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for magic, kind in KINDS:
        if stripped[: len(magic)].lower() == magic.lower():
            return kind
    if head and not head.strip(b"\x00"):
        return ZEROS
    try:
        text = head[:4000].decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head[:4000]) - 4:
            return None
        text = head[: error.start].decode("utf-8")
    if text and all(character.isprintable() or character in "\r\n\t\f" for character in text):
        return "a text file"
    return None
