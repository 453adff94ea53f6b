"""Rows as they are against rows as they must be: which row, which field, what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synth.ledger import Problem

Row = Mapping[str, Any]
_SHOWN = 80


def differences(where: str, noun: str, expected: Mapping[int | str, Row], found: Sequence[Row | None]) -> list[Problem]:
    """Name every difference; a row that is None could not be read.

    Rows that are not exactly as expected are paired with the expected row that shares most fields (at least half),
    so that a changed key field is named as a change, not as one row gone and another come.
    """
    problems: list[Problem] = []
    left = dict(expected)
    strange: list[Row] = []
    for row in found:
        key = next((key for key, wanted in left.items() if row is not None and _equal(row, wanted)), None)
        if key is not None:
            del left[key]
        elif row is not None and any(_equal(row, wanted) for wanted in expected.values()):
            again = next(key for key, wanted in expected.items() if _equal(row, wanted))
            problems.append(_problem(where, noun, again, "duplicate", "it stands there once more"))
        elif row is not None:
            strange.append(row)
    for row in strange:
        shared = {key: sum(_same(row.get(name), wanted[name]) for name in wanted) for key, wanted in left.items()}
        best = max(shared, key=lambda key: shared[key], default=None)
        if best is None or shared[best] * 2 < len(left[best]):
            named = ", ".join(f"{name} {_shown(value)}" for name, value in list(row.items())[:3])
            problems.append(Problem(where, "extra", f"a {noun} that the custody log does not know ({named})"))
            continue
        wanted = left.pop(best)
        for name in wanted:
            if not _same(row.get(name), wanted[name]):
                why = f"{name} was changed to {_shown(row.get(name))}; the signed log has {_shown(wanted[name])}"
                problems.append(_problem(where, noun, best, "changed", why, name))
    unread = sum(row is None for row in found)
    for key in left:
        if unread:
            unread -= 1
            problems.append(_problem(where, noun, key, "malformed", "it cannot be read any more"))
        else:
            problems.append(_problem(where, noun, key, "missing", "it is missing"))
    return problems


def _problem(where: str, noun: str, key: int | str, kind: str, why: str, field: str | None = None) -> Problem:
    return Problem(f"{where}, {noun} {key}", kind, why, field, key if isinstance(key, int) else None)


def _equal(row: Row, wanted: Row) -> bool:
    return row.keys() == wanted.keys() and all(_same(row[name], wanted[name]) for name in wanted)


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and bool(a == b)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
