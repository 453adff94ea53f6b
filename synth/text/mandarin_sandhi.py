"""Tones as they are spoken: 不, 一, neutral tones, the third tone before another, the retroflex ending 儿.

Every function takes a word and the tones of its characters (1..4, 5 neutral) and gives the tones again. The rules are
those of standard Mandarin (Chao, A Grammar of Spoken Chinese, 1968, ch. 1) in the order in which the reference applies
them, since the models were trained on that. With `reference` they also repeat what the reference does wrong: 的, 地 and
得 always neutral, so 目的 and 土地 too; 额, 哈, 滴 always taken for particles; 一百 with a level tone; no
rise of the second of three syllables before a third tone that is a word of its own (百 in 一百米).
"""

from __future__ import annotations

from synth.text.mandarin_lexicon import ER_ENDING, ER_SYLLABLE, FULL_LAST, NEUTRAL
from synth.text.mandarin_words import Word, parts

_PARTICLES = frozenset("吧呢啊呐噻嘛吖嗨哟喽啰耶哦诶喔哩")
_REFERENCE_PARTICLES = _PARTICLES | frozenset("哈哒额滴")
_PLACES = frozenset("零一二三四五六七八九十百千万亿")
_ORDINAL = frozenset("月号楼班级审流战加减乘除比到")
"""After 一 these count places or sums, not things: 一楼 is the first floor."""


def spoken_tones(word: Word, tones: list[int], *, reference: bool = False) -> list[int]:
    """The tones of a word in speech."""
    tones = _bu(word.text, list(tones))
    tones = _yi(word.text, tones, reference)
    tones = _neutral(word, tones, reference)
    return _third(word.text, tones, reference)


def _bu(text: str, tones: list[int]) -> list[int]:
    """不 rises before a falling tone (不怕) and is light in the middle of three (看不懂)."""
    if len(text) == 3 and text[1] == "不":
        tones[1] = 5
        return tones
    for index in range(len(text) - 1):
        if text[index] == "不" and tones[index + 1] == 4:
            tones[index] = 2
    return tones


def _yi(text: str, tones: list[int], reference: bool) -> list[int]:
    """一 rises before a falling tone, falls before others; level in counting and in 第一; light in 看一看."""
    if "一" in text and all(letter == "一" or letter.isnumeric() for letter in text):
        return tones if reference else _yi_in_number(text, tones)
    if len(text) == 3 and text[1] == "一" and text[0] == text[2]:
        tones[1] = 5
    elif text.startswith("第一"):
        tones[1] = 1
    else:
        for index in range(len(text) - 1):
            if text[index] == "一":
                counted = not reference and ((index and text[index - 1] in _PLACES) or text[index + 1] in _ORDINAL)
                tones[index] = 1 if counted else 2 if tones[index + 1] == 4 else 4
    return tones


def _yi_in_number(text: str, tones: list[int]) -> list[int]:
    """一百, 一千, 一万 change where a number begins; 一百一, 十一 and digits one by one do not."""
    for index in range(len(text) - 1):
        if text[index] == "一" and text[index + 1] in "百千万亿" and not (index and text[index - 1] in _PLACES):
            tones[index] = 2 if tones[index + 1] == 4 else 4
    return tones


def _neutral(word: Word, tones: list[int], reference: bool) -> list[int]:
    text, kind = word.text, word.tag[:1]
    for index in range(1, len(text)):
        if text[index] == text[index - 1] and kind in {"n", "v", "a"} and text not in FULL_LAST:
            tones[index] = 5
    counted = text.find("个")
    if _is_light_at_end(word, reference):
        tones[-1] = 5
    elif text == "个" or (
        counted > 0 and (text[counted - 1].isnumeric() or text[counted - 1] in "几有两半多各整每做是")
    ):
        tones[counted] = 5
    elif text in NEUTRAL or text[-2:] in NEUTRAL:
        tones[-1] = 5
    first, second = parts(text) if len(text) > 1 else (text, "")
    if second:
        for part, end in ((first, len(first)), (second, len(text))):
            if part in NEUTRAL or part[-2:] in NEUTRAL:
                tones[end - 1] = 5
    return tones


def _is_light_at_end(word: Word, reference: bool) -> bool:
    text, kind = word.text, word.tag[:1]
    if len(text) == 1:
        return _is_particle(text, reference) or (text in "了着过" and word.tag in {"ul", "uz", "ug"})
    return (
        _is_particle(text, reference)
        or (text[-1] in "们子" and kind in {"r", "n"} and text not in FULL_LAST)
        or (text[-1] in "上下里" and kind in {"s", "l", "f"} and (reference or text not in FULL_LAST))
        or (text[-1] in "来去" and text[-2] in "上下进出回过起开")
    )


def _is_particle(text: str, reference: bool) -> bool:
    if reference:
        return text[-1:] in _REFERENCE_PARTICLES or text[-1:] in {"的", "地", "得"}
    return text[-1:] in _PARTICLES or text in {"的", "哈", "哒", "额"}


def _third(text: str, tones: list[int], reference: bool) -> list[int]:
    """A third tone before a third tone rises, within the parts of a word: 蒙古/包, 纸/老虎."""
    if len(text) == 2 and tones == [3, 3]:
        tones[0] = 2
    elif len(text) == 3:
        cut = len(parts(text)[0])
        left, right = tones[:cut], tones[cut:]
        if tones == [3, 3, 3]:
            tones = [2, 2, 3] if cut == 2 else [3, 2, 3] if cut == 1 else tones
        else:
            left = [2, 3] if left == [3, 3] else left
            if right == [3, 3]:
                right = [2, 3]
            elif right and right[0] == 3 and left[-1] == 3 and not (reference and len(right) == 1):
                left[-1] = 2
            tones = left + right
    elif len(text) == 4:
        tones = [tone for half in (tones[:2], tones[2:]) for tone in ([2, 3] if half == [3, 3] else half)]
    return tones


def with_ending(word: Word, bases: list[str], tones: list[int]) -> list[int]:
    """儿 at the end of a word takes the tone of the syllable that it colours, unless it is a syllable of its own."""
    text = word.text
    if not text.endswith("儿") or len(text) != len(bases) or bases[-1] != "er":
        return tones
    last = 2 if tones[-1] == 1 else tones[-1]
    own = text not in ER_ENDING and (
        text in ER_SYLLABLE or word.tag in {"a", "j", "nr"} or text[-2:] in ER_SYLLABLE or len(text) == 1
    )
    return [*tones[:-1], last if own or last not in {2, 5} else tones[-2]]
