"""What `case verify` says: every problem by file, row or entry, and what it could not tell."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from forensics.records import Record


class Anchor(Record):
    """A head that was noted somewhere: entry `count` had this hash."""

    count: int
    hash: str


class CaseProblem(Record):
    """One thing that is wrong."""

    where: str
    """Which file, row or entry."""
    kind: str
    """In a word: changed, missing, extra, duplicate, reordered, truncated, malformed, hash, chain, signature, key,
    head, database, archive."""
    field: str | None
    """The field that was changed, where that can be told."""
    entry: int | None
    """Number of the custody entry concerned."""
    why: str
    """What is wrong, a clause."""


class Verification(Record):
    """What `case verify` found."""

    schema_: Literal["voxproof.case-verification/1"] = Field(default="voxproof.case-verification/1", alias="schema")
    ok: bool
    """Whether there are no problems."""
    what: Literal["case", "export"]
    case: str | None
    """Id of the case, as far as known."""
    title: str | None
    entries: int
    """Custody entries that are sound."""
    exhibits: int
    """Exhibits that the log knows."""
    records: int
    """Records that the log knows."""
    keys: tuple[str, ...]
    """Ids of the keys that sign in this case: compare them with what the examiners told you."""
    head: Anchor | None
    """Last sound entry: compare it with what was noted elsewhere."""
    problems: tuple[CaseProblem, ...]
    notes: tuple[str, ...]
    """What the verification cannot tell, or found without it being a problem."""
