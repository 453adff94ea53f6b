"""Receiving a file into a case: copied, hashed while it is read and again from the disk, then decoded."""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from forensics.exhibit import Exhibit, file_sha256
from synth.audio import AudioError, Limits
from synth.canonical import canonical
from synth.errors import VoxproofError


def readable(text: str) -> str:
    """File names that are not valid text, with their bytes written out."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def suffix(path: Path) -> str:
    """The suffix of a file name if it is a plain one."""
    return path.suffix.lower() if re.fullmatch(r"\.[A-Za-z0-9]{1,10}", path.suffix) else ""


def decode(path: Path, sha256: str, limits: Limits | None) -> tuple[dict[str, Any] | None, str | None, str | None]:
    """Facts and stream hash of a stored exhibit, or the reason why it cannot be decoded."""
    try:
        with Exhibit.open(path, limits) as exhibit:
            record = exhibit.record
    except AudioError as error:
        return None, None, readable(error.cause)
    if record.sha256 != sha256:
        raise VoxproofError("the copy in the case folder changed while it was decoded", path=path)
    facts = record.model_dump(mode="json", exclude={"path", "sha256", "bytes", "stream_sha256"})
    return _json_ready(facts), record.stream_sha256, None


def _json_ready(value: Any) -> Any:
    """Facts out of foreign files: texts that are valid, numbers that are finite, or None."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(_json_ready(str(name))): _json_ready(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        canonical(value)
    except VoxproofError:
        return str(value)
    return value


@contextlib.contextmanager
def draft_file(folder: Path, suffix: str) -> Iterator[Path]:
    """A name for an unfinished file; what is left of it at the end is removed."""
    draft = folder / f".incoming-{secrets.token_hex(8)}{suffix}"
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def staged(source: Path, folder: Path, what: str) -> Iterator[tuple[Path, str, int]]:
    """A read-only copy of a file inside the case, hashed while it was read and again from the disk."""
    with draft_file(folder, suffix(source)) as draft:
        digest, size = hashlib.sha256(), 0
        with file_errors(source):
            if not stat.S_ISREG(source.stat().st_mode):
                raise VoxproofError(f"the {what} is not a regular file", path=source)
            with source.open("rb") as original, draft.open("xb") as copy:
                while block := original.read(1 << 20):
                    digest.update(block)
                    size += len(block)
                    copy.write(block)
                write_through(copy, b"")
            draft.chmod(0o444)
            if file_sha256(draft) != digest.hexdigest():
                raise VoxproofError("the copy in the case folder differs from what was read", path=source)
        yield draft, digest.hexdigest(), size


def write_through(stream: BinaryIO, data: bytes) -> None:
    """Write, and wait until it is on the disk."""
    stream.write(data)
    stream.flush()
    os.fsync(stream.fileno())


@contextlib.contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Errors of the file system as one line."""
    try:
        yield
    except OSError as error:
        raise VoxproofError(error.strerror or type(error).__name__, path=error.filename or path) from None
    except ValueError as error:
        if "null" in str(error):
            raise VoxproofError("a path cannot hold a null character") from None
        raise
