"""What a checkpoint's pickle says, worked out without running anything.

A pickle is a program for a stack machine; Python's own machine imports modules and calls what the program names. This
one imports and calls nothing: it knows the 32 instructions that torch.save needs for tensors and plain data (pickle
protocol 2), knows 17 names, and gives dictionaries, lists, texts, numbers and descriptions of stored tensors.
Every instruction and every name is checked before the first is obeyed; any other is an error that says which.

Instructions and their arguments: Python's standard library, `pickletools`. Names and arguments of tensors: PyTorch,
`torch/_utils.py` and `torch/serialization.py`.
"""

from __future__ import annotations

import pickletools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from synth.errors import VoxproofError

LARGEST = 2 << 20
"""Bytes of a pickle; the largest of an official checkpoint has 0.2 MB."""
MOST_STEPS = 200_000
MOST_TENSORS = 20_000
MOST_DIMENSIONS = 8
MOST_FIELDS = 20_000
"""Fields of all configuration objects together; one has some 60."""

STORAGES = {
    "HalfStorage": "float16", "BFloat16Storage": "bfloat16", "FloatStorage": "float32", "DoubleStorage": "float64",
    "ShortStorage": "int16", "IntStorage": "int32", "LongStorage": "int64", "CharStorage": "int8",
    "ByteStorage": "uint8",
}  # fmt: skip
"""Kinds of storage in torch, and the type of number in them."""
_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")
ALLOWED = frozenset(
    {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        "utils HParams",  # the reference's configuration: only its fields are taken
        *(f"torch {name}" for name in STORAGES),
        *(f"pathlib {name}" for name in _PATHS),  # in some configurations: taken as text
    }
)
"""Names that a checkpoint may use. None of them is imported or called."""

_REFUSED = "Nothing of it was run. Do not load this file with other tools either, unless you know who made it."
_DAMAGED = "It is damaged; obtain it again."

# arguments of the instructions: nothing, or so many bytes, or bytes after a length of so many bytes, or two lines
_PLAIN = b"(.)]}NRQ\x81\x85\x86\x87\x88\x89abestu"
_FIXED = {b"\x80": 1, b"K": 1, b"h": 1, b"q": 1, b"M": 2, b"J": 4, b"j": 4, b"r": 4, b"G": 8}
_COUNTED = {b"X": 4, b"\x8a": 1}
_NAMES = {op.code.encode("latin-1"): op.name for op in pickletools.opcodes}


class Fields(dict[str, Any]):
    """The fields of a reference configuration object (`utils.HParams`)."""


@dataclass(frozen=True)
class Storage:
    """Numbers in the file that tensors are cut from."""

    key: str
    """Name in the file."""
    kind: str
    """Type of the numbers as torch calls it, e.g. float16."""
    count: int
    """How many numbers."""


@dataclass(frozen=True)
class StoredTensor:
    """Where a tensor's numbers are."""

    storage: Storage
    offset: int
    """First number in the storage."""
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    """Numbers from one element to the next, for each dimension."""

    @property
    def numbers(self) -> int:
        """Elements of the tensor."""
        product = 1
        for length in self.shape:
            product *= length
        return product


@dataclass(frozen=True)
class _Name:
    text: str


class _Mark:
    pass


def read_pickle(data: bytes, start: int = 0) -> tuple[Any, int]:
    """The value of the pickle that begins at `start`, and where it ends.

    Dictionaries (ordered or not), lists, tuples, texts, numbers, None, `Fields`, `Storage` and `StoredTensor`; parts
    may occur in several places, or inside themselves, so that whoever walks through them needs a limit.
    """
    for _ in _instructions(data, start):  # everything is checked before the first instruction is obeyed
        pass
    try:
        return _Machine().run(data, start)
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, struct.error) as error:
        raise VoxproofError("the checkpoint's table of contents is broken", cure=_DAMAGED) from error


def _instructions(data: bytes, start: int) -> Iterator[tuple[bytes, bytes, int]]:
    """Code, argument and end of each instruction up to the stop."""
    at, steps = start, 0
    while True:
        code, at, steps = data[at : at + 1], at + 1, steps + 1
        if steps > MOST_STEPS or at - start > LARGEST:
            raise VoxproofError("the checkpoint's table of contents is far too long", cure=_REFUSED)
        size = 0
        if code in _COUNTED:
            width = _COUNTED[code]
            size = int.from_bytes(data[at : at + width], "little")
            at += width
        elif code in _FIXED:
            size = _FIXED[code]
        elif code == b"c":
            first = data.find(b"\n", at, at + 200)
            second = data.find(b"\n", first + 1, first + 200) if first >= 0 else -1
            if second < 0:
                raise VoxproofError("the checkpoint's table of contents is broken", cure=_DAMAGED)
            size = second + 1 - at
            name = data[at:second].decode("utf-8", "replace").replace("\n", " ")
            if name not in ALLOWED:
                raise VoxproofError(
                    f"the checkpoint asks for {name.replace(' ', '.')!r}, which no checkpoint of these models needs "
                    "and which could do anything",
                    cure=_REFUSED,
                )
        elif not code or code not in _PLAIN:
            if not code:
                raise VoxproofError("the file ends before its contents do", cure="It is cut off; obtain it again.")
            name = _NAMES.get(code, f"0x{code.hex()}")
            raise VoxproofError(
                f"the checkpoint's pickle has the instruction {name}, which torch.save does not write", cure=_REFUSED
            )
        argument = data[at : at + size]
        at += size
        if len(argument) < size:
            raise VoxproofError("the file ends before its contents do", cure="It is cut off; obtain it again.")
        yield code, argument, at
        if code == b".":
            return


class _Machine:
    """A stack, a memo, and what each instruction does to them."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.tensors = 0
        self.fields = 0

    def run(self, data: bytes, start: int) -> tuple[Any, int]:
        stack = self.stack
        for code, argument, end in _instructions(data, start):
            match code:
                case b".":
                    value = stack.pop()
                    if isinstance(value, _Name | _Mark) or stack:
                        raise ValueError
                    return value, end
                case b"\x80":
                    if argument != b"\x02":
                        raise VoxproofError(
                            f"the checkpoint is written in pickle protocol {argument[0]}, not 2",
                            cure="Save it again with torch.save and its default protocol.",
                        )
                case b"(":
                    stack.append(_Mark())
                case b"N" | b"\x88" | b"\x89":
                    stack.append({b"N": None, b"\x88": True, b"\x89": False}[code])
                case b"K" | b"M":
                    stack.append(int.from_bytes(argument, "little"))
                case b"J":
                    stack.append(int.from_bytes(argument, "little", signed=True))
                case b"\x8a":
                    if len(argument) > 16:
                        raise ValueError
                    stack.append(int.from_bytes(argument, "little", signed=True))
                case b"G":
                    stack.append(struct.unpack(">d", argument)[0])
                case b"X":
                    stack.append(argument.decode("utf-8"))
                case b")":
                    stack.append(())
                case b"]":
                    stack.append([])
                case b"}":
                    stack.append({})
                case b"t":
                    self._push(tuple(self._to_mark()))
                case b"\x85" | b"\x86" | b"\x87":
                    self._push(tuple(self._last(code[0] - 0x84)))
                case b"a":
                    self._extend([stack.pop()])
                case b"e":
                    self._extend(self._to_mark())
                case b"s":
                    self._set(self._last(2))
                case b"u":
                    self._set(self._to_mark())
                case b"c":
                    self._push(_Name(argument[:-1].decode("utf-8").replace("\n", " ")))
                case b"R":
                    arguments = stack.pop()
                    self._push(self._made(stack.pop(), arguments))
                case b"\x81":
                    arguments = stack.pop()
                    if stack.pop() != _Name("utils HParams") or arguments != ():
                        raise ValueError
                    self._push(Fields())
                case b"b":
                    self._fill(stack.pop())
                case b"Q":
                    self._push(_storage(stack.pop()))
                case b"q" | b"r":
                    if isinstance(stack[-1], _Mark):
                        raise ValueError
                    self.memo[int.from_bytes(argument, "little")] = stack[-1]
                case b"h" | b"j":
                    stack.append(self.memo[int.from_bytes(argument, "little")])
        raise ValueError  # not reached: the instructions end with a stop

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _last(self, count: int) -> list[Any]:
        """The topmost `count` values, taken off."""
        if len(self.stack) < count:
            raise IndexError
        values = self.stack[-count:]
        del self.stack[-count:]
        if any(isinstance(value, _Mark) for value in values):
            raise ValueError
        return values

    def _to_mark(self) -> list[Any]:
        """Everything above the last mark, taken off together with the mark."""
        at = len(self.stack) - 1
        while not isinstance(self.stack[at], _Mark):
            at -= 1
            if at < 0:
                raise IndexError
        values = self.stack[at + 1 :]
        del self.stack[at:]
        return values

    def _extend(self, values: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not list:
            raise TypeError
        target.extend(values)

    def _set(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(pairs) % 2:
            raise TypeError
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if type(key) is not str and not (type(key) is int and abs(key) < 1 << 32):
                raise TypeError
            target[key] = value

    def _fill(self, state: Any) -> None:
        """The state of an object: fields of a configuration; the metadata of a state dict are left out."""
        target = self.stack[-1]
        if type(state) is not dict:
            raise TypeError
        if isinstance(target, Fields):
            self._spend(len(state))
            if not all(type(key) is str for key in state):
                raise TypeError
            target.update(state)
        elif type(target) is not dict:
            raise TypeError

    def _spend(self, fields: int) -> None:
        """Copies are counted, since one that is made of others can be made very often by few instructions."""
        self.fields += fields
        if self.fields > MOST_FIELDS:
            raise VoxproofError(f"the checkpoint's configuration has more than {MOST_FIELDS} fields", cure=_REFUSED)

    def _made(self, name: Any, arguments: Any) -> Any:
        """What the call of an allowed name would give."""
        if not isinstance(name, _Name) or type(arguments) is not tuple:
            raise TypeError
        match name.text:
            case "collections OrderedDict":
                if arguments != ():
                    raise ValueError
                return {}
            case "torch._utils _rebuild_tensor_v2":
                self.tensors += 1
                if self.tensors > MOST_TENSORS:
                    raise VoxproofError(f"the checkpoint has more than {MOST_TENSORS} tensors", cure=_REFUSED)
                return _tensor(*arguments)
            case "torch._utils _rebuild_parameter":
                if len(arguments) != 3 or not isinstance(arguments[0], StoredTensor):
                    raise TypeError
                return arguments[0]
            case text if text.startswith("pathlib "):
                if not all(type(part) is str for part in arguments) or sum(map(len, arguments)) > 4096:
                    raise TypeError
                self._spend(1)
                return "/".join(arguments)
        raise ValueError


def _storage(pid: Any) -> Storage:
    """A reference to numbers outside the pickle: ("storage", kind, key, device, count), and None in old files."""
    if type(pid) is not tuple or len(pid) not in (5, 6) or pid[0] != "storage" or pid[5:] not in ((), (None,)):
        raise VoxproofError("the checkpoint refers to something that is no tensor", cure=_REFUSED)
    _, kind, key, _, count = pid[:5]
    if not isinstance(kind, _Name) or type(key) is not str or type(count) is not int or count < 0:
        raise TypeError
    return Storage(key, STORAGES[kind.text.removeprefix("torch ")], count)


def _tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> StoredTensor:
    """A view of a storage; every element must lie in it, and there may not be more elements than numbers."""
    whole = (offset, *shape, *stride)
    if not isinstance(storage, Storage) or not all(type(n) is int and 0 <= n < 1 << 48 for n in whole):
        raise TypeError
    if len(shape) != len(stride) or len(shape) > MOST_DIMENSIONS:
        raise ValueError
    tensor = StoredTensor(storage, offset, tuple(shape), tuple(stride))
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if tensor.numbers > storage.count or (tensor.numbers and last >= storage.count):
        raise VoxproofError(
            f"a tensor of shape {list(shape)} does not fit into the {storage.count} numbers stored for it",
            cure=_DAMAGED,
        )
    return tensor
