"""A checkpoint's bytes: read by place, never beyond the end, never more than the file has."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType

from synth.errors import VoxproofError

LARGEST = 16 << 30
"""Bytes of the largest checkpoint accepted (the largest official one has 0.8 GB)."""


class Source:
    """An open regular file of known size."""

    def __init__(self, path: str | Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise VoxproofError(f"cannot be opened ({reason})", path=path, cure="Check the path.") from error
        status = os.fstat(self._descriptor)
        self.size = status.st_size
        trouble = ""
        if not stat.S_ISREG(status.st_mode):
            trouble = "is no regular file"
        elif self.size == 0:
            trouble = "is empty (0 bytes)"
        elif self.size > LARGEST:
            trouble = f"has {self.size >> 30} GiB, more than any checkpoint of these models"
        if trouble:
            self.close()
            raise VoxproofError(trouble, path=path, cure="Give a checkpoint file.")

    def read(self, start: int, size: int) -> bytearray:
        """Exactly these bytes. The caller has made sure that a hostile size is not larger than it can afford."""
        if start < 0 or size < 0 or start + size > self.size:
            raise VoxproofError("the file ends before its contents do", cure="It is cut off; obtain it again.")
        memory = bytearray(size)
        view, done = memoryview(memory), 0
        while done < size:
            got = os.preadv(self._descriptor, [view[done : done + (1 << 30)]], start + done)
            if not got:
                raise VoxproofError("the file became shorter while it was read", cure="Wait until it is complete.")
            done += got
        return memory

    def close(self) -> None:
        """May be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Source:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()
