"""Korean front end: expected phones of sentences that a reader checked, the rules one by one, numbers, hostile text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.text.korean import Korean
from synth.text.korean_numbers import decimal, native, sino
from synth.text.korean_rules import pronounced, put_together, taken_apart
from synth.text.symbols import table_of

EXPECTED = [
    line.split("\t") for line in (Path(__file__).parent / "korean_expected.txt").read_text("utf-8").splitlines()
]
OURS = Korean(table_of("v2"))
REFERENCE = Korean(table_of("v2"), reference=True)


@pytest.mark.parametrize(("sentence", "phones"), EXPECTED, ids=[sentence for sentence, _ in EXPECTED])
def test_phones_of_sentences_as_a_reader_says_them(sentence: str, phones: str) -> None:
    assert list(OURS.phones(sentence).phones) == phones.split()


def test_fifty_sentences_are_expected() -> None:
    assert len({sentence for sentence, _ in EXPECTED}) >= 50


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("옷이", "오시"), ("값이", "갑씨"), ("앉아", "안자"), ("읽어", "일거"), ("많이", "마니"), ("좋아", "조아"),
        ("좋고", "조코"), ("많다", "만타"), ("닿소", "다쏘"), ("놓는", "논는"), ("뚫는", "뚤른"), ("축하", "추카"),
        ("입학", "이팍"), ("못하다", "모타다"), ("닫히다", "다치다"), ("닫혔다", "다첟따"), ("맏형", "마텽"),
        ("굳이", "구지"), ("같이", "가치"), ("핥이다", "할치다"), ("국물", "궁물"), ("먹는", "멍는"), ("앞문", "암문"),
        ("독립", "동닙"), ("강릉", "강능"), ("신라", "실라"), ("칼날", "칼랄"), ("학교", "학꾜"), ("넓다", "널따"),
        ("밟다", "밥따"), ("여덟도", "여덜도"), ("맑게", "말께"), ("닭과", "닥꽈"), ("희망", "히망"), ("가져", "가저"),
        ("할 수", "할 쑤"), ("밥을 지", "바블 지"), ("부엌 안", "부억 안"), ("강아지", "강아지"), ("감자 ", "감자 "),
        ("신고를", "신고를"), ("맛있어요", "마시써요"), ("십육", "심뉵"),
    ],
)  # fmt: skip
def test_standard_pronunciation(written: str, said: str) -> None:
    assert pronounced(written) == said


@pytest.mark.parametrize(
    ("number", "said"),
    [("0", "영"), ("10", "십"), ("11", "십일"), ("100", "백"), ("12345", "만이천삼백사십오"), ("100000000", "일억"),
     ("10000", "만"), ("20000", "이만"), ("110000", "십일만"), ("1010000", "백일만")],
)  # fmt: skip
def test_sino_korean_numbers(number: str, said: str) -> None:
    assert sino(number) == said


def test_native_numbers_and_decimals() -> None:
    assert [native(each) for each in ("1", "3", "20", "21", "99", "100")] == [
        "한", "세", "스무", "스물한", "아흔아홉", "백",
    ]  # fmt: skip
    assert decimal("3.14") == "삼점 일사"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("3개", "세개"),
        ("20 명", "스무 명"),
        ("6월 10일", "유월 십일"),
        ("2024-03-15", "이천이십사년 삼월 십오일"),
        ("14:30", "십사 시 삼십 분"),
        ("1,000원", "천원"),
        ("$20", "이십 달러"),
        ("50%", "오십 퍼센트"),
        ("1/2", "이분의 일"),
        ("010-1234-5678", "공일공, 일이삼사, 오육칠팔"),
        ("-5", "마이너스 오"),
        ("KBS", "케이비에스"),
        ("정말!!!  네…", "정말! 네…"),
    ],
)
def test_numbers_and_signs_in_words(written: str, said: str) -> None:
    assert OURS.normalise(written) == said


def test_spaces_and_unknown_marks_have_symbols() -> None:
    assert OURS.phones("가 나").phones == ("ㄱ", "ㅏ", "空", "ㄴ", "ㅏ", ".")
    assert REFERENCE.phones("가※").phones == ("ㄱ", "ㅏ", "停")


def test_the_reference_takes_words_for_names_of_letters() -> None:
    assert "".join(REFERENCE.phones("끝이").phones) == "ㄲㅡㅅㅣ."
    assert "".join(OURS.phones("끝이").phones) == "ㄲㅡㅊㅣ."


def test_every_block_can_be_taken_apart_put_together_and_spoken() -> None:
    blocks = [chr(code) for code in range(0xAC00, 0xD7A4)]
    assert [put_together(taken_apart(block)) for block in blocks] == blocks
    assert "UNK" not in OURS.phones(" ".join(blocks)).phones
    assert "UNK" not in OURS.phones("".join(blocks)).phones


@given(st.text(max_size=60) | st.text(alphabet="가각값닭않고 ㅎ이의0123456789.,-:/%$월일시개살ㄱㅏ!…", max_size=60))
def test_any_text_has_phones(text: str) -> None:
    for each in (OURS, REFERENCE):
        made = each.phones(text)
        assert len(made.ids) == len(made.phones)


@given(st.text(alphabet=st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=40))
def test_pronunciation_keeps_the_number_of_syllables(text: str) -> None:
    assert len(pronounced(text)) == len(text)


@pytest.mark.parametrize("unit", ["가", "1", "1-", "1,", " ", "값 ", "010-", "1개"])
def test_a_long_text_takes_no_more_than_its_length(unit: str) -> None:
    OURS.phones(unit * (20_000 // len(unit)))
