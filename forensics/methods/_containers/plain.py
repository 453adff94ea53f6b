"""AMR, AIFF, CAF, ASF and AU: the outline of containers with few claims.

Sources: RFC 4867 (AMR storage format), 3GPP TS 26.101; Apple, Audio Interchange File Format AIFF-C and Core Audio
Format specifications; Microsoft, Advanced Systems Format specification.
"""

from __future__ import annotations

from forensics.methods._containers.source import MOST_PARTS, Source, Structure, number, printable

AMR_BYTES = {
    "nb": (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1),
    "wb": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1),
}
"""Bytes of a storage frame by its type; 0 for types that must not occur."""


def read_amr(source: Source) -> Structure:
    """Count the frames by type up to the first byte that is none."""
    wide = source.read(0, 9) == b"#!AMR-WB\n"
    found = Structure("AMR-WB" if wide else "AMR-NB")
    sizes, position, counts = AMR_BYTES["wb" if wide else "nb"], 9 if wide else 6, [0] * 16
    window, base = b"", 0
    for _ in range(2_000_000):
        if position >= source.size:
            break
        if position - base + 64 > len(window):
            base, window = position, source.read(position, 1 << 20)
        head = window[position - base]
        kind = head >> 3 & 15
        if head & 0x83 or not sizes[kind]:
            found.contradiction(f"{source.size - position} bytes that are no AMR frame follow byte {position}")
            break
        if position + sizes[kind] > source.size:
            found.note("the last frame is incomplete")
            break
        counts[kind] += 1
        position += sizes[kind]
    found.part("AMR frames", 0, position)
    found.facts.update(frames=sum(counts), frame_seconds=0.02 * sum(counts))
    found.facts.update(sample_rate=16000 if wide else 8000, channels=1)
    found.facts["frame_types"] = " ".join(f"{kind}:{count}" for kind, count in enumerate(counts) if count)
    return found


def read_aiff(source: Source) -> Structure:
    """Walk the chunks of AIFF and AIFF-C."""
    found = Structure("AIFF")
    declared = number(source.read(4, 4), 0, 4, "big") + 8
    position, names = 12, []
    for _ in range(MOST_PARTS):
        head = source.read(position, 8)
        if len(head) < 8 or position >= declared:
            break
        size = number(head, 4, 4, "big")
        names.append(head[:4])
        found.part(printable(head[:4]), position, size + 8)
        if head[:4] in (b"ANNO", b"APPL", b"AUTH"):
            found.encoder(printable(head[:4]), source.read(position + 8, min(size, 200)))
        position += 8 + size + (size & 1)
        if position > source.size + 1:
            found.contradiction(f"the {printable(head[:4])} chunk reaches beyond the end of the file")
            return found
    for name in (b"COMM", b"SSND"):
        if names.count(name) != 1:
            found.contradiction(f"the file has {names.count(name)} {printable(name)} chunks instead of one")
    if abs(declared - source.size) > 1:
        found.contradiction(f"the FORM header declares {declared} bytes and the file has {source.size}")
    return found


def read_caf(source: Source) -> Structure:
    """Walk the chunks of a Core Audio file."""
    found = Structure("Core Audio Format")
    position, names = 8, []
    for _ in range(MOST_PARTS):
        head = source.read(position, 12)
        if len(head) < 12:
            break
        size = int.from_bytes(head[4:12], "big", signed=True)
        if size < 0 and head[:4] == b"data":
            size = source.size - position - 12
        names.append(head[:4])
        found.part(printable(head[:4]), position, size + 12)
        if head[:4] == b"info":
            body = source.read(position + 16, min(max(size - 4, 0), 2000)).split(b"\x00")
            for key, value in zip(body[::2], body[1::2], strict=False):
                if key in (b"encoder", b"encoding application", b"source encoder"):
                    found.encoder(f"info {key.decode('latin-1')}", value)
        if size < 0 or position + 12 + size > source.size:
            found.contradiction(f"the {printable(head[:4])} chunk reaches beyond the end of the file")
            return found
        position += 12 + size
    if b"desc" not in names[:1]:
        found.contradiction("the description chunk does not stand first")
    if position < source.size:
        found.contradiction(f"{source.size - position} bytes that are no chunk follow the last one")
    return found


def read_asf(source: Source) -> Structure:
    """Walk the top-level objects of ASF (WMA)."""
    found = Structure("ASF")
    position, count = 0, 0
    for _ in range(MOST_PARTS):
        head = source.read(position, 24)
        if len(head) < 24:
            break
        size = number(head, 16, 8)
        if size < 24 or position + size > source.size:
            if count and size >= 24:
                found.contradiction("an object reaches beyond the end of the file")
            elif count:
                found.contradiction(f"{source.size - position} bytes that are no object follow byte {position}")
            return found
        found.part(f"object {head[:4][::-1].hex()}", position, size)
        position, count = position + size, count + 1
    return found
