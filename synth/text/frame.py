"""What every language's front end takes and gives: the protocol `FrontEnd` and the record `Phones`.

A front end is a class with one constructor, `FrontEnd(table, *, reference=False)`, and one line in
`synth.text.registry`. `reference=True` asks for exactly what the reference (RVC-Boss/GPT-SoVITS) does with the same
text, including what we hold to be its mistakes; without it a front end may do better, and says where in its docs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from synth.errors import VoxproofError
from synth.text.symbols import SymbolTable

Language = Literal["en", "zh", "yue", "ja", "ko"]
"""Codes of the reference; `yue` is Cantonese."""
LANGUAGES: tuple[Language, ...] = ("en", "zh", "yue", "ja", "ko")


@dataclass(frozen=True)
class Phones:
    """What one front end made of one stretch of text in one language."""

    language: Language
    """The front end that made it; BERT features are made for "zh" only."""
    text: str
    """The normalised text, as it is spoken."""
    phones: tuple[str, ...]
    """Symbols, all of them in the table."""
    ids: tuple[int, ...]
    """Their ids, one per phone."""
    word2ph: tuple[int, ...] | None = None
    """Phones of every character of `text` (zh, yue), or None where characters do not own phones (en, ja, ko)."""
    words: tuple[tuple[str, int], ...] = ()
    """Words or other units of `text` with their number of phones, in order; empty where the front end does not tell."""

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.phones):
            raise VoxproofError(f"{len(self.phones)} phones have {len(self.ids)} ids")
        if self.word2ph is not None and len(self.word2ph) != len(self.text):
            raise VoxproofError(f"{len(self.text)} characters have {len(self.word2ph)} phone counts")
        if self.word2ph is not None and sum(self.word2ph) != len(self.phones):
            raise VoxproofError(f"the phone counts of the characters do not sum to {len(self.phones)}")
        if self.words and sum(count for _, count in self.words) != len(self.phones):
            raise VoxproofError(f"the phone counts of the words do not sum to {len(self.phones)}")

    @classmethod
    def of(
        cls,
        language: Language,
        table: SymbolTable,
        text: str,
        phones: Iterable[str],
        word2ph: Iterable[int] | None = None,
        words: Iterable[tuple[str, int]] = (),
    ) -> Phones:
        """The record of these phones; what the table lacks becomes `UNK`, as in the reference."""
        known = table.known(phones)
        counts = None if word2ph is None else tuple(word2ph)
        return cls(language, text, known, table.ids(known), counts, tuple(words))


class FrontEnd(Protocol):
    """One language. Its answers may depend on nothing but the text, the table and `reference`."""

    @property
    def language(self) -> Language:
        """The language it speaks."""
        ...

    @property
    def version(self) -> str:
        """Changes whenever the same text could give other phones; enters the pipeline's hash."""
        ...

    @property
    def sources(self) -> Mapping[str, str]:
        """What it reads and its fingerprint: SHA-256 of dictionaries, versions of packages; enters the hash."""
        ...

    def normalise(self, text: str) -> str:
        """Text as it is spoken: numbers and signs in words, only letters and the punctuation that the models know."""
        ...

    def phones(self, text: str) -> Phones:
        """Phones of raw text, which it normalises itself; any unicode text has an answer, if only an empty one."""
        ...
