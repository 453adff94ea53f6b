"""Measured rows, one a line in JSON Lines, so that a run that was cut off goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

from synth.errors import VoxproofError


class Row(Protocol):
    """A frozen dataclass of plain values; its sequences are tuples."""

    @property
    def identity(self) -> str:
        """What was measured; a later row with the same replaces it."""


R = TypeVar("R", bound=Row)


class Rows(Generic[R]):
    """The rows of one measure in one file; a torn last line is left out and written over."""

    def __init__(self, path: Path, kind: type[R]) -> None:
        self.path, self.kind = path, kind
        names = {one.name for one in fields(cast(Any, kind))}
        self._known: dict[str, R] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
            try:
                members = json.loads(line)
            except json.JSONDecodeError:
                continue
            if set(members) != names:
                raise VoxproofError("holds rows of another version of the bench", path=path, cure="Delete the file.")
            row = kind(**{name: _tuples(value) for name, value in members.items()})
            self._known[row.identity] = row

    def __contains__(self, identity: str) -> bool:
        return identity in self._known

    def __len__(self) -> int:
        return len(self._known)

    @property
    def every(self) -> list[R]:
        """In the order in which they were first written."""
        return list(self._known.values())

    def get(self, identity: str) -> R | None:
        """The row of this identity."""
        return self._known.get(identity)

    def add(self, made: Iterable[R]) -> None:
        """Keep rows, on disk at once."""
        rows = list(made)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = not self.path.is_file() or self.path.read_bytes().endswith(b"\n") or not self.path.stat().st_size
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write("" if whole else "\n")
            stream.writelines(json.dumps(asdict(cast(Any, row)), ensure_ascii=False) + "\n" for row in rows)
        self._known.update((row.identity, row) for row in rows)

    def fill(self, wanted: Iterable[str], measured: Callable[[str], Iterable[R]], told: Callable[[str], None]) -> None:
        """Measure the identities that are not there yet."""
        left = [identity for identity in wanted if identity not in self._known]
        for number, identity in enumerate(left, 1):
            told(f"{self.path.stem}: {number} of {len(left)}…")
            self.add(measured(identity))


def _tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _tuples(one) for name, one in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
