"""Splitting: the reference's pieces exactly, and ours where it does better."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import VoxproofError
from synth.text.split import LONGEST, METHODS, Cut, split

CASES = json.loads((Path(__file__).parent / "split_reference.json").read_text(encoding="utf-8"))
"""[text, method, English?, pieces that the reference's own code (48b1a016) made]."""


def test_pieces_of_the_reference() -> None:
    for text, cut, english, pieces in CASES:
        assert split(text, cut, english=english, reference=True) == pieces, (text, cut)


def test_four_clauses_are_never_eight() -> None:
    text = "".join(f"clause number {number}," for number in range(8))
    assert len(split(text, "cut1", reference=True)) == 1
    assert [piece.count(",") for piece in split(text, "cut1")] == [4, 4]


def test_a_decimal_point_is_not_an_end() -> None:
    assert split("It is 3.14 long. It is 2.5 wide.", "cut5", english=True) == ["It is 3.14 long.", " It is 2.5 wide."]
    assert split("It is 3.14 long. It is wide", "cut4", english=True) == ["It is 3.14 long.", " It is wide."]


INSIDE = [
    "We met at 5 p.m. on Monday",
    "Dr. J. R. Smith of the U.S. Navy holds a Ph.D. in physics",
    "It cost 1,234.50 dollars and 3~4 pence, see www.example.com/a,b?c=1.5 or http://a.org",
    "No. 5 Baker St. is e.g. ten metres from here etc. and so on",
    "On March 5, 2026 at 10:30 version 2.0.1 came",
    "Mr. and Mrs. Jones vs. Acme Inc. of Boston",
    "Ask bob@example.com (approx. 5 ft. away)",
]
ENDS = [
    ("We left at 5 p.m. They stayed", ["We left at 5 p.m.", " They stayed."]),
    ("I came at 5 p.m.? No way", ["I came at 5 p.m.?", " No way."]),
    ("It is 5 p.m., and dark", ["It is 5 p.m.,", " and dark."]),
    ("He said so to the king and I. Then he left", ["He said so to the king and I.", " Then he left."]),
    ("Visit example.com. Or do not", ["Visit example.com.", " Or do not."]),
    ("Look at https://a.org/b. Then go", ["Look at https://a.org/b.", " Then go."]),
    ("He is a friend. dr is short", ["He is a friend.", " dr is short."]),
    ("Well... she said so. Why?! Because", ["Well…", " she said so.", " Why?", " Because."]),
    ("我们5.5点见面，好吗？好的", ["我们5.5点见面，", "好吗？好的."]),
    ("现在是10：30。我们一起走吧", ["现在是10：30。", "我们一起走吧."]),
]


@pytest.mark.parametrize("cut", ["cut1", "cut2", "cut4", "cut5"])
def test_marks_inside_numbers_abbreviations_and_addresses_end_no_piece(cut: Cut) -> None:
    for text in INSIDE:
        whole = "".join(split(text, cut, english=True))
        assert whole == text + "."
        pieces = split(text, cut, english=True)
        assert len(pieces) == (2 if ", see" in text and cut == "cut5" else 1), pieces


def test_marks_that_do_end_a_piece() -> None:
    for text, pieces in ENDS:
        assert split(text, english=True) == pieces


def test_reference_mode_cuts_at_every_mark_as_before() -> None:
    text = "We met at 5 p.m. on Monday, 1,000 of us"
    assert split(text, english=True, reference=True) == ["We met at 5 p.", "m. on Monday,", " 1,000 of us."]
    assert split("Well... so be it", english=True, reference=True) == ["Well.", " so be it."]


def test_a_stop_is_added_and_a_short_beginning_gets_one_before_it() -> None:
    assert split("No marks here", english=True) == ["No marks here."]
    assert split("没有标点") == ["没有标点。"]
    assert split("Hi", "cut0", english=True) == [".Hi."]


def test_nothing_to_say() -> None:
    assert split("") == split("?!…") == split(" \n ") == []


def test_a_piece_without_marks_is_cut_at_the_limit() -> None:
    pieces = split("word " * 400, "cut5", english=True)
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert "".join(pieces).split() == ["word"] * 399 + ["word", "."]


def test_an_unknown_method() -> None:
    with pytest.raises(VoxproofError, match="no splitting method 'cut9'"):
        split("a", "cut9")  # type: ignore[arg-type]


@given(
    st.text(alphabet=st.sampled_from("ab 1,.!?;:…，。—\n好"), max_size=80),
    st.sampled_from(sorted(METHODS)),
    st.booleans(),
)
def test_pieces_hold_words_and_end_with_a_mark(text: str, cut: Cut, english: bool) -> None:
    for piece in split(text, cut, english=english):
        assert any(sign.isalnum() for sign in piece)
        assert len(piece) <= LONGEST + 1
