"""Matroska and WebM: segments, clusters and the two applications that name themselves.

Sources: RFC 8794 (EBML) and RFC 9559 (Matroska).
"""

from __future__ import annotations

import struct

from forensics.methods._containers.source import Source, Structure

MOST_ELEMENTS = 200_000
EBML, SEGMENT, CLUSTER, INFO, TRACKS, CUES, TAGS, SEEK, VOID = (
    0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1254C367, 0x114D9B74, 0xEC
)  # fmt: skip
NAMES = {
    EBML: "EBML", SEGMENT: "Segment", CLUSTER: "Cluster", INFO: "Info", TRACKS: "Tracks", CUES: "Cues", TAGS: "Tags",
    SEEK: "SeekHead", VOID: "Void", 0x1941A469: "Attachments", 0x1043A770: "Chapters", 0xBF: "CRC-32",
}  # fmt: skip


def read_matroska(source: Source) -> Structure:
    """Walk the elements of the first two levels."""
    found = Structure("Matroska/WebM")
    position, end, depth, clusters, last_time = 0, source.size, 0, 0, -1
    segment_end: int | None = None
    for _ in range(MOST_ELEMENTS):
        if position >= end:
            break
        head = source.read(position, 12)
        name, lead = _identity(head)
        size, length = _size(head[lead:])
        if not name or not length or (name not in NAMES and position > 0):
            rest = end - position
            if position and (segment_end is None or position >= segment_end):
                found.contradiction(f"{rest} bytes that are no element follow byte {position}")
            else:
                found.contradiction(f"bytes that are no element lie at byte {position}")
            break
        body = position + lead + length
        stop = end if size is None else body + size
        if stop > end:
            found.contradiction(f"the element {NAMES.get(name, hex(name))} reaches beyond the end of the file")
            stop = end
        if name == SEGMENT:
            if depth:
                found.contradiction(f"a second segment begins at byte {position}")
            depth, segment_end = 1, None if size is None else stop
            if size is None:
                found.note("the segment declares no length, as a streaming writer leaves it")
            found.part("Segment", position, stop - position)
            position = body
            continue
        if name == CLUSTER:
            clusters += 1
            time = _time(source.read(body, 64))
            if time is not None and time < last_time:
                found.contradiction(f"the time of the clusters runs backwards at byte {position}")
            last_time = last_time if time is None else time
            if size is None:
                stop = _next_cluster(source, body, end)
        elif name == EBML:
            found.habits["document"] = _document(source.read(body, min(stop - body, 256)))
        elif name == INFO:
            _info(found, source.read(body, min(stop - body, 4096)))
        found.part("  " * depth + NAMES.get(name, hex(name)), position, stop - position)
        position = stop
    found.facts["clusters"] = clusters
    if not depth:
        found.contradiction("the file has no segment")
    return found


def _identity(data: bytes) -> tuple[int, int]:
    """Element ID and its length; (0, 0) if there is none."""
    if not data or data[0] < 0x10:
        return 0, 0
    length = 9 - data[0].bit_length()
    return (int.from_bytes(data[:length], "big"), length) if len(data) >= length else (0, 0)


def _size(data: bytes) -> tuple[int | None, int]:
    """Element size (None: unknown) and the length of the field, 0 if there is none."""
    if not data or not data[0]:
        return None, 0
    length = 9 - data[0].bit_length()
    if len(data) < length:
        return None, 0
    value = int.from_bytes(data[:length], "big") & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), length


def _children(data: bytes) -> list[tuple[int, bytes]]:
    rows: list[tuple[int, bytes]] = []
    position = 0
    while position < len(data) and len(rows) < 100:
        name, lead = _identity(data[position:])
        size, length = _size(data[position + lead : position + lead + 9])
        if not name or not length or size is None:
            break
        start = position + lead + length
        rows.append((name, data[start : start + size]))
        position = start + size
    return rows


def _time(data: bytes) -> int | None:
    for name, body in _children(data):
        if name == 0xE7:
            return int.from_bytes(body[:8], "big")
    return None


def _document(data: bytes) -> str:
    """DocType: "webm" or "matroska"."""
    kinds = [body for name, body in _children(data) if name == 0x4282]
    return kinds[0].decode("ascii", "replace")[:20] if kinds else ""


def _info(found: Structure, data: bytes) -> None:
    scale = 1_000_000
    for name, body in _children(data):
        if name == 0x4D80:
            found.encoder("muxing application", body)
        elif name == 0x5741:
            found.encoder("writing application", body)
        elif name == 0x2AD7B1:
            scale = int.from_bytes(body[:8], "big")
        elif name == 0x4489 and len(body) in (4, 8):
            value = struct.unpack(">f" if len(body) == 4 else ">d", body)[0]
            if 0 <= value < 1e15:
                found.facts["declared_s"] = round(value * scale / 1e9, 3)


def _next_cluster(source: Source, position: int, end: int) -> int:
    """Start of the next cluster or index after an element of unknown length."""
    marks = (b"\x1f\x43\xb6\x75", b"\x1c\x53\xbb\x6b", b"\x12\x54\xc3\x67")
    while position < end:
        block = source.read(position, 1 << 20)
        if not block:
            break
        hits = [at for mark in marks if (at := block.find(mark)) >= 0]
        if hits:
            return position + min(hits)
        position += max(len(block) - 3, 1)
    return end
