"""Cantonese: text -> `Y` + initial, `Y` + final + tone, by ToJyutping's dictionary.

Numbers and signs become words as in Mandarin, with 一 on the telephone. A syllable is cut as the models were trained:
the first entry of a fixed list that begins it is the initial, and syllables without an initial are cut inside their
vowel (ou3 -> `You Yu3`). Ours besides: the script is left as written, so that the dictionary sees traditional phrases,
runs of marks are shortened, characters with two syllables (卅, 浬) have both, and characters without a reading are left
out where the reference stops with an error.
Source: GPT-SoVITS (RVC-Boss/GPT-SoVITS, MIT), from a description; docs/clone/text-yue.md has the comparison.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from importlib.metadata import version as installed

import ToJyutping

from synth.text import mandarin_normalise, mandarin_reference
from synth.text.frame import Language, Phones
from synth.text.mandarin_numbers import digits
from synth.text.symbols import PUNCTUATION, SymbolTable

_INITIALS = (
    "aa", "ai", "au", "ap", "at", "ak", "a", "p", "b", "e", "t", "d", "kw", "k", "gw", "g", "f", "h", "l", "m", "ng",
    "n", "s", "y", "w", "c", "z", "j", "ong", "on", "ou", "oi", "ok", "o", "uk", "ung",
)  # fmt: skip
"""In this order; the first that begins a syllable is its initial."""
_SYLLABLE = re.compile(r"([a-z]+)([1-6])")
_TELEPHONE = re.compile(r"(?<!\d)([2-9]\d{3})[- ]?(\d{4})(?!\d)")
_DOLLARS = re.compile(r"(?<!US)(?<!NT)(?:HK)?\$")
"""Dollars are those of Hong Kong, which are 元 too."""
_LONGEST = 400
"""Characters that are looked up at a time."""


def phones_of(syllable: str, tone: str) -> tuple[str, str] | None:
    """`gwong`, `2` -> `Ygw Yong2`; None for what begins with none of the initials."""
    for initial in _INITIALS:
        if syllable.startswith(initial):
            return f"Y{initial}", f"Y{syllable[len(initial) :] or initial[-1]}{tone}"
    return None


@cache
def _jyutping(letter: str) -> str:
    return ToJyutping.get_jyutping_list(letter)[0][1] or ""


def is_spoken(letter: str) -> bool:
    """Whether a character has a Cantonese reading."""
    return ("\u3400" <= letter <= "\u9fff" or letter >= "\U00020000") and bool(_SYLLABLE.search(_jyutping(letter)))


def _one_by_one(match: re.Match[str]) -> str:
    return digits(match[1] + match[2])


class Cantonese:
    """The front end of Cantonese."""

    language: Language = "yue"
    version = "1"

    def __init__(self, table: SymbolTable, *, reference: bool = False) -> None:
        self._table, self._reference = table, reference

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The package whose dictionary decides, and what simplifies the script for the reference."""
        packages = ("ToJyutping", "opencc-python-reimplemented") if self._reference else ("ToJyutping",)
        return {package: installed(package) for package in packages}

    def normalise(self, text: str) -> str:
        """Characters and the six marks; Latin letters and other signs are left out."""
        if self._reference:
            from synth.text.mandarin import simplified  # the only need for the packages of Mandarin

            simple = "嗰".join(simplified(part) for part in text.split("嗰"))  # which opencc takes for 个
            spoken = mandarin_reference.spoken(simple)
            marked = mandarin_reference.punctuated(spoken.replace("~", "-").replace("～", "-"), shorten=False)
        else:
            spoken = mandarin_normalise.spoken(_TELEPHONE.sub(_one_by_one, _DOLLARS.sub("￥", text)))
            marked = mandarin_normalise.punctuated(spoken if "幺" in text else spoken.replace("幺", "一"))
        kept = "".join(letter for letter in marked if letter in PUNCTUATION or self._is_kept(letter))
        return kept if self._reference else mandarin_normalise.punctuated(kept)

    def _is_kept(self, letter: str) -> bool:
        return is_spoken(letter) and (not self._reference or "\u4e00" <= letter <= "\u9fa5")

    def phones(self, text: str) -> Phones:
        """Two phones for each syllable and one for each mark."""
        normal = self.normalise(text)
        phones: list[str] = []
        word2ph: list[int] = []
        for start in range(0, len(normal), _LONGEST):
            for letter, said in ToJyutping.get_jyutping_list(normal[start : start + _LONGEST]):
                spoken = [letter] if letter in PUNCTUATION else self._syllables(said or _jyutping(letter))
                phones += spoken
                word2ph.append(len(spoken))
        return Phones.of("yue", self._table, normal, phones, word2ph)

    def _syllables(self, said: str) -> list[str]:
        found = _SYLLABLE.findall(said)
        if self._reference and len(found) > 1:
            return [*(phones_of(found[0][0], "") or ("UNK",))[:1], "UNK"]
        return [phone for syllable, tone in found for phone in phones_of(syllable, tone) or ("UNK", "UNK")]
