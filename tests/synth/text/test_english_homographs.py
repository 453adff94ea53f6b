"""Words that sound by what they do in the sentence."""

from __future__ import annotations

import re

import pytest

from synth.text.english_homographs import sound


@pytest.mark.parametrize(
    ("sentence", "word", "phones"),
    [
        ("i want to record it", "record", "R AH0 K AO1 R D"),
        ("this is the record", "record", "R EH1 K ER0 D"),
        ("he has read it", "read", "R EH1 D"),
        ("i will read it", "read", "R IY1 D"),
        ("i read it yesterday", "read", "R EH1 D"),
        ("read the manual", "read", "R IY1 D"),
        ("they use it", "use", "Y UW1 Z"),
        ("what is the use of it", "use", "Y UW1 S"),
        ("close the door", "close", "K L OW1 Z"),
        ("it is close", "close", "K L OW1 S"),
        ("a live show", "live", "L AY1 V"),
        ("we live here", "live", "L IH1 V"),
        ("a lead pipe", "lead", "L EH1 D"),
        ("they lead us", "lead", "L IY1 D"),
        ("he used to sing", "used", "Y UW1 S T"),
        ("he used a knife", "used", "Y UW1 Z D"),
        ("we went for a minute", "minute", "M IH1 N AH0 T"),
        ("minute differences matter", "minute", "M AY0 N UW1 T"),
        ("the bass player", "bass", "B EY1 S"),
        ("she went bass fishing", "bass", "B AE1 S"),
        ("a separate room", "separate", "S EH1 P ER0 IH0 T"),
        ("he projects a profit", "projects", "P R AH0 JH EH1 K T S"),
        ("two projects", "projects", "P R AA1 JH EH0 K T S"),
        ("i am content with it", "content", "K AH0 N T EH1 N T"),
        ("the content of it", "content", "K AA1 N T EH0 N T"),
    ],
)
def test_sound(sentence: str, word: str, phones: str) -> None:
    words = re.findall(r"[a-z']+|[,.]", sentence)
    assert " ".join(sound(words, words.index(word)) or ()) == phones


def test_other_words_are_none_of_its_business() -> None:
    assert sound(["hello"], 0) is None
