"""Faded joins of two vowels are located; vowels that glide, speech and noise raise no alarm."""

import numpy as np
import pytest
from joined_voices import RATE, crossfaded, vowel
from method_clips import HUMAN, OTHER_READING, READING, Examine, Samples, clip, room_noise

from forensics.methods._grid import STRETCH_S, places
from forensics.methods._join_cues import NAMES, join_cues
from forensics.methods.splice_faded import WEIGHTS, SpliceFaded

OPEN = (700.0, 1200.0, 2500.0, 3500.0)
REST = room_noise(0.5, RATE, -55.0, seed=9)


PLACES = [(52517, 24327, 80), (26622, 23626, 160), (20051, 47910, 80)]
"""Inside vowels of two readings: where the first is left, where the second is entered, samples of cross-fade."""


def reading_joined(cut: int, resume: int, fade: int) -> Samples:
    first, _ = clip(READING)
    second, _ = clip(OTHER_READING)
    return crossfaded(first[: cut + fade], second[resume:], fade / RATE)


@pytest.mark.parametrize(("cut", "resume", "fade"), PLACES)
def test_a_faded_join_inside_vowels_is_located(examine: Examine, cut: int, resume: int, fade: int) -> None:
    finding = examine(SpliceFaded(), reading_joined(cut, resume, fade), RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["joins"] == 1
    assert finding.measurements["highest_score"] > 1.5
    middle = (finding.segments[0].start_s + finding.segments[0].end_s) / 2
    assert middle == pytest.approx((cut + fade / 2) / RATE, abs=0.02)


def test_one_vowel_is_consistent(examine: Examine) -> None:
    finding = examine(SpliceFaded(), np.concatenate([REST, vowel(2.0, 118.0, OPEN, 1), REST]), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["highest_score"] < -2.0
    assert finding.measurements["judged_share"] > 0.25


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_speech_has_no_faded_join(examine: Examine, name: str) -> None:
    samples, rate = clip(name)
    finding = examine(SpliceFaded(), samples, rate)
    if rate < RATE:
        assert finding.outcome == "could_not_test"
    else:
        assert finding.outcome == "consistent"
        assert finding.measurements["highest_score"] < 0.4


def test_noise_is_not_judged(examine: Examine) -> None:
    finding = examine(SpliceFaded(), room_noise(3.0, RATE, -30.0, seed=4), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["judged_share"] < 0.05


def test_every_cue_has_its_weight() -> None:
    assert set(WEIGHTS) == set(NAMES)
    assert join_cues(vowel(1.0, 118.0, OPEN, 1)).shape == (200, 1 + len(NAMES))


@pytest.mark.parametrize("shift", [-0.01, 0.0, 0.01])
def test_a_join_at_the_border_of_two_stretches_scores_the_same(examine: Examine, shift: float) -> None:
    cut, resume, fade = PLACES[0]
    lead = room_noise(STRETCH_S + shift - cut / RATE, RATE, -70.0, seed=5)
    finding = examine(SpliceFaded(), np.concatenate([lead, reading_joined(cut, resume, fade)]), RATE)
    assert finding.measurements["joins"] == 1
    assert finding.segments[0].start_s == pytest.approx(STRETCH_S + shift, abs=0.03)
    assert finding.measurements["highest_score"] > 2.0


def test_places_are_the_highest_of_their_surroundings() -> None:
    scores = np.zeros(200)
    scores[[50, 60, 120]] = [1.0, 2.0, 1.5]
    assert places(scores, 0.5) == [60, 120]


@pytest.mark.parametrize("length", [31999, 31998, 31997, 32000, 31921])
def test_any_length_is_examined(examine: Examine, length: int) -> None:
    """Lengths that end just before a whole instant once made the cues of phase one too many."""
    noise = np.random.default_rng(1).normal(0.0, 0.05, length)
    assert examine(SpliceFaded(), noise, 16000).outcome == "consistent"
