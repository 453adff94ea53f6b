"""English: text as it is spoken, words to ARPAbet phones with stress digits, marks as pauses.

    text ─ normalise ─► words and marks ─ homographs, dictionary, parts, letters, guess ─► phones

`reference=True` does what the reference does instead (`synth.text.english_reference`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from synth.text import english_g2p, english_lexicon, english_reference
from synth.text.english_homographs import sound
from synth.text.english_normalise import normalise
from synth.text.frame import Language, Phones
from synth.text.symbols import SymbolTable

FEWEST = 4
"""Phones: fewer get a "," before them, as in the reference."""
_TOKENS = re.compile(r"[A-Za-z']+|[,.!?…-]")


class English:
    """The front end of English."""

    language: Language = "en"
    version = "1"

    def __init__(self, table: SymbolTable, *, reference: bool = False) -> None:
        self._table = table
        self._reference = reference

    @property
    def sources(self) -> Mapping[str, str]:
        """SHA-256 of the dictionary and of the letter-to-sound weights."""
        return {"cmudict": english_lexicon.SHA256, "g2p": english_g2p.SHA256}

    def normalise(self, text: str) -> str:
        """Words, capital letters that are spelled ("U S A") and the marks ! ? … , . - only."""
        return english_reference.normalise(text) if self._reference else normalise(text, english_lexicon.known)

    def phones(self, text: str) -> Phones:
        """Phones of raw text; empty if there is neither a word nor a mark in it."""
        spoken = self.normalise(text)
        words = english_reference.words(spoken) if self._reference else _words(spoken)
        if 0 < sum(len(phones) for _, phones in words) < FEWEST or (self._reference and not words):
            words = [(",", (",",)), *words]
        said = [phone for _, phones in words for phone in phones]
        return Phones.of("en", self._table, spoken, said, words=[(word, len(phones)) for word, phones in words])


def _words(spoken: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every word and mark of normalised text with its phones."""
    tokens = _TOKENS.findall(spoken)
    low = [token.lower() for token in tokens]
    return [(token, _sound(token, low, place)) for place, token in enumerate(tokens)]


def _sound(word: str, low: list[str], place: int) -> tuple[str, ...]:
    if not word[0].isalpha() and word[0] != "'":
        return (word,)
    if word == "A":
        return english_lexicon.LETTER_A
    if len(word) == 1:
        return english_lexicon.pronounce(low[place])
    return sound(low, place) or english_lexicon.pronounce(low[place])
