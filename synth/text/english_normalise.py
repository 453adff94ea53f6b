"""English text as it is spoken: numbers, dates, times, money, units, abbreviations, acronyms, signs.

The answer holds words, capital letters that stand alone (to be spelled: "U S A") and the six marks that the models
know.
Rules run in the order of `_RULES`; each is a pattern and what to say instead. Input is chopped at `_LONGEST_RUN`
characters without a space, so that no pattern costs more than linear time.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from synth.text import english_tables as tables
from synth.text.english_acronyms import LETTER_A, spelled, spoken_token
from synth.text.numbers_en import cardinal, decimal, digits, ordinal, plural, year
from synth.text.punctuation import WIDE, strongest_of_runs

_LONGEST_RUN = 200
_LONGEST_NUMBER = 30

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]


def normalise(text: str, known: Callable[[str], bool]) -> str:
    """Text as it is spoken; `known` tells whether the dictionary has a lower-case word."""
    text = _plain(text)
    for pattern, said in _RULES:
        text = pattern.sub(said, text)
    text = _HYPHENED.sub(lambda match: _joined(match, known), text)
    shouted = _is_shouted(text, known)
    words = _TOKEN.sub(lambda token: spoken_token(token, known, shouted), text)
    return _closed(words)


def _plain(text: str) -> str:
    """Compatibility forms, marks and quotes unified, accents off, everything unreadable dropped."""
    text = re.sub(r"(?<=\d)(?=[¼½¾⅐-⅞])", " ", text.translate(WIDE).translate(tables.SIGNS))
    text = "".join(sign if sign in "²³" else unicodedata.normalize("NFKC", sign) for sign in text)
    text = text.translate(tables.SIGNS)
    text = unicodedata.normalize("NFD", text)
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Mn", "Cf", "Cs", "Co", "Cn", "Me"))
    text = re.sub(r"(?<![.!?,:;…\s])[^\S\n]*\n\s*", ". ", text)
    text = re.sub(r"\s+", " ", re.sub(r"[^\n\x20-\x7e…£€¥₹¢°§×÷±²³Ω\u2044√≈≤≥≠∞]", " ", text))
    text = re.sub(r"\.{2,}|…+", "…", text)
    return re.sub(rf"\S{{{_LONGEST_RUN}}}", r"\g<0> ", text).strip()


def _closed(text: str) -> str:
    """Only letters, apostrophes within words, and single marks are left."""
    text = text.replace(";", ",").replace(":", ",")
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = re.sub(rf"[^A-Za-z' ,.?!…{LETTER_A}-]", " ", text).replace(LETTER_A, "A")
    text = re.sub(r"(?<![A-Za-z])'(?!(?:em|til|tis|twas|cause|bout|n)\b)|'(?![A-Za-z])", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"-+", ",", re.sub(r"^[\s-]+|[\s-]+$", "", text))
    return re.sub(r"\s+", " ", strongest_of_runs(text)).strip()


def _is_shouted(text: str, known: Callable[[str], bool]) -> bool:
    """Written in capitals throughout, as transcripts are: then capitals say nothing about acronyms."""
    words = re.findall(r"[A-Za-z]{2,}", text)
    capitals = [word for word in words if word.isupper()]
    return (
        len(capitals) >= 2
        and len(capitals) > 0.7 * len(words)
        and sum(len(word) > 3 for word in capitals) >= 1
        and (sum(known(word.lower()) for word in capitals) > len(capitals) / 2)
    )


_TOKEN = re.compile(r"[A-Za-z0-9]+(?:['&][A-Za-z]+)*")


_HYPHENED = re.compile(r"\b([A-Za-z]+)-([A-Za-z]+)\b")


def _joined(match: re.Match[str], known: Callable[[str], bool]) -> str:
    """Two halves that are words only together: "Wi-Fi"."""
    first, second = match.group(1).lower(), match.group(2).lower()
    return first + second if known(first + second) and not (known(first) and known(second)) else match.group()


def _number(text: str) -> str:
    """A written number: "1,234.5", "007", "1984" (which is not taken for a year here)."""
    text = text.replace(",", "")
    whole, point, fraction = text.partition(".")
    if len(whole) > _LONGEST_NUMBER or (len(whole) > 1 and whole.startswith("0")):
        return digits(whole) + (f" point {digits(fraction)}" if point and fraction else "")
    return decimal(whole, fraction) if point and fraction else cardinal(int(whole or "0"))


def _one(text: str) -> bool:
    return text.replace(",", "") == "1"


# -- addresses ---------------------------------------------------------------------------------------------------------


def _address(match: re.Match[str]) -> str:
    text = re.sub(r"^[a-z]+://", "", match.group(), flags=re.IGNORECASE)
    tail = re.search(r"[.,!?]*$", text)
    end = tail.group() if tail else ""
    text = text[: len(text) - len(end)].rstrip("/")
    text = re.sub(r"\bwww\b", "W W W", text, flags=re.IGNORECASE)
    for sign, word in tables.ADDRESS_SIGNS.items():
        text = text.replace(sign, f" {word} ")
    return text + end


# -- abbreviations -----------------------------------------------------------------------------------------------------


def _title(match: re.Match[str]) -> str:
    return tables.TITLES[match.group(1).lower()] + " "


def _saint_or_street(match: re.Match[str]) -> str:
    """ "St. Paul" and "Dr. Who", but "Main St." and "Park Dr."; a full stop is left at the end of a sentence."""
    before, word, after = match.group("before"), match.group("word"), match.group("after") or ""
    if before and not after[:1].isupper():
        return f"{before} {'Street' if word == 'St' else 'Drive'}{'' if after else '.'}"
    return f"{before + ' ' if before else ''}{'Saint' if word == 'St' else 'Doctor'}"


def _dotted(match: re.Match[str]) -> str:
    letters = match.group("letters")
    said = tables.DOTTED.get(letters.lower())
    if said is None:
        said = spelled(letters.replace(".", ""))
    return said + ("." if _ends_sentence(match) else "")


def _ends_sentence(match: re.Match[str]) -> bool:
    """The dot of an abbreviation also closes the sentence: nothing follows, or a word in a capital that starts one."""
    rest = match.string[match.end() :]
    return not rest.strip() or bool(
        re.match(r"\s+(?:The|A|An|It|He|She|We|They|This|That|But|And|In|I|You|If|So)\b", rest)
    )


def _abbreviation(match: re.Match[str]) -> str:
    said = tables.ABBREVIATIONS[match.group(1).lower()]
    return said + ("." if _ends_sentence(match) else "")


def _number_sign(match: re.Match[str]) -> str:
    return f"number {match.group(1)}"


# -- dates and times ---------------------------------------------------------------------------------------------------


def _day(number: str) -> str:
    return ordinal(int(number))


def _iso_date(match: re.Match[str]) -> str:
    written, month, day = match.group(1), int(match.group(2)), match.group(3)
    return f"{tables.MONTHS[month - 1]} {_day(day)}, {year(int(written))}"


def _slash_date(match: re.Match[str]) -> str:
    first, second, written = int(match.group(1)), int(match.group(2)), match.group(3)
    month, day = (second, first) if first > 12 else (first, second)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return match.group()
    number = int(written)
    if len(written) == 2:
        number += 1900 if number >= 50 else 2000
    return f"{tables.MONTHS[month - 1]} {ordinal(day)}, {year(number)}"


def _month(name: str) -> str:
    return next(month for month in tables.MONTHS if month.lower().startswith(name.lower()[:3]))


def _month_day(match: re.Match[str]) -> str:
    said = f"{_month(match.group(1))} {_day(match.group(2))}"
    return said + (f", {year(int(match.group(3)))}" if match.group(3) else "")


def _day_month(match: re.Match[str]) -> str:
    article = "" if match.group(1) else "the "
    said = f"{article}{_day(match.group(2))} of {_month(match.group(3))}"
    return (match.group(1) or "") + said + (f", {year(int(match.group(4)))}" if match.group(4) else "")


def _month_year(match: re.Match[str]) -> str:
    return f"{_month(match.group(1))} {year(int(match.group(2)))}"


def _decade(match: re.Match[str]) -> str:
    century, tens = match.group(1) or "", int(match.group(2))
    decade = plural(cardinal(tens)) if tens else "hundreds"
    if century == "20" and not tens:
        return "two thousands"
    return f"{cardinal(int(century))} {decade}" if century else decade


def _time(match: re.Match[str]) -> str:
    hour, minute, second, half = int(match.group(1)), match.group(2), match.group(3), match.group(4)
    said = cardinal(hour) if hour else ("zero" if not half else "twelve")
    if int(minute):
        said += f" {'oh ' if minute[0] == '0' else ''}{cardinal(int(minute))}"
    elif not half and not second:
        said += " o'clock" if 1 <= hour <= 12 else " hundred"
    if second:
        said += f" and {cardinal(int(second))} second{'' if int(second) == 1 else 's'}"
    return said + (f" {spelled(half[0])} M" if half else "") + _after_half(match)


def _hour(match: re.Match[str]) -> str:
    return f"{cardinal(int(match.group(1)))} {spelled(match.group(2)[0])} M" + _after_half(match)


def _after_half(match: re.Match[str]) -> str:
    return "." if match.group().endswith(".") and _ends_sentence(match) else ""


# -- money, measures, numbers ------------------------------------------------------------------------------------------


def _money(match: re.Match[str]) -> str:
    code = match.group("sign") or match.group("after") or ""
    amount, scale = match.group("amount").replace(",", ""), match.group("scale") or ""
    major, majors, minor, minors = tables.CURRENCIES[code.upper()]
    minus = "minus " if match.group("minus") else ""
    if scale:
        said = f"{_number(amount)} {tables.MONEY_SCALES[scale.strip().lower()]} {majors}"
        return minus + said
    whole, _, cents = amount.partition(".")
    if not cents or len(cents) > 2 or not minor:
        return f"{minus}{_number(amount)} {major if amount == '1' else majors}"
    units, parts = int(whole or "0"), int(cents.ljust(2, "0"))
    sums = [f"{_number(whole)} {major if units == 1 else majors}"] if units or not parts else []
    sums += [f"{cardinal(parts)} {minor if parts == 1 else minors}"] if parts else []
    return minus + " and ".join(sums)


def _cents(match: re.Match[str]) -> str:
    return f"{_number(match.group(1))} cent{'' if _one(match.group(1)) else 's'}"


def _measure(match: re.Match[str]) -> str:
    amount, unit = match.group("amount"), match.group("unit")
    single, several = tables.UNITS[unit]
    minus = "minus " if match.group("minus") else ""
    until = f"{_number(match.group('from'))} to " if match.group("from") else ""
    before, after = match.string[: match.start()], match.string[match.end() :]
    attributive = match.group("hyphen") or re.search(r"\ban?\s$", before)
    as_single = not until and (_one(amount) or (attributive and re.match(r"[ -][a-z]", after)))
    return f"{minus}{until}{_number(amount)} {single if as_single else several}"


def _feet(match: re.Match[str]) -> str:
    inches = f" {cardinal(int(match.group(2)))}" if match.group(2) else ""
    return f"{cardinal(int(match.group(1)))} foot{inches}" if inches else f"{cardinal(int(match.group(1)))} feet"


def _telephone(match: re.Match[str]) -> str:
    groups = re.findall(r"\d+", match.group())
    return ("plus " if match.group().startswith("+") else "") + ", ".join(digits(group, "oh") for group in groups)


def _scaled(match: re.Match[str]) -> str:
    return f"{_number(match.group(1))} {tables.MONEY_SCALES[match.group(2).lower()]}"


def _version(match: re.Match[str]) -> str:
    return " point ".join(_number(part) for part in match.group().split("."))


def _ordinal(match: re.Match[str]) -> str:
    number = match.group(1).replace(",", "")
    return ordinal(int(number)) if len(number) <= _LONGEST_NUMBER else digits(number)


def _fraction(match: re.Match[str]) -> str:
    whole, over, under = match.group(1), int(match.group(2)), int(match.group(3))
    head = f"{_number(whole)} and " if whole else ""
    if not whole and (over, under) in ((24, 7), (9, 11)):
        return f"{cardinal(over)} {cardinal(under)}"
    if under == 0 or under > 100 or over > 100 or (whole and over >= under):
        return f"{f'{_number(whole)} ' if whole else ''}{cardinal(over)} over {cardinal(under)}"
    part = {2: "half", 4: "quarter"}.get(under) or ordinal(under)
    if over != 1:
        part = "halves" if under == 2 else plural(part)
    return f"{head}{'a' if whole and over == 1 else cardinal(over)} {part}"


def _years(match: re.Match[str]) -> str:
    first, second = match.group(1), match.group(2)
    last = year(int(second)) if len(second) == 4 else cardinal(int(second))
    return f"{year(int(first))} to {last}"


def _range(match: re.Match[str]) -> str:
    return f"{_number(match.group(1))} to {_number(match.group(2))}"


def _difference(match: re.Match[str]) -> str:
    return f"{_number(match.group(1))} minus {_number(match.group(2))}"


def _dimensions(match: re.Match[str]) -> str:
    return f"{_number(match.group(1))} {'times' if match.group(2) == '×' else 'by'} "


def _score(match: re.Match[str]) -> str:
    return f"{_number(match.group(1))} to {_number(match.group(2))}"


def _year_or_number(match: re.Match[str]) -> str:
    number, after = int(match.group(1)), match.group(2) or ""
    counted = re.match(r"\s+([a-z]{3,})", after)
    word = counted.group(1) if counted else ""
    plain = word.endswith("s") and not word.endswith("ss") and word not in tables.NOT_COUNTED
    if plain or word in ("people", "men", "women", "children", "sheep", "feet", "percent", "miles", "more"):
        return cardinal(number) + after
    return year(number) + after


def _signed(match: re.Match[str]) -> str:
    return ("minus " if match.group(1) else "") + _number(match.group(2))


def _roman(match: re.Match[str]) -> str:
    number = tables.roman(match.group(2))
    return match.group() if number is None else f"{match.group(1)} {cardinal(number)}"


def _reign(match: re.Match[str]) -> str:
    number = tables.roman(match.group(2))
    return match.group() if number is None else f"{match.group(1)} the {ordinal(number)}"


def _sign(match: re.Match[str]) -> str:
    return f" {tables.SAID_SIGNS[match.group()]} "


_AMOUNT = r"(?>(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?)"
_MONTH_NAMES = (
    r"(Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_UNITS = "|".join(sorted(map(re.escape, tables.UNITS), key=len, reverse=True))
_SIGN_CODES = "|".join(sorted((re.escape(code) for code in tables.CURRENCIES), key=len, reverse=True))
_SCALES = r"(?P<scale>\s?(?:thousand|million|billion|trillion|bn|mn|tn|[kKmMbB])\b)?"

_RULES: tuple[Rule, ...] = (
    (re.compile(r"(?:https?://|www\.)[^\s<>\"]+", re.IGNORECASE), _address),
    (re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}"), _address),
    (
        re.compile(rf"(?<![\w.-])[a-z0-9-]{{1,64}}(?:\.[a-z0-9-]{{1,64}}){{0,3}}\.(?:{'|'.join(tables.DOMAINS)})\b(?:/[^\s]*)?"),
        _address,
    ),
    (re.compile(r"(?:(?P<before>[A-Z][a-z]+) )?\b(?P<word>St|Dr)\.(?= (?P<after>[A-Za-z]\w*))?"), _saint_or_street),
    (re.compile(rf"\b({'|'.join(tables.TITLES)})\.\s*(?=(?-i:[A-Z]))", re.IGNORECASE), _title),
    (
        re.compile(r"(?<![\d:.,])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?!\d)(?:\s?([ap])\.?m\b\.?)?", re.IGNORECASE),
        lambda match: _time(match) if int(match.group(1)) < 25 else match.group(),
    ),
    (re.compile(r"(?<![\d:.,])(1[0-2]|[1-9])\s?([ap])\.?m\b\.?", re.IGNORECASE), _hour),
    (re.compile(r"\bNos?\.\s*(?=\d)"), lambda match: "number "),
    (re.compile(r"(?<!\w)#\s?(\d+)"), _number_sign),
    (re.compile(r"(?<![\w.])(?P<letters>(?:Ph\.D|[A-Za-z](?:\.[A-Za-z]){1,5}))\.(?!\w)"), _dotted),
    (
        re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, tables.ABBREVIATIONS))})\.(?!\w)", re.IGNORECASE),
        _abbreviation,
    ),
    (re.compile(r"(?<![\d/-])([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(?![\d-])"), _iso_date),
    (re.compile(r"(?<![\d/.])(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})(?![\d/.]*\d)"), _slash_date),
    (re.compile(rf"\b{_MONTH_NAMES}\s(\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,?\s([12]\d{{3}})\b)?"), _month_day),
    (re.compile(rf"\b(the )?(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH_NAMES}(?:,?\s([12]\d{{3}})\b)?"), _day_month),
    (re.compile(rf"\b{_MONTH_NAMES},?\s([12]\d{{3}})\b"), _month_year),
    (re.compile(r"(?<![\w.,])'?(1[1-9]|20)?(\d0)'?s\b"), _decade),
    (
        re.compile(
            rf"(?P<minus>(?<![\w)])-)?(?P<sign>(?<![A-Za-z])(?:{_SIGN_CODES}))\s?(?P<amount>{_AMOUNT}){_SCALES}"
            r"(?P<after>(?!))?",
        ),
        _money,
    ),
    (
        re.compile(
            rf"(?P<minus>(?<![\w)])-)?(?P<sign>(?!))?(?<![\w.,])(?P<amount>{_AMOUNT}){_SCALES}\s?(?P<after>[$£€¥₹]|(?:USD|EUR|GBP|JPY|INR|CNY)\b)"
        ),
        _money,
    ),
    (re.compile(rf"(?<![\w.,])({_AMOUNT})\s?¢"), _cents),
    (re.compile(r"(?<![\w.])(\d{1,2})'\s?(?:(\d{1,2})(?:\"|''))"), _feet),
    (
        re.compile(
            rf"(?P<minus>(?<![\w)])-)?(?<![\w.,])(?:(?P<from>{_AMOUNT})\s?-\s?)?(?P<amount>{_AMOUNT})(?:(?P<hyphen>-)|\s?)"
            rf"(?P<unit>{_UNITS})(?![\w²³°])(?:\.(?=\s[a-z]))?"
        ),
        _measure,
    ),
    (re.compile(r"(?<![\w.])(?:\+\d{1,3}[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[\s.-])\d{3}[\s.-]\d{4}(?!\d)"), _telephone),
    (re.compile(r"(?<![\w.-])\d{3}-\d{4}(?![\w-])"), _telephone),
    (re.compile(r"(?<!\w)[vV]\.?\s?(?=\d)"), lambda match: "version "),
    (re.compile(rf"(?<![\w.,])({_AMOUNT})\s?(M|B|mn|bn|tn)\b(?!\.)"), _scaled),
    (re.compile(r"(?<=\d\.\d)(?=[A-Za-z])"), lambda match: " "),
    (re.compile(r"(?<![\w.,])(\d{1,3})k\b"), lambda match: f"{cardinal(int(match.group(1)))} thousand"),
    (re.compile(r"(?<![\d.,])\d{1,9}(?:\.\d{1,9}){2,5}(?!\d)"), _version),
    (re.compile(r"(?<![\w.])(\d[\d,]*)(?:st|nd|rd|th)\b", re.IGNORECASE), _ordinal),
    (re.compile(r"(?<![\w./])(?:(\d{1,9}) )?(\d{1,3})[/\u2044](\d{1,3})(?![\w/])"), _fraction),
    (re.compile(r"(?<![\w.,-])(1[1-9]\d\d|20\d\d)\s?-\s?(1[1-9]\d\d|20\d\d|\d\d)(?![\w-])"), _years),
    (re.compile(rf"(?<![\w.,-])({_AMOUNT})\s?-\s?({_AMOUNT})(?=\s?=)"), _difference),
    (re.compile(r"(?<![\w.,])(\d\d?)p\b"), lambda match: f"{cardinal(int(match.group(1)))} pence"),
    (re.compile(rf"(?<![\w.,-])({_AMOUNT})\s?-\s?({_AMOUNT})(?![\w-])"), _range),
    (re.compile(rf"(?<![\w.,])({_AMOUNT}) ?([xX×]) ?(?=\d)"), _dimensions),
    (re.compile(r"(?<![\w.,:])(\d{1,3}):(\d{1,3})(?![\w:])"), _score),
    (re.compile(rf"\b({'|'.join(tables.REGNAL)}) ([IVX]{{1,6}})\b"), _reign),
    (re.compile(rf"\b({'|'.join(tables.COUNTED_IN_ROMAN)}) ([IVXL]{{1,7}})\b(?!')"), _roman),
    (re.compile(r"(?<![\w.,$-])(1[1-9]\d\d|20[0-9]\d)(?![\d%]|[.,]\d|[A-Za-z])(\s+[a-z]{3,})?"), _year_or_number),
    (re.compile(rf"((?<![\w)])-)?(?<![\w.,])({_AMOUNT})(?!\w)"), _signed),
    (re.compile(r"(?<!\d)\.(\d+)"), lambda match: f" point {digits(match.group(1))}"),
    (re.compile("|".join(sorted(map(re.escape, tables.SAID_SIGNS), key=len, reverse=True))), _sign),
    (re.compile(r"(?<=[a-z])/or\b"), lambda match: " or"),
    (re.compile(r"(?<=[A-Za-z])/(?=[A-Za-z])"), lambda match: " slash "),
    (re.compile(r"[()\[\]{}<>|]|(?<=\w)\s*--+\s*(?=\w)|\s-+\s"), lambda match: ", "),
)  # fmt: skip
"""Order matters: what is longer and surer comes first."""
