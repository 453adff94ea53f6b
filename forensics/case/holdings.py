"""Where the files of a case lie when they are verified: in a folder, or in an exported archive."""

from __future__ import annotations

import hashlib
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Protocol

from synth.errors import VoxproofError

BLOCK = 1 << 20
LARGEST_TEXT = 1 << 28
"""Bytes of the largest log or manifest that is read."""
ARCHIVE_ERRORS = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, RuntimeError, NotImplementedError, OSError, EOFError,
    ValueError, OverflowError, struct.error, KeyError, IndexError,
)  # fmt: skip
"""What `zipfile` raises on damaged archives."""


class Holding(Protocol):
    """The files of a case."""

    def names(self) -> list[str]:
        """Every file, with forward slashes, sorted."""

    def blocks(self, name: str) -> Iterator[bytes]:
        """The contents of a file; raises `VoxproofError` when they cannot be read."""


class Folder:
    """Files of a folder; links and special files are never followed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        """Every entry that is no folder."""
        found = []
        for entry in self.path.rglob("*"):
            if entry.is_symlink() or not entry.is_dir():
                found.append(entry.relative_to(self.path).as_posix())
        return sorted(found)

    def blocks(self, name: str) -> Iterator[bytes]:
        """Contents of a regular file."""
        path = self.path / PurePosixPath(name)
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise VoxproofError("it is a link or a special file, not a file")
            with path.open("rb") as stream:
                while block := stream.read(BLOCK):
                    yield block
        except OSError as error:
            raise VoxproofError(f"it cannot be read ({error.strerror})") from None


class Archive:
    """Members of a zip file that were stored, not packed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.zip = zipfile.ZipFile(path)
        except ARCHIVE_ERRORS as error:
            raise VoxproofError(f"it cannot be read as an archive ({error})", path=path) from None

    def names(self) -> list[str]:
        """Every member; a name that occurs twice is there twice."""
        return sorted(self.zip.namelist())

    def blocks(self, name: str) -> Iterator[bytes]:
        """Contents of a member."""
        try:
            member = self.zip.getinfo(name)
            if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
                raise VoxproofError("it is packed or encrypted, which an export never is")
            with self.zip.open(member) as stream:
                while block := stream.read(BLOCK):
                    yield block
        except ARCHIVE_ERRORS as error:
            raise VoxproofError(f"it cannot be read ({error})") from None


def read_text(holding: Holding, name: str) -> bytes:
    """The contents of a log, head, key or manifest."""
    parts, size = [], 0
    for block in holding.blocks(name):
        size += len(block)
        if size > LARGEST_TEXT:
            raise VoxproofError("it is larger than any log or manifest")
        parts.append(block)
    return b"".join(parts)


def digest(holding: Holding, name: str) -> tuple[str, int]:
    """SHA-256 and size of a file."""
    hashed, size = hashlib.sha256(), 0
    for block in holding.blocks(name):
        hashed.update(block)
        size += len(block)
    return hashed.hexdigest(), size
