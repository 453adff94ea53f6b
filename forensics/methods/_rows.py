"""Rows of numbers that wait on disk, so that what is as long as the recording fills no memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class Rows:
    """[rows, columns] of one kind of number in a private temporary file; a context manager that removes it."""

    def __init__(self, batches: Iterable[NDArray[Any]], columns: int, kind: type[np.generic]) -> None:
        """Batches [rows, columns], any number, are written in their order."""
        self.columns, self.kind = columns, np.dtype(kind)
        self._store = tempfile.TemporaryFile(prefix="voxproof-")  # noqa: SIM115 - closed by __exit__
        self._bytes = columns * self.kind.itemsize
        for batch in batches:
            self._store.write(np.ascontiguousarray(batch, self.kind).data)
        self._count = self._store.tell() // self._bytes

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Rows of a slice without a step, read now."""
        start, stop, _ = rows.indices(self._count)
        self._store.seek(start * self._bytes)
        data = self._store.read(max(stop - start, 0) * self._bytes)
        return np.frombuffer(data, self.kind).reshape(-1, self.columns)

    def parts(self, size: int, margin: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        """All rows, `size` at a time: `margin` more on both sides as far as there are any, and where the part lies."""
        for first in range(0, self._count, size):
            begin = max(first - margin, 0)
            rows = self[begin : first + size + margin]
            yield slice(first - begin, min(first + size, self._count) - begin), rows

    def column(self, number: int) -> NDArray[Any]:
        """One column of all rows, [rows]."""
        out = np.empty(self._count, self.kind)
        for first in range(0, self._count, 16_384):
            out[first : first + 16_384] = self[first : first + 16_384][:, number]
        return out

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._store.close()
