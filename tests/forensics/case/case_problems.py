"""What the tests of verification look at: where, kind and field of every problem of a case."""

from __future__ import annotations

from pathlib import Path

from forensics.case import verify


def problems(folder: Path) -> list[tuple[str, str, str | None]]:
    return [(item.where, item.kind, item.field) for item in verify(folder).problems]
