"""The exhibit as a file object for FFmpeg and libsndfile: an open descriptor, read at positions of our own."""

from __future__ import annotations

import errno
import os


class Source:
    """Read-only, seekable; the descriptor's own position is never used, so that it can be shared."""

    name = "exhibit"

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.position = 0

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes from the present position; the rest of the file when `size` is negative."""
        data = os.pread(self.descriptor, size if size >= 0 else max(0, self.size - self.position), self.position)
        self.position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to `offset` from the start, the present position or the end."""
        position = offset + (0, self.position, self.size)[whence]
        if position < 0:
            raise OSError(errno.EINVAL, "negative seek")
        self.position = position
        return position

    def tell(self) -> int:
        """The present position."""
        return self.position
