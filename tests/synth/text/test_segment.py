"""Languages of the stretches of a mixed text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import VoxproofError
from synth.text.segment import MODES, Mode, segment


def stretches(text: str, mode: Mode) -> list[tuple[str, str]]:
    return [(stretch.language, stretch.text) for stretch in segment(text, mode)]


def test_english_mode_is_one_stretch() -> None:
    assert stretches("Say 你好 now", "en") == [("en", "Say 你好 now")]


def test_the_named_language_and_english() -> None:
    assert stretches("我买了iPhone 15手机。", "zh") == [("zh", "我买了"), ("en", "iPhone 15"), ("zh", "手机。")]
    assert stretches("我买了iPhone 15手机。", "all_zh") == [("zh", "我买了"), ("en", "iPhone "), ("zh", "15手机。")]
    assert stretches("我买了iPhone。", "yue") == [("yue", "我买了"), ("en", "iPhone。")]
    assert stretches("東京タワーへ行く", "all_ja") == [("ja", "東京タワーへ行く")]


def test_scripts_decide_in_auto() -> None:
    assert stretches("안녕하세요 Hello 세계", "auto") == [("ko", "안녕하세요 "), ("en", "Hello "), ("ko", "세계")]
    assert stretches("你好。Hello.", "auto") == [("zh", "你好。"), ("en", "Hello.")]
    assert stretches("你好。", "auto_yue") == [("yue", "你好。")]


def test_kana_make_a_sentence_japanese_unless_its_characters_are_chinese() -> None:
    assert stretches("最近、僕は天文学を勉強してる。", "auto") == [("ja", "最近、僕は天文学を勉強してる。")]
    assert stretches("你也喜欢まいご吗？", "auto") == [("zh", "你也喜欢"), ("ja", "まいご"), ("zh", "吗？")]
    assert stretches("東京です。北京很大。", "auto") == [("ja", "東京です。"), ("zh", "北京很大。")]


def test_digits_follow_their_neighbours() -> None:
    assert stretches("我有3个apple", "zh") == [("zh", "我有3个"), ("en", "apple")]
    assert stretches("12 apples", "zh") == [("en", "12 apples")]
    assert stretches("你好, 5 apples", "zh") == [("zh", "你好, "), ("en", "5 apples")]
    assert stretches("123", "ja") == [("ja", "123")]


def test_opening_brackets_go_with_what_they_open() -> None:
    assert stretches("Hi (你好) there", "zh") == [("en", "Hi "), ("zh", "(你好) "), ("en", "there")]


def test_an_unknown_mode() -> None:
    with pytest.raises(VoxproofError, match="no language mode"):
        segment("a", "fr")  # type: ignore[arg-type]


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("ab1 .,(你好かな한국")), max_size=60),
    st.sampled_from(MODES),
)
def test_stretches_joined_are_the_text_and_neighbours_differ(text: str, mode: Mode) -> None:
    found = segment(text, mode)
    assert "".join(stretch.text for stretch in found) == text
    assert all(first.language != second.language for first, second in pairwise(found))
