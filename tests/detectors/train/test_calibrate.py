"""The fit finds the LR that made the scores, and thresholds keep what they promise."""

import numpy as np
import pytest

from detectors.train.evidence import Table, bootstrap, joint, logistic, threshold


def rows(n: int = 2000, shift: float = 1.0) -> list[dict[str, str]]:
    rng = np.random.default_rng(1)
    out = []
    for label, mean in (("machine", shift), ("human", -shift)):
        for i, score in enumerate(rng.normal(mean, 1.0, n)):
            common = {"id": f"{label}{i}", "label": label, "condition": "neutral", "speech_seconds": "4"}
            group = f"{label}-{i % 8}"
            scores = {"a": str(score), "a.frames": str(score), "source": group, "generator": group, "kind": "tts"}
            out.append({**common, **scores})
    return out


def test_normal_scores_give_their_known_lr() -> None:
    """Two normals of unit variance at ±1: the natural-log LR is 2 * score."""
    table = Table(rows(), ("a",))
    x = np.stack([table.score["a"], np.ones(len(table.id))], -1)
    slope, intercept = logistic(x, table.machine, table.weights())
    assert slope == pytest.approx(2 / np.log(10), abs=0.06)
    assert intercept == pytest.approx(0.0, abs=0.05)


def test_classes_and_groups_count_alike() -> None:
    weight = Table(rows(100), ("a",)).weights()
    assert weight.sum() == pytest.approx(1.0)
    assert weight[:100].sum() == pytest.approx(0.5)


def test_bootstrap_scatters_around_the_fit() -> None:
    table = Table(rows(200), ("a",))
    x = np.stack([table.score["a"], np.ones(len(table.id))], -1)
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


def test_lines_that_say_the_same_share_one_weight() -> None:
    """A line and its copy: together they weigh what one weighs alone; a line of noise weighs nothing."""
    table = Table(rows(), ("a",))
    one, ones = table.score["a"], np.ones(len(table.id))
    noise = np.random.default_rng(2).normal(size=len(table.id))
    alone, _ = joint(np.stack([one, ones], -1), table, 5, 1)
    twice, spread = joint(np.stack([one, one, ones], -1), table, 5, 1)
    assert twice[0] + twice[1] == pytest.approx(alone[0], rel=0.02)
    assert spread.shape == (3, 3)
    with_noise, _ = joint(np.stack([one, noise, ones], -1), table, 5, 1)
    assert with_noise[0] == pytest.approx(alone[0], rel=0.05)
    assert abs(with_noise[1]) < 0.05


def test_no_line_counts_against_itself() -> None:
    """A line that only repeats the error of another would get a negative weight: it is left at 0."""
    table = Table(rows(), ("a",))
    rng = np.random.default_rng(3)
    error = rng.normal(size=len(table.id))
    constants, spread = joint(np.stack([table.score["a"] + error, error, np.ones(len(error))], -1), table, 5, 1)
    assert constants[0] > 0
    assert constants[1] == 0
    assert (spread[1] == 0).all()
