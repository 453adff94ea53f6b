"""Ways to break a media file: each takes its bytes and gives other bytes, decided by the random generator alone.

Blind ones (bit flips, runs, cuts) and ones that know what containers are made of: RIFF, AIFF and CAF chunks, ISO
boxes, Ogg pages, EBML elements. The catalogue follows what fuzzers of media parsers found worth trying (the
dictionary and splice stages of AFL, M. Zalewski, technical whitepaper) and the CVE history of FFmpeg and libsndfile:
sizes that lie, counts that are huge, boxes that hold themselves.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Literal

Mutator = Callable[[bytearray, random.Random, bytes], bytearray]
"""(bytes of the file, random generator, bytes of another file) -> bytes of the mutant."""

Order = Literal["little", "big"]
Unit = tuple[int, int, Order, int, int]
"""Start, offset of the size field, its byte order and width, end."""

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"udta", b"dinf", b"LIST", b"RIFF"})
MAGICS = (
    b"RIFF\xff\xff\xff\xffWAVEfmt ", b"fLaC", b"OggS\x00\x02", b"\x00\x00\x00\x20ftypM4A ", b"\x1aE\xdf\xa3",
    b"ID3\x04", b"#!AMR\n", b"FORM\x00\x00\x00\x00AIFF", b"caff\x00\x01", b".snd", b"0&\xb2u", b"riff.\x91",
)  # fmt: skip
HEADER = 1024
"""Bytes at the front where most of a header lies."""


def flip_bits(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """One to 64 bits anywhere."""
    for _ in range(2 ** rng.randrange(7)):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data


def flip_header_bits(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """One to 16 bits near the front."""
    for _ in range(2 ** rng.randrange(5)):
        data[rng.randrange(min(HEADER, len(data)))] ^= 1 << rng.randrange(8)
    return data


def overwrite_run(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """A run of zeros, ones, noise or text over what was there."""
    length = min(len(data), 2 ** rng.randrange(1, 15))
    start = rng.randrange(len(data) - length + 1)
    filler = rng.choice((b"\x00" * length, b"\xff" * length, rng.randbytes(length), (b"RIFF" * length)[:length]))
    data[start : start + length] = filler
    return data


def truncate(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Cut the end off, half of the time within the header."""
    most = min(HEADER, len(data)) if rng.random() < 0.5 else len(data)
    return data[: rng.randrange(1, most + 1)]


def behead(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Cut the beginning off."""
    return data[rng.randrange(min(len(data), 4 * HEADER)) :]


def extend(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Append noise, zeros, itself or another file."""
    length = 2 ** rng.randrange(4, 17)
    return data + rng.choice((rng.randbytes(length), bytes(length), bytes(data), other))


def delete_span(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Take a span out."""
    length = min(len(data) - 1, 2 ** rng.randrange(0, 13))
    start = rng.randrange(len(data) - length)
    del data[start : start + length]
    return data


def repeat_span(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Put a span in again, several times."""
    length = min(len(data), 2 ** rng.randrange(0, 13))
    start = rng.randrange(len(data) - length + 1)
    data[start:start] = bytes(data[start : start + length]) * rng.randrange(1, 5)
    return data


def insert_foreign(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """A span of another file in the middle."""
    length = min(len(other), 2 ** rng.randrange(2, 14))
    start, place = rng.randrange(len(other) - length + 1), rng.randrange(len(data))
    data[place:place] = other[start : start + length]
    return data


def splice(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """The header of this file, the body of another."""
    return data[: rng.randrange(1, min(4 * HEADER, len(data)) + 1)] + other[rng.randrange(len(other)) :]


def change_magic(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """The first bytes of another container."""
    magic = rng.choice((*MAGICS, other[:16]))
    data[: len(magic)] = magic
    return data


def set_extreme(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """An extreme number in one to four fields of the header, of 1, 2, 4 or 8 bytes and either byte order."""
    for _ in range(rng.randrange(1, 5)):
        width = rng.choice((1, 2, 4, 4, 8))
        value = rng.choice(EXTREMES) & (256**width - 1)
        if len(data) > width:
            place = rng.randrange(min(2 * HEADER, len(data)) - width) if len(data) > width + 1 else 0
            data[place : place + width] = value.to_bytes(width, rng.choice(("little", "big")))
    return data


def lie_about_size(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Another length in the header of a chunk, box or element."""
    found = units(data)
    if not found:
        return set_extreme(data, rng, other)
    start, field, order, width, _ = rng.choice(found)
    size = int.from_bytes(data[start + field : start + field + width], order)
    value = rng.choice((*EXTREMES, size + 1, size - 1, size * 2, size // 2, len(data), len(data) * 3)) % 256**width
    data[start + field : start + field + width] = value.to_bytes(width, order)
    return data


def reorder_units(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Shuffle, drop or double the top-level chunks, boxes or pages."""
    found = units(data)
    if len(found) < 2:
        return repeat_span(data, rng, other)
    starts = [unit[0] for unit in found]
    pieces = [bytes(data[a:b]) for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]
    first, second = rng.randrange(len(pieces)), rng.randrange(len(pieces))
    way = rng.randrange(4)
    if way == 0:
        pieces[first], pieces[second] = pieces[second], pieces[first]
    elif way == 1:
        del pieces[first]
    elif way == 2:
        pieces.insert(second, pieces[first])
    else:
        rng.shuffle(pieces)
    return bytearray(data[: starts[0]] + b"".join(pieces))


def nest(data: bytearray, rng: random.Random, other: bytes) -> bytearray:
    """Wrap a piece of the file into itself, up to some thousand levels deep."""
    depth = 2 ** rng.randrange(1, 12)
    found = [unit for unit in units(data) if bytes(data[unit[0] + 4 : unit[0] + 8]) in BOXES]
    if data[4:8] == b"ftyp" or found:
        name = rng.choice(sorted(BOXES - {b"RIFF", b"LIST"}))
        start, end = (found[0][0], found[0][4]) if found else (8, len(data))
        inner = bytes(data[start:end])
        head = b"".join(struct.pack(">I", len(inner) + 8 * (depth - level)) + name for level in range(depth))
        return bytearray(data[:start] + head + inner + data[end:])
    if data[:4] == b"\x1aE\xdf\xa3":
        element = rng.choice((b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\x1f\x43\xb6\x75"))
        data[40:40] = (element + b"\x01\xff\xff\xff\xff\xff\xff\xff") * depth
        return data
    data[12:12] = (b"LIST" + struct.pack("<I", len(data)) + b"INFO") * depth
    return data


def units(data: bytes | bytearray) -> list[Unit]:
    """Top-level (and, in MP4, nested) units: start, offset and byte order and width of the size field, end."""
    if data[:4] in (b"RIFF", b"RF64", b"FORM"):
        order: Order = "big" if data[:4] == b"FORM" else "little"
        return _walk(data, 12, 4, order, 4, lambda size: 8 + size + (size & 1))
    if data[:4] == b"caff":
        return _walk(data, 8, 4, "big", 8, lambda size: 12 + size)
    if data[4:8] == b"ftyp":
        found = _walk(data, 0, 0, "big", 4, lambda size: size)
        for start, _, _, _, end in list(found):
            if bytes(data[start + 4 : start + 8]) in BOXES:
                found += _walk(data[:end], start + 8, 0, "big", 4, lambda size: size)
        return sorted(found)
    if data[:4] == b"OggS":
        starts: list[int] = []
        place = data.find(b"OggS")
        while place >= 0 and len(starts) < 1000:
            starts.append(place)
            place = data.find(b"OggS", place + 4)
        ends = [*starts[1:], len(data)]
        return [(start, 26, "little", 1, end) for start, end in zip(starts, ends, strict=True)]
    if data[:4] == b"fLaC":
        return _walk(data, 4, 1, "big", 3, lambda size: 4 + size)[:16]
    return []


def _walk(
    data: bytes | bytearray, start: int, field: int, order: Order, width: int, advance: Callable[[int], int]
) -> list[Unit]:
    found: list[Unit] = []
    while start + field + width <= len(data) and len(found) < 1000:
        size = int.from_bytes(data[start + field : start + field + width], order)
        step = advance(size)
        if step < 8 and not (field == 1 and step >= 4):
            break
        found.append((start, field, order, width, min(len(data), start + step)))
        start += step
    return found


MUTATORS: tuple[Mutator, ...] = (
    flip_bits, flip_header_bits, overwrite_run, truncate, behead, extend, delete_span, repeat_span, insert_foreign,
    splice, change_magic, set_extreme, lie_about_size, reorder_units, nest,
)  # fmt: skip
