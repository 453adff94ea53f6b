"""LRs: monotone, bounded on both ends, wider where the constants are less sure; frames alike."""

import numpy as np
import pytest

from detectors.calibration import frame_log10_lr, limits, log10_lr, log10_of_count
from detectors.card import Bounds, Calibration


def constants(**changes: object) -> Calibration:
    values: dict[str, object] = {
        "slope": 0.5,
        "slope_per_octave": 0.1,
        "intercept": -0.2,
        "covariance": ((0.01, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.04)),
        "frame_slope": 0.3,
        "frame_intercept": 0.0,
        "cap": 1.2,
        "elub": Bounds(lower=-0.9, upper=1.5),
        "sources": 10,
        "clips": 100,
    }
    return Calibration.model_validate({**values, **changes})


def test_by_hand() -> None:
    """Score 1 at 4 s: 0.5 - 0.2; sd = sqrt(0.01 + 0.04). At 8 s the slope is 0.6."""
    value, lower, upper = log10_lr(constants(), np.array([1.0, 1.0]), np.array([4.0, 8.0]))
    assert value.tolist() == pytest.approx([0.3, 0.4])
    half = 1.959964 * np.sqrt(0.05)
    assert (lower[0], upper[0]) == (pytest.approx(0.3 - half), pytest.approx(0.3 + half))


def test_the_tighter_bound_holds_at_both_ends() -> None:
    assert limits(constants()) == (-0.9, 1.2)
    value, lower, upper = log10_lr(constants(), np.array([-50.0, 50.0]), np.array([5.0, 5.0]))
    assert (value[0], lower[0]) == (-0.9, -0.9)
    assert (value[1], upper[1]) == (1.2, 1.2)
    assert (lower <= value).all()
    assert (value <= upper).all()


def test_more_score_is_never_less_evidence() -> None:
    score = np.linspace(-10, 10, 101)
    for seconds in (0.1, 1.0, 4.0, 100.0):
        value, _, _ = log10_lr(constants(slope_per_octave=0.3), score, np.full(101, seconds))
        assert (np.diff(value) >= 0).all()


def test_length_counts_up_to_ten_seconds() -> None:
    value, _, _ = log10_lr(constants(), np.array([1.0, 1.0]), np.array([10.0, 1000.0]))
    assert value[0] == value[1]


def test_frames_keep_their_gaps() -> None:
    frames = frame_log10_lr(constants(), np.array([np.nan, 0.0, 100.0, -100.0], np.float32))
    assert np.isnan(frames[0])
    assert frames[1:].tolist() == pytest.approx([0.0, 1.2, -0.9])


def test_cap_of_a_count_is_rounded_down() -> None:
    assert log10_of_count(16) == 1.2
    assert log10_of_count(1) == 0.0
    assert log10_of_count(0) == 0.0
