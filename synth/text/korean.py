"""Korean: text -> jamo as pronounced, `空` for a space, `停` for an unknown mark.

Numbers, signs and Latin letters become hangul, the rules of the Standard Pronunciation respell it
(`korean_rules`), and every block is taken apart into the jamo that the models know: diphthongs into two vowels, an
onset without sound stays `ㅇ`. No dictionary and no tagger is needed. With `reference` text keeps its marks and spaces
as they are, numbers without a counter are read digit by digit, and Latin letters by their names, as GPT-SoVITS does.
Source: GPT-SoVITS (RVC-Boss/GPT-SoVITS, MIT), from a description; docs/clone/text-ko.md has the comparison.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from synth.text.frame import Language, Phones
from synth.text.korean_numbers import COUNTERS, decimal, digits, native, sino
from synth.text.korean_rules import is_block, pronounced, taken_apart
from synth.text.symbols import KOREAN, PUNCTUATION, SymbolTable

Match = re.Match[str]
_DIVIDED = {
    "ㅘ": "ㅗㅏ", "ㅙ": "ㅗㅐ", "ㅚ": "ㅗㅣ", "ㅝ": "ㅜㅓ", "ㅞ": "ㅜㅔ", "ㅟ": "ㅜㅣ", "ㅢ": "ㅡㅣ", "ㅑ": "ㅣㅏ",
    "ㅒ": "ㅣㅐ", "ㅕ": "ㅣㅓ", "ㅖ": "ㅣㅔ", "ㅛ": "ㅣㅗ", "ㅠ": "ㅣㅜ",
}  # fmt: skip
_LETTERS = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        (
            *("에이", "비", "시", "디", "이", "에프", "지", "에이치", "아이", "제이", "케이", "엘", "엠", "엔", "오"),
            *("피", "큐", "아르", "에스", "티", "유", "브이", "더블유", "엑스", "와이", "제트"),
        ),
        strict=True,
    )
)
_REFERENCE_MARKS = {
    "：": ",", "；": ",", "，": ",", "。": ".", "！": "!", "？": "?", "\n": ".", "·": ",", "、": ",", " ": "空",
}  # fmt: skip
_OUR_MARKS = {
    ":": ",", ";": ",", "(": ",", ")": ",", "—": ",", "–": ",", "·": ",", "、": ",", "。": ".", "，": ",", "/": ",",
    "~": "…", "⋯": "…", "\n": ".", "\r": ".", "ㆍ": ",",
}  # fmt: skip
_UNITS = {
    "%": "퍼센트", "km/h": "킬로미터 퍼 아워", "km": "킬로미터", "cm": "센티미터", "mm": "밀리미터", "kg": "킬로그램",
    "mg": "밀리그램", "ml": "밀리리터", "℃": "도", "°C": "도", "°": "도", "m": "미터", "g": "그램",
    "GB": "기가바이트", "MB": "메가바이트",
}  # fmt: skip
_CURRENCIES = {"₩": "원", "$": "달러", "€": "유로", "£": "파운드", "¥": "엔"}
_UNIT_NAMES = "|".join(map(re.escape, sorted(_UNITS, key=len, reverse=True)))
_NUMBER = r"\d{1,16}(?:\.\d{1,16})?"
_MONTHS = {"6": "유월", "10": "시월"}


def _counted(match: Match) -> str:
    number, space, counter = match[1], match[2], match[3]
    native_one = counter != "개월" and len(number.lstrip("0")) <= 2 and number.strip("0")
    return f"{native(number) if native_one else sino(number)}{space}{counter}"


def _telephone(match: Match) -> str:
    return ", ".join(digits(part, zero="공") for part in match[0].split("-"))


def _time(match: Match) -> str:
    hour = int(match[1])
    said = f"{native(str(hour)) if 0 < hour <= 12 else sino(str(hour))} 시"
    return f"{said} {sino(match[2])} 분" if int(match[2]) else said


_WORDS = (
    (re.compile(r"\d{17,}"), lambda match: digits(match[0])),
    (re.compile(r"(?<![\d,])\d{1,3}(?:,\d{3}){1,4}(?![\d,]*\d)"), lambda match: match[0].replace(",", "")),
    (re.compile(r"(?<!\d)0\d{1,2}-\d{3,4}-\d{4}(?!\d)"), _telephone),
    (re.compile(r"(?<!\d)(\d{4})([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])(?!\d)"), lambda match: (
        f"{match[1]}년 {int(match[3])}월 {int(match[4])}일"
    )),
    (re.compile(r"(?<!\d)0?(6|10)월"), lambda match: _MONTHS[match[1]]),
    (re.compile(r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])"), _time),
    (re.compile(rf"([₩$€£¥])\s?({_NUMBER})([만억조]?)"), lambda match: f"{match[2]}{match[3]} {_CURRENCIES[match[1]]}"),
    (re.compile(rf"(?<![\d)\w])-(?={_NUMBER})"), lambda _: "마이너스 "),
    (re.compile(rf"({_NUMBER})\s?({_UNIT_NAMES})(?![A-Za-z])"), lambda match: f"{match[1]} {_UNITS[match[2]]}"),
    (re.compile(r"(?<=\d)\s?[~-]\s?(?=\d)"), lambda _: "에서 "),
    (re.compile(r"(?<!\d)(\d{1,4})\s?/\s?(\d{1,4})(?![\d/])"), lambda match: f"{sino(match[2])}분의 {sino(match[1])}"),
    (re.compile(rf"(?<![\d.])(\d{{1,16}})(\s?)({COUNTERS})(?![인년도문급러]|간격)"), _counted),
    (re.compile(_NUMBER), lambda match: decimal(match[0])),
)  # fmt: skip
_REFERENCE_COUNTERS = (
    "군데|권|개|그루|닢|대|두|마리|모금|모|뭇|발짝|발|방|번|벌|보루|살|수|술|시|쌈|움큼|정|짝|채|척|첩|축|켤레|톨|통"
)
_REFERENCE_WORDS = (
    (re.compile("6월"), lambda _: "유월"),
    (re.compile("10월"), lambda _: "시월"),
    (re.compile("%"), lambda _: "퍼센트"),
    (re.compile(rf"(\d[\d,]{{0,20}})(?={_REFERENCE_COUNTERS})"), lambda match: native(match[1].replace(",", ""))),
    (
        re.compile(r"(\d[\d,]{0,20})(?=년|월|일|분|초|원|명|잔|학년|퍼센트)"),
        lambda match: sino(match[1].replace(",", "")),
    ),
    (re.compile(r"\d"), lambda match: digits(match[0])),
)


class Korean:
    """The front end of Korean."""

    language: Language = "ko"
    version = "1"
    sources: Mapping[str, str] = {}

    def __init__(self, table: SymbolTable, *, reference: bool = False) -> None:
        self._table, self._reference = table, reference

    def normalise(self, text: str) -> str:
        """Hangul, single spaces and the six marks; the reference leaves the text as it is."""
        if self._reference:
            return text
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).replace("...", "…"))
        for pattern, say in _WORDS:
            text = pattern.sub(say, text)
        text = "".join(_LETTERS.get(letter.lower(), _OUR_MARKS.get(letter, letter)) for letter in text)
        kept = "".join(
            letter if is_block(letter) or letter in PUNCTUATION else " " if letter.isspace() else "" for letter in text
        )
        kept = re.sub(r"\s*([!?…,.\-])[!?…,.\-\s]*", r"\1 ", re.sub(r"\s+", " ", kept))
        return kept.strip()

    def phones(self, text: str) -> Phones:
        """Jamo of every block as pronounced, and the marks."""
        normal = self.normalise(text)
        written = normal
        if self._reference:
            written = "".join(
                _LETTERS.get(letter.lower(), letter) if letter.isascii() else letter for letter in written
            )
            for pattern, say in _REFERENCE_WORDS:
                written = pattern.sub(say, written)
        phones: list[str] = []
        for letter in pronounced(written, reference=self._reference):
            phones += _jamo(letter)
        if phones and "\u3131" <= phones[-1] <= "\u3163":
            phones.append(".")
        return Phones.of("ko", self._table, normal, phones)


def _kept(letter: str) -> str:
    if is_block(letter) or letter in PUNCTUATION:
        return letter
    return " " if letter.isspace() else ""


def _jamo(letter: str) -> list[str]:
    if is_block(letter):
        block = taken_apart(letter)
        return [*block.onset, *_DIVIDED.get(block.vowel, block.vowel), *block.coda]
    mark = _REFERENCE_MARKS.get(letter, letter)
    return [mark if mark in PUNCTUATION or mark in KOREAN else "停"]
