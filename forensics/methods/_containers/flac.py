"""FLAC: metadata blocks, the writer's vendor string and the MD5 of the sound.

Source: RFC 9639 (FLAC).
"""

from __future__ import annotations

from forensics.methods._containers.source import Source, Structure, number

KINDS = ("STREAMINFO", "PADDING", "APPLICATION", "SEEKTABLE", "VORBIS_COMMENT", "CUESHEET", "PICTURE")


def read_flac(source: Source) -> Structure:
    """Walk the metadata blocks up to the first frame."""
    found = Structure("FLAC")
    position, last = 4, False
    for index in range(1000):
        head = source.read(position, 4)
        if last or len(head) < 4:
            break
        last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, number(head, 1, 3, "big")
        body = source.read(position + 4, min(size, 65536))
        found.part(KINDS[kind] if kind < len(KINDS) else f"block {kind}", position, size + 4)
        if kind == 0:
            if index:
                found.contradiction("the STREAMINFO block does not stand first")
            packed = number(body, 10, 8, "big")
            found.facts.update(
                sample_rate=packed >> 44,
                bits=((packed >> 36) & 0x1F) + 1,
                total_samples=packed & ((1 << 36) - 1),
                md5=body[18:34].hex(),
            )
            found.facts["channels"] = ((packed >> 41) & 7) + 1
            found.habits["block_size"] = number(body, 2, 2, "big") if body[:2] == body[2:4] else "variable"
            found.habits["frame_sizes_set"] = any(body[4:10])
        elif kind == 4:
            length = min(number(body, 0, 4), 200)
            found.encoder("FLAC vendor", body[4 : 4 + length])
            at = body.lower().find(b"encoder=")
            if at >= 4:
                found.encoder("comment ENCODER", body[at + 8 : at + min(number(body, at - 4, 4), 200)])
        elif kind == 1:
            found.habits["padding_bytes"] = size
        elif kind >= len(KINDS):
            found.contradiction(f"a metadata block of the unknown kind {kind} stands at byte {position}")
        position += 4 + size
        if position > source.size:
            found.contradiction("a metadata block reaches beyond the end of the file")
            return found
    if not last:
        found.contradiction("no metadata block is marked as the last one")
    frame = source.read(position, 2)
    if len(frame) < 2 or frame[0] != 0xFF or frame[1] & 0xFE != 0xF8:
        found.contradiction("no frame follows the metadata blocks")
    if source.size > 128 and source.read(source.size - 128, 3) == b"TAG":
        found.note("an ID3v1 tag follows the sound")
    return found
