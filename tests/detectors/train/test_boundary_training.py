"""Material and fit of the boundary detector: joins lie where they are said to, and PyTorch agrees with NumPy."""

from pathlib import Path

import numpy as np
import torch

from detectors.boundary import CHANNELS, RATE, BoundaryConfig, BoundaryScorer
from detectors.train.boundary import Judged, Material, Network, figures, fitted, least_threshold
from detectors.train.boundary_joins import joined, tape

LOW, HIGH = np.full(RATE, 0.1, np.float32), np.full(RATE, 0.3, np.float32)


def test_a_join_lies_in_the_middle_of_its_fade() -> None:
    for seed in range(20):
        for fade in (0, 32, 320):
            sound, at = joined(LOW, HIGH, fade, np.random.default_rng(seed))
            assert np.allclose(sound[: at - fade // 2 - 1], 0.1)
            assert np.allclose(sound[at + fade // 2 + 1 :], 0.3)
            assert len(sound) in (2 * RATE, 2 * RATE - fade)


def test_a_tape_is_joined_every_075_to_13_s() -> None:
    noise = np.random.default_rng(1).normal(0.0, 0.1, 5 * RATE).astype(np.float32)
    sound, joins = tape([noise], np.random.default_rng(2))
    assert 6.0 <= len(sound) / RATE < 13.5
    assert len(joins) >= 4
    steps = np.diff([0.0, *joins]) * 0.005
    assert steps.min() > 0.7
    assert steps.max() < 1.35


def test_a_planted_mark_is_learnt_and_both_networks_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    frames = rng.normal(0.0, 1.0, (4000, CHANNELS)).astype(np.float16)
    joins = np.arange(200, 3800, 130)
    frames[joins, :20] += 4.0
    np.savez(tmp_path / "train-000.npz", frames=frames, joins=joins.astype(float), ends=np.array([4000]))
    material = Material.read(tmp_path)
    assert np.array_equal(material.joins, joins)
    assert not material.used[joins[0] + 10]
    assert material.used[joins[0] + 17]
    config = BoundaryConfig(width=8)
    state = fitted(material, config, steps=40, seed=1)
    scores = BoundaryScorer(config, state).forward(frames.astype(np.float32))
    assert np.median(scores[joins]) > np.quantile(scores, 0.97)
    network = Network(config).eval()
    network.load_state_dict(
        {
            key: torch.from_numpy(value[:, :, None] if key == "out.weight" else value)
            for key, value in state.items()
            if key not in ("mean", "scale")
        }
    )
    x = np.clip((frames[:400].astype(np.float32) - state["mean"]) * state["scale"], -8, 8)
    with torch.inference_mode():
        torch_scores = network(torch.from_numpy(x.T[None].copy()))[0].numpy()
    np.testing.assert_allclose(scores[62 : 400 - 62], torch_scores, atol=1e-3)


def test_threshold_and_figures_count_what_they_say() -> None:
    quiet = np.full(12_000, -5.0, np.float32)
    high, low = quiet.copy(), quiet.copy()
    high[6000], low[3000] = 6.0, 2.0
    sounds = [Judged("clean", "unedited", "a", -1.0, scores) for scores in (high, low)]
    assert least_threshold(sounds, minutes=2.0) == 2.0
    joined_there = quiet.copy()
    joined_there[500] = 4.0
    sounds += [Judged("clean", "5", "a", at, joined_there) for at in (510.0, 2000.0)]
    (figure,) = figures(sounds, threshold=3.0)
    assert (figure.joins, figure.found, figure.unedited, figure.alarms) == (2, 1, 2, 1)
