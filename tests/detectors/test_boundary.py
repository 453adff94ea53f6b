"""The boundary detector: features of every 5 ms, the network in NumPy, weights that fit their card."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from detectors.boundary import (
    CHANNELS,
    FINE,
    HOP,
    MELS,
    PHASES,
    RATE,
    BoundaryConfig,
    BoundaryScorer,
    boundary_frames,
    load_boundary,
)
from detectors.boundary_card import BoundaryCard
from detectors.card import WEIGHTS
from synth.card import read_card
from synth.errors import VoxproofError


def tone(seconds: float, hertz: float, phase: float = 0.0) -> np.ndarray:  # type: ignore[type-arg]
    times = np.arange(round(seconds * RATE)) / RATE
    harmonics = sum(np.sin(2 * np.pi * n * hertz * times + n * phase) / n for n in range(1, 6))
    noise = np.random.default_rng(1).normal(0.0, 1e-4, len(times))
    return (0.1 * harmonics + noise).astype(np.float32)


@pytest.mark.parametrize("samples", [0, 1, 79, 80, 81, 799, 16_000, 16_079])
def test_one_row_for_every_whole_5_ms(samples: int) -> None:
    noise = np.random.default_rng(2).normal(0.0, 0.01, samples).astype(np.float32)
    frames = boundary_frames(noise)
    assert frames.shape == (samples // HOP, CHANNELS)
    assert np.isfinite(frames).all()


def test_silence_and_full_scale_give_numbers() -> None:
    for level in (0.0, 1.0):
        assert np.isfinite(boundary_frames(np.full(8000, level, dtype=np.float32))).all()


@pytest.mark.filterwarnings("error")
def test_what_is_far_louder_than_full_scale_is_turned_down_to_100_times_it() -> None:
    """A damaged file of floating-point samples can hold any number; eighth powers of it are not all finite."""
    sound = tone(0.5, 130.0)
    loud = boundary_frames(sound / np.abs(sound).max() * 1e30)
    np.testing.assert_allclose(loud, boundary_frames(sound / np.abs(sound).max() * 100.0), rtol=1e-3, atol=1e-3)


def test_a_step_of_the_phase_shows_in_every_cue_of_continuity() -> None:
    at = 100 * HOP
    samples = np.concatenate([tone(0.5, 130.0), tone(0.5, 130.0, np.pi / 2)])
    frames = boundary_frames(samples)
    phase = frames[:, MELS + FINE : MELS + FINE + 2]
    assert phase[60:80].min() > 0.9
    assert phase[98:103, 1].min() < 0.5
    surprise = frames[:, MELS + FINE + PHASES : MELS + FINE + PHASES + 8]
    assert surprise[at // HOP].max() > surprise[40:80].max() + 0.5
    slow = frames[:, MELS + FINE + PHASES + 8 :]
    assert slow[100, 1] > slow[70, 1] + 0.5


def test_a_row_depends_on_04_s_around() -> None:
    noise = np.random.default_rng(3).normal(0.0, 0.05, 4 * RATE).astype(np.float32)
    whole, part = boundary_frames(noise), boundary_frames(noise[RATE:])
    np.testing.assert_allclose(part[81:-1], whole[281:-1], atol=2e-3)


def test_the_network_hears_62_instants_on_either_side() -> None:
    config = BoundaryConfig(channels=4, width=8)
    rng = np.random.default_rng(4)
    state = {name: rng.normal(0.0, 0.2, shape).astype(np.float32) for name, shape in config.shapes().items()}
    scorer = BoundaryScorer(config, state)
    frames = rng.normal(0.0, 1.0, (300, 4)).astype(np.float32)
    before = scorer.forward(frames)
    frames[150] += 3.0
    changed = np.flatnonzero(np.abs(scorer.forward(frames) - before) > 1e-7)
    assert before.shape == (300,)
    assert 150 - 62 <= changed.min() <= 150 <= changed.max() <= 150 + 62


def test_the_shipped_weights_fit_their_card() -> None:
    card = read_card(WEIGHTS / "boundary_card.yaml", BoundaryCard)
    scorer = load_boundary(WEIGHTS / card.weights)
    assert card.bytes == (WEIGHTS / card.weights).stat().st_size < 1_000_000
    assert scorer.config.channels == CHANNELS
    assert card.doubt < card.threshold
    assert {source.name for source in card.training}.isdisjoint({"rhasspy_kathleen", "picovoice_s2i"})
    clean = next(figure for figure in card.figures if figure.condition == "0 ms, clean")
    assert clean.found / clean.joins > 0.15
    assert sum(figure.alarms for figure in card.figures) <= 0.01 * sum(figure.unedited for figure in card.figures)


def test_other_weights_and_cards_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "boundary.safetensors"
    save_file({"mean": np.zeros(3, np.float32)}, path)
    with pytest.raises(VoxproofError, match="other tensors or shapes"):
        load_boundary(path)
    path.write_bytes(b"no")
    with pytest.raises(VoxproofError, match="not the weights"):
        load_boundary(path)
    (tmp_path / "card.yaml").write_text("name: x")
    with pytest.raises(VoxproofError, match="not a valid card"):
        read_card(tmp_path / "card.yaml", BoundaryCard)
