"""Mandarin front end: expected phones of sentences that a reader checked, rules one by one, hostile text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import VoxproofError
from synth.text import registry
from synth.text.symbols import table_of

pytest.importorskip("rjieba", reason="needs the extra clone-zh: pip install 'voxproof[clone-zh]'")
pytest.importorskip("pypinyin", reason="needs the extra clone-zh: pip install 'voxproof[clone-zh]'")
pytest.importorskip("opencc", reason="needs the extra clone-zh: pip install 'voxproof[clone-zh]'")

from synth.text.mandarin import Mandarin
from synth.text.mandarin_numbers import cardinal, number
from synth.text.pinyin import initial_and_final, phones_of

EXPECTED = [
    line.split("\t") for line in (Path(__file__).parent / "mandarin_expected.txt").read_text("utf-8").splitlines()
]
OURS = Mandarin(table_of("v2"))
REFERENCE = Mandarin(table_of("v2"), reference=True)


@pytest.mark.parametrize(("sentence", "phones"), EXPECTED, ids=[sentence for sentence, _ in EXPECTED])
def test_phones_of_sentences_as_a_reader_says_them(sentence: str, phones: str) -> None:
    assert list(OURS.phones(sentence).phones) == phones.split()


def test_fifty_sentences_are_expected() -> None:
    assert len({sentence for sentence, _ in EXPECTED}) >= 50


def spoken(text: str) -> str:
    return OURS.normalise(text)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("10005", "一万零五"), ("100", "一百"), ("12", "十二"), ("2000", "两千"),
        ("22", "二十二"), ("102000", "十万二千"),
        ("100002000", "一亿零二千"), ("20000200", "两千万零二百"), ("0", "零"), ("000", "零"),
    ],
)  # fmt: skip
def test_cardinals(written: str, said: str) -> None:
    assert cardinal(written, liang=True) == said


def test_decimals() -> None:
    assert [number(each) for each in ("3.14", ".5", "3.20", "10.0")] == ["三点一四", "零点五", "三点二零", "十点零"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2024年3月15日", "二零二四年三月十五日"),
        ("2024-03-15", "二零二四年三月十五日"),
        ("2月14日", "二月十四日"),
        ("过了10年", "过了十年"),
        ("98年", "九八年"),
        ("下午2:30", "下午两点半"),
        ("8:05:30", "八点零五分三十秒"),
        ("8:30-12:30", "八点半到十二点半"),
        ("13812345678", "幺三八幺二三四五六七八"),
        ("010-62345678", "零幺零,六二三四五六七八"),
        ("-5°C", "零下五摄氏度"),
        ("80%", "百分之八十"),
        ("5‰", "千分之五"),
        ("3/4", "四分之三"),
        ("3:2", "三比二"),
        ("￥1,299.00", "一千二百九十九元"),
        ("$99.5", "九十九点五美元"),
        ("120km/h", "一百二十千米每小时"),
        ("2个人住2楼", "两个人住二楼"),
        ("18-25岁", "十八到二十五岁"),
        ("10-3=7", "十减三等于七"),
        ("1.2.3", "一点二点三"),
        ("第22届", "第二十二届"),
        ("302", "三零二"),
        ("1234567", "幺二三四五六七"),
        ("x²", "平方"),
        ("东京（日本）——远", "东京,日本,远"),
        ("《书》“好”", "书好"),
        ("真的！！！？", "真的!"),
        ("一、二；三：四", "一,二,三,四"),
        ("等等……好", "等等…好"),
        ("〇", "零"),
        ("繁體字", "繁体字"),
        ("abc你好", "你好"),
    ],
)
def test_what_is_written_as_it_is_said(written: str, said: str) -> None:
    assert spoken(written) == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("2月14日", "两月十四日"),
        ("过了10年", "过了一零年"),
        ("3 4", "三十四"),
        ("3:2", "三二"),
        ("东京（日本）——远", "东京日本远"),
    ],
)
def test_the_reference_keeps_its_mistakes(written: str, said: str) -> None:
    assert REFERENCE.normalise(written) == said


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [
        ("wo", "w o"), ("wu", "w u"), ("yi", "y i"), ("yan", "y En"), ("ye", "y E"), ("yu", "y v"), ("yuan", "y van"),
        ("ju", "j v"), ("xue", "x ve"), ("lve", "l ve"), ("zi", "z i0"), ("shi", "sh ir"), ("ri", "r ir"),
        ("ji", "j i"),
        ("ang", "AA ang"), ("er", "EE er"), ("ou", "OO ou"), ("guei", "g ui"), ("zhuang", "zh uang"), ("lün", "l vn"),
    ],
)  # fmt: skip
def test_syllables_by_rule(syllable: str, parts: str) -> None:
    assert " ".join(initial_and_final(syllable)) == parts


def test_what_is_no_syllable() -> None:
    assert phones_of("xyz", 1) is None
    assert phones_of("ma", 6) is None


@pytest.mark.parametrize(
    ("text", "tones"),
    [
        ("不怕", "24"), ("不说", "41"),
        ("看不懂", "453"), ("一天", "41"), ("一个", "25"), ("第一天", "411"), ("看一看", "454"),
        ("一百一十一", "43121"), ("统一", "31"), ("你好", "23"), ("展览馆", "223"), ("目的", "44"), ("土地", "34"),
        ("慢慢地走", "4453"),
        ("妈妈", "15"), ("桌上", "15"), ("出来", "15"),
        ("玩儿", "22"), ("女儿", "32"), ("一会儿", "244"), ("还钱", "22"),
        ("一只猫", "411"), ("我只是", "234"), ("两只老虎", "3123"), ("银行", "22"), ("行走", "23"),
    ],
)  # fmt: skip
def test_tones(text: str, tones: str) -> None:
    assert "".join(phone[-1] for phone in OURS.phones(text).phones[1::2]) == tones


def test_every_character_owns_its_phones() -> None:
    made = OURS.phones("你好，世界！")
    assert made.text == "你好,世界!"
    assert made.word2ph == (2, 2, 1, 2, 2, 1)
    assert made.words == (("你好", 4), (",", 1), ("世界", 4), ("!", 1))


def test_pause_signs_become_their_symbols() -> None:
    assert OURS.phones("你好￥世界").phones[4] == "SP2"
    assert OURS.phones("你好^世界").phones[4] == "SP3"


def test_every_syllable_of_the_dictionary_is_known_to_both_tables() -> None:
    text = "".join(map(chr, range(0x4E00, 0x9FA6)))
    for version in ("v1", "v2"):
        made = Mandarin(table_of(version)).phones(text)
        assert "UNK" not in made.phones
        assert len(made.text) > 20_000


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.FRONT_ENDS, "zh", "no_such_package:Mandarin")
    with pytest.raises(VoxproofError, match="no_such_package") as caught:
        registry.front_end.__wrapped__("zh")
    assert "voxproof[clone-zh]" in str(caught.value.cure)


def test_g2pw_is_said_to_be_missing() -> None:
    with pytest.raises(VoxproofError, match="G2PW"):
        Mandarin(table_of("v2"), g2pw=True)


@given(st.text(max_size=60))
def test_any_text_has_phones(text: str) -> None:
    for each in (OURS, REFERENCE):
        made = each.phones(text)
        assert made.word2ph is not None
        assert sum(made.word2ph) == len(made.phones)


@given(st.text(alphabet="0123456789.-~:/年月日点%℃km¥$+=一不个好儿的 ,，", max_size=60))
def test_any_mixture_of_figures_and_signs_has_phones(text: str) -> None:
    for each in (OURS, REFERENCE):
        assert not set(each.normalise(text)) & set("0123456789¥$℃")
        each.phones(text)


@pytest.mark.parametrize("unit", ["1", "1-", "1,", "的", "一", "儿", " ", ".", "86 1", "x²", "今天2024年"])
def test_a_long_text_takes_no_more_than_its_length(unit: str) -> None:
    for each in (OURS, REFERENCE):
        each.phones(unit * (20_000 // len(unit)))
