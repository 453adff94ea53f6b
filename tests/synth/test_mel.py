"""Spectrograms and mels: against the reference's goldens, and against what is known of tones and silence."""

import math

import numpy as np
import pytest
import torch
from sovits_goldens import difference, golden

from synth.errors import VoxproofError
from synth.mel import (
    SOVITS,
    V3,
    V4,
    MelConfig,
    denormalised,
    log_mel,
    mel_filters,
    mel_spectrogram,
    normalised,
    spectrogram,
)


def test_spectrogram_and_mels_agree_with_the_reference() -> None:
    stored = golden("mel")
    magnitudes = spectrogram(stored["wav"])
    assert difference(magnitudes, stored["spec"]) < 1e-5
    assert difference(log_mel(magnitudes), stored["mel128"]) < 1e-5
    assert difference(mel_spectrogram(stored["wav"]), stored["mel128_direct"]) < 1e-5
    assert difference(mel_spectrogram(stored["wav"][:, :24000], V3), stored["mel_v3"]) < 1e-5
    assert difference(mel_spectrogram(stored["wav"], V4), stored["mel_v4"]) < 1e-5


@pytest.mark.parametrize(("samples", "frames"), [(32000, 50), (32001, 50), (32639, 50), (32640, 51), (1280, 2)])
def test_a_hop_of_samples_gives_a_frame(samples: int, frames: int) -> None:
    assert spectrogram(torch.zeros(3, samples)).shape == (3, 1025, frames)


def test_silence_has_the_magnitude_that_is_added_under_the_root() -> None:
    magnitudes = spectrogram(torch.zeros(1, 6400))
    assert torch.allclose(magnitudes, torch.full_like(magnitudes, 1e-4), rtol=1e-6)
    # a band's weights sum to some 2 / (bin width in Hz) / (edges' distance / 2): far below the floor of 1e-5 / 1e-4
    assert torch.equal(log_mel(magnitudes), torch.full((1, 128, 10), math.log(1e-5)))


@pytest.mark.parametrize("config", [SOVITS, V3, V4])
def test_a_tone_stands_out_in_its_own_bin_and_band(config: MelConfig) -> None:
    hertz = 40 * config.rate / config.window
    time = torch.arange(config.rate) / config.rate
    magnitudes = spectrogram(0.5 * torch.sin(2 * math.pi * hertz * time)[None], config)
    middle = magnitudes[0, :, magnitudes.shape[2] // 2]
    assert int(middle.argmax()) == 40
    assert float(middle[40]) == pytest.approx(0.5 * config.window / 4, rel=1e-3)  # amplitude / 2, times the Hann sum
    band = int(log_mel(magnitudes, config)[0, :, 20].argmax())
    near = mel_filters(config)[:, 40]
    assert near[band] == near.max() > 0


@pytest.mark.parametrize("config", [SOVITS, V3, V4])
def test_mel_filters_are_triangles_of_equal_area(config: MelConfig) -> None:
    filters = mel_filters(config)
    assert filters.shape == (config.mels, config.bins)
    assert filters.dtype == np.float32
    assert filters.min() == 0
    areas = filters.sum(1) * config.rate / config.window  # Hz x 1/Hz; wide bands are sampled finely
    assert areas[-30:] == pytest.approx(np.ones(30), abs=0.02)
    assert (np.diff(filters.argmax(1)) >= 0).all()


def test_mel_scale_is_slaneys() -> None:
    """1 kHz is 15 mel and 6.4 kHz is 42 mel, so the filters of 0..6.4 kHz in 41 bands have 1 kHz as their 15th peak."""
    filters = mel_filters(MelConfig(rate=12800, window=12800, hop=3200, mels=41))
    peaks = filters.argmax(1)  # bins of 1 Hz
    assert peaks[14] == 1000
    assert np.diff(peaks[:15]) == pytest.approx(np.full(14, 200 / 3), abs=1)
    assert peaks[-1] == pytest.approx(6400 / 6.4 ** (1 / 27), abs=1)


def test_normalised_mels_and_back() -> None:
    mel = torch.tensor([-12.0, -5.0, 2.0, 4.0])
    assert torch.allclose(normalised(mel), torch.tensor([-1.0, 0.0, 1.0, 1 + 2 / 7]))
    assert torch.allclose(denormalised(normalised(mel)), mel)


def test_what_cannot_be_analysed_is_refused_with_its_reason() -> None:
    with pytest.raises(VoxproofError, match=r"704 samples are too few.*at least 705 samples at 32000 Hz"):
        spectrogram(torch.zeros(1, 704))
    with pytest.raises(VoxproofError, match="not 1 dimensions"):
        spectrogram(torch.zeros(32000))
