"""Ways to break a media file that know what containers are made of, at every depth (see `synth.anatomy`).

Sizes and counts that lie, parts in another order, doubled, missing or held by themselves, impossible formats, pages out
of order, tags whose sizes are not what ID3 allows, frame headers that contradict the stream.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from synth.anatomy import Part, anatomy, repair_checksum

Mutator = Callable[[bytearray, random.Random, bytes], bytearray]
"""(bytes of the file, random generator, bytes of another file) -> bytes of the mutant."""

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
WIDE = (*EXTREMES, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1)
Field = tuple[int, int]
"""Offset in the body of a part, and width in bytes."""

WAVE = ((0, 2), (2, 2), (4, 4), (8, 4), (12, 2), (14, 2), (16, 2), (18, 2), (20, 4), (24, 2))
FORMATS: dict[tuple[str, bytes], tuple[Field, ...]] = {
    ("riff", b"fmt "): WAVE,
    ("riff", b"fact"): ((0, 4),),
    ("riff", b"ds64"): ((0, 8), (8, 8), (16, 8), (24, 4)),
    ("riff", b"avih"): ((0, 4), (16, 4), (24, 4)),
    ("riff", b"strh"): ((20, 4), (24, 4), (28, 4), (32, 4), (44, 4)),
    ("riff", b"strf"): WAVE,
    ("w64", b"fmt "): WAVE,
    ("aiff", b"COMM"): ((0, 2), (2, 4), (6, 2), (8, 2), (10, 8)),
    ("aiff", b"SSND"): ((0, 4), (4, 4)),
    ("caf", b"desc"): ((0, 8), (8, 4), (12, 4), (16, 4), (20, 4), (24, 4), (28, 4)),
    ("caf", b"kuki"): ((0, 4), (4, 1), (5, 1), (9, 1), (20, 4)),
    ("iso", b"mvhd"): ((0, 1), (12, 4), (16, 4)),
    ("iso", b"mdhd"): ((0, 1), (12, 4), (16, 4)),
    ("iso", b"tkhd"): ((0, 1), (12, 4), (20, 4)),
    ("iso", b"stsd"): ((4, 4), (8, 4), (12, 4), (24, 2), (32, 2), (34, 2), (40, 4), (44, 4), (52, 4)),
    ("iso", b"hdlr"): ((8, 4),),
    ("flac", b"\x00"): ((0, 2), (2, 2), (4, 3), (7, 3), (10, 8), (18, 8)),
    ("wavpack", b"wvpk"): ((0, 2), (2, 2), (4, 4), (8, 4), (12, 4), (16, 4)),
    ("ebml", b"\x2a\xd7\xb1"): ((0, 3),),
    ("ebml", b"\x44\x89"): ((0, 8),),
    ("ebml", b"\xb5"): ((0, 8),),
    ("ebml", b"\x9f"): ((0, 1),),
    ("ebml", b"\x62\x64"): ((0, 1),),
    ("ebml", b"\x56\xaa"): ((0, 4),),
    ("ebml", b"\x63\xa2"): ((0, 4), (8, 2), (12, 4)),
    ("ebml", b"\xd7"): ((0, 1),),
    ("ebml", b"\xe7"): ((0, 2),),
}
"""Fields that say what the samples are like: codes, rates, channels, depths, time scales."""
TABLES: dict[tuple[str, bytes], tuple[Field, ...]] = {
    ("iso", b"stsz"): ((4, 4), (8, 4), (12, 4)),
    ("iso", b"stts"): ((4, 4), (8, 4), (12, 4)),
    ("iso", b"ctts"): ((4, 4), (8, 4), (12, 4)),
    ("iso", b"stsc"): ((4, 4), (8, 4), (12, 4), (16, 4)),
    ("iso", b"stco"): ((4, 4), (8, 4)),
    ("iso", b"co64"): ((4, 4), (8, 8)),
    ("iso", b"stss"): ((4, 4), (8, 4)),
    ("iso", b"elst"): ((4, 4), (8, 4), (12, 4), (16, 4)),
    ("iso", b"dref"): ((4, 4),),
    ("caf", b"pakt"): ((0, 8), (8, 8), (16, 4), (20, 4)),
    ("caf", b"info"): ((0, 4),),
    ("flac", b"\x03"): ((0, 8), (8, 8), (16, 2)),
    ("flac", b"\x04"): ((0, 4), (4, 4)),
    ("flac", b"\x06"): ((4, 4), (8, 4)),
    ("riff", b"idx1"): ((4, 4), (8, 4), (12, 4)),
    ("riff", b"cue "): ((0, 4),),
    ("riff", b"PEAK"): ((4, 4), (8, 4), (12, 4)),
    ("ebml", b"\xf1"): ((0, 2),),
    ("ebml", b"\xa3"): ((0, 1), (1, 2), (3, 1), (4, 1)),
    ("ebml", b"\xa1"): ((0, 1), (1, 2), (3, 1), (4, 1)),
}
"""Counts of entries, and the first entries: sample tables, packet tables, seek points, indexes, lacing, comments."""
ASF_FIELDS = ((16, 8), (32, 8), (40, 8), (48, 8), (56, 8), (64, 4), (68, 4), (72, 4), (54, 2), (66, 2), (0, 4), (24, 2))
OGG_HEADERS = {
    b"OpusHead": ((8, 1), (9, 1), (10, 2), (12, 4), (16, 2), (18, 1), (19, 2)),
    b"OpusTags": ((8, 4),),
    b"\x01vorbis": ((7, 4), (11, 1), (12, 4), (16, 4), (28, 1)),
    b"\x03vorbis": ((7, 4),),
}
SYNC = ((0xFF, 0xE0, 0xE0), (0x0B, 0xFF, 0x77))
"""First byte of a frame, mask and value of its second: MPEG audio and ADTS, AC-3."""
TS_PACKET = 188
GROUPS = (b"LIST" + bytes(4) + b"INFO", b"moov", b"trak", b"stbl", b"udta")


def lie_about_size(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Another length in the header of one part, at any depth."""
    _, parts = anatomy(data)
    if parts:
        _resize(data, rng.choice(parts), rng)
    else:
        _poke(data, 0, ((4, 4), (8, 4)), "big", rng)
    return data


def all_ones_sizes(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Every size of one level (or of all) is 0xFFFFFFFF, as a writer leaves it that could not go back."""
    _, parts = anatomy(data)
    depth = rng.choice((None, 0, 0, 1, 2))
    for part in parts:
        if depth in (None, part.depth):
            data[part.size_at : part.size_at + part.size_bytes] = b"\xff" * part.size_bytes
    if bytes(data[:4]) in (b"RIFF", b"FORM"):
        data[4:8] = b"\xff" * 4
    elif data[:4] == b".snd":
        data[8:12] = b"\xff" * 4
    return data


def reorder_parts(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Swap, drop, double or shuffle parts beside each other; the sizes around them follow half of the time."""
    _, parts = anatomy(data)
    levels: dict[tuple[int, ...], list[Part]] = {}
    for part in parts:
        levels.setdefault(part.around, []).append(part)
    if not levels:
        return data
    around, beside = rng.choice(sorted(levels.items(), key=lambda item: item[0]))
    pieces = [bytes(data[part.start : part.end]) for part in beside]
    first, second, way = rng.randrange(len(pieces)), rng.randrange(len(pieces)), rng.randrange(4)
    if way == 0:
        pieces[first], pieces[second] = pieces[second], pieces[first]
    elif way == 1:
        del pieces[first]
    elif way == 2:
        pieces[second:second] = [pieces[first]] * rng.choice((1, 1, 2, 50))
    else:
        rng.shuffle(pieces)
    whole = b"".join(pieces)
    grown = len(whole) - (beside[-1].end - beside[0].start)
    data[beside[0].start : beside[-1].end] = whole
    if rng.random() < 0.5:
        _grow(data, [part for part in parts if part.start in around], grown)
    return data


def nest(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Wrap a part into itself or into groups, up to some thousand levels deep."""
    depth = 2 ** rng.randrange(1, 12)
    family, parts = anatomy(data)
    if family == "iso" and parts:
        part = rng.choice(parts)
        name = rng.choice((b"moov", b"trak", b"stbl", b"udta", part.name))
        inner = part.end - part.start
        head = b"".join(struct.pack(">I", inner + 8 * (depth - level)) + name for level in range(depth))
        data[part.start : part.start] = head
        _grow(data, [each for each in parts if each.start in part.around], 8 * depth)
    elif family == "ebml" and parts:
        part = rng.choice(parts)
        name = rng.choice((b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\x1f\x43\xb6\x75", b"\xa0", part.name))
        data[part.start : part.start] = (name + b"\x01\xff\xff\xff\xff\xff\xff\xff") * depth
    elif family == "asf":
        head = bytes(data[:30])
        data[30:30] = head * min(depth, 512)
    elif family == "id3" and parts:
        data[parts[0].body : parts[0].body] = (b"ID3\x04\x00\x00\x00\x00\x0f\x7f") * depth
    elif family == "ogg" and parts:
        page = rng.choice(parts)
        data[page.body : page.body] = bytes(data[page.start : page.body]) * min(depth, 256)
    elif family in ("aiff", "caf", "w64", "flac", "wavpack") and parts:
        part = rng.choice(parts)
        data[part.body : part.body] = bytes(data[part.start : part.body]) * depth
    else:
        data[12:12] = (b"LIST" + struct.pack("<I", len(data)) + b"INFO") * depth
    return data


def lie_in_format(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """An extreme in the fields that say what the samples are like: fmt, COMM, desc, stsd, STREAMINFO, OpusHead, …"""
    return _lie(data, rng, FORMATS)


def lie_in_tables(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """A huge or impossible count, or first entry: stsz, stts, stco, ctts, pakt, seek points, indexes, comments."""
    return _lie(data, rng, TABLES)


def break_pages(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Ogg: sequence, granule, serial, flags, version and segment count of a few pages, with a checksum that fits.

    In files that are no Ogg, the time stamps of Matroska clusters and blocks and the packet ids of ASF go wrong.
    """
    family, parts = anatomy(data)
    if family != "ogg":
        marks = [part for part in parts if part.name in (b"\xe7", b"\xa3", b"\xa1")]
        for part in rng.sample(marks, min(len(marks), 8)):
            place = part.body + (part.name != b"\xe7")
            data[place : place + 2] = rng.choice((b"\xff\xff", b"\x80\x00", b"\x00\x00", b"\x7f\xff"))[
                : part.end - place
            ]
        return data if marks else _lie(data, rng, FORMATS)
    for page in rng.sample(parts, min(len(parts), 2 ** rng.randrange(4))):
        field, width = rng.choice(((4, 1), (5, 1), (6, 8), (6, 8), (14, 4), (18, 4), (18, 4), (26, 1), (27, 1)))
        place = page.start + field
        if place + width <= page.end:
            data[place : place + width] = (rng.choice(WIDE) % 256**width).to_bytes(width, "little")
            if rng.random() < 0.8:
                repair_checksum(data, page)
    return data


def break_element_sizes(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """EBML: sizes unknown, of needless width, zero, one too many or near 2^56; other families: several sizes lie."""
    family, parts = anatomy(data)
    if family != "ebml":
        for part in rng.sample(parts, min(len(parts), rng.choice((2, 4, 8)))):
            _resize(data, part, rng)
        return data
    for part in sorted(rng.sample(parts, min(len(parts), rng.choice((1, 2, 8)))), key=lambda part: -part.start):
        size = part.end - part.body
        value = rng.choice(((1 << 56) - 1, (1 << 56) - 2, (1 << 55), 0, size, size + 1, max(0, size - 1), 1 << 31))
        data[part.size_at : part.body] = b"\x01" + value.to_bytes(7, "big")
    return data


def break_tags(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """ID3v2 in front of anything, or the one that is there: sizes with the high bit, too large; a chain of tags."""
    size = rng.choice(
        (b"\xff\xff\xff\xff", b"\x7f\x7f\x7f\x7f", b"\x80\x80\x80\x80", b"\x00\x00\x00\x00", b"\x00\x00\x00\x7f")
    )
    frame = rng.choice((b"TIT2", b"APIC", b"COMM", b"GEOB", b"\x00\x00\x00\x00", b"TXXX"))
    held = rng.choice((b"\x7f\x7f\x7f\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x00\x00\x00\x05"))
    tag = b"ID3" + bytes((rng.choice((2, 3, 4, 255)), 0, rng.choice((0, 0x10, 0x40, 0x80, 0xFF)))) + size
    tag += frame + held + bytes((0, rng.choice((0, 1, 2, 8, 0xFF)), rng.choice((0, 1, 2, 3, 9)))) + rng.randbytes(16)
    if data[:3] == b"ID3" and rng.random() < 0.5:
        data[: min(len(tag), len(data))] = tag[: len(data)]
        return data
    return bytearray(tag * rng.choice((1, 1, 3, 200)) + data)


def break_frames(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Headers of MPEG audio, ADTS, AC-3, transport stream and AMR frames contradict the stream."""
    amr = data[:5] == b"#!AMR"
    if amr or data[:1] == b"G":
        places = list(range(6, len(data)) if amr else range(0, len(data), TS_PACKET))
    else:
        first, mask, value = next((sync for sync in SYNC if data[:1] == bytes(sync[:1])), SYNC[0])
        places = [at for at in range(len(data) - 4) if data[at] == first and data[at + 1] & mask == value]
    for at in rng.sample(places, min(len(places), 2 ** rng.randrange(7))):
        where = at if amr else at + rng.randrange(1, 8)
        if where < len(data):
            data[where] = rng.choice((data[where] ^ 1 << rng.randrange(8), 0, 0xFF, rng.randrange(256)))
    return data


def _lie(data: bytearray, rng: random.Random, fields: dict[tuple[str, bytes], tuple[Field, ...]]) -> bytearray:
    family, parts = anatomy(data)
    known = [(part, found) for part in parts if (found := fields.get((family, part.name[:4])))]
    if known:
        for part, offsets in rng.sample(known, min(len(known), rng.choice((1, 1, 2, 3)))):
            order = "big" if family in ("aiff", "caf", "iso", "flac", "ebml") and part.name != b"\x04" else "little"
            _poke(data, part.body, offsets, order, rng, part.end)
    elif family == "ogg":
        for page in parts[:2]:
            for magic, offsets in OGG_HEADERS.items():
                if data[page.body : page.body + len(magic)] == magic and rng.random() < 0.7:
                    _poke(data, page.body, offsets, "little", rng, page.end)
                    repair_checksum(data, page)
    elif family == "asf":
        inner = [part for part in parts if part.depth]
        _poke(data, rng.choice(inner).body if inner else 24, ASF_FIELDS, "little", rng)
    elif family == "au":
        _poke(data, 0, ((4, 4), (8, 4), (12, 4), (16, 4), (20, 4)), "big", rng)
    elif data[:4] == b"TTA1":
        _poke(data, 0, ((4, 2), (6, 2), (8, 2), (10, 4), (14, 4)), "little", rng)
    else:
        return break_frames(data, rng, b"")
    return data


def _poke(
    data: bytearray, base: int, offsets: tuple[Field, ...], order: str, rng: random.Random, end: int | None = None
) -> None:
    """An extreme number in one to three of the fields, within the part."""
    for offset, width in rng.sample(offsets, min(len(offsets), rng.choice((1, 1, 1, 2, 3)))):
        place = base + offset
        width = min(width, (len(data) if end is None else end) - place)
        if width > 0:
            value = rng.choice(WIDE) % 256**width
            data[place : place + width] = value.to_bytes(width, "big" if order == "big" else "little")


def _resize(data: bytearray, part: Part, rng: random.Random) -> None:
    size = int.from_bytes(data[part.size_at : part.size_at + part.size_bytes], part.order)
    lies = (*WIDE, size + 1, size - 1, size * 2, size // 2, len(data), len(data) * 3)
    value = rng.choice(lies) % 256**part.size_bytes
    data[part.size_at : part.size_at + part.size_bytes] = value.to_bytes(part.size_bytes, part.order)


def _grow(data: bytearray, around: list[Part], by: int) -> None:
    """Add to the sizes of the parts around a change; they start before it, so their places still hold."""
    for part in around:
        size = int.from_bytes(data[part.size_at : part.size_at + part.size_bytes], part.order) + by
        data[part.size_at : part.size_at + part.size_bytes] = (size % 256**part.size_bytes).to_bytes(
            part.size_bytes, part.order
        )


STRUCTURAL: tuple[Mutator, ...] = (
    lie_about_size, all_ones_sizes, reorder_parts, nest, lie_in_format, lie_in_tables, break_pages,
    break_element_sizes, break_tags, break_frames,
)  # fmt: skip
