"""Canonical JSON against the examples of RFC 8785, and its invariants over arbitrary values."""

from __future__ import annotations

import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.canonical import MAX_INT, canonical, parse
from synth.errors import VoxproofError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-MAX_INT, MAX_INT)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4))


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785, appendix B
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
        (0x44B52D02C7E14AF6, "1e+23"),
        (0x44B52D02C7E14AF7, "1.0000000000000001e+23"),
        (0x444B1AE4D6E2EF4E, "999999999999999700000"),
        (0x444B1AE4D6E2EF4F, "999999999999999900000"),
        (0x444B1AE4D6E2EF50, "1e+21"),
        (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
        (0x3EB0C6F7A0B5ED8D, "0.000001"),
        (0x41B3DE4355555553, "333333333.3333332"),
        (0x41B3DE4355555557, "333333333.33333343"),
        (0xBECBF647612F3696, "-0.0000033333333333333333"),
        (0x43143FF3C1CB0959, "1424953923781206.2"),
    ],
)
def test_numbers_are_those_of_the_rfc(bits: int, text: str) -> None:
    (number,) = struct.unpack(">d", bits.to_bytes(8, "big"))
    assert canonical(number) == text


def test_members_are_sorted_by_utf16_code_units_and_texts_escaped_as_the_rfc_says() -> None:
    value = {
        "€": "Euro Sign",
        "\r": "CR",
        "\ufb33": "Hebrew",
        "1": "One",
        "😀": "Smiley",
        "\u0080": "Control",
        "ö": "o",
    }
    assert list(json.loads(canonical(value)).values()) == ["CR", "One", "Control", "o", "Euro Sign", "Smiley", "Hebrew"]
    assert canonical('€$\u000f\nA\'B"\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\"/"'
    assert canonical({"b": [1.0, 2.5], "a": None, "c": (True, False)}) == '{"a":null,"b":[1,2.5],"c":[true,false]}'


@given(VALUES)
def test_reading_back_gives_the_same_bytes(value: object) -> None:
    text = canonical(value)
    assert canonical(parse(text)) == text
    assert canonical(parse(json.dumps(value))) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_value(number: float) -> None:
    assert float(parse(canonical(number))) == number


@given(st.dictionaries(TEXTS, SCALARS, min_size=2, max_size=6), st.randoms())
def test_the_order_of_members_does_not_matter(value: dict[str, object], random: object) -> None:
    names = list(value)
    random.shuffle(names)  # type: ignore[attr-defined]
    assert canonical({name: value[name] for name in names}) == canonical(value)


@pytest.mark.parametrize("value", [math.nan, math.inf, MAX_INT + 1, "\ud800", {"\udfff": 1}, {1: 2}, b"x", {1, 2}])
def test_values_without_a_canonical_form_are_refused(value: object) -> None:
    with pytest.raises(VoxproofError):
        canonical(value)


def test_endless_nesting_is_refused() -> None:
    with pytest.raises(VoxproofError, match="nested deeper than 64"):
        canonical(_nested(66))
    with pytest.raises(VoxproofError, match="not valid JSON"):
        parse("[" * 200_000)


def _nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', "NaN", "[1,]", b"\xff", "", "1" * 5000])
def test_doubtful_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(VoxproofError, match="not valid JSON"):
        parse(text)
