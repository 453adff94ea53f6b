"""The comparison with other programs counts rightly and says what it could not run."""

from __future__ import annotations

import sys

import pytest

from synth.text.bench import agreement, described, distance, main, sentences


def test_distance_and_description() -> None:
    assert distance("kitten", "sitting") == 3
    assert distance("", "abc") == 3
    assert described(["A", "B", "C"], ["A", "X", "C"]) == "A B C > A X C"


def test_agreement_counts_sentences_and_phones() -> None:
    def broken(text: str) -> list[str]:
        if text == "c":
            raise ValueError
        return [text, "Z", "Z", "Z"]

    found = agreement("test", ["a", "b", "c"], lambda text: ["a", "Z", "Z", "Z"], broken)
    assert (found.sentences, found.same, found.phones, found.edits) == (2, 1, 8, 1)
    assert found.rate == pytest.approx(0.875)
    assert dict(found.differences)["c"] == "the oracle failed: ValueError"


def test_at_least_two_hundred_sentences_ship() -> None:
    assert len(set(sentences())) >= 200


def test_oracles_that_are_not_installed_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "g2p_en", None)
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert "g2p_en: not run" in printed
    assert "reference: not run (no --gpt-sovits)" in printed
