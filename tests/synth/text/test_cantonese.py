"""Cantonese front end: expected phones of sentences that a reader checked, cutting of syllables, hostile text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.text.symbols import table_of

pytest.importorskip("ToJyutping", reason="needs the extra clone-yue: pip install 'voxproof[clone-yue]'")
pytest.importorskip("opencc", reason="needs the extra clone-yue: pip install 'voxproof[clone-yue]'")

from synth.text.cantonese import Cantonese, phones_of

EXPECTED = [
    line.split("\t") for line in (Path(__file__).parent / "cantonese_expected.txt").read_text("utf-8").splitlines()
]
OURS = Cantonese(table_of("v2"))
REFERENCE = Cantonese(table_of("v2"), reference=True)


@pytest.mark.parametrize(("sentence", "phones"), EXPECTED, ids=[sentence for sentence, _ in EXPECTED])
def test_phones_of_sentences_as_a_reader_says_them(sentence: str, phones: str) -> None:
    assert list(OURS.phones(sentence).phones) == phones.split()


def test_fifty_sentences_are_expected() -> None:
    assert len({sentence for sentence, _ in EXPECTED}) >= 50


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [
        ("gwong", "Ygw Yong2"), ("ngaa", "Yng Yaa2"), ("ng", "Yng Yg2"), ("m", "Ym Ym2"), ("ou", "You Yu2"),
        ("aa", "Yaa Ya2"),
        ("jyut", "Yj Yyut2"), ("kwan", "Ykw Yan2"), ("uk", "Yuk Yk2"), ("zoek", "Yz Yoek2"),
    ],
)  # fmt: skip
def test_syllables_are_cut_as_the_models_were_trained(syllable: str, parts: str) -> None:
    assert " ".join(phones_of(syllable, "2") or ()) == parts


def test_what_is_no_syllable() -> None:
    assert phones_of("xi", "1") is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2個人", "两個人"),
        ("$100", "一百元"),
        ("2345-6789", "二三四五六七八九"),
        ("13812345678", "一三八一二三四五六七八"),
        ("3:2", "三比二"),
        ("好……（係）！！", "好…係,"),
        ("abc好", "好"),
    ],
)
def test_what_is_written_as_it_is_said(written: str, said: str) -> None:
    assert OURS.normalise(written) == said


def test_a_character_of_two_syllables_owns_all_its_phones() -> None:
    assert OURS.phones("瓩").word2ph == (4,)
    assert REFERENCE.phones("瓩").word2ph == (2,)


@given(st.text(max_size=60) | st.text(alphabet="佢唔係嘅㗎0123456789.,-:%$年月日個，。！ ", max_size=60))
def test_any_text_has_phones(text: str) -> None:
    for each in (OURS, REFERENCE):
        made = each.phones(text)
        assert made.word2ph is not None
        assert sum(made.word2ph) == len(made.phones)


@pytest.mark.parametrize("unit", ["佢", "1", "1-", "!", "2345-", "好，"])
def test_a_long_text_takes_no_more_than_its_length(unit: str) -> None:
    OURS.phones(unit * (20_000 // len(unit)))
