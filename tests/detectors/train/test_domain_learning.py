"""The domain as it is learnt: whitening, balanced percentiles, parts kept apart."""

import numpy as np
import pytest

from detectors.card import WEIGHTS, Card
from detectors.train.domain import gaussian, learnt, percentiles_of
from synth.card import read_card


def test_whitening_makes_the_covariance_one() -> None:
    rng = np.random.default_rng(1)
    rows = (rng.standard_normal((4000, 3)) @ np.array([[3, 0, 0], [1, 2, 0], [0, 0, 1e-3]]) + 5).astype(np.float32)
    mean, whitening = gaussian(rows, 2)
    assert mean == pytest.approx([5, 5, 5], abs=0.2)
    assert np.cov(((rows - mean) @ whitening).T) == pytest.approx(np.eye(2), abs=1e-3)


def test_percentiles_weigh_the_classes_alike() -> None:
    distance = np.concatenate([np.full(900, 1.0), np.full(100, 2.0)])
    machine = np.arange(1000) < 900
    near, far = percentiles_of(distance, machine, (40.0, 60.0))
    assert (near, far) == (1.0, 2.0)
    assert percentiles_of(np.arange(100.0), np.arange(100) % 2 == 0, (50.0,))[0] == pytest.approx(49.5, abs=0.6)


def test_held_out_clips_do_not_move_the_mean() -> None:
    rng = np.random.default_rng(1)
    clips = [
        {"id": str(n), "part": "train" if n < 300 else "calibration", "label": ("human", "machine")[n % 2],
         "source": f"page{n % 5}"}
        for n in range(400)
    ]  # fmt: skip
    units = rng.standard_normal((400, 4)).astype(np.float32)
    units[300:] *= 3
    units[7] = np.nan
    domain = learnt(read_card(WEIGHTS / "speech.yaml", Card), np.array([c["id"] for c in clips]), units, clips, 4, 90.0)
    assert domain.facts.crops == 299
    assert domain.facts.human == domain.facts.machine == 50
    assert domain.distance(units[:7]).mean() == pytest.approx(1, abs=0.4)
    held = domain.distance(units[300:])
    assert np.mean(held <= domain.facts.limit) == pytest.approx(0.9, abs=0.02)
    assert np.median(held) == pytest.approx(3, abs=0.5)
