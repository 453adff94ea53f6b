"""The spectral line in PyTorch: the numbers of the one that listens, and gradients that mean something."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from detectors.card import WEIGHTS
from detectors.inference import RATE
from detectors.spectral import SpectralScorer, load_spectral, spectral_frames
from detectors.spectral_network import SpectralFrames, differentiable

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def shipped() -> SpectralScorer:
    return load_spectral(WEIGHTS / "spectral.safetensors")


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    sound = soundfile.read(DATA / "sense_and_sensibility_01_austen_64kb-0870.wav", dtype="float32")[0]
    return np.ascontiguousarray(sound[: 3 * RATE + 77])


def test_frames_and_logit_are_those_of_the_line_that_listens(shipped: SpectralScorer, voice: np.ndarray) -> None:
    theirs = SpectralFrames(shipped.config)(torch.from_numpy(voice)[None])[0].numpy()
    ours = spectral_frames(voice, shipped.config)
    assert theirs.shape == ours.shape == (150, shipped.config.channels)
    assert np.abs(theirs - ours).max() < 5e-3
    assert np.abs(theirs - ours).mean() < 1e-4
    logit = differentiable(shipped)(torch.from_numpy(voice)[None])
    assert logit.shape == (1,)
    assert float(logit[0]) == pytest.approx(shipped(voice)[0], abs=0.02)


def test_a_step_along_the_gradient_raises_the_score_as_foretold(shipped: SpectralScorer, voice: np.ndarray) -> None:
    network = differentiable(shipped)
    sound = torch.from_numpy(voice)[None].requires_grad_()
    before = network(sound)
    (gradient,) = torch.autograd.grad(before.sum(), sound)
    assert torch.isfinite(gradient).all()
    step = 1e-6 * gradient / gradient.norm()
    foretold = float((gradient * step).sum())
    risen = float((network(sound + step) - before).sum())
    assert foretold > 0
    assert 0 < risen < 3 * foretold


def test_silence_has_a_finite_gradient(shipped: SpectralScorer) -> None:
    sound = torch.zeros(1, RATE, requires_grad=True)
    (gradient,) = torch.autograd.grad(differentiable(shipped)(sound).sum(), sound)
    assert torch.isfinite(gradient).all()
