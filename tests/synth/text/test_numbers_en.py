"""English number words."""

from __future__ import annotations

import pytest

from synth.text.numbers_en import cardinal, decimal, digits, ordinal, year


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (13, "thirteen"),
        (40, "forty"),
        (99, "ninety-nine"),
        (100, "one hundred"),
        (1010, "one thousand ten"),
        (1_234_567, "one million two hundred thirty-four thousand five hundred sixty-seven"),
        (-7, "minus seven"),
        (10**30, " ".join(["one"] + ["zero"] * 30)),
    ],
)
def test_cardinals(number: int, words: str) -> None:
    assert cardinal(number) == words


def test_cardinals_as_the_reference_says_them() -> None:
    assert (
        cardinal(1_234_567, between=", ") == "one million, two hundred thirty-four thousand, five hundred sixty-seven"
    )
    assert cardinal(101, joint="and ") == "one hundred and one"
    assert cardinal(5_000_018, between=", ") == "five million eighteen"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (1, "first"),
        (2, "second"),
        (12, "twelfth"),
        (20, "twentieth"),
        (22, "twenty-second"),
        (100, "one hundredth"),
        (45, "forty-fifth"),
    ],
)
def test_ordinals(number: int, words: str) -> None:
    assert ordinal(number) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(1984, "nineteen eighty-four"), (1905, "nineteen oh five"), (1900, "nineteen hundred"), (2000, "two thousand"),
     (2005, "two thousand five"), (2024, "twenty twenty-four"), (800, "eight hundred"), (3001, "three thousand one")],
)  # fmt: skip
def test_years(number: int, words: str) -> None:
    assert year(number) == words


def test_digits_and_decimals() -> None:
    assert digits("2050") == "two zero five zero"
    assert digits("2050", "oh") == "two oh five oh"
    assert decimal("3", "14") == "three point one four"
    assert decimal("", "5") == "zero point five"
