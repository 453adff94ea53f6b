"""Readings of single characters by their neighbours: 得, 地, 了, 着, 还, 长, 为, 行, 重, 只, 种 and the like.

The dictionary gives readings of words; a character that stands alone gets its most frequent reading there, which is
wrong often enough for these. The rules look at the word before and at the characters on both sides.
"""

from __future__ import annotations

from collections.abc import Callable

from pypinyin.phrases_dict import phrases_dict

from synth.text.mandarin_lexicon import NUMERALS
from synth.text.mandarin_words import Word

Rule = Callable[[str, str, str, str, Word | None], str]
"""(character left, right, text before, after, word before) -> syllable, or nothing for that of the dictionary."""

_COUNTED = NUMERALS | frozenset("几这那哪每各某多数")
_DEGREE = frozenset("很太更最挺好多较颇")
_DEI_BEFORE = frozenset("也都还就总必可又非只先我你他她它您们")


def reading_in_context(word: Word, written: list[str], before: str, after: str, previous: Word | None) -> list[str]:
    """The syllables of a word, changed where its neighbours say so."""
    if len(word.text) != 1:
        return _within(word.text, written)
    left, right = before[-1:], after[:1]
    said = _RULES[word.text](left, right, before, after, previous) if word.text in _RULES else ""
    return [said] if said else written


def _within(text: str, written: list[str]) -> list[str]:
    """V不了 and V得了 end in liǎo; 得 inside what is no word of the dictionary is the particle."""
    if len(text) >= 3 and text[-1] == "了" and text[-2] in "不得":
        return [*written[:-1], "liao3"]
    if "得" in text[1:] and text not in phrases_dict:
        return [
            "de5" if letter == "得" and index else said
            for index, (letter, said) in enumerate(zip(text, written, strict=True))
        ]
    return written


def _de_after_verb(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    if previous is None:
        return "dei3" if right and right not in "了到出知" else "de2"
    if previous.tag[:1] in "va" or (right and right in "很太不更真这那非特十比"):
        return "de5"
    must = (previous.tag[:1] == "r" or left in _DEI_BEFORE) and previous.text != "怎么"
    return "dei3" if must and right and right not in "了到出过奖分" else "de2" if right else "de5"


def _de_of_manner(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    manner = previous is not None and (
        previous.tag[:1] in "adzviluo" or len(previous.text) >= 3 or previous.tag == "ns"
    )
    return "de5" if manner and right else "di4"


def _le(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    return "liao3" if left == "不" and len(before) > 1 else ""


def _zhe(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    return "zhao2" if left in "睡找猜逮够" and left and right in "了没" and right else ""


def _hai(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    returned = (right and right in "钱债款清给了") or (left and left in "归偿退奉")
    return "huan2" if returned else "hai2"


def _chang(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    if left in _DEGREE or left in NUMERALS or left in "这么那米里尺分":
        return "chang2"
    return "zhang3" if right and right in "得大出满成高胖了着在" else "chang2"


def _wei(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    if right and right in "了什何此之":
        return "wei2" if right == "之" else "wei4"
    made = left and left in "称成分译改升作当视命评誉变化定设选列判划折合约均则即仅"
    return "wei2" if made or (right and right in NUMERALS) else "wei4"


def _after_count(counted: str, otherwise: str) -> Rule:
    def choose(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
        return counted if left and left in _COUNTED else otherwise

    return choose


def _zhi(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    limits = right and right in "是能有要会不想好可因用"
    return "zhi1" if left and left in _COUNTED and not limits else "zhi3"


def _chong(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    again = right and right in "做写来新启建复播装修拍演"
    return "chong2" if again or (left and left in NUMERALS) else "zhong4"


def _zhong(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
    return "zhong4" if right and right in "树花菜地下植了上着草瓜豆" and left not in _COUNTED else "zhong3"


def _before(letters: str, then: str) -> Rule:
    def choose(left: str, right: str, before: str, after: str, previous: Word | None) -> str:
        return then if right and right in letters else ""

    return choose


_RULES: dict[str, Rule] = {
    "得": _de_after_verb,
    "地": _de_of_manner,
    "了": _le,
    "着": _zhe,
    "还": _hai,
    "长": _chang,
    "为": _wei,
    "行": _after_count("hang2", "xing2"),
    "只": _zhi,
    "重": _chong,
    "种": _zhong,
    "倒": _before("了下塌闭霉在地", "dao3"),
    "背": _before("着起包", "bei1"),
    "系": _before("上好着鞋领围", "ji4"),
    "数": _before("一了数钱", "shu3"),
    "转": _before("圈动", "zhuan4"),
    "教": lambda *_: "jiao1",
    "干": _before("燥净杯巴洗", "gan1"),
    "漂": _before("亮", "piao4"),
    "钻": _before("石戒头", "zuan4"),
    "缝": _before("了补好着衣上", "feng2"),
    "扇": _before("了着风动", "shan1"),
    "散": _before("步开落发", "san4"),
}
