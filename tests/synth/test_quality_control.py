"""The quality control: constructed readings, right and wrong, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.aligning import Costs, aligned
from synth.quality_control import Check, Limits, check, checkable, pooled, summary, words_of
from synth.text.frame import Phones
from synth.text.pipeline import TextPipeline, Utterance
from synth.text.symbols import PUNCTUATION, table_of

BLANK = 732
TEXT = "Seven people walked along the river, and nobody said a word."
ENGLISH = TextPipeline("en")


def words(text: str = TEXT) -> list[list[int]]:
    """Ids of every word."""
    return [list(word.ids) for word in words_of(ENGLISH.read(text))]


def reading(phones: Sequence[int], sure: float = 0.999, frames: tuple[int, int] = (2, 2)) -> Any:
    """Scores of a reader that is sure: every phone for two frames, then silence for two: [frames, 733]."""
    rows = [place for phone in phones for place in [phone] * frames[0] + [BLANK] * frames[1]]
    chances = np.full((len(rows), 733), (1 - sure) / 732)
    chances[np.arange(len(rows)), rows] = sure
    return np.log(chances)


def flat(rows: Sequence[Sequence[int]]) -> list[int]:
    return [phone for row in rows for phone in row]


def heard(phones: Sequence[int], text: str = TEXT, **changes: Any) -> Check:
    return check(reading(phones), words_of(ENGLISH.read(text)), **changes)


def faults(found: Check) -> list[tuple[str, int | None]]:
    return [(fault.kind, fault.word) for fault in found.faults]


def statuses(found: Check) -> list[str]:
    return [word.status for word in found.words]


# Readings


def test_a_perfect_reading_has_no_fault_and_costs_nothing() -> None:
    utterance = ENGLISH.read(TEXT)
    found = heard(utterance.ids)
    assert found.faults == ()
    assert found.alignment.cost == pytest.approx(0, abs=1e-9)
    assert [word.text for word in found.words] == TEXT.replace(",", "").replace(".", "").split()
    assert [visit.word for visit in found.alignment.visits] == list(range(11))
    assert found.seconds == 4 * len(utterance.ids) / 50
    assert found.pace == pytest.approx(12.5, rel=0.05)
    at = 4 * len(flat(words()[:6]))
    assert (found.words[6].visits[0].start, found.words[6].visits[0].fit) == (
        at + 4,
        pytest.approx(0),
    )  # a comma before


@pytest.mark.parametrize("gone", [0, 1, 5, 9, 10])
def test_a_word_left_out_is_missing_and_no_other(gone: int) -> None:
    rows = words()
    found = heard(flat(rows[:gone] + rows[gone + 1 :]))
    assert faults(found) == [("missing", gone)]
    assert found.alignment.cost == pytest.approx(4.0 + 2.5 * len(rows[gone]))


@pytest.mark.parametrize(("first", "last"), [(0, 0), (4, 4), (1, 3), (10, 10), (0, 10)])
def test_words_said_again_are_repeated(first: int, last: int) -> None:
    rows = words()
    found = heard(flat(rows[: last + 1] + rows[first:]))
    assert faults(found) == [("repeated", number) for number in range(first, last + 1)]
    assert all(len(word.visits) == 2 for word in found.words[first : last + 1])


def test_a_last_word_that_goes_on_and_on_is_counted() -> None:
    rows = words()
    found = heard(flat(rows + 3 * rows[-1:]), capped=True)
    assert faults(found) == [("repeated", 10), ("cut off", None)]
    assert len(found.words[10].visits) == 4


def test_sounds_of_no_word_are_found_before_between_and_behind() -> None:
    rows, strange = words(), list(table_of("v2").ids(["OY1", "G", "UW1", "ZH", "AW1"]))
    assert faults(heard(strange + flat(rows))) == [("other sounds", 0)]
    assert faults(heard(flat(rows[:6]) + strange + flat(rows[6:]))) == [("other sounds", 6)]
    assert faults(heard(flat(rows) + strange)) == [("other sounds", None)]
    assert faults(heard(flat(rows) + strange[:2])) == []
    assert faults(heard(flat(rows) + strange, limits=Limits(other_phones=6))) == []
    (other,) = heard(flat(rows) + strange).alignment.others
    end = 4 * len(flat(rows))  # of the last word, two frames of silence included
    assert (other.phones, other.start, other.end) == (5, pytest.approx(end - 2, abs=2), pytest.approx(end + 19, abs=1))


def test_another_word_in_a_words_place_is_a_missing_one() -> None:
    rows = words()
    found = heard(flat([*rows[:2], words("disguised")[0], *rows[3:]]))
    assert statuses(found)[2] == "missing"
    assert [kind for kind, _ in faults(found)] == ["missing", "other sounds"]


def test_two_words_that_changed_places_do_not_pass() -> None:
    rows = words()
    swapped = reading(flat([*rows[:6], rows[7], rows[6], *rows[8:]]))
    found = check(swapped, words_of(ENGLISH.read(TEXT)))
    assert {word for _, word in faults(found)} <= {6, 7, 8}
    assert "missing" in statuses(found)
    cheap = Limits(costs=Costs(missing_word=0.5, missing_phone=0.1, again=0.5, other=50.0))
    moved = check(swapped, words_of(ENGLISH.read(TEXT)), limits=cheap)
    assert faults(moved) in ([("moved", 6)], [("moved", 7)])


def test_nothing_said_is_all_missing() -> None:
    for scores in (np.zeros((0, 733)), reading([BLANK] * 20)):
        found = check(scores, words_of(ENGLISH.read(TEXT)))
        assert statuses(found) == ["missing"] * 11
        assert found.pace is None


def test_stress_and_marks_do_not_matter_but_vowels_do() -> None:
    table, rows = table_of("v2"), words("people")
    other = ["P", "IY0", ",", "P", "AH2", "L", "."]
    assert faults(heard(table.ids(other), "people")) == []
    assert faults(heard(table.ids(["OY1", "G", "UW1", "ZH", "AW1"]), "people"))[0] == ("missing", 0)
    split = reading(rows[0])
    half = np.exp(split).copy()
    for before, after in (("IY1", "IY2"), ("AH0", "AH1")):
        a, b = table.ids([before, after])
        half[:, a], half[:, b] = half[:, a] / 2, half[:, a] / 2 + half[:, b]
    found = check(np.log(half), words_of(ENGLISH.read("people")))
    assert found.words[0].visits[0].fit == pytest.approx(0, abs=1e-6)


def test_long_silence_and_a_strange_pace_are_faults() -> None:
    ids = flat(words())
    assert faults(heard([*ids, *[BLANK] * 20])) == [("silence", None)]
    assert faults(heard([*[BLANK] * 20, *ids])) == [("silence", None)]
    assert faults(heard([*ids, *[BLANK] * 15])) == []
    said = words_of(ENGLISH.read(TEXT))
    assert faults(check(reading(ids, frames=(1, 0)), said)) == [("pace", None)]
    assert faults(check(reading(ids, frames=(8, 8)), said)) == [("pace", None)]


def test_an_unsure_reader_in_noise_finds_what_is_wrong_and_nothing_else() -> None:
    rng, rows, said = np.random.default_rng(8), words(), words_of(ENGLISH.read(TEXT))

    def noisy(phones: list[int]) -> Any:
        scores = reading(phones, 0.9) + rng.normal(0, 1.5, (4 * len(phones), 733))
        return scores - np.log(np.exp(scores).sum(1, keepdims=True))

    for _ in range(3):
        assert faults(check(noisy(flat(rows)), said)) == []
        assert faults(check(noisy(flat(rows[:2] + rows[3:])), said)) == [("missing", 2)]
        assert faults(check(noisy(flat(rows[:3] + rows[2:])), said)) == [("repeated", 2)]


def test_words_that_meet_in_one_phone_are_both_said() -> None:
    last, time = words("last time")
    found = check(reading(last + time[1:]), words_of(ENGLISH.read("last time")))
    assert statuses(found) == ["said", "said"]
    doubled = [phone for phone in flat([last, time]) for _ in range(1 + (phone in table_of("v2").ids(["AE1", "AY1"])))]
    found = check(reading(doubled), words_of(ENGLISH.read("last time")))
    assert statuses(found) == ["said", "said"]
    assert found.alignment.cost == pytest.approx(2 * Costs().twice)


@given(st.text(max_size=24) | st.lists(st.sampled_from(TEXT.split()), max_size=7).map(" ".join))
@settings(max_examples=25, deadline=None)
def test_whatever_the_text_a_perfect_reading_has_no_fault(text: str) -> None:
    utterance = ENGLISH.read(text)
    marks = set(table_of("v2").ids(PUNCTUATION))
    ids = [b for a, b in zip((-1, *utterance.ids), utterance.ids, strict=False) if not (a in marks and b in marks)]
    said = words_of(utterance)
    found = check(reading(ids), said)
    assert found.faults == ()
    assert statuses(found) == ["said"] * len(said)
    assert flat([word.ids for word in said]) == [place for place in utterance.ids if place not in marks]
    assert found.alignment.cost == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(0, 30), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_the_best_path_is_never_dearer_than_leaving_everything_out(seed: int, frames: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.full(6, 0.3), frames) + 1e-6)
    said = [rng.integers(1, 6, rng.integers(1, 4)).tolist() for _ in range(count)]
    costs = Costs()
    found = aligned(scores, said, costs)
    capped = np.maximum(scores, -costs.floor)
    silent = float((capped.max(1) - capped[:, 0]).sum()) if frames else 0.0
    worst = silent + sum(costs.missing_word + costs.missing_phone * len(word) for word in said)
    assert -1e-9 <= found.cost <= worst + 1e-9
    spans = [(visit.start, visit.end) for visit in found.visits] + [(other.start, other.end) for other in found.others]
    spans.sort()
    assert all(0 <= start < end <= frames for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert all(visit.end - visit.start >= len(said[visit.word]) and visit.fit >= -1e-9 for visit in found.visits)


# Text and summary


def test_the_words_of_a_front_end_without_words_lie_between_its_marks() -> None:
    table = table_of("v2")
    part = Phones.of("ko", table, "가, 나.", ["ㄱ", "ㅏ", ",", "ㄴ", "ㅏ", "."])
    assert [word.ids for word in words_of(Utterance("가, 나.", (part,)))] == [
        table.ids(["ㄱ", "ㅏ"]),
        table.ids(["ㄴ", "ㅏ"]),
    ]
    assert not checkable(Utterance("가, 나.", (part,)))
    assert checkable(ENGLISH.read(TEXT))


def test_a_pooled_row_is_a_distribution_down_to_the_floor() -> None:
    scores = np.log(np.random.default_rng(1).dirichlet(np.ones(733), 5))
    found = pooled(scores, floor=30.0)
    assert np.exp(found).sum(1) == pytest.approx(np.ones(5))
    marks = [*table_of("v2").ids([*PUNCTUATION, "_", "SP", "SP2", "SP3"]), BLANK]
    assert np.exp(found[:, 0]) == pytest.approx(np.exp(scores[:, marks]).sum(1))
    assert pooled(scores, floor=2.0).min() == pytest.approx(-2.0)


def test_the_summary_counts_words_and_keeps_no_text() -> None:
    rows = words()
    good, bad = heard(flat(rows)), heard(flat(rows[1:]), piece=2)
    quality = summary([good, None, bad], 3, "another language")
    assert (quality.pieces, quality.checked, quality.words, quality.redraws) == (3, 2, 22, 3)
    assert [(fault.kind, fault.piece, fault.word) for fault in quality.faults] == [("missing", 2, 0)]
    assert quality.reason == "another language"
    assert summary([good], 0, "another language").reason == ""
    assert "even" not in quality.model_dump_json()
