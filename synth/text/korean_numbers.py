"""Numbers in Korean: the Sino-Korean ones, the native ones before counters, digits one by one."""

from __future__ import annotations

DIGITS = "영일이삼사오육칠팔구"
_PLACES = ("", "십", "백", "천")
_GROUPS = ("", "만", "억", "조")
_UNITS = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
COUNTERS = (
    "개월|개|명|사람|마리|권|대|살|시간|시|잔|병|채|켤레|그루|송이|벌|번째|번|달|군데|가지|곳|쌍|줄|모금|척|자루|다발|바퀴|걸음|끼|방울|"
    "두|모|뭇|발짝|발|방|보루|수|술|쌈|움큼|정|짝|첩|축|톨|통|닢|장|그릇|조각|알|배"
)
"""Counters after native numbers; 개월 is the exception among them and takes Sino-Korean ones."""


def digits(number: str, *, zero: str = "영") -> str:
    """Digit by digit."""
    return "".join(zero if digit == "0" else DIGITS[int(digit)] for digit in number)


def sino(number: str) -> str:
    """A Sino-Korean number: 12345 -> 만이천삼백사십오."""
    number = number.lstrip("0")
    if not number:
        return "영"
    if len(number) > 16:
        return digits(number)
    spoken = ""
    groups = (len(number) - 1) // 4
    padded = number.zfill((groups + 1) * 4)
    for index in range(groups + 1):
        four, unit = padded[index * 4 : index * 4 + 4], _GROUPS[groups - index]
        said = "".join(
            ("" if digit == "1" and place else DIGITS[int(digit)]) + _PLACES[place]
            for digit, place in zip(four, (3, 2, 1, 0), strict=True)
            if digit != "0"
        )
        if said:
            spoken += unit if said == "일" and unit == "만" and not spoken else said + unit
    return spoken


def native(number: str) -> str:
    """A native number before a counter: 3 -> 세, 20 -> 스무; Sino-Korean from one hundred."""
    number = number.lstrip("0")
    if not number or len(number) > 2:
        return sino(number)
    if number == "20":
        return "스무"
    two = number.zfill(2)
    return _TENS[int(two[0])] + _UNITS[int(two[1])]


def decimal(written: str) -> str:
    """A whole or decimal number: 3.14 -> 삼 점 일사."""
    whole, point, fraction = written.partition(".")
    return f"{sino(whole)}{f'점 {digits(fraction)}' if point else ''}"
