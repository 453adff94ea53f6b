"""The two files that torch.save writes, opened without running anything: a zip archive, or (before 2020) a stream.

    archive/data.pkl      what there is                  magic, version, machine: three small pickles
    archive/data/0 ..     numbers of one storage each    what there is; list of storages; each: count, numbers
    archive/byteorder     "little"

Sizes are compared with what the file has before memory is taken. See `pickled.py` for how the pickle is read.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from synth.checkpoint.pickled import LARGEST, STORAGES, Storage, StoredTensor, read_pickle
from synth.checkpoint.source import Source
from synth.checkpoint.stored_zip import StoredZip
from synth.errors import VoxproofError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_BYTES = {kind: torch.empty(0, dtype=getattr(torch, kind)).element_size() for kind in STORAGES.values()}
_DAMAGED = "It is damaged; obtain it again."


class Container:
    """An open checkpoint. `data` has plain data in which a `StoredTensor` stands for each tensor."""

    tag: str
    """The two digits that newer GPT-SoVITS files begin with, or "PK", or "" for the old stream."""
    data: Any

    def __init__(self, path: str | Path) -> None:
        self.source = Source(path)
        try:
            start = bytes(self.source.read(0, min(4, self.source.size)))
            self._budget = 2 * self.source.size  # of tensors together: storages may be shared, but not by many
            self._reader: _Archive | _Stream
            if start[2:] == b"\x03\x04" and (start[:2] == b"PK" or start[:2].isdigit()):
                self.tag = start[:2].decode("ascii")
                self._reader = _Archive(self.source)
            elif start[:1] == b"\x80":
                self.tag = ""
                self._reader = _Stream(self.source)
            else:
                raise VoxproofError(
                    "is no checkpoint: it begins neither as a torch archive nor as an old torch stream",
                    cure="Give the .ckpt or .pth file itself; a .zip, .7z or page of a web site is not one.",
                )
            self.data = self._reader.data
        except BaseException:
            self.close()
            raise

    def tensor(self, stored: StoredTensor) -> Tensor:
        """The tensor, with memory of its own."""
        self._budget -= stored.numbers * _BYTES[stored.storage.kind]
        if self._budget < 0:
            raise VoxproofError("the tensors together are larger than the file", cure=_DAMAGED)
        numbers = self._reader.numbers(stored.storage)
        if not len(numbers):
            return torch.zeros(stored.shape, dtype=getattr(torch, stored.storage.kind))
        whole = torch.frombuffer(numbers, dtype=getattr(torch, stored.storage.kind))
        view = whole.as_strided(stored.shape, stored.stride, stored.offset)
        return view if view.is_contiguous() and view.numel() == whole.numel() else view.contiguous().clone()

    def close(self) -> None:
        self.source.close()

    def __enter__(self) -> Container:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _Archive:
    """The zip archive."""

    def __init__(self, source: Source) -> None:
        self.zip = StoredZip(source)
        tables = [name for name in self.zip.members if name.endswith("/data.pkl")]
        if any(name.endswith("/constants.pkl") or "/code/" in name for name in self.zip.members):
            raise VoxproofError("is a TorchScript archive, which is a program", cure="Give a checkpoint.")
        if len(tables) != 1:
            raise VoxproofError("is an archive, but not one of torch.save", cure="Give the .ckpt or .pth file itself.")
        self.folder = tables[0].removesuffix("data.pkl")
        order = f"{self.folder}byteorder"
        if order in self.zip.members and self.zip.read(order, 16) != b"little":
            raise VoxproofError("was written on a big-endian machine", cure="Save it again on a common machine.")
        data = bytes(self.zip.read(tables[0], LARGEST))
        self.data, end = read_pickle(data)
        if end != len(data):
            raise VoxproofError("something follows the checkpoint's table of contents", cure=_DAMAGED)

    def numbers(self, storage: Storage) -> bytearray:
        size = storage.count * _BYTES[storage.kind]
        name = f"{self.folder}data/{storage.key}"
        member = self.zip.members.get(name)
        if member is not None and member.size != size:
            raise VoxproofError(f"{name!r} has {member.size} bytes where {size} were announced", cure=_DAMAGED)
        return self.zip.read(name, size)


class _Stream:
    """The stream of torch before version 1.6; it has no checksums."""

    def __init__(self, source: Source) -> None:
        self.source = source
        head = bytes(source.read(0, min(source.size, 2 * LARGEST)))
        magic, at = read_pickle(head)
        if magic != _LEGACY_MAGIC:
            raise VoxproofError(
                "is a pickle, but not one of torch.save", cure="Give the .ckpt or .pth file that the training wrote."
            )
        protocol, at = read_pickle(head, at)
        machine, at = read_pickle(head, at)
        if protocol != _LEGACY_PROTOCOL or not isinstance(machine, dict) or machine.get("little_endian") is not True:
            raise VoxproofError("is of an unknown kind of torch file", cure="Save it again with a current torch.")
        self.data, at = read_pickle(head, at)
        keys, at = read_pickle(head, at)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise VoxproofError("the list of storages is broken", cure=_DAMAGED)
        kinds = _storages(self.data)
        self.places: dict[str, int] = {}
        for key in keys:
            storage = kinds.get(key)
            count = int.from_bytes(source.read(at, 8), "little")
            if storage is None or storage.count != count or key in self.places:
                raise VoxproofError(f"the storage {key[:40]!r} is not as announced", cure=_DAMAGED)
            self.places[key] = at + 8
            at += 8 + count * _BYTES[storage.kind]
        if at != source.size:
            raise VoxproofError("the file ends before its contents do, or goes on after them", cure=_DAMAGED)

    def numbers(self, storage: Storage) -> bytearray:
        if storage.key not in self.places:
            raise VoxproofError(f"the numbers of the storage {storage.key[:40]!r} are missing", cure=_DAMAGED)
        return self.source.read(self.places[storage.key], storage.count * _BYTES[storage.kind])


def _storages(data: Any) -> dict[str, Storage]:
    """All storages that tensors in `data` refer to, by key; each part of the data is looked at once."""
    found: dict[str, Storage] = {}
    seen: set[int] = set()
    waiting = [data]
    while waiting:
        part = waiting.pop()
        if isinstance(part, StoredTensor):
            if found.setdefault(part.storage.key, part.storage) != part.storage:
                raise VoxproofError("two tensors disagree about the storage they share", cure=_DAMAGED)
        elif isinstance(part, dict | list | tuple) and id(part) not in seen:
            seen.add(id(part))
            waiting += part.values() if isinstance(part, dict) else part
    return found
