"""Bounded reading of a file, and the record that the readers fill."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

MOST_PARTS = 10_000
"""Most chunks, boxes, blocks or elements that are walked."""
LONGEST_READ = 1 << 20
"""Most bytes of one read."""


class Source:
    """A file that is read at given offsets; never more than 1 MiB at once, fewer bytes at its end."""

    def __init__(self, path: Path) -> None:
        self._stream: BinaryIO = path.open("rb")
        self.size = os.fstat(self._stream.fileno()).st_size

    def read(self, offset: int, count: int) -> bytes:
        if offset < 0 or offset >= self.size or count <= 0:
            return b""
        self._stream.seek(offset)
        return self._stream.read(min(count, LONGEST_READ))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stream.close()


@dataclass
class Structure:
    """What a container consists of and says about itself."""

    format: str
    """Kind of container, e.g. "RIFF/WAVE"."""
    parts: list[tuple[str, int, int]] = field(default_factory=list)
    """Parts in file order: name, offset in bytes, size in bytes."""
    encoders: list[tuple[str, str]] = field(default_factory=list)
    """Programs that name themselves: where, and the text."""
    facts: dict[str, str | int | float | bool] = field(default_factory=dict)
    """Named facts for the measurements."""
    contradictions: list[str] = field(default_factory=list)
    """Statements of the container that cannot all hold, in full clauses."""
    notes: list[str] = field(default_factory=list)
    """Peculiarities that an ordinary writer leaves too."""
    traces: list[str] = field(default_factory=list)
    """Ordinary processing that the container shows, in a few words ("start trimmed without re-encoding")."""
    habits: dict[str, str | int | float | bool] = field(default_factory=dict)
    """What a writer does alike in every file (order, brands, fixed fields): compared with exemplars."""

    def part(self, name: str, offset: int, size: int) -> None:
        """Note a part; the list is bounded."""
        if len(self.parts) < MOST_PARTS:
            self.parts.append((name, offset, size))

    def encoder(self, place: str, text: bytes | str) -> None:
        """Note a program name found in `place`, if it is readable text."""
        said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        said = "".join(sign for sign in said.split("\x00")[0].strip() if sign.isprintable())[:120]
        if said and (place, said) not in self.encoders and len(self.encoders) < 50:
            self.encoders.append((place, said))

    def contradiction(self, clause: str) -> None:
        if clause not in self.contradictions and len(self.contradictions) < 50:
            self.contradictions.append(clause)

    def trace(self, words: str) -> None:
        if words not in self.traces and len(self.traces) < 20:
            self.traces.append(words)

    def note(self, clause: str) -> None:
        if clause not in self.notes and len(self.notes) < 50:
            self.notes.append(clause)


def printable(name: bytes) -> str:
    """A four-character code for readers, escapes for what is no letter."""
    return "".join(chr(c) if 32 <= c < 127 else f"\\x{c:02x}" for c in name)


def number(data: bytes, offset: int, count: int, order: str = "little") -> int:
    """An unsigned number of `count` bytes; bytes that are not there count as zero."""
    part = data[offset : offset + count]
    return int.from_bytes(part, "little" if order == "little" else "big") if len(part) == count else 0
