"""English phones of sentences that were read one by one, and any text at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.text import english_g2p, english_lexicon
from synth.text.bench import sentences
from synth.text.english import English
from synth.text.english_lexicon import compound, dictionary, inflected, pronounce, spell
from synth.text.frame import FrontEnd
from synth.text.symbols import PUNCTUATION, V1, V2, listed

ENGLISH = English(V2)
REFERENCE = English(V2, reference=True)


SCRAPS = listed(
    "Dr. St. $5 3/4 1/0 10:30 p.m. 1990s A B.C. IV Henry VIII WWII -5°C 50% #1 e.g. 12/25/2020 1,234.56 x2 3x4 1-2 "
    "O'Neil 'n' '' 's U.S. can't Jan. 5, http://a.b 0th 00 99999999999999999999999999999999999999 ½ ² ﬁ Ⅷ 五 ß £1.01 "
    "5p £ $ 1. 1 + 2 = - -- … ?! ( ) a@b.c 3.2.1 v2 25:61 2,000 1,2,3 13/13/13"
)
LONG = ["a", "7", "hello world, ", ".", "ABCDE ", "1,", "a1-", " ", "'", "$1 ", "1 + ", "東", "A "]


def cases(name: str, lines: int) -> list[tuple[str, ...]]:
    content = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    kept = [line.strip() for line in content if not line.startswith("#")]
    return [tuple(kept[start : start + lines]) for start in range(0, len(kept), lines)]


@pytest.mark.parametrize(("text", "spoken", "phones"), cases("english_expected.txt", 3))
def test_expected_phones(text: str, spoken: str, phones: str) -> None:
    found = ENGLISH.phones(text)
    assert found.text == spoken
    assert found.phones == tuple(phones.replace("/ ", "").split(" "))
    assert [len(word.split(" ")) for word in phones.split(" / ")] == [count for _, count in found.words]


@pytest.mark.parametrize(("text", "phones"), cases("english_reference_expected.txt", 2))
def test_the_reference_mode_gives_the_phones_of_the_reference(text: str, phones: str) -> None:
    assert " ".join(REFERENCE.phones(text).phones) == phones


def test_the_version_is_raised_when_phones_change() -> None:
    """If this fails because phones were meant to change: raise `English.version`, then write the new digests here."""
    digests = [
        hashlib.sha256("\n".join(" ".join(front.phones(text).phones) for text in sentences()).encode()).hexdigest()[:16]
        for front in (ENGLISH, REFERENCE)
    ]
    assert (ENGLISH.version, digests) == ("1", ["df05db14fe7f3d60", "5d521c2c244d0d0b"])


def test_it_is_a_front_end() -> None:
    front: FrontEnd = ENGLISH
    assert front.language == "en"
    assert set(front.sources) == {"cmudict", "g2p"}


def test_dictionary_and_weights_are_those_that_the_hash_names() -> None:
    assert len(dictionary()) == 126_052
    assert english_lexicon.SHA256.startswith("81917843")
    assert len(english_g2p.SHA256) == 64
    assert all(phone in V1 for phones in dictionary().values() for phone in phones)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("unfollowed", "AH0 N F AA1 L OW0 D"),
        ("ai", "EY1 AY1"),
        ("xyz", "EH1 K S W AY1 Z IY1"),
        ("bcdfg", "B IY1 S IY1 D IY1 EH1 F JH IY1"),
        ("zucchini's", "Z UW0 K IY1 N IY0 Z"),
        ("fox's", "F AA1 K S AH0 Z"),
        ("cat'll", "K AE1 T AH0 L"),
        ("soooo", "S OW1"),
        ("re", "R IY1"),
    ],
)
def test_words(word: str, phones: str) -> None:
    assert " ".join(pronounce(word)) == phones


def test_parts_of_words() -> None:
    assert " ".join(inflected("axolotls") or ()) == ""
    assert " ".join(inflected("blogged") or ()) == "B L AO1 G D"
    assert " ".join(inflected("gentlemanlike") or ()) == "JH EH1 N T AH0 L M AH0 N L AY2 K"
    assert " ".join(compound("smartwatch") or ()) == "S M AA1 R T W AA2 CH"
    assert compound("zzzzzzzz") is None
    assert " ".join(spell("a1b")) == "EY1 B IY1"


def test_a_guess_is_that_of_g2p_en() -> None:
    assert " ".join(english_g2p.guesser().phones("activationist")) == "AE2 K T IH0 V EY1 SH AH0 N IH0 S T"
    assert english_g2p.guesser().phones("")
    assert len(english_g2p.guesser().phones("pneumono" * 8)) <= 20


def test_few_phones_get_a_comma_before_them() -> None:
    assert ENGLISH.phones("Go!").phones == (",", "G", "OW1", "!")
    assert ENGLISH.phones("").phones == ()
    assert REFERENCE.phones("").phones == (",",)


def test_v1_has_all_english_phones() -> None:
    text = "The quick brown fox, after all; jumps!"
    assert English(V1).phones(text).ids == ENGLISH.phones(text).ids


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_an_answer(text: str) -> None:
    for front in (ENGLISH, REFERENCE):
        found = front.phones(text)
        assert all(phone in PUNCTUATION or phone[0].isupper() for phone in found.phones)
        assert "UNK" not in found.phones


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(SCRAPS),
        max_size=12,
    )
)
def test_numbers_and_signs_in_any_order(words: list[str]) -> None:
    text = " ".join(words)
    for front in (ENGLISH, REFERENCE):
        assert "UNK" not in front.phones(text).phones
    assert not any(sign.isdigit() for sign in ENGLISH.normalise(text))


@pytest.mark.parametrize(
    "part", ["a", "7", "hello world, ", ".", "ABCDE ", "1,", "a1-", " ", "'", "$1 ", "1 + ", "東", "A "]
)
def test_a_long_text_has_an_answer(part: str) -> None:
    text = part * (20_000 // len(part))
    for front in (ENGLISH, REFERENCE):
        assert len(front.phones(text).phones) < 200_000
