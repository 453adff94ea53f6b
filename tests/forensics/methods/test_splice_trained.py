"""Joins of one reader in one room are located; unedited speech, noise and silence raise no alarm."""

import numpy as np
import pytest
from joined_voices import crossfaded
from method_clips import HUMAN, OTHER_READING, READING, Examine, Samples, clip, room_noise

from forensics.benches.edits import POSITIVES
from forensics.methods._grid import STRETCH_S
from forensics.methods.splice_trained import SpliceTrained

RATE = 16_000


def reading_joined(cut: int, resume: int, fade: int) -> Samples:
    """Two readings of one person in one session, joined with a cross-fade."""
    first, _ = clip(READING)
    second, _ = clip(OTHER_READING)
    if not fade:
        return np.concatenate([first[:cut], second[resume:]])
    return crossfaded(first[: cut + fade], second[resume:], fade / RATE)


PLACES = [(95324, 37082, 0), (27857, 26047, 0), (57953, 73391, 0), (65535, 9684, 80)]
"""Where the first is left, where the second is entered, samples of cross-fade."""


@pytest.mark.parametrize(("cut", "resume", "fade"), PLACES)
def test_a_join_is_located(examine: Examine, cut: int, resume: int, fade: int) -> None:
    finding = examine(SpliceTrained(), reading_joined(cut, resume, fade), RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["joins"] == 1
    middle = (finding.segments[0].start_s + finding.segments[0].end_s) / 2
    assert middle == pytest.approx((cut + fade / 2) / RATE, abs=0.02)


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_speech_has_no_join(examine: Examine, name: str) -> None:
    samples, rate = clip(name)
    method = SpliceTrained()
    finding = examine(method, samples, rate)
    assert finding.outcome == "consistent"
    assert finding.measurements["highest_score"] < method.card.doubt


def test_noise_and_silence_have_no_join(examine: Examine) -> None:
    noise = room_noise(3.0, RATE, -40.0, seed=4)
    assert examine(SpliceTrained(), noise, RATE).outcome == "consistent"
    finding = examine(SpliceTrained(), np.concatenate([noise, np.zeros(2 * RATE), noise]), RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["judged_share"] == pytest.approx(6.0 / 8.0, abs=0.08)
    silence = examine(SpliceTrained(), np.zeros(2 * RATE), RATE)
    assert silence.outcome == "consistent"
    assert silence.measurements["highest_score"] is None


@pytest.mark.parametrize("shift", [-0.01, 0.0, 0.01])
def test_a_join_at_the_border_of_two_stretches_scores_the_same(examine: Examine, shift: float) -> None:
    cut, resume, fade = PLACES[0]
    lead = room_noise(STRETCH_S + shift - cut / RATE, RATE, -70.0, seed=5)
    sound = reading_joined(cut, resume, fade)
    inside = examine(SpliceTrained(), np.concatenate([lead[RATE:], sound]), RATE)  # the same place of the 5 ms grid
    finding = examine(SpliceTrained(), np.concatenate([lead, sound]), RATE)
    places = [segment.start_s for segment in finding.segments]
    assert min(abs(place - STRETCH_S - shift) for place in places) < 0.03
    assert finding.measurements["highest_score"] == pytest.approx(inside.measurements["highest_score"], abs=0.05)


@pytest.mark.parametrize("length", [15_999, 16_000, 31_999, 31_921])
def test_any_length_is_examined(examine: Examine, length: int) -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.05, length)
    finding = examine(SpliceTrained(), noise, RATE)
    assert finding.outcome == ("consistent" if length >= RATE else "could_not_test")


def test_the_record_names_weights_and_threshold(examine: Examine) -> None:
    method = SpliceTrained()
    assert method.models[0].sha256 == method.card.sha256 == method.parameters["weights_sha256"]
    figure = examine(method, room_noise(2.0, RATE, -40.0, seed=6), RATE).figures[0]
    assert figure.levels == ((method.card.threshold, "threshold"),)
    assert len(figure.series[0].x) > 50


def test_the_bench_makes_at_least_200_joins_for_it() -> None:
    meant = [positive for positive in POSITIVES if positive.method == SpliceTrained.id]
    assert sum(positive.count for positive in meant) >= 200
    assert all(positive.partner == "same" for positive in meant)
