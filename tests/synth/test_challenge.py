"""One-time sentences: random, expiring, used once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from consent_material import Clock, Tones, consented, recorded, register_at

from synth import challenge
from synth.challenge import bits, drawn_sentence, languages, new_challenge, open_challenge, vocabulary
from synth.enrolment import create_consent
from synth.errors import VoxproofError
from synth.utc import end_of


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_sentences_are_of_the_languages_that_can_be_cloned_and_hard_to_guess() -> None:
    assert languages() == ("en", "zh", "yue", "ja", "ko")
    for language in languages():
        assert bits(language) > 60
        assert all(len(words) == len(set(words)) >= 16 for words in vocabulary(language).values())
    assert len({drawn_sentence("en") for _ in range(50)}) == 50


def test_a_sentence_is_made_of_its_draws() -> None:
    assert drawn_sentence("en", lambda n: 0) == (
        "Thirteen quiet painters carry a copper kettle near the harbour; "
        "thirteen quiet painters carry a copper kettle near the harbour."
    )
    last = drawn_sentence("en", lambda n: n - 1)
    assert last.startswith("Ninety-nine worried waiters return a polished necklace inside the barn; ")
    assert drawn_sentence("zh", lambda n: 0).startswith("13位安静的画家在港口旁搬走一个铜做的水壶，")
    with pytest.raises(VoxproofError, match=r"no sentences in 'de'\. Use one of en, zh, yue, ja, ko"):
        drawn_sentence("de")


def test_numbers_are_words_in_english() -> None:
    numbers = vocabulary("en")["number"]
    assert (len(numbers), numbers[0], numbers[7], numbers[8], numbers[-1]) == (
        challenge.HIGHEST - challenge.LOWEST + 1, "thirteen", "twenty", "twenty-one", "ninety-nine",
    )  # fmt: skip


def test_a_challenge_is_kept_until_it_expires(tmp_path: Path) -> None:
    clock = Clock()
    register = register_at(tmp_path, clock)
    made = new_challenge(register, "zh", timedelta(hours=2))
    assert (made.language, made.until, len(made.challenge_id)) == ("zh", "2026-03-01T11:00:00Z", 16)
    clock.forward(hours=2)
    assert open_challenge(register, made.challenge_id) == made
    clock.forward(seconds=1)
    with pytest.raises(VoxproofError, match=r"expired at 2026-03-01T11:00:00Z\. `voxproof consent challenge` gives"):
        open_challenge(register, made.challenge_id)
    with pytest.raises(VoxproofError, match="there is no challenge 0123456789abcdef"):
        open_challenge(register, "0123456789abcdef")
    for hours in (0, -1, 24 * 32):
        with pytest.raises(VoxproofError, match="at most 31 days"):
            new_challenge(register, "en", timedelta(hours=hours))


def test_a_challenge_is_used_once_and_only_by_a_consent_that_was_made(tmp_path: Path) -> None:
    register = register_at(tmp_path)
    made = new_challenge(register)
    voice, other = recorded(tmp_path / "a.wav", 300), recorded(tmp_path / "b.wav", 2000)
    said = recorded(tmp_path / "said.wav", 300, seed=5)
    with pytest.raises(
        VoxproofError, match=r"spoken by another voice than the reference's \(similarity 0\.0\d, at least"
    ):
        consented(register, voice, challenge_id=made.challenge_id, spoken=other)
    consent = consented(register, voice, challenge_id=made.challenge_id, spoken=said)
    assert consent.spoken is not None
    assert consent.spoken.sentence == made.sentence
    assert consent.spoken.similarity > 0.99
    with pytest.raises(VoxproofError, match=f"challenge {made.challenge_id} was used already, on 2026-03-01"):
        consented(register, voice, challenge_id=made.challenge_id, spoken=said)
    for alone in ({"challenge_id": made.challenge_id}, {"spoken": said}):
        with pytest.raises(VoxproofError, match="a challenge and its recording belong together"):
            create_consent(register, "Ada", voice, "research", end_of("2026-04-01"), voices=Tones(), **alone)  # type: ignore[arg-type]
