"""Marks of the pitch accent from full-context labels; needs no dictionary."""

from __future__ import annotations

from pathlib import Path

from synth.text.japanese_prosody import marked_phones

LABELS = (Path(__file__).parent / "japanese_labels.txt").read_text("utf-8").splitlines()


def test_rise_fall_and_border() -> None:
    said = " ".join(marked_phones(LABELS))  # お母さんは橋を渡った
    assert said == "o [ k a ] a s a N w a # h a [ sh i ] o # w a [ t a cl t a"


def test_nothing_from_nothing() -> None:
    assert marked_phones([]) == []
    assert marked_phones([LABELS[0], LABELS[-1]]) == []


def test_devoiced_vowels_are_voiced_and_pauses_marked() -> None:
    made = marked_phones([label.replace("-o+", "-O+", 1).replace("-w+", "-pau+", 1) for label in LABELS])
    assert made[0] == "o"
    assert "_" in made
