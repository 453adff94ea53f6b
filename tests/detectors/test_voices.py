"""Frames and sums of the voice model: known pitch, stretches described alike, and no length that counts twice."""

import numpy as np
import pytest

from detectors.inference import RATE
from detectors.voices import CEPSTRA, described, difference, log_lr, sums, voice_frames, voice_model


@pytest.mark.parametrize("hertz", [90.0, 140.0, 250.0])
def test_the_pitch_of_pulses(hertz: float) -> None:
    pulses = np.zeros(2 * RATE, np.float32)
    pulses[np.round(np.arange(0, 2 * RATE - 1, RATE / hertz)).astype(int)] = 0.5
    frames = voice_frames(pulses, 90)
    assert frames.shape == (90, CEPSTRA + 1)
    assert np.nanmedian(frames[:, -1]) == pytest.approx(12 * np.log2(hertz), abs=0.2)


def test_noise_has_no_pitch() -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    assert np.isnan(voice_frames(noise, 90)[:, -1]).mean() > 0.95


def test_stretches_are_described_by_means_and_deviations() -> None:
    frames = np.random.default_rng(1).normal(size=(300, CEPSTRA + 1)) + 80.0
    features = described(sums(frames)[300])
    assert features[:CEPSTRA] == pytest.approx(frames[:, :-1].mean(0))
    assert features[CEPSTRA : 2 * CEPSTRA] == pytest.approx(np.log(frames[:, :-1].std(0)), abs=1e-3)
    assert features[-2] == pytest.approx(frames[:, -1].mean())


def test_equal_stretches_speak_for_one_speaker_and_short_ones_say_less() -> None:
    model = voice_model()
    frames = np.tile(np.random.default_rng(2).normal(size=(100, CEPSTRA + 1)), (2, 1))
    d, length = difference(sums(frames), (0, 100), (100, 200))
    assert length == pytest.approx(100)
    assert d == pytest.approx(np.zeros(2 * CEPSTRA + 2), abs=1e-6)
    assert log_lr(model, d, length) < 0
    far = np.full(2 * CEPSTRA + 2, 1.0)
    assert log_lr(model, far, 30) < log_lr(model, far, 300)
