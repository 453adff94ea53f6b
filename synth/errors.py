"""The one error that users see: what was wrong, with which file, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class VoxproofError(Exception):
    """A failure with a known cause; the command line prints it in one line, without a traceback.

    `cause` is a clause without a full stop, `cure` a whole sentence (or empty), `path` the file concerned.
    """

    def __init__(self, cause: str, *, path: str | Path | None = None, cure: str = "") -> None:
        self.cause = cause
        self.cure = cure
        self.path = None if path is None else str(path)
        where = f"{self.path}: " if self.path else ""
        super().__init__(f"{where}{cause}." + (f" {cure}" if cure else ""))
