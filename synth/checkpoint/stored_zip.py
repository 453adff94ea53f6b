"""The directory of a zip archive as torch.save writes it: members stored, not compressed, one after the other.

Source: PKWARE's APPNOTE (ZIP, with the zip64 records that torch always writes). Stricter than the standard, so that a
lying directory cannot ask for memory: nothing compressed or encrypted, no member beyond the file or over another, no
comment behind the archive. Newer GPT-SoVITS files have a tag of two digits where the archive begins with "PK".
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from itertools import pairwise

from synth.checkpoint.source import Source
from synth.errors import VoxproofError

MOST_MEMBERS = 20_000
"""The largest official checkpoint has 1 006."""
_DAMAGED = "It is damaged or was not written by torch.save; obtain it again."


@dataclass(frozen=True)
class Member:
    """One stored file."""

    start: int
    """First byte of its data in the archive."""
    size: int
    """Bytes."""
    crc: int
    """CRC-32 of the data."""


class StoredZip:
    """The members of the archive in `source`, by name."""

    def __init__(self, source: Source) -> None:
        self.source = source
        count, size, start, end = _directory(source)
        directory = bytes(source.read(start, size))
        self.members: dict[str, Member] = {}
        at, places = 0, [(start, end)]
        for _ in range(count):
            name, header, member_size, crc, length = _entry(directory, at)
            at += length
            data = _data_start(source, header, start)
            if name in self.members:
                raise VoxproofError(f"the archive has two members called {name!r}", cure=_DAMAGED)
            self.members[name] = Member(data, member_size, crc)
            places.append((header, data + member_size))
        places.sort()
        if any(previous[1] > following[0] for previous, following in pairwise(places)):
            raise VoxproofError("members of the archive lie over each other", cure=_DAMAGED)
        if at != size:
            raise VoxproofError("the archive's directory has another size than it says", cure=_DAMAGED)

    def read(self, name: str, most: int) -> bytearray:
        """The data of one member of at most `most` bytes, after its checksum was compared."""
        member = self.members.get(name)
        if member is None:
            raise VoxproofError(f"the archive has no member {name!r}", cure=_DAMAGED)
        if member.size > most:
            raise VoxproofError(
                f"the member {name!r} has {member.size} bytes, more than the {most} it can need", cure=_DAMAGED
            )
        data = self.source.read(member.start, member.size)
        if zlib.crc32(data) != member.crc:
            raise VoxproofError(f"the member {name!r} differs from its checksum", cure=_DAMAGED)
        return data


def _directory(source: Source) -> tuple[int, int, int, int]:
    """Number of members, bytes and first byte of the directory, and where the records behind it end (file size)."""
    if source.size < 22:
        raise VoxproofError("the file ends before its contents do", cure="It is cut off; obtain it again.")
    last = bytes(source.read(source.size - 22, 22))
    if not last.startswith(b"PK\x05\x06"):
        raise VoxproofError(
            "the archive's last record is missing", cure="It is cut off, or something was appended; obtain it again."
        )
    _, _, _, count, size, start, comment = struct.unpack("<4H2IH", last[4:])
    wide = None
    if source.size >= 98:
        locator = bytes(source.read(source.size - 42, 20))
        if locator.startswith(b"PK\x06\x07"):
            record = int.from_bytes(locator[8:16], "little")
            wide = bytes(source.read(record, 56)) if record <= source.size - 98 else b""
            if not wide.startswith(b"PK\x06\x06"):
                raise VoxproofError("the archive's zip64 record is missing", cure=_DAMAGED)
            count, size, start = struct.unpack("<3Q", wide[32:56])
    behind = start + size
    if comment or count > MOST_MEMBERS or size > 512 * MOST_MEMBERS or behind > source.size - 22:
        raise VoxproofError(f"the archive's last record makes no sense ({count} members)", cure=_DAMAGED)
    return count, size, start, source.size


def _entry(directory: bytes, at: int) -> tuple[str, int, int, int, int]:
    """Name, place of the local header, size, checksum, and length of the directory's entry at `at`."""
    if len(directory) - at < 46 or directory[at : at + 4] != b"PK\x01\x02":
        raise VoxproofError("the archive's directory is broken", cure=_DAMAGED)
    flags, method, crc, packed, size, name_len, extra_len, comment_len = struct.unpack(
        "<2H4xI2I3H", directory[at + 8 : at + 34]
    )
    header = int.from_bytes(directory[at + 42 : at + 46], "little")
    length = 46 + name_len + extra_len + comment_len
    if at + length > len(directory):
        raise VoxproofError("the archive's directory is broken", cure=_DAMAGED)
    name = directory[at + 46 : at + 46 + name_len].decode("utf-8", "replace")
    if flags & 1 or method or packed != size:
        raise VoxproofError(
            f"the member {name!r} is compressed or encrypted, which torch.save never does",
            cure="Unpack nothing; obtain the file from where it was made.",
        )
    extra = directory[at + 46 + name_len : at + 46 + name_len + extra_len]
    wide = _wide(extra)
    if size == 0xFFFFFFFF:
        size, packed, wide = _take(wide), _take(wide[8:]), wide[16:]
        if size != packed:
            raise VoxproofError(f"the member {name!r} is compressed, which torch.save never does", cure=_DAMAGED)
    if header == 0xFFFFFFFF:
        header = _take(wide)
    return name, header, size, crc, length


def _wide(extra: bytes) -> bytes:
    """The zip64 field among the extra fields of a directory entry, or nothing."""
    while len(extra) >= 4:
        kind, size = struct.unpack("<2H", extra[:4])
        if kind == 1:
            return extra[4 : 4 + size]
        extra = extra[4 + size :]
    return b""


def _take(wide: bytes) -> int:
    if len(wide) < 8:
        raise VoxproofError("the archive's directory is broken", cure=_DAMAGED)
    return int.from_bytes(wide[:8], "little")


def _data_start(source: Source, header: int, directory: int) -> int:
    """Where the data begin behind the local header at `header`; the first header may begin with a version tag."""
    if header + 30 > directory:
        raise VoxproofError("a member of the archive lies beyond it", cure=_DAMAGED)
    local = bytes(source.read(header, 30))
    if local[2:4] != b"\x03\x04" or (header > 0 and local[:2] != b"PK"):
        raise VoxproofError("a member of the archive has no header", cure=_DAMAGED)
    name_len, extra_len = struct.unpack("<2H", local[26:30])
    return header + 30 + int(name_len) + int(extra_len)
