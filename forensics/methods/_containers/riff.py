"""RIFF/WAVE, RF64 and BW64: chunks and the claims of their headers.

Sources: Microsoft/IBM, Multimedia Programming Interface and Data Specifications 1.0; EBU Tech 3285 (Broadcast Wave);
EBU Tech 3306 (RF64); ITU-R BS.2088 (BW64).
"""

from __future__ import annotations

from forensics.methods._containers.source import MOST_PARTS, Source, Structure, number, printable

UNKNOWN = 0xFFFFFFFF
LINEAR = (1, 3)


def read_riff(source: Source) -> Structure:
    """Walk the chunks of a WAVE file."""
    found = Structure("RIFF/WAVE")
    head = source.read(0, 12)
    magic, declared = head[:4], number(head, 4, 4)
    order = "big" if magic == b"RIFX" else "little"
    declared = number(head, 4, 4, order)
    fmt, fact, data_bytes, long_riff, long_data = b"", None, None, None, None
    position, end = 12, 12
    for _ in range(MOST_PARTS):
        head = source.read(position, 8)
        if len(head) < 8:
            break
        name, size = head[:4], number(head, 4, 4, order)
        if data_bytes is not None and not _believable(name):
            break
        body = source.read(position + 8, min(size, 4096))
        if name == b"fmt ":
            if fmt:
                found.contradiction("the file has two fmt chunks")
            fmt = body
        elif name == b"fact":
            fact = number(body, 0, 4, order)
        elif name == b"ds64":
            long_riff, long_data = number(body, 0, 8), number(body, 8, 8)
        elif name == b"data":
            if data_bytes is not None:
                found.contradiction("the file has two data chunks")
            if size == UNKNOWN and magic != b"RIFF" and long_data is not None:
                size = long_data
            data_bytes = size
        elif name == b"LIST" and body[:4] == b"INFO":
            _info(found, body, order)
        elif name == b"bext":
            found.encoder("bext originator", body[256:288])
            found.habits["bext_version"] = number(body, 346, 2)
            found.facts["bext_set"] = bool(body[:602].strip(b"\x00"))
            found.encoder("bext coding history", body[602:])
        elif name in (b"id3 ", b"ID3 "):
            found.note("an ID3 tag lies in a chunk of its own")
        found.part(printable(name), position, size + 8)
        if name == b"data":
            found.habits["data_offset"] = position + 8
        if size >= UNKNOWN or (name == b"data" and size == 0 and source.size - position > 4096):
            found.note("the data chunk declares no length, as a streaming writer leaves it")
            data_bytes, position = None, source.size
            end = position
            break
        position += 8 + size
        end = min(position, source.size)
        if position > source.size:
            missing = position - source.size
            found.contradiction(f"the {printable(name)} chunk reaches {missing} bytes beyond the end of the file")
            break
        if size & 1 and (position < source.size):
            follows = source.read(position, 9)
            # The pad byte: some writers leave it out.
            position += 0 if _believable(follows[:4]) and not _believable(follows[1:5]) else 1
            end = position
    if not fmt:
        found.contradiction("the file has no fmt chunk")
    if data_bytes is None and "the data chunk declares no length, as a streaming writer leaves it" not in found.notes:
        found.contradiction("the file has no data chunk")
    _check_format(found, fmt, fact, data_bytes, order)
    if magic != b"RIFF" and long_riff is not None and declared == UNKNOWN:
        declared = long_riff
    found.facts["riff_bytes"] = declared
    if source.size - end > 1:
        rest = source.read(end, 4096)
        if not rest.strip(b"\x00"):
            found.note(f"{source.size - end} bytes of padding follow the last chunk")
        else:
            found.contradiction(f"{source.size - end} bytes that are no RIFF chunk follow the last chunk")
    elif declared in (0, UNKNOWN):
        found.note("the RIFF header declares no length, as a streaming writer leaves it")
    elif abs(declared + 8 - source.size) > 1:
        found.contradiction(f"the RIFF header declares {declared + 8} bytes and the file has {source.size}")
    return found


def _believable(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= c < 127 for c in name) and name.strip() != b""


def _check_format(found: Structure, fmt: bytes, fact: int | None, data_bytes: int | None, order: str) -> None:
    code, channels = number(fmt, 0, 2, order), number(fmt, 2, 2, order)
    rate, byte_rate = number(fmt, 4, 4, order), number(fmt, 8, 4, order)
    align, bits = number(fmt, 12, 2, order), number(fmt, 14, 2, order)
    if code == 0xFFFE and len(fmt) >= 26:
        code = number(fmt, 24, 2, order)
    found.facts.update(format_code=code, channels=channels, sample_rate=rate, block_align=align, bits=bits)
    found.habits.update(fmt_bytes=len(fmt), extensible=number(fmt, 0, 2, order) == 0xFFFE, fact_chunk=fact is not None)
    if code not in LINEAR or not fmt:
        return
    if byte_rate != rate * align:
        due = f"{rate} Hz × {align} bytes are due"
        found.contradiction(f"the fmt chunk declares {byte_rate} bytes a second where {due}")
    if align != channels * ((bits + 7) // 8):
        found.contradiction(f"the fmt chunk declares blocks of {align} bytes for {channels} channels of {bits} bits")
    if fact and data_bytes and align and fact != UNKNOWN and fact != data_bytes // align:
        found.contradiction(f"the fact chunk counts {fact} samples and the data chunk holds {data_bytes // align}")
    if data_bytes and align and data_bytes % align:
        found.contradiction(f"the data chunk of {data_bytes} bytes is no whole number of blocks of {align} bytes")


def _info(found: Structure, body: bytes, order: str) -> None:
    position = 4
    names = []
    while position + 8 <= len(body):
        names.append(printable(body[position : position + 4]))
        size = number(body, position + 4, 4, order)
        name, text = body[position : position + 4], body[position + 8 : position + 8 + size]
        if name in (b"ISFT", b"ITCH", b"IENG"):
            found.encoder(f"INFO {printable(name)}", text)
        elif name == b"ICRD":
            found.facts["creation_date"] = text.split(b"\x00")[0].decode("latin-1")[:40]
        position += 8 + size + (size & 1)
    found.habits["info_fields"] = " ".join(names[:20])
