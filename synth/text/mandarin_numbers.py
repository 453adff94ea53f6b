"""Numbers in Chinese characters: cardinals, digit strings, decimals, years."""

from __future__ import annotations

DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_LONGEST = 16
"""Digits that a cardinal can have (below 一亿亿); a longer string is read digit by digit."""


def digits(number: str, *, telephone: bool = False) -> str:
    """Digit by digit; on the telephone, one is 幺."""
    spoken = "".join(DIGITS[int(digit)] for digit in number)
    return spoken.replace("一", "幺") if telephone else spoken


def cardinal(number: str, *, liang: bool = False) -> str:
    """A whole number as a quantity: 10005 -> 一万零五, 12 -> 十二. With `liang`, 2000 is 两千, as people say it."""
    number = number.lstrip("0") or "0"
    if len(number) > _LONGEST:
        return digits(number)
    if number == "0":
        return DIGITS[0]
    spoken, owed_zero, group_spoken = "", False, False
    for index, digit in enumerate(number):
        power = len(number) - 1 - index
        if digit == "0":
            owed_zero = True
        else:
            spoken += ("零" if owed_zero and spoken else "") + DIGITS[int(digit)] + _PLACES[power % 4]
            owed_zero, group_spoken = False, True
        if power and power % 4 == 0:
            if power == 8:
                spoken += "亿"
            elif group_spoken:
                spoken += "万"
            owed_zero = owed_zero and not group_spoken
            group_spoken = False
    spoken = spoken[1:] if spoken.startswith("一十") else spoken
    return f"两{spoken[1:]}" if liang and spoken[:2] in {"二千", "二万", "二亿"} else spoken


def number(written: str, *, liang: bool = False) -> str:
    """A whole or decimal number: 3.14 -> 三点一四, .5 -> 零点五; a string of closing zeros shrinks to one."""
    whole, point, fraction = written.partition(".")
    spoken = cardinal(whole, liang=liang and not point)
    fraction = fraction.rstrip("0") + ("0" if fraction.endswith("0") else "")
    return f"{spoken}点{digits(fraction)}" if fraction else spoken
