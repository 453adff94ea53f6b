"""A long text into the pieces that are spoken one at a time: the methods cut0 to cut5 of the reference.

| id | a piece is |
|---|---|
| cut0 | the whole text |
| cut1 | four clauses |
| cut2 | more than fifty characters, up to the next mark |
| cut3 | what stands between two Chinese full stops |
| cut4 | what stands between two English full stops |
| cut5 | what stands between any two marks |

Source: text_segmentation_method.py and TextPreprocessor.py of GPT-SoVITS, whose pieces `reference=True` gives exactly.
Without it four things differ: marks inside numbers, abbreviations and addresses end no piece (see
`synth.text.clause_ends`); of a run of marks not the first is kept but the one that says most; cut1 never makes a group
of more than four clauses (the reference's last group has up to eight, upstream pull request 778); and a piece without
any mark is cut at `LONGEST` too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Set
from typing import Literal

from synth.errors import VoxproofError
from synth.text.clause_ends import clause_ends
from synth.text.punctuation import first_of_runs, strongest_of_adjacent

Cut = Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5"]
CLAUSE_MARKS = frozenset("，。？！,.?!~:：—…")
"""Marks that end a clause; a piece that ends with none of them gets a full stop."""
LONGEST = 510
"""Characters: more is more than BERT reads."""
SHORTEST = 5
"""Characters: shorter pieces are joined with the next."""
_SILENT = frozenset("!?…,.- ")
_STOP = frozenset(".")
_CUT5_MARKS = frozenset(",.;?!、，。？！：…")
_WORD = re.compile(r"\w")
_BETWEEN_MARKS = re.compile(f"([{''.join(sorted(CLAUSE_MARKS))}])")


def split(text: str, cut: Cut = "cut5", *, english: bool = False, reference: bool = False) -> list[str]:
    """Pieces of `text`, each with a word in it and with a mark at its end; none if there is no word at all.

    `english` says which full stop is added (the reference: for the mode "en" only).
    """
    if cut not in METHODS:
        raise VoxproofError(f"no splitting method {cut!r}", cure=f"Use one of {', '.join(METHODS)}.")
    stop = "." if english else "。"
    text = (first_of_runs(text) if reference else strongest_of_adjacent(text)).strip("\n")
    if not _WORD.search(text):
        return []
    if (
        text[0] not in CLAUSE_MARKS
        and len(_parts(text, CLAUSE_MARKS, reference)[0].rstrip("".join(CLAUSE_MARKS)).strip()) < 4
    ):
        text = stop + text
    lines = METHODS[cut](text, reference).split("\n")
    pieces = []
    for piece in _joined(line for line in lines if line not in ("", " ")):
        if _WORD.search(piece):
            pieces += _bounded(piece if piece[-1] in CLAUSE_MARKS else piece + stop, reference)
    return [piece for piece in pieces if piece and (reference or _WORD.search(piece))]


def _clauses(text: str, reference: bool) -> list[str]:
    """Text cut behind every clause mark; the reference closes the last clause with "。"."""
    text = text.replace("……", "。").replace("——", "，")
    if reference and text[-1] not in CLAUSE_MARKS:
        text += "。"
    return _parts(text, CLAUSE_MARKS, reference)


def _parts(text: str, marks: Set[str], reference: bool) -> list[str]:
    """Text cut behind its marks; the reference: behind all of them, for cut5 but a dot between digits."""
    ends = clause_ends(text, marks)
    if reference:
        ends = [place + 1 for place, sign in enumerate(text) if sign in marks]
        if marks is _CUT5_MARKS:
            ends = [end for end in ends if not _is_decimal(text, end - 1)]
    parts = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [part for part in parts if part]


def _cut0(text: str, reference: bool) -> str:
    return "" if _silent(text) else text


def _cut1(text: str, reference: bool) -> str:
    text = text.strip("\n")
    found = _clauses(text, reference)
    starts = list(range(0, len(found), 4))
    if reference:
        starts = starts[:-1] or [0]
    ends = [*starts[1:], len(found)]
    groups = ["".join(found[start:end]) for start, end in zip(starts, ends, strict=True)] if len(found) > 4 else [text]
    return "\n".join(group for group in groups if not _silent(group))


def _cut2(text: str, reference: bool) -> str:
    text = text.strip("\n")
    found = _clauses(text, reference)
    if len(found) < 2:
        return text
    groups, group = [], ""
    for clause in found:
        group += clause
        if len(group) > 50:
            groups.append(group)
            group = ""
    if group:
        groups.append(group)
    if len(groups) > 1 and len(groups[-1]) < 50:
        groups[-2:] = [groups[-2] + groups[-1]]
    return "\n".join(group for group in groups if not _silent(group))


def _cut3(text: str, reference: bool) -> str:
    parts = text.strip("\n").strip("。").split("。")
    return "\n".join(part for part in parts if not _silent(part))


def _cut4(text: str, reference: bool) -> str:
    text = text.strip("\n")
    if reference:
        parts = re.split(r"(?<!\d)\.(?!\d)", text.strip("."))
    else:
        parts = [part.removesuffix(".") for part in _parts(text.lstrip("."), _STOP, reference)]
    return "\n".join(part for part in parts if not _silent(part))


def _cut5(text: str, reference: bool) -> str:
    text = text.strip("\n")
    return "\n".join(part for part in _parts(text, _CUT5_MARKS, reference) if not _CUT5_MARKS.issuperset(part))


def _is_decimal(text: str, place: int) -> bool:
    return text[place] == "." and text[place - 1 : place].isdigit() and text[place + 1 : place + 2].isdigit()


METHODS: dict[str, Callable[[str, bool], str]] = {
    "cut0": _cut0, "cut1": _cut1, "cut2": _cut2, "cut3": _cut3, "cut4": _cut4, "cut5": _cut5,
}  # fmt: skip


def _silent(text: str) -> bool:
    return _SILENT.issuperset(text)


def _joined(lines: Iterable[str]) -> list[str]:
    """Neighbours joined until they have `SHORTEST` characters; what is left over goes to the last."""
    found = list(lines)
    if len(found) < 2:
        return found
    pieces, piece = [], ""
    for line in found:
        piece += line
        if len(piece) >= SHORTEST:
            pieces.append(piece)
            piece = ""
    if piece:
        pieces[-1:] = [pieces[-1] + piece] if pieces else [piece]
    return pieces


def _bounded(piece: str, reference: bool) -> list[str]:
    """Pieces of at most `LONGEST` characters, cut behind marks where there are any."""
    if len(piece) <= LONGEST:
        return [piece]
    pieces, current = [], ""
    for part in _BETWEEN_MARKS.split(piece) if reference else _parts(piece, CLAUSE_MARKS, reference):
        if len(current) + len(part) > LONGEST:
            pieces.append(current)
            current = part
        else:
            current += part
        while not reference and len(current) > LONGEST:
            end = current.rfind(" ", 1, LONGEST) + 1 or LONGEST
            pieces.append(current[:end])
            current = current[end:]
    if current:
        pieces.append(current)
    return pieces
