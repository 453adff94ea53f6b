"""Canonical JSON: one sequence of bytes for one value, so that it can be hashed and signed.

Source: RFC 8785 (JSON Canonicalization Scheme): members sorted by UTF-16 code units, no white space, numbers as
ECMAScript prints them. Stricter than the RFC: whole numbers beyond 2**53 - 1, duplicate members, NaN and infinities
are errors, because another reader would not get the same value back.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from synth.errors import VoxproofError

MAX_INT = 2**53 - 1
"""Largest whole number that every JSON reader keeps exactly."""
MAX_DEPTH = 64
"""Deepest nesting accepted."""


def canonical(value: Any) -> str:
    """The canonical JSON text of None, bool, int, float, str, lists, tuples and mappings with string keys."""
    text = _write(value, 0)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise VoxproofError("a text holds half a surrogate pair and has no canonical JSON") from None
    return text


def parse(text: str | bytes) -> Any:
    """Read JSON strictly: UTF-8, no duplicate members, no NaN; whole numbers beyond 2**53 - 1 become floats."""
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return json.loads(text, object_pairs_hook=_members, parse_constant=_no_constant, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise VoxproofError(f"not valid JSON ({_first_line(error)})") from None


def _write(value: Any, depth: int) -> str:
    if depth > MAX_DEPTH:
        raise VoxproofError(f"a value is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > MAX_INT:
            raise VoxproofError("a whole number beyond 2**53 - 1 has no exact JSON")
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_write(item, depth + 1) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(_member(key, value[key], depth) for key in _sorted_keys(value)) + "}"
    raise VoxproofError(f"a value of type {type(value).__name__} has no JSON form")


def _member(key: str, value: Any, depth: int) -> str:
    return json.dumps(key, ensure_ascii=False) + ":" + _write(value, depth + 1)


def _sorted_keys(value: Mapping[Any, Any]) -> list[str]:
    if not all(isinstance(key, str) for key in value):
        raise VoxproofError("the names of members must be texts")
    return sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _number(value: float) -> str:
    """ECMAScript Number::toString of a finite double; Python's repr supplies the shortest digits."""
    if not math.isfinite(value):
        raise VoxproofError("NaN and infinities have no JSON form")
    if value == 0:
        return "0"
    if value < 0:
        return "-" + _number(-value)
    _, figures, exponent = Decimal(repr(float(value))).as_tuple()
    written = "".join(map(str, figures))
    digits = written.rstrip("0")
    count, point = len(digits), int(exponent) + len(written)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    fraction = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _whole(text: str) -> int | float:
    number = int(text)
    return number if abs(number) <= MAX_INT else float(number)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
