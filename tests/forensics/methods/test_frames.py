"""Curves of a figure: few points, the extremes kept, and the same from evenly spaced values."""

import numpy as np
import pytest

from forensics.methods._frames import CURVE_POINTS, curve, even_curve


@pytest.mark.parametrize("count", [0, 1, 50, CURVE_POINTS, CURVE_POINTS + 1, 20_000])
@pytest.mark.parametrize("share", [None, 1.0, 0.6, 0.0])
def test_even_values_are_drawn_as_any_others(count: int, share: float | None) -> None:
    rng = np.random.default_rng(count)
    values = rng.normal(0, 9, count).astype(np.float32)
    kept = None if share is None else rng.random(count) < share
    here = np.ones(count, bool) if kept is None else kept
    times = ((np.arange(count) + 0.5) * 0.005)[here]
    wanted = curve("x", times, np.maximum(values[here], -12.0), style="points", digits=2)
    made = even_curve("x", values, 0.005, offset=0.5, kept=kept, least=-12.0, style="points", digits=2)
    assert made == wanted


def test_the_extremes_of_a_long_curve_are_kept() -> None:
    values = np.zeros(50_000)
    values[[7, 31_000]] = 5.0, -3.0
    made = even_curve("", values, 0.02)
    assert len(made.x) <= CURVE_POINTS
    assert (max(made.y), min(made.y)) == (5.0, -3.0)
    assert made.x[made.y.index(-3.0)] == pytest.approx(620.0)
