"""What the quality control found of a synthesis, as the issuance keeps it; `synth.quality_control` finds it."""

from __future__ import annotations

from typing import Literal

from synth.record import Record

Kind = Literal["missing", "repeated", "moved", "other sounds", "silence", "pace", "cut off"]


class Fault(Record):
    """One thing that is wrong. Which word it is stands in the text, which the register does not keep."""

    kind: Kind
    """Silence: too long before or behind. Pace: too slow or too fast. Cut off: at the longest length allowed."""
    piece: int
    """Number of the piece of the text, from 0."""
    word: int | None = None
    """Number of the word in the piece, from 0; of other sounds, the word that follows them. None: the whole piece."""


class Quality(Record):
    """What the quality control has to say of a synthesis, after the last re-draw."""

    pieces: int
    """Of the text."""
    checked: int
    """Of them; the others were not, for `reason`."""
    words: int
    """In the pieces that were checked."""
    redraws: int
    """Draws thrown away, of all pieces together."""
    faults: tuple[Fault, ...]
    """What remains."""
    reason: str = ""
    """Why some or all pieces were not checked."""
