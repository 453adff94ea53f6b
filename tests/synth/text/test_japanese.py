"""Japanese front end: expected phones of sentences that a reader checked, words for signs, hostile text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.text.symbols import table_of

pytest.importorskip("pyopenjtalk", reason="needs the extra clone-ja (340 MB): pip install 'voxproof[clone-ja]'")

from synth.text.japanese import Japanese

EXPECTED = [
    line.split("\t") for line in (Path(__file__).parent / "japanese_expected.txt").read_text("utf-8").splitlines()
]
OURS = Japanese(table_of("v2"))
REFERENCE = Japanese(table_of("v2"), reference=True)


@pytest.mark.parametrize(("sentence", "phones"), EXPECTED, ids=[sentence for sentence, _ in EXPECTED])
def test_phones_of_sentences_as_a_reader_says_them(sentence: str, phones: str) -> None:
    assert list(OURS.phones(sentence).phones) == phones.split()


def test_fifty_sentences_are_expected() -> None:
    assert len({sentence for sentence, _ in EXPECTED}) >= 50


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1,000円", "1000円"),
        ("2024/3/15", "2024年3月15日"),
        ("12:30", "12時30分"),
        ("¥500", "500円"),
        ("10％", "10パーセント"),
        ("3/4", "4分の3"),
        ("03-1234-5678", "ゼロサンのイチニーサンヨンのゴーロクナナハチ"),
        ("-5℃", "マイナス5度"),
        ("「はい」、と（小声）", "はい,と,小声,"),
        ("すごい！！？", "すごい!"),
        ("ｶﾀｶﾅ　ＡＢＣ", "カタカナabc"),
        ("3.14", "3.14"),
    ],
)
def test_signs_in_words(written: str, said: str) -> None:
    assert OURS.normalise(written) == said


def test_the_reference_makes_unknown_marks_unk() -> None:
    assert REFERENCE.phones("「はい」").phones == ("UNK", "h", "a", "]", "i", "UNK")
    assert OURS.phones("「はい」").phones == ("h", "a", "]", "i")


def test_pitch_is_unknown_to_version_one() -> None:
    assert "UNK" in Japanese(table_of("v1")).phones("橋").phones


@settings(deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="あいんっーゃ漢字。、！0123456789.,-/:~¥%ァ々", max_size=60))
def test_any_text_has_phones(text: str) -> None:
    for each in (OURS, REFERENCE):
        made = each.phones(text)
        assert len(made.ids) == len(made.phones)


@pytest.mark.parametrize("unit", ["あ", "1", "1,", "-1", "ー", "漢字", "、", "!", "1.", "03-1234-"])
def test_a_long_text_takes_no_more_than_its_length(unit: str) -> None:
    OURS.phones(unit * (10_000 // len(unit)))
