"""Ways to break a media file: each takes its bytes and gives other bytes, decided by the random generator alone.

Here the blind ones (bit flips, runs, cuts, foreign bytes) and the list of all; `synth.mutators_structure` has those
that know what containers are made of. The catalogue follows what fuzzers of media parsers found worth trying (the
dictionary and splice stages of AFL, M. Zalewski, technical whitepaper) and the CVE history of FFmpeg and libsndfile:
sizes that lie, counts that are huge, boxes that hold themselves.
"""

from __future__ import annotations

import random

from synth.mutators_structure import (
    EXTREMES,
    STRUCTURAL,
    Mutator,
)

__all__ = ["MUTATORS", "Mutator"]

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


BLIND: tuple[Mutator, ...] = (
    flip_bits, flip_header_bits, overwrite_run, truncate, behead, extend, delete_span, repeat_span, insert_foreign,
    splice, change_magic, set_extreme,
)  # fmt: skip
MUTATORS: tuple[Mutator, ...] = (*BLIND, *STRUCTURAL)
