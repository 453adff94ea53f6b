"""Whether bytes are DER, the one way to write an ASN.1 value, all the way down.

Source: ITU-T X.690, distinguished encoding rules. A signature's container is the only part of a signed report that the
signature cannot cover; were a second spelling allowed there, a byte could change unseen.
"""

from __future__ import annotations

import re
from itertools import pairwise

_BOOLEAN, _INTEGER, _BITS, _NULL, _OID, _ENUMERATED, _SET = 1, 2, 3, 5, 6, 10, 17
_TEXT = {12: "utf-8", 18: "ascii", 19: "ascii", 22: "ascii", 26: "ascii", 30: "utf-16-be"}
_TIMES = {23: re.compile(rb"\d{12}Z"), 24: re.compile(rb"\d{14}(?:\.\d*[1-9])?Z")}


def is_der(data: bytes) -> bool:
    """Whether `data` is exactly one DER value."""
    try:
        return len(_values(data)) == 1
    except (ValueError, IndexError):
        return False


def _values(data: bytes) -> list[bytes]:
    """The values that stand one after the other; ValueError or IndexError where one is not DER."""
    out, at = [], 0
    while at < len(data):
        start, tag = at, data[at]
        if tag & 0x1F == 0x1F:
            raise ValueError("no such long tag occurs")
        at += 1
        size = data[at]
        at += 1
        if size >= 0x80:
            octets = data[at : at + size - 0x80]
            size, at = int.from_bytes(octets), at + len(octets)
            if size < 0x80 or octets[0] == 0:
                raise ValueError("the length is not written in the shortest way")
        content = data[at : at + size]
        at += size
        if at > len(data):
            raise ValueError("the value is cut off")
        _check(tag, content)
        out.append(data[start:at])
    return out


def _check(tag: int, content: bytes) -> None:
    number, universal = tag & 0x1F, tag < 0x40
    if tag & 0x20:
        inner = _values(content)
        if universal and number not in (8, 11, 16, _SET):
            raise ValueError("a value in pieces")
        if universal and number == _SET and inner != sorted(inner):
            raise ValueError("a set out of order")
    elif universal and not _plain(number, content):
        raise ValueError("a value that can be written in another way")


def _plain(number: int, content: bytes) -> bool:
    """Whether the octets of a primitive value are the only ones for it."""
    if number == _BOOLEAN:
        return content in (b"\x00", b"\xff")
    if number in (_INTEGER, _ENUMERATED):
        first = content[:2]
        return bool(content) and not (
            len(first) == 2 and ((first[0] == 0 and first[1] < 0x80) or (first[0] == 0xFF and first[1] >= 0x80))
        )
    if number == _BITS:
        spare = content[0]
        if len(content) == 1:
            return spare == 0
        return spare < 8 and content[-1] & ((1 << spare) - 1) == 0
    if number == _NULL:
        return not content
    if number == _OID:
        starts = [content[0], *(after for before, after in pairwise(content) if before < 0x80)]
        return content[-1] < 0x80 and 0x80 not in starts
    if number in _TIMES:
        return _TIMES[number].fullmatch(content) is not None
    if number in _TEXT:
        content.decode(_TEXT[number])
    return number in {4, *_TEXT}
