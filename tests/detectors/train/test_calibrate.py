"""The fit finds the LR that made the scores, and thresholds keep what they promise."""

import numpy as np
import pytest

pytest.importorskip("lir")

from detectors.train.calibrate import Table, bootstrap, logistic, threshold


def rows(n: int = 2000, shift: float = 1.0) -> list[dict[str, str]]:
    rng = np.random.default_rng(1)
    out = []
    for label, mean in (("machine", shift), ("human", -shift)):
        for i, score in enumerate(rng.normal(mean, 1.0, n)):
            common = {"id": f"{label}{i}", "label": label, "condition": "neutral", "speech_seconds": "4"}
            group = f"{label}-{i % 8}"
            scores = {"score": str(score), "frame_score": str(score), "source": group, "generator": group}
            out.append({**common, **scores})
    return out


def test_normal_scores_give_their_known_lr() -> None:
    """Two normals of unit variance at ±1: the natural-log LR is 2 * score."""
    table = Table(rows())
    x = np.stack([table.score, np.ones(len(table.score))], -1)
    slope, intercept = logistic(x, table.machine, table.weights())
    assert slope == pytest.approx(2 / np.log(10), abs=0.06)
    assert intercept == pytest.approx(0.0, abs=0.05)


def test_classes_and_groups_count_alike() -> None:
    weight = Table(rows(100)).weights()
    assert weight.sum() == pytest.approx(1.0)
    assert weight[:100].sum() == pytest.approx(0.5)


def test_bootstrap_scatters_around_the_fit() -> None:
    table = Table(rows(200))
    x = np.stack([table.score, np.ones(len(table.score))], -1)
    fits = bootstrap(x, table, 40, 1)
    assert fits.shape == (40, 2)
    assert fits.mean(0) == pytest.approx(logistic(x, table.machine, table.weights()), abs=0.1)
    assert (fits.std(0) > 0).all()


def test_threshold_holds_in_every_family() -> None:
    values = np.concatenate([np.linspace(-1, 1, 100), np.linspace(-1, 2, 100)])
    families = [np.arange(200) < 100, np.arange(200) >= 100]
    found = threshold(values, families, np.ones(200), 0.02, 9.0)
    for family in families:
        assert (values[family] > found).mean() <= 0.02
    assert found == pytest.approx(1.94, abs=0.02)
    assert threshold(values, families, np.ones(200), 0.02, 1.2) == 1.2
    assert threshold(-1 - np.ones(5), [np.ones(5, bool)], np.ones(5), 0.0, 9.0) == 0.0
