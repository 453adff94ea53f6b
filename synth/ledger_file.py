"""A ledger in a file: JSON Lines, one canonical entry a line, and the signed head in a file beside it.

An entry is written and synced before the head; the head is replaced as a whole. Processes keep each other out with a
lock on the log file, so that two of them cannot fork the chain. An append that was cut off in the middle of its line
(a crash) is set aside as `<log>.torn` when the ledger is next continued; a line that the head covers never is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from synth.ledger import Entry, Head, LedgerError


class FileStore:
    """The JSON Lines file at `path`; its head is the same name with the suffix `.head`."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.head_path = self.path.with_suffix(".head")
        self.name = self.path.name
        self._guard = threading.RLock()
        self._depth = 0

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lock the log file, waiting for whoever has it; then repair what a crash left."""
        with self._guard:
            if self._depth:
                yield
                return
            try:
                stream = self.path.open("ab")
            except OSError as error:
                raise LedgerError(f"the log cannot be written ({error.strerror})", path=self.path) from None
            with stream, locked(stream.fileno()):
                self._depth += 1
                try:
                    self._set_torn_line_aside()
                    yield
                finally:
                    self._depth -= 1

    def lines(self) -> Iterator[bytes]:
        """Every line with its line end; the last one may lack it."""
        if self.path.exists():
            with self.path.open("rb") as stream:
                yield from stream

    def last(self) -> bytes | None:
        """The last line without its line end, read from the end of the file."""
        if not self.path.exists() or not (size := self.path.stat().st_size):
            return None
        block, tail = 1 << 14, b""
        with self.path.open("rb") as stream:
            while len(tail) < size and b"\n" not in tail[:-1]:
                stream.seek(max(size - len(tail) - block, 0))
                tail = stream.read(min(block, size - len(tail))) + tail
        return tail.removesuffix(b"\n").rpartition(b"\n")[2]

    def head(self) -> bytes | None:
        """The contents of the head file."""
        return self.head_path.read_bytes() if self.head_path.exists() else None

    def write(self, entry: Entry, head: Head) -> None:
        """Append and sync the line, then replace the head."""
        self.extend([entry.line.encode() + b"\n"], head.text.encode())

    def extend(self, lines: list[bytes], head: bytes) -> None:
        """Append and sync finished lines, then replace the head."""
        with self.path.open("ab") as stream:
            stream.writelines(lines)
            stream.flush()
            os.fsync(stream.fileno())
        replace_file(self.head_path, head)

    def _set_torn_line_aside(self) -> None:
        """Take off an unfinished last line that no head covers, and keep it."""
        data = self.last()
        if data is None or self._ends_whole():
            return
        head = self.head()
        whole = sum(line.endswith(b"\n") for line in self.lines())
        if head is not None and Head.parse(head).count > whole:
            cure = "Nothing was added. Verify the ledger to see what was changed."
            raise LedgerError("the last line is cut off", path=self.path, cure=cure)
        self.path.with_suffix(".torn").write_bytes(data)
        os.truncate(self.path, self.path.stat().st_size - len(data))

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"


@contextlib.contextmanager
def locked(descriptor: int) -> Iterator[None]:
    """An exclusive lock between processes on an open file; waits for it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
        try:
            yield
        finally:
            msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(descriptor, fcntl.LOCK_UN)


def replace_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file as a whole: other readers see the old contents or the new, also after a crash."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
