"""Japanese: text -> phones of Open JTalk with marks of the pitch accent.

Open JTalk reads numbers, kanji and accents with the dictionary that `pyopenjtalk-plus` carries. What stands between
marks is read at a time. As in the reference, the border of an accent phrase is not in the table and becomes `UNK`,
which the models know as that. Ours besides: dates, times, money, telephone numbers and decimals are put in
words before marks cut them, half-width letters are widened, brackets are pauses or nothing instead of `UNK`.
Source: GPT-SoVITS (RVC-Boss/GPT-SoVITS, MIT), from a description; docs/clone/text-ja.md has the comparison.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from importlib.metadata import version as installed

import pyopenjtalk

from synth.text.frame import Language, Phones
from synth.text.japanese_prosody import marked_phones
from synth.text.symbols import PUNCTUATION, SymbolTable

Match = re.Match[str]
_MARKS = re.escape("".join(PUNCTUATION))
_SPOKEN = "A-Za-z\\d\u3005\u3040-\u30ff\u4e00-\u9fff\uff11-\uff19\uff21-\uff3a\uff41-\uff5a\uff66-\uff9d"
_CHUNK = re.compile(f"[{_SPOKEN}]+|[^{_SPOKEN}]")
_POINTED_CHUNK = re.compile(f"(?:[{_SPOKEN}]|(?<=\\d)\\.(?=\\d))+|[^{_SPOKEN}]")
_RUN = re.compile(f"([{_MARKS}])[{_MARKS}]+")
_LONGEST = 120
"""Characters that are read at a time; Open JTalk's own buffers are bounded."""
_REFERENCE_MARKS = {
    "：": ",", "；": ",", "，": ",", "。": ".", "！": "!", "？": "?", "\n": ".", "·": ",", "、": ",",
}  # fmt: skip
_OUR_MARKS = _REFERENCE_MARKS | {
    ":": ",", ";": ",", "(": ",", ")": ",", "（": ",", "）": ",", "・": "", "—": ",", "―": ",", "–": ",",
    "~": "…", "～": "…", "〜": "…", "/": ",", "⋯": "…", "\r": ".", "｡": ".", "､": ",", "【": ",", "】": ",",
    "‼": "!", "⁉": "?",
}  # fmt: skip
_DIGITS = ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー")
_CURRENCIES = {"¥": "円", "￥": "円", "$": "ドル", "€": "ユーロ", "£": "ポンド", "₩": "ウォン"}
_UNITS = {
    "%": "パーセント",
    "％": "パーセント",
    "℃": "度",
    "°C": "度",
    "°": "度",
    "㎞": "キロメートル",
    "㎏": "キログラム",
    "㎝": "センチメートル",
    "㎡": "平方メートル",
    "km/h": "キロ",
    "m²": "平方メートル",
    "km²": "平方キロメートル",
    "cm": "センチメートル",
    "mm": "ミリメートル",
    "km": "キロメートル",
    "kg": "キログラム",
    "mg": "ミリグラム",
    "ml": "ミリリットル",
    "m": "メートル",
    "g": "グラム",
}
_UNIT_NAMES = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_NUMBER = r"\d{1,16}(?:\.\d{1,16})?"


def _telephone(match: Match) -> str:
    return "の".join("".join(_DIGITS[int(digit)] for digit in part) for part in match[0].split("-"))


def _one_by_one(match: Match) -> str:
    return "".join(_DIGITS[int(digit)] for digit in match[0])


_WORDS = (
    (re.compile(r"\d{17,}"), _one_by_one),
    (re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3}){1,5}(?![\d,]*\d)"), lambda match: match[0].replace(",", "")),
    (re.compile(r"(?<!\d)0\d{1,3}-\d{2,4}-\d{4}(?!\d)"), _telephone),
    (re.compile(r"(?<!\d)(\d{4})([-/])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"), lambda match: (
        f"{match[1]}年{int(match[3])}月{int(match[4])}日"
    )),
    (re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])"), lambda match: (
        f"{int(match[1])}時" + (f"{int(match[2])}分" if int(match[2]) else "")
    )),
    (re.compile(rf"([¥￥$€£₩])\s?({_NUMBER})([万億兆]?)"), lambda match: (
        f"{match[2]}{match[3]}{_CURRENCIES[match[1]]}"
    )),
    (re.compile(rf"(?<![\d)])-(?={_NUMBER})"), lambda _: "マイナス"),
    (re.compile(rf"({_NUMBER})\s?({_UNIT_NAMES})(?![A-Za-z])"), lambda match: (
        f"{match[1]}{_UNITS[match[2]]}"
    )),
    (re.compile(r"(?<=[\d年月日時分円人個度トル])\s?[~～〜](?=\d)"), lambda _: "から"),
    (re.compile(r"(?<!\d)(\d{1,4})\s?/\s?(\d{1,4})(?![\d/])"), lambda match: f"{match[2]}分の{match[1]}"),
    (re.compile(r"(?<=\d)\s?\+\s?(?=\d)"), lambda _: "たす"),
    (re.compile(r"(?<=\d)\s?×\s?(?=\d)"), lambda _: "かける"),
    (re.compile(r"(?<=\d)\s?÷\s?(?=\d)"), lambda _: "わる"),
    (re.compile(r"(?<=\d)\s?[=＝]\s?"), lambda _: "は"),
    (re.compile("[%％&＆]"), lambda match: {"&": "アンド", "＆": "アンド"}.get(match[0], "パーセント")),
)  # fmt: skip


class Japanese:
    """The front end of Japanese."""

    language: Language = "ja"
    version = "1"

    def __init__(self, table: SymbolTable, *, reference: bool = False) -> None:
        self._table, self._reference = table, reference

    @cached_property
    def sources(self) -> Mapping[str, str]:
        """The package that carries Open JTalk and its dictionary, and what corrects its readings."""
        return {package: installed(package) for package in ("pyopenjtalk-plus", "sudachidict-core")}

    def normalise(self, text: str) -> str:
        """Signs in words and the six marks; Open JTalk reads the numbers that are left."""
        if self._reference:
            return _RUN.sub(r"\1", text)
        text = "".join(
            unicodedata.normalize("NFKC", letter) if "\uff01" <= letter <= "\uff9f" else letter for letter in text
        )
        for pattern, say in _WORDS:
            text = pattern.sub(say, text)
        text = re.sub(r"\.{3,}|…+|。{2,}", "…", unicodedata.normalize("NFC", text))
        kept = []
        for chunk in _POINTED_CHUNK.findall(text):
            mark = _OUR_MARKS.get(chunk, chunk)
            if len(chunk) > 1 or re.match(f"[{_SPOKEN}]", chunk) or mark in PUNCTUATION:
                kept.append(mark)
        return _RUN.sub(r"\1", "".join(kept)).lower()

    def phones(self, text: str) -> Phones:
        """Phones of every stretch between marks, and the marks."""
        normal = self.normalise(text)
        spoken = normal
        if self._reference:
            spoken = normal.replace("％", "パーセント").lower()
        phones: list[str] = []
        units: list[tuple[str, int]] = []
        for chunk in (_CHUNK if self._reference else _POINTED_CHUNK).findall(spoken):
            if re.match(f"[{_SPOKEN}]", chunk):
                said = [
                    phone
                    for start in range(0, len(chunk), _LONGEST)
                    for phone in self._read(chunk[start : start + _LONGEST])
                ]
            elif chunk == " ":
                continue
            else:
                said = [_REFERENCE_MARKS.get(chunk, chunk)]
            phones += said
            units.append((chunk, len(said)))
        return Phones.of("ja", self._table, normal, phones, words=units)

    def _read(self, chunk: str) -> list[str]:
        labels = pyopenjtalk.extract_fullcontext(chunk, use_vanilla=self._reference, predict_nani=False)
        return marked_phones(labels)
