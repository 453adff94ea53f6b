"""English exactly as the reference reads it, for the phones that official checkpoints were trained on.

What it does that the default mode does not: it deletes colons, semicolons, curly apostrophes, dashes, brackets and "…"
without a pause; splits words at inner capitals ("NASA" is spelled, "OpenAI" is "Open A I"); reads the article "A" at
the start of a sentence as the letter; puts commas between the groups of a large number ("one million, two hundred").
Source: english.py, expend.py and cleaner.py of GPT-SoVITS. Not carried over, since no package that we may ship has
them: its NLTK tagger (ours is the rules of `english_homographs`), its 20,000 names, and wordsegment's word counts.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from synth.text.english_g2p import guesser
from synth.text.english_homographs import role, table
from synth.text.english_lexicon import NOT_WORDS, OURS, compound, dictionary
from synth.text.numbers_en import cardinal, digits, ordinal, year
from synth.text.symbols import V2, listed

Pronunciation = tuple[str, ...]

_MEASURES = {
    "m": ("meter", "meters"), "km": ("kilometer", "kilometers"), "km/h": ("kilometer per hour", "kilometers per hour"),
    "ft": ("feet", "feet"), "L": ("liter", "liters"), "tbsp": ("tablespoon", "tablespoons"),
    "tsp": ("teaspoon", "teaspoons"), "h": ("hour", "hours"), "min": ("minute", "minutes"), "s": ("second", "seconds"),
    "°C": ("degree celsius", "degrees celsius"), "°F": ("degree fahrenheit", "degrees fahrenheit"),
}  # fmt: skip
_POWERS = "[⁰¹²³⁴⁵⁶⁷⁸⁹ˣʸⁿ]*"
_TERM = rf"(?:-?\d+(?:\.\d+)?{_POWERS}|\.\d+{_POWERS}|[A-Za-z]{_POWERS})"
_SUM = re.compile(rf"({_TERM})\s+([+\-×÷=])\s+(-?\d+(?:\.\d+)?{_POWERS}|\.\d+{_POWERS}|[A-Za-z]{_POWERS})")
_OPERATORS = {"+": " plus ", "-": " minus ", "×": " times ", "÷": " divided by ", "=": " Equals "}
_HOT = ("chatgpt", "json", "conda")
_TOKENS = re.compile(
    r"(?P<address>[A-Za-z]+(?:[.-][A-Za-z]+)*\.(?:com|net|org|edu|gov|io|co|uk|de|fr|info)\b)"
    r"|[A-Za-z][A-Za-z'-]+[A-Za-z]|[A-Za-z]+|\.(?:\s*\.)+|\S"
)


def normalise(text: str) -> str:
    """The reference's `text_normalize`; runs of 200 characters without a space are broken, numbers stay bounded."""
    text = re.sub(r"\S{200}|\d{40}", r"\g<0> ", re.sub(r"(\s{8})\s+", r"\1", text))
    text = text.replace("。", ".").replace("！", "!").replace("？", "?")
    text = re.sub(r"\b([0-9]+)\. ", lambda match: _ordinal(match.group(1)) + ", ", text)
    while _SUM.search(text):
        text = _SUM.sub(lambda match: match.group(1) + _OPERATORS[match.group(2)] + match.group(3), text)
    text = re.sub(r"(?:^|\s+)(-)(\d+)", r"negative \2", text)
    text = re.sub(r"([0-9][0-9\,]+[0-9])", lambda match: match.group(1).replace(",", ""), text)
    text = re.sub(r"\b([01]?[0-9]|2[0-3]):([0-5][0-9])\b", _time, text)
    text = re.sub(r"\b([0-9]+(\.[0-9]+)?(m|km|km/h|ft|L|tbsp|tsp|h|min|s|°C|°F))\b", _measure, text)
    for sign, major, minor, minors in (("£", "pound", "penny", "pence"), (r"\$", "dollar", "cent", "cents")):
        before = r"\(?" if major == "dollar" else ""
        for pattern in (rf"{sign}([0-9\.\,]*[0-9])", rf"({before}[0-9\.\,]*[0-9]){sign}"):
            text = re.sub(pattern, lambda match, said=(major, minor, minors): _money(match, *said), text)  # type: ignore[misc]
    text = re.sub(r"([0-9]+\.\s*[0-9]+)", _decimal, text)
    text = re.sub(r"([0-9]+/[0-9]+)", _fraction, text)
    text = re.sub(r"[0-9]+(st|nd|rd|th)", lambda match: _ordinal_words(match.group()[:-2]), text)
    text = re.sub(r"[0-9]+", lambda match: _number(match.group()), text)
    text = "".join(sign for sign in unicodedata.normalize("NFD", text) if unicodedata.category(sign) != "Mn")
    text = re.sub("%", " percent", text)
    text = re.sub(r"[^ A-Za-z'.,?!\-]", "", text)
    text = re.sub(r"(?i)i\.e\.", "that is", text)
    text = re.sub(r"(?i)e\.g\.", "for example", text)
    text = re.sub(r"(?<!^)(?<![\s])([A-Z])", r" \1", text)
    return re.sub(r"([!?…,.\-\s])[!?…,.\-]+", r"\1", text)


def words(spoken: str) -> list[tuple[str, Pronunciation]]:
    """Every token of normalised text with its phones; what the table lacks is dropped, "'" alone is "-"."""
    tokens = [match.group() for match in _TOKENS.finditer(spoken)]
    low = [token.lower() for token in tokens]
    found = []
    for place, token in enumerate(tokens):
        phones = tuple({"'": "-"}.get(phone, phone) for phone in _sound(token, low, place))
        phones = tuple(phone for phone in phones if phone in V2)
        if phones:
            found.append((token, phones))
    return found


def _sound(written: str, low: list[str], place: int) -> Pronunciation:
    low_word = low[place]
    if not re.search("[a-z]", low_word):
        return (low_word,)
    if len(low_word) == 1:
        return ("EY1",) if written == "A" else _dictionary()[low_word]
    if low_word in _homographs():
        first, second, wanted = _homographs()[low_word]
        said = role(low, place)
        tag = "VBD" if said == "past" else "VB" if said == "verb" else "VBN" if said == "participle" else "NN"
        if low_word.endswith("ed"):
            tag = "VBN"
        elif said == "adjective":
            tag = "JJ"
        return first if tag.startswith(wanted) or wanted.startswith(tag) else second
    return _look_up(low_word)


@lru_cache(maxsize=65536)
def _look_up(word: str) -> Pronunciation:
    """The reference's `qryword`."""
    if len(word) > 1 and word in _dictionary():
        return _dictionary()[word]
    if len(word) <= 3:
        letters = (("EY1",) if letter == "a" else _dictionary().get(letter, (letter,)) for letter in word)
        return tuple(phone for name in letters for phone in name)
    if re.fullmatch("[a-z]+'s", word):
        base = _look_up(word[:-2])
        if base[-1] in ("P", "T", "K", "F", "TH", "HH"):
            return (*base, "S")
        return (*base, "AH0", "Z") if base[-1] in ("S", "Z", "SH", "ZH", "CH", "JH") else (*base, "Z")
    parts = [part for part in re.split(r"[^a-z]+", word) if part]
    if len(parts) > 1:
        return tuple(phone for part in parts for phone in (_look_up(part) if len(part) > 1 else _dictionary()[part]))
    return compound(word) or guesser().phones(word[:64])


@cache
def _dictionary() -> dict[str, Pronunciation]:
    hot = {word: tuple(OURS[word].split(" ")) for word in _HOT}
    return {word: phones for word, phones in (dictionary() | hot).items() if word not in NOT_WORDS}


@cache
def _homographs() -> dict[str, tuple[Pronunciation, Pronunciation, str]]:
    found = {}
    for line in table("g2p_en_homographs.txt"):
        word, first, second, wanted = line.split("|")
        found[word] = (tuple(first.split()), tuple(second.split()), wanted)
    found["read"] = (("R", "IY1", "D"), ("R", "EH1", "D"), "VBP")
    found["complex"] = (tuple(listed("K AH0 M P L EH1 K S")), tuple(listed("K AA1 M P L EH0 K S")), "JJ")
    return found


def _words_of(number: str) -> str:
    return cardinal(int(number), joint="and ", between=", ") if len(number) <= 30 else digits(number)


def _ordinal_words(number: str) -> str:
    return ordinal(int(number), joint="and ", between=", ") if len(number) <= 30 else digits(number)


def _ordinal(number: str) -> str:
    last = {"1": "st", "2": "nd", "3": "rd"}.get(number[-1], "th")
    return number + ("th" if number[-2:] in ("11", "12", "13") else last)


def _number(text: str) -> str:
    if len(text) > 30:
        return digits(text)
    number = int(text)
    if 1000 < number < 3000:
        return year(number)
    return cardinal(number, between=", ")


def _time(match: re.Match[str]) -> str:
    hours, minutes = int(match.group(1)), int(match.group(2))
    half = "a.m." if hours < 12 else "p.m."
    hours -= 12 if hours > 12 else 0
    return f"{cardinal(hours)} {cardinal(minutes)} {half}" if minutes else f"{cardinal(hours)} o'clock {half}"


def _measure(match: re.Match[str]) -> str:
    sign = match.group(3)
    several = match.group(2) is not None or int(match.group(1).replace(sign, "")[:30]) != 1
    return match.group(1).replace(sign, " " + _MEASURES[sign][several])


def _money(match: re.Match[str], major: str, minor: str, minors: str) -> str:
    text = match.group(1)
    parts = text.replace("(", "").replace(",", "").split(".")
    if len(parts) > 2 or len(text) > 30:
        return f"{text} {major}s"
    units = int(parts[0] or "0")
    rest = int(parts[1].ljust(2, "0")) if len(parts) > 1 and parts[1] else 0
    said = [f"{units} {major}{'' if units == 1 else 's'}"] if units else []
    said += [f"{rest} {minor if rest == 1 else minors}"] if rest else []
    return " and ".join(said) or f"zero {major}s"


def _decimal(match: re.Match[str]) -> str:
    whole, fraction = match.group(1).split(".")
    return f"{whole} point {' '.join(fraction)}"


def _fraction(match: re.Match[str]) -> str:
    over, under = match.group(0).split("/")
    if under.strip("0") == "1" and not under.endswith("0"):
        return _words_of(over)
    part = "half" if int(under[:30]) == 2 else _ordinal_words(under)
    if int(over[:30]) != 1 and part == "half":
        part = "halves"
    elif int(over[:30]) > 1:
        part += "s"
    return f"{_words_of(over)} {part}"
