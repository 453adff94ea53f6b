"""The integer codes of a lossless recording, and the tables of the telephone's companding laws among them.

Source of the tables: ITU-T Recommendation G.711 (A-law and mu-law).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from forensics.exhibit import Exhibit

Codes = NDArray[np.int32]
Law = Literal["mu-law", "A-law"]

LAWS: tuple[Law, ...] = ("mu-law", "A-law")
LEAST_CHANGES = 64
"""Samples that must differ from the one before, for a stretch to tell which codes it uses."""


def depth(exhibit: Exhibit) -> int | None:
    """Bits of a code of a lossless integer recording, at most 32; None for lossy codecs and floating point."""
    facts = exhibit.facts
    if not facts.lossless or facts.sample_format not in ("u8", "s16", "s32"):
        return None
    width = {"u8": 8, "s16": 16, "s32": 32}[facts.sample_format]
    return min(facts.bit_depth or width, width)


def code_blocks(exhibit: Exhibit, seconds: float) -> Iterator[Codes]:
    """Codes of `depth` bits, [time, channels], in blocks that follow each other."""
    bits = depth(exhibit) or 32
    for block in exhibit.recording.native_blocks(seconds=seconds):
        yield _as_codes(block, bits)


def codes_between(exhibit: Exhibit, bits: int, channel: int, first: int, last: int) -> Codes:
    """Codes of one channel from one sample up to another, [time]."""
    return _as_codes(np.ascontiguousarray(exhibit.recording.native(first, last)[:, channel]), bits)


def _as_codes(native: NDArray[Any], bits: int) -> Codes:
    if native.dtype.itemsize == 1:
        return np.asarray(native.astype(np.int32) - 128, dtype=np.int32)
    return np.asarray(native.astype(np.int32) >> (8 * native.dtype.itemsize - bits), dtype=np.int32)


def in_16_bits(codes: Codes, bits: int) -> Codes:
    """The codes rounded to 16 bits where they have more, as offsets from the lowest: 0 to 65535."""
    if bits > 16:
        half = 1 << (bits - 17)
        top = (1 << (bits - 1)) - 1
        codes = (np.minimum(codes, top - half) + half) >> (bits - 16)
    return codes + np.int32(1 << (min(bits, 16) - 1))


def trailing_zeros(codes: Codes) -> int:
    """Lowest bits that no code uses; 32 if all are zero."""
    used = int(np.bitwise_or.reduce(codes, axis=None)) if codes.size else 0
    return (used & -used).bit_length() - 1 if used else 32


def changes(codes: Codes) -> int:
    """Samples that differ from the one before, [time] -> count."""
    return int(np.count_nonzero(codes[1:] != codes[:-1]))


def law_table(law: Law) -> NDArray[np.bool_]:
    """Which of the 65536 codes of 16 bits (offset from the lowest) the law's decoder gives, [65536]."""
    steps, segments = np.arange(16), np.arange(8)[:, None]
    if law == "mu-law":
        values = (((steps << 3) + 132) << segments) - 132
    else:
        values = np.where(segments == 0, (steps << 4) + 8, ((steps << 4) + 264) << np.maximum(segments - 1, 0))
    table = np.zeros(65536, dtype=bool)
    table[32768 + values.ravel()] = True
    table[32768 - values.ravel()] = True
    return table


@dataclass(frozen=True)
class Grid:
    """A coarse set of codes: the values of a law's table, or the multiples of a power of two."""

    said: str
    bits: int
    """Depth of the codes."""
    step: int = 1
    """Codes on the grid are multiples of this."""
    law: Law | None = None

    def off(self, codes: Codes) -> NDArray[np.bool_]:
        """Which codes do not lie on the grid."""
        off = (codes & np.int32(self.step - 1)) != 0
        if self.law is not None:
            off |= ~_TABLES[self.law][in_16_bits(codes, self.bits)]
        return np.asarray(off, dtype=np.bool_)


def law_grid(law: Law, bits: int) -> Grid:
    """The values that a law's decoder gives, in a file of `bits` bits."""
    return Grid(f"the values of the {law} table", bits, 1 << (bits - 16), law)


def step_grid(zeros: int, bits: int) -> Grid:
    """The codes whose lowest bits are zero."""
    return Grid(f"multiples of {1 << zeros}", bits, 1 << zeros)


def grid_change(exhibit: Exhibit, grid: Grid, channel: int, start_s: float, end_s: float, ends: bool) -> float:
    """The instant, to the sample, at which codes off the grid begin (`ends`: the grid ends there) or were last seen."""
    rate = exhibit.facts.sample_rate
    first = round(start_s * rate)
    off = np.flatnonzero(grid.off(codes_between(exhibit, grid.bits, channel, first, round(end_s * rate))))
    if not len(off):
        return start_s
    return (first + int(off[0] if ends else off[-1] + 1)) / rate


_TABLES: dict[Law, NDArray[np.bool_]] = {"mu-law": law_table("mu-law"), "A-law": law_table("A-law")}
