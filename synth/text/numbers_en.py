"""English number words: cardinals, ordinals, years, digits one by one."""

from __future__ import annotations

from synth.text.symbols import listed

_ONES = listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = ("", "", *listed("twenty thirty forty fifty sixty seventy eighty ninety"))
_SCALES = ("", *listed("thousand million billion trillion quadrillion quintillion sextillion septillion octillion"))
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
LARGEST = 10 ** (3 * len(_SCALES))
"""From here on a number is read digit by digit."""


def cardinal(number: int, *, joint: str = "", between: str = " ") -> str:
    """123 -> "one hundred twenty-three"; `joint` is said behind hundreds ("and "), `between` stands between the groups.

    Numbers from `LARGEST` on are read digit by digit.
    """
    if number < 0:
        return "minus " + cardinal(-number, joint=joint, between=between)
    if number >= LARGEST:
        return digits(str(number))
    if number == 0:
        return _ONES[0]
    groups: list[str] = []
    rest, scale = number, 0
    while rest:
        rest, group = divmod(rest, 1000)
        if group:
            groups.append(f"{_below_thousand(group, joint)} {_SCALES[scale]}".strip())
        scale += 1
    words = groups[::-1]
    if len(words) > 1 and 0 < number % 1000 < 100:
        return between.join(words[:-1]) + f" {joint}{words[-1]}"
    return between.join(words)


def ordinal(number: int, *, joint: str = "", between: str = " ") -> str:
    """22 -> "twenty-second"."""
    words = cardinal(number, joint=joint, between=between)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    head, last = words[:cut], words[cut:]
    if last in _ORDINALS:
        return head + _ORDINALS[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """1984 -> "nineteen eighty-four", 1905 -> "nineteen oh five", 2005 -> "two thousand five"."""
    century, rest = divmod(number, 100)
    if not 1000 < number < 3000 or (century == 20 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def digits(text: str, zero: str = "zero") -> str:
    """Each digit of a text by itself."""
    return " ".join(zero if sign == "0" else _ONES[int(sign)] for sign in text if sign.isascii() and sign.isdigit())


def decimal(whole: str, fraction: str) -> str:
    """("3", "14") -> "three point one four"."""
    return f"{cardinal(int(whole or '0'))} point {digits(fraction)}"


def plural(words: str) -> str:
    """Plural of a number word: "sixties", "thousands", "sixes"."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith(("x", "ss", "ch", "sh")) else "s")


def _below_thousand(number: int, joint: str) -> str:
    hundreds, rest = divmod(number, 100)
    head = f"{_ONES[hundreds]} hundred" if hundreds else ""
    return f"{head} {joint if rest else ''}{_below_hundred(rest)}".strip() if head else _below_hundred(rest)


def _below_hundred(number: int) -> str:
    if number < 20:
        return _ONES[number] if number else ""
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")
