"""Where the parts of a media file lie: chunks, boxes, elements, pages, blocks, objects, tags, and their size fields.

A lenient walker for the mutators of `synth.mutators`: it takes any bytes, believes no size further than the part
around it, and finds the parts of well-formed files of these families at every depth. Sources: the Microsoft
multimedia data standards (RIFF, AVI), Sonic Foundry's Wave64, Apple's AIFF-C and CAF, ISO/IEC 14496-12, RFC 8794 and
RFC 9559 (EBML, Matroska), RFC 3533 (Ogg), RFC 9639 (FLAC), Microsoft's ASF, ID3v2.4 and the WavPack block header.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Order = Literal["little", "big"]
Data = bytes | bytearray

MOST = 4000
"""Parts that are listed at most."""
DEEPEST = 24
ISO_PARENTS = frozenset(
    (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"ilst", b"mvex", b"moof", b"traf")
)
EBML_PARENTS = frozenset(
    bytes.fromhex(name)
    for name in ("1a45dfa3", "18538067", "1549a966", "1654ae6b", "ae", "e1", "e0", "1f43b675", "a0", "1c53bb6b", "bb",
                 "b7", "1254c367", "7373", "67c8", "114d9b74", "4dbb")
)  # fmt: skip
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
ASF_HEADER = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
W64 = bytes.fromhex("72696666")
"""The GUID of a Wave64 file and of its chunks begin with the chunk's RIFF name in small letters."""


@dataclass(frozen=True)
class Part:
    """One chunk, box, element, page, block, object or tag."""

    name: bytes
    """As written: four-character code, EBML id, GUID, "OggS", or the number of a FLAC block."""
    start: int
    """First byte, that of its header."""
    body: int
    """First byte after the header."""
    end: int
    """One past its last byte, never beyond the part around it."""
    size_at: int
    """Offset in the file of the size field; -1 where there is none."""
    size_bytes: int
    """Width of the size field."""
    order: Order
    """Byte order of the size field."""
    depth: int = 0
    """0 at the top level."""
    around: tuple[int, ...] = ()
    """Starts of the parts around it, outermost first."""


def anatomy(data: Data) -> tuple[str, list[Part]]:
    """Family (riff, w64, aiff, caf, iso, ebml, ogg, flac, asf, id3, wavpack, au, or empty) and parts in file order."""
    head = bytes(data[:16])
    found: list[Part] = []
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        _chunks(data, 12, len(data), "little", 4, lambda name: name == b"LIST", found)
        return "riff", found
    if head[:4] == W64:
        _guids(data, 40, len(data), True, found)
        return "w64", found
    if head[:4] == b"FORM":
        _chunks(data, 12, len(data), "big", 4, lambda name: False, found)
        return "aiff", found
    if head[:4] == b"caff":
        _chunks(data, 8, len(data), "big", 8, lambda name: False, found)
        return "caf", found
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        _boxes(data, 0, len(data), found)
        return "iso", found
    if head[:4] == b"\x1a\x45\xdf\xa3":
        _elements(data, 0, len(data), found)
        return "ebml", found
    if head[:4] == b"OggS":
        return "ogg", _pages(data)
    if head[:4] == b"fLaC":
        return "flac", _blocks(data)
    if head == ASF:
        _guids(data, 0, len(data), False, found)
        return "asf", found
    if head[:3] == b"ID3":
        return "id3", _tag(data)
    if head[:4] == b"wvpk":
        _chunks(data, 0, len(data), "little", 4, lambda name: False, found)
        return "wavpack", found
    return ("au", []) if head[:4] == b".snd" else ("", [])


def _chunks(
    data: Data, at: int, end: int, order: Order, width: int, holds: Callable[[bytes], bool], found: list[Part],
    around: tuple[int, ...] = (),
) -> None:  # fmt: skip
    """Name of four bytes, size of the body, body; padded to even where the size has four bytes."""
    while at + 4 + width <= end and len(found) < MOST:
        name, size = bytes(data[at : at + 4]), int.from_bytes(data[at + 4 : at + 4 + width], order)
        body = at + 4 + width
        stop = min(end, body + size + (size & 1 if width == 4 else 0))
        found.append(Part(name, at, body, stop, at + 4, width, order, len(around), around))
        if holds(name) and len(around) < DEEPEST:
            _chunks(data, body + 4, stop, order, width, holds, found, (*around, at))
        at = stop


def _guids(data: Data, at: int, end: int, aligned: bool, found: list[Part], around: tuple[int, ...] = ()) -> None:
    """GUID, size of the whole in eight bytes, body: ASF objects, and Wave64 chunks, which are `aligned` to eight."""
    while at + 24 <= end and len(found) < MOST:
        name, size = bytes(data[at : at + 16]), int.from_bytes(data[at + 16 : at + 24], "little")
        if size < 24:
            return
        stop = min(end, at + (size + 7 & ~7 if aligned else size))
        found.append(Part(name, at, at + 24, stop, at + 16, 8, "little", len(around), around))
        if name in (ASF, ASF_HEADER) and len(around) < DEEPEST:
            _guids(data, at + (30 if name == ASF else 46), stop, aligned, found, (*around, at))
        at = stop


def _boxes(data: Data, at: int, end: int, found: list[Part], around: tuple[int, ...] = ()) -> None:
    """Size of the whole, name, body; a size of 1 is followed by eight bytes of size, 0 reaches to the end."""
    while at + 8 <= end and len(found) < MOST:
        size, name, body = int.from_bytes(data[at : at + 4], "big"), bytes(data[at + 4 : at + 8]), at + 8
        field, width = at, 4
        if size == 1:
            size, body, field, width = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16, at + 8, 8
        elif size == 0:
            size = end - at
        if size < body - at:
            return
        stop = min(end, at + size)
        found.append(Part(name, at, min(body, stop), stop, field, width, "big", len(around), around))
        if name in ISO_PARENTS and len(around) < DEEPEST:
            _boxes(data, body, stop, found, (*around, at))
        at = stop


def _elements(data: Data, at: int, end: int, found: list[Part], around: tuple[int, ...] = ()) -> None:
    """EBML: an id and a size of one to eight bytes whose first set bit tells their width."""
    while at < end and len(found) < MOST:
        lead = 9 - data[at].bit_length()
        place = at + lead
        width = 9 - data[place].bit_length() if place < end else 9
        if lead > 4 or width > 8 or place + width > end:
            return
        size = int.from_bytes(data[place : place + width], "big") & ((1 << 7 * width) - 1)
        body = place + width
        stop = end if size == (1 << 7 * width) - 1 else min(end, body + size)
        name = bytes(data[at:place])
        found.append(Part(name, at, body, stop, place, width, "big", len(around), around))
        if name in EBML_PARENTS and len(around) < DEEPEST:
            _elements(data, body, stop, found, (*around, at))
        at = stop


def _pages(data: Data) -> list[Part]:
    found: list[Part] = []
    at = data.find(b"OggS")
    while at >= 0 and at + 27 <= len(data) and len(found) < MOST:
        body = at + 27 + data[at + 26]
        following = data.find(b"OggS", at + 4)
        end = following if following > 0 else len(data)
        found.append(Part(b"OggS", at, min(body, end), end, at + 26, 1, "little"))
        at = following
    return found


def _blocks(data: Data) -> list[Part]:
    found: list[Part] = []
    at, last = 4, False
    while at + 4 <= len(data) and not last and len(found) < MOST:
        last, body = bool(data[at] & 0x80), at + 4
        end = min(len(data), body + int.from_bytes(data[at + 1 : body], "big"))
        found.append(Part(bytes((data[at] & 0x7F,)), at, body, end, at + 1, 3, "big"))
        at = end
    return found


def _tag(data: Data) -> list[Part]:
    """An ID3v2 tag and its frames; sizes have seven bits a byte."""
    end = min(len(data), 10 + synchsafe(data[6:10]))
    found, at = [Part(b"ID3", 0, 10, end, 6, 4, "big")], 10
    while at + 10 <= end and data[at] and len(found) < MOST:
        size = synchsafe(data[at + 4 : at + 8])
        stop = min(end, at + 10 + size)
        found.append(Part(bytes(data[at : at + 4]), at, at + 10, stop, at + 4, 4, "big", 1, (0,)))
        at = stop
    return found


def synchsafe(data: Data) -> int:
    """A number of seven bits a byte, the first byte highest."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _ogg_table() -> tuple[int, ...]:
    rows = []
    for value in range(256):
        register = value << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
        rows.append(register & 0xFFFFFFFF)
    return tuple(rows)


OGG_TABLE = _ogg_table()


def repair_checksum(data: bytearray, page: Part) -> None:
    """Put the right CRC-32 (RFC 3533) on an Ogg page, so that a decoder takes what the page says."""
    data[page.start + 22 : page.start + 26] = bytes(4)
    register = 0
    for byte in data[page.start : page.end]:
        register = (register << 8 & 0xFFFFFFFF) ^ OGG_TABLE[register >> 24 ^ byte]
    data[page.start + 22 : page.start + 26] = register.to_bytes(4, "little")
