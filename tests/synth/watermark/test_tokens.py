"""The mark in the semantic tokens: exact p-values without it, evidence with it, and tokens still drawn from p."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.errors import VoxproofError
from synth.watermark import keys
from synth.watermark import tokens as module
from synth.watermark.keys import DetectionKey, WatermarkKey, rotate
from synth.watermark.tokens import (
    CONTEXT,
    LEAST_CODES,
    THRESHOLD_LOG10_P,
    VARIANTS,
    TokenMark,
    detect_tokens,
    log10_of_any,
    log10_tail,
)

VOCABULARY = 1025
KEY, OTHER = (keys._of_root(bytes([root]) * 32, 0) for root in (1, 2))


def a_key(number: int) -> WatermarkKey:
    return WatermarkKey(DetectionKey(f"{number:016x}", 0, number.to_bytes(32, "big")))


def largest_gap(p: list[float]) -> float:
    """Kolmogorov and Smirnov's distance of numbers from the uniform distribution."""
    ordered, steps = np.sort(p), np.arange(len(p) + 1) / len(p)
    return float(max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max()))


def spoken(mark: TokenMark | None, length: int, seed: int = 0) -> np.ndarray:
    """Codes [length] drawn from 12 equally likely ones, which change from step to step."""
    rng = np.random.default_rng(seed)
    race = None if mark is None else mark.begin([1, 2])
    said = []
    for _ in range(length):
        live = rng.integers(0, VOCABULARY - 1, 12)
        keyed = None if race is None else race.exponentials(VOCABULARY)
        chance = rng.standard_exponential(len(live))
        token = int(live[np.argmin(chance if keyed is None else keyed[live])])
        if race is not None:
            race.drawn(token)
        said.append(token)
    return np.array(said)


def test_a_marked_clip_of_four_seconds_is_found_with_its_variant_and_nobody_elses_key() -> None:
    codes = spoken(TokenMark.of(KEY, 21), 100)
    evidence = detect_tokens(codes, [KEY])
    assert evidence is not None
    assert evidence.found
    assert evidence.log10_p < -20
    assert (evidence.key_id, evidence.epoch, evidence.variant) == (KEY.key_id, 0, 21 % VARIANTS)
    assert evidence.codes <= 100 - CONTEXT
    for other in (OTHER, rotate(KEY).public):
        wrong = detect_tokens(codes, [other])
        assert wrong is not None
        assert not wrong.found
    later = detect_tokens(codes, [OTHER, rotate(KEY)])
    assert later is not None
    assert later.found
    assert later.epoch == 0


def test_without_the_mark_nothing_is_found() -> None:
    evidence = detect_tokens(spoken(None, 200), [KEY])
    assert evidence is not None
    assert not evidence.found
    assert evidence.log10_p > -3


@pytest.mark.parametrize(("errors", "limit"), [((0.2, 0.0, 0.0), -8.0), ((0.1, 0.05, 0.05), -8.0)])
def test_changed_dropped_and_inserted_codes_cost_evidence_but_not_all(
    errors: tuple[float, float, float], limit: float
) -> None:
    from forensics.benches.mark_tokens import heard

    codes = spoken(TokenMark.of(KEY, 3), 200)
    whole = detect_tokens(codes, [KEY])
    damaged = detect_tokens(heard(codes, errors, np.random.default_rng(1)), [KEY])
    assert whole is not None
    assert damaged is not None
    assert whole.log10_p < damaged.log10_p < limit


def test_two_clips_joined_and_a_crop_are_found_without_alignment() -> None:
    codes = spoken(TokenMark.of(KEY, 3), 120)
    for part in (codes[37:97], np.concatenate([spoken(None, 41, 5), codes])):
        evidence = detect_tokens(part, [KEY])
        assert evidence is not None
        assert evidence.found


def test_p_values_are_uniform_without_a_mark_even_for_codes_that_repeat_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "VARIANTS", 1)
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 6, 80)  # six codes only: contexts come back again and again
    p = [10**evidence.log10_p for n in range(200) if (evidence := detect_tokens(codes, [a_key(n)]))]
    assert len(p) == 200
    assert largest_gap(p) < 1.95 / np.sqrt(len(p))  # 1.95: a chance of one in a thousand


def test_the_best_of_all_variants_has_a_right_p_value_too() -> None:
    codes = np.random.default_rng(0).integers(0, 1024, 40)
    p = [10**evidence.log10_p for n in range(40) if (evidence := detect_tokens(codes, [a_key(n)]))]
    assert largest_gap(p) < 1.95 / np.sqrt(len(p))  # 1.95: a chance of one in a thousand


def test_each_context_counts_once() -> None:
    codes = np.array([1, 2, 3, 4] * 50 + list(range(100, 130)))
    evidence = detect_tokens(codes, [KEY])
    assert evidence is not None
    assert evidence.codes == 4 + 29
    assert detect_tokens(np.array([1, 2, 3, 4] * 50), [KEY]) is None


@pytest.mark.parametrize("length", [0, 1, CONTEXT, LEAST_CODES + CONTEXT - 1])
def test_too_few_codes_are_not_tested(length: int) -> None:
    assert detect_tokens(np.arange(length), [KEY]) is None
    assert detect_tokens(np.arange(LEAST_CODES + CONTEXT), [KEY]) is not None


@pytest.mark.parametrize("codes", [np.zeros((2, 40), int), np.full(40, 0.5), np.full(40, -1), np.full(40, 1 << 16)])
def test_what_are_no_codes_is_refused(codes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="codes are"):
        detect_tokens(codes, [KEY])


def test_without_a_key_there_is_nothing_to_test() -> None:
    with pytest.raises(VoxproofError, match="--key"):
        detect_tokens(np.arange(100), [])


def test_the_draw_follows_p_over_keys_and_the_order_of_the_races_is_fixed() -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05])
    won = np.zeros(4)
    for number in range(1_000):
        race = TokenMark(a_key(number).detection, 0).begin([7, 8, 9])
        variates = race.exponentials(4)
        assert variates is not None
        won[np.argmax(p / variates)] += 1
    assert np.abs(won / 1_000 - p).max() < 4 * np.sqrt(0.25 / 1_000)
    race = TokenMark(a_key(1).detection, 3).begin([7, 8, 9])
    again = TokenMark(a_key(1).detection, 3).begin([0, 8, 9])
    assert np.array_equal(race.exponentials(VOCABULARY)[:100], again.exponentials(100))  # type: ignore[index]
    race.drawn(5)
    assert not np.array_equal(race.exponentials(100), again.exponentials(100))  # type: ignore[arg-type]


def test_a_context_met_before_and_a_start_without_codes_are_left_to_chance() -> None:
    race = TokenMark.of(KEY, 0).begin([])
    keyed = []
    for token in [5, 6, 5, 6, 7]:
        keyed.append(race.exponentials(10) is not None)
        race.drawn(token)
    assert keyed == [False, False, True, True, False]


@settings(deadline=None)
@given(st.floats(-300, 0), st.integers(1, 1000))
def test_a_corrected_p_value_lies_between_the_single_one_and_that_times_the_tests(log10_p: float, tests: int) -> None:
    joint = log10_of_any(log10_p, tests)
    assert log10_p - 1e-9 <= joint <= min(0.0, log10_p + np.log10(tests)) + 1e-9


@settings(deadline=None)
@given(st.integers(1, 500), st.floats(0, 1e5))
def test_tails_are_probabilities_that_fall_with_the_score(codes: int, score: float) -> None:
    assert -300 <= log10_tail(score + 1, codes) <= log10_tail(score, codes) <= 0
    assert log10_tail(0.0, codes) == 0
    assert THRESHOLD_LOG10_P < 0
