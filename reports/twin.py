"""The machine twin of a report: the examination as one line of JSON, as `voxproof verify --json` prints it.

It carries no timing: the same exhibit, configuration and models give the same bytes.
"""

from __future__ import annotations

import hashlib

from forensics.records import Examination

FILE_NAME = "examination.json"


def twin_bytes(examination: Examination) -> bytes:
    """The attachment of the PDF."""
    return (examination.json_line(timing=False) + "\n").encode("utf-8", errors="backslashreplace")


def sha256(data: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(data).hexdigest()
