"""The trivial features see what they are named after."""

import numpy as np
import pytest

from detectors.trivial import HOPS, NAMES, band_edge, features

RATE = 16_000


def named(samples: np.ndarray, rate: int = RATE) -> dict[str, float]:  # type: ignore[type-arg]
    return dict(zip(NAMES, features(samples.astype(np.float32), rate).tolist(), strict=True))


def test_edges_zeros_and_length() -> None:
    rng = np.random.default_rng(1)
    sound = np.concatenate([np.zeros(3200), 0.1 * rng.standard_normal(RATE), np.zeros(1600)])
    found = named(sound)
    assert found["seconds"] == pytest.approx(1.3)
    assert found["lead_s"] == pytest.approx(0.2, abs=0.01)
    assert found["trail_s"] == pytest.approx(0.1, abs=0.01)
    assert found["zeros"] == pytest.approx(4800 / 20800, abs=0.01)
    assert found["longest_zeros_s"] == pytest.approx(0.2, abs=0.01)


def test_hop_multiples_at_the_native_rate() -> None:
    """20480 samples at 16 kHz are 28224 at 22.05 kHz: 256 divides the former, 300 neither."""
    sound = np.random.default_rng(1).standard_normal(20480) * 0.1
    assert named(sound)["multiple_of_256"] == 1.0
    assert named(sound)["multiple_of_300"] == 0.0
    assert named(sound[:-70])["multiple_of_256"] == 0.0
    assert named(sound[:16000], 24000)["multiple_of_960"] == 1.0


def test_level() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    found = named(tone)
    assert found["peak"] == pytest.approx(0.5, abs=1e-3)
    assert found["rms_db"] == pytest.approx(-9.03, abs=0.05)
    assert found["crest_db"] == pytest.approx(3.01, abs=0.05)


def test_band_edge() -> None:
    rng = np.random.default_rng(1)
    spectrum = np.fft.rfft(rng.standard_normal(4 * RATE))
    spectrum[np.fft.rfftfreq(4 * RATE, 1 / RATE) > 3400] = 0
    assert band_edge(np.fft.irfft(spectrum)) == pytest.approx(3400, abs=100)


def test_names_match() -> None:
    assert features(np.zeros(0, np.float32)).shape == (len(NAMES),)
    assert len(NAMES) == 10 + len(HOPS)
