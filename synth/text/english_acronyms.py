"""One written token as it is spoken: acronyms, letters with digits, inner capitals, the letter A and the article."""

from __future__ import annotations

import re
from collections.abc import Callable

from synth.text.numbers_en import cardinal, digits, year
from synth.text.symbols import listed

SPELLED = frozenset(
    listed(
        "ae ai ar vr ml us uk eu un it id os ios pc tv cd dvd am pm ac dc ad bc dj mc ip hr pr pi ceo cfo cto "
        "coo faq usb led lcd gps gpu cpu api url sql ssd hdd html http https css xml pdf csv rgb sms dna rna "
        "mri ct er icu hiv gdp imf fbi cia nsa irs epa fda cdc nyc la dc usa ussr bbc cnn nbc abc cbs espn "
        "hbo nba nfl nhl mlb mit ucla phd mba bsc msc atm suv vip diy asap rsvp eta aka fyi omg lol btw imo "
        "tts asr nlp llm gpt sat"
    )
)
"""Written in capitals, these are spelled even where the dictionary has such a word."""
SPOKEN = frozenset(listed("cuda yolo bert vits scuba laser radar nasa nato opec unesco unicef"))
_SAID_IN_CAPITALS = frozenset(
    listed(
        "a an and are as at be but by can did do does for from get go had has have he her him his how i if in "
        "is its just let me my new no not now of off oh ok old on one or our out own say see she so than "
        "that the then they this to too try two up use was we who why will with yes yet you your all any ask "
        "bad big boy day end far few fun god got hey hot job lot mad man men may men not odd pay put ran red "
        "run sad saw set sir six ten top war way win won"
    )
)
"""Short words that people write in capitals to stress them."""
LETTER_A = "ᴀ"
"""Stands for the letter A until the text is closed, so that nobody takes it for the article."""
_LETTER_BEFORE = re.compile(
    r"(?:\b(?:vitamin|grade|plan|type|group|class|section|part|team|hepatitis|letter|point|option|side|block|exhibit|"
    r"an?|the|capital|category|series|appendix|answer|column)|-)$",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SOUNDS = re.compile(r"[^aeiouy]{0,2}(?:[aeiouy]{1,2}[^aeiouy]{1,2})+[aeiouy]{0,2}")


def spoken_token(token: re.Match[str], known: Callable[[str], bool], shouted: bool) -> str:
    """What is said for a run of letters and digits; letters to be spelled stand alone in capitals."""
    text = token.group()
    if text == "A":
        return LETTER_A if _is_letter(token) else "a"
    if text.isalpha() and not shouted and text != text.lower():
        return _capitals(text, known)
    if not any(sign.isdigit() for sign in text):
        word, _, ending = text.partition("'")
        if not shouted and word.isalpha() and word != word.lower() and len(word) > 1 and ending.lower() == "s":
            return f"{_capitals(word, known)}'s"
        return text.replace("&", " and ")
    if text.isdigit():
        return _figures(text)
    return " ".join(_part(part, known) for part in _PARTS.findall(text))


def spelled(letters: str) -> str:
    """ "usa" -> "U S A", its A as `LETTER_A`."""
    return " ".join(letters.upper()).replace("A", LETTER_A)


def _capitals(text: str, known: Callable[[str], bool]) -> str:
    low = text.lower()
    if text.isupper():
        return _acronym(text, known)
    if known(low):
        return text
    if len(text) > 2 and text[:-1].isupper() and text.endswith("s"):
        return _acronym(text[:-1], known) + "'s"
    parts = _PARTS.findall(text)
    if len(parts) < 2:
        return text
    return " ".join(_acronym(part, known) if part.isupper() else part for part in parts)


def _acronym(text: str, known: Callable[[str], bool]) -> str:
    low = text.lower()
    if len(text) == 1:
        return spelled(text)
    if low in SPELLED:
        return spelled(low)
    if low in SPOKEN or low in _SAID_IN_CAPITALS:
        return low
    if known(low) and (len(text) > 3 or any(letter in "aeiouy" for letter in low[1:])):
        return low
    if len(text) > 3 and _SOUNDS.fullmatch(low):
        return low
    return spelled(low)


def _part(part: str, known: Callable[[str], bool]) -> str:
    if part.isdigit():
        return _figures(part, beside_letters=True)
    if part.isupper():
        return _acronym(part, known) if len(part) > 3 else spelled(part)
    if len(part) < 3 and not part[:1].isupper():
        return spelled(part)
    return part if known(part.lower()) or len(part) > 3 else spelled(part)


def _figures(text: str, *, beside_letters: bool = False) -> str:
    if (text.startswith("0") and len(text) > 1) or len(text) > 30:
        return digits(text)
    number = int(text)
    if not beside_letters or len(text) <= 2 or number % 100 == 0:
        return cardinal(number)
    if len(text) == 3:
        return f"{cardinal(number // 100)} {'oh ' if number % 100 < 10 else ''}{cardinal(number % 100)}"
    return year(number) if len(text) == 4 and number % 100 and 1000 < number < 3000 else digits(text)


def _is_letter(token: re.Match[str]) -> bool:
    """ "A" that is a letter: it stands within a sentence, or no word follows, or one that follows letters only."""
    before = token.string[max(0, token.start() - 40) : token.start()].rstrip()
    after = token.string[token.end() : token.end() + 20]
    if _LETTER_BEFORE.search(before) or not re.match(r" ['\"]?[A-Za-z]", after):
        return True
    if re.match(r" (?:and|or|is|to|plus|minus|equals|stands) (?:[B-Z]\b|for\b)| [B-Z]\b(?!')", after):
        return True
    return bool(re.search(r"[a-z0-9,]$", before)) and bool(re.match(r" [a-z]", after))
