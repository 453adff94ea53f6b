"""Mandarin: text -> initials and finals with tones, two phones for each character.

Numbers and signs in words, words by jieba's dictionary, readings by `pypinyin`'s phrases with a few rules for
characters that have several, tones as spoken, and every syllable as initial + final. The reference since version 2
chooses readings with a BERT network (G2PW) whose weights nobody packages; here a reading is the dictionary's.
Source: GPT-SoVITS (RVC-Boss/GPT-SoVITS, MIT), from a description; docs/clone/text-zh.md has the comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from importlib.metadata import version as installed

import opencc

from synth.errors import VoxproofError
from synth.text import mandarin_normalise, mandarin_reference
from synth.text.frame import Language, Phones
from synth.text.mandarin_context import reading_in_context
from synth.text.mandarin_lexicon import READINGS
from synth.text.mandarin_sandhi import spoken_tones, with_ending
from synth.text.mandarin_words import Word, readings, words
from synth.text.pinyin import phones_of, split_tone
from synth.text.symbols import PUNCTUATION, SymbolTable

_PACKAGES = ("pypinyin", "rjieba", "opencc-python-reimplemented")
_MARKS = re.escape("".join(PUNCTUATION))
_CLAUSE = re.compile(f"[^{_MARKS}]+|[{_MARKS}]")
_PAUSES = {"￥": "SP2", "¥": "SP2", "^": "SP3"}
"""Signs that the models hear as longer pauses, where no amount of money follows."""
_LONGEST = 400
"""Characters of a clause that are segmented at a time."""


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


def simplified(text: str) -> str:
    """The text in simplified characters, which is what the models and BERT were trained on."""
    simple: str = _simplifier().convert(text)
    return simple


@cache
def is_spoken(letter: str) -> bool:
    """Whether a character has a Mandarin reading that the models know."""
    if not ("\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003134f"):
        return False
    return phones_of(*split_tone(readings(letter)[0])) is not None


class Mandarin:
    """The front end of Mandarin Chinese; `g2pw=True` would ask for a network that is not shipped."""

    language: Language = "zh"
    version = "1"

    def __init__(self, table: SymbolTable, *, reference: bool = False, g2pw: bool = False) -> None:
        if g2pw:
            raise VoxproofError(
                "readings by G2PW could not be used: its weights are not shipped and no package carries them",
                cure="Leave g2pw out: readings then come from pypinyin's dictionary.",
            )
        self._table, self._reference = table, reference
        self._rules = mandarin_reference if reference else mandarin_normalise

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The packages whose dictionaries decide."""
        return {package: installed(package) for package in _PACKAGES}

    def normalise(self, text: str) -> str:
        """Simplified characters and the six marks; Latin letters and other signs are left out."""
        text = simplified(text)
        spoken = self._rules.punctuated(self._rules.spoken(text).replace("嗯", "恩").replace("呣", "母"))
        kept = "".join(letter for letter in spoken if letter in PUNCTUATION or self._is_kept(letter))
        return str(self._rules.punctuated(kept))

    def _is_kept(self, letter: str) -> bool:
        return is_spoken(letter) and (not self._reference or "\u4e00" <= letter <= "\u9fa5")

    def phones(self, text: str) -> Phones:
        """Two phones for each character and one for each mark."""
        text, pause = self._with_pauses(text)
        normal = self.normalise(text)
        phones: list[str] = []
        word2ph: list[int] = []
        units: list[tuple[str, int]] = []
        for match in _CLAUSE.finditer(normal):
            clause = match[0]
            if clause in PUNCTUATION:
                phones.append(pause if pause and clause == "," else clause)
                word2ph.append(1)
                units.append((clause, 1))
                continue
            for word, spoken in self._spoken(clause):
                phones += spoken
                word2ph += [2] * len(word)
                units.append((word, len(spoken)))
        return Phones.of("zh", self._table, normal, phones, word2ph, units)

    def _with_pauses(self, text: str) -> tuple[str, str]:
        """The text with a pause sign as a comma, and the symbol that every comma then stands for, as the reference."""
        for sign, symbol in _PAUSES.items():
            found = sign in text if self._reference else re.search(f"{re.escape(sign)}(?!\\s?\\d)", text)
            if found and (sign != "¥" or not self._reference):
                return re.sub(
                    f"{re.escape(sign)}(?!\\s?\\d)" if not self._reference else re.escape(sign), ",", text
                ), symbol
        return text, ""

    def _spoken(self, clause: str) -> Iterator[tuple[str, list[str]]]:
        """Each word of a clause and its phones."""
        for start in range(0, len(clause), _LONGEST):
            found = words(clause[start : start + _LONGEST], reference=self._reference)
            for index, word in enumerate(found):
                bases, tones = self._reading(found, index)
                tones = spoken_tones(word, tones, reference=self._reference)
                if not (self._reference and self._table.version == "v1"):
                    tones = with_ending(word, bases, tones)
                yield (
                    word.text,
                    [
                        phone
                        for base, tone in zip(bases, tones, strict=True)
                        for phone in phones_of(base, tone) or ("UNK",) * 2
                    ],
                )

    def _reading(self, found: list[Word], index: int) -> tuple[list[str], list[int]]:
        word = found[index].text
        written: list[str] = list(readings(word, reference=self._reference))
        if not self._reference:
            written = READINGS[word].split() if word in READINGS else written
            before = "".join(each.text for each in found[max(0, index - 3) : index])
            after = "".join(each.text for each in found[index + 1 : index + 3])
            written = reading_in_context(found[index], written, before, after, found[index - 1] if index else None)
        split = [split_tone(syllable) for syllable in written]
        return [base for base, _ in split], [tone for _, tone in split]
