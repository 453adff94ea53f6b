"""Words of a Mandarin clause, joined where a tone depends on the neighbour: 不, 一, doubled words, low tones, 儿.

Segmentation and word classes come from jieba's dictionary (through `rjieba`). Tones are settled word by word, so what
must be seen together is put together first: 不+是, 看+一+看, 我+很.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache

import rjieba
from pypinyin import Style, lazy_pinyin
from pypinyin.phrases_dict import phrases_dict

from synth.text.mandarin_lexicon import ALONE, COUNTED, NUMERALS


@dataclass(frozen=True)
class Word:
    """A word and its class in jieba's letters (n noun, v verb, r pronoun, m numeral, ...)."""

    text: str
    tag: str


@cache
def _segmenter() -> rjieba.Jieba:
    return rjieba.Jieba()


@lru_cache(maxsize=4096)
def readings(word: str, *, reference: bool = False) -> tuple[str, ...]:
    """One syllable for each character, with its tone as a digit; the character itself where there is no reading."""
    said = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors=list)  # type: ignore[arg-type]
    if not reference:
        said = [
            COUNTED[letter]
            if letter in COUNTED and index and word[index - 1] in NUMERALS
            else ALONE[letter]
            if _is_alone(word, index)
            else syllable
            for index, (letter, syllable) in enumerate(zip(word, said, strict=True))
        ]
    return tuple(said)


def _is_alone(word: str, index: int) -> bool:
    return word[index] in ALONE and (len(word) == 1 or (word[index] == "长" and not _in_phrase(word, index)))


def _in_phrase(word: str, index: int) -> bool:
    """Whether the dictionary has a phrase around this character."""
    return any(
        word[start:end] in phrases_dict
        for start in range(max(0, index - 3), index + 1)
        for end in range(index + 1, min(len(word), start + 4) + 1)
        if end - start > 1
    )


@lru_cache(maxsize=4096)
def parts(word: str) -> tuple[str, str]:
    """The word cut in two at its shortest known part: 蒙古/包, 纸/老虎; (word, "") where it has no parts."""
    known = sorted(_segmenter().cut_for_search(word), key=len)
    first = known[0] if known else word
    return (first, word[len(first) :]) if word.startswith(first) else (word[: -len(first)], first)


def words(clause: str, *, reference: bool = False) -> list[Word]:
    """The words of a clause without marks inside, joined where the tones need it."""
    found = [Word(text, tag) for text, tag in _segmenter().tag(clause)] if clause else []
    if not reference:
        found = _with_inside([part for word in found for part in _without_guessed_er(word)])
    joined = _doubled(_with_yi(_with_bu(found)))
    joined = _with_low_tones(joined, _all_low, reference)
    joined = _with_low_tones(joined, lambda left, right: _low(left[-1]) and _low(right[0]), reference)
    return _with_er(joined)


def _without_guessed_er(word: Word) -> list[Word]:
    """儿 cut off the beginning of a word that the dictionary lacks: it belongs to the word before."""
    if len(word.text) > 1 and word.text[0] == "儿" and not _segmenter().has_word(word.text):
        return [Word("儿", "n"), Word(word.text[1:], word.tag)]
    return [word]


def _with_inside(found: list[Word]) -> list[Word]:
    """A noun and the 里 after it are one word of place: 屋里."""
    joined: list[Word] = []
    for word in found:
        if word.text == "里" and joined and joined[-1].tag[:1] in {"n", "s"} and joined[-1].text[-1] != "儿":
            joined[-1] = Word(f"{joined[-1].text}里", "s")
        else:
            joined.append(word)
    return joined


def _with_bu(found: list[Word]) -> list[Word]:
    joined: list[Word] = []
    waiting = ""
    for word in found:
        if word.text == "不" and not waiting:
            waiting = "不"
            continue
        joined.append(Word(waiting + word.text, word.tag))
        waiting = ""
    if waiting:
        joined.append(Word(waiting, "d"))
    return joined


def _with_yi(found: list[Word]) -> list[Word]:
    joined: list[Word] = []
    index = 0
    while index < len(found):
        word = found[index]
        after = found[index + 1] if index + 1 < len(found) else None
        before = joined[-1] if joined else None
        if word.text == "一" and after and before and before == Word(after.text, "v"):
            joined[-1] = Word(f"{before.text}一{after.text}", "v")
            index += 2
        else:
            joined.append(word)
            index += 1
    merged: list[Word] = []
    for word in joined:
        if merged and merged[-1].text == "一":
            merged[-1] = Word(f"一{word.text}", merged[-1].tag)
        else:
            merged.append(word)
    return merged


def _doubled(found: list[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in found:
        if joined and word.text == joined[-1].text and word.tag != "x":
            joined[-1] = Word(joined[-1].text + word.text, joined[-1].tag)
        else:
            joined.append(word)
    return joined


def _low(syllable: str) -> bool:
    return syllable.endswith("3")


def _all_low(left: tuple[str, ...], right: tuple[str, ...]) -> bool:
    return all(map(_low, left)) and all(map(_low, right))


def _with_low_tones(
    found: list[Word], meet: Callable[[tuple[str, ...], tuple[str, ...]], bool], reference: bool
) -> list[Word]:
    joined: list[Word] = []
    just_joined = False
    for index, word in enumerate(found):
        before = found[index - 1] if index else None
        if (
            before
            and not just_joined
            and meet(readings(before.text, reference=reference), readings(word.text, reference=reference))
            and not (len(before.text) == 2 and before.text[0] == before.text[1])
            and len(before.text) + len(word.text) <= 3
        ):
            joined[-1] = Word(joined[-1].text + word.text, joined[-1].tag)
            just_joined = True
        else:
            joined.append(word)
            just_joined = False
    return joined


def _with_er(found: list[Word]) -> list[Word]:
    joined: list[Word] = []
    for word in found:
        if joined and word.text == "儿":
            joined[-1] = Word(f"{joined[-1].text}儿", joined[-1].tag)
        else:
            joined.append(word)
    return joined
