"""Plateaus are measured and named; passages cut off lower than the rest are located; clean sound raises no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, Examine, Samples, clip
from scipy.signal import firwin, lfilter

from forensics.methods.clipping import Clipping

RATE = 16000


def voice(seconds: float, seed: int) -> Samples:
    """Low-passed noise with slow swells, peak 1."""
    rng = np.random.default_rng(seed)
    count = round(seconds * RATE)
    sound = lfilter(firwin(101, 1500, fs=RATE), 1.0, rng.normal(size=count))
    sound *= 0.6 + 0.4 * np.sin(2 * np.pi * 1.3 * np.arange(count) / RATE + seed)
    out: Samples = sound / np.abs(sound).max()
    return out


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_raise_no_alarm(examine: Examine, name: str) -> None:
    finding = examine(Clipping(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["lower_passages"] == 0


@pytest.mark.parametrize("level", [1.0, 0.7, 0.25])
def test_a_plateau_is_named_with_its_level(examine: Examine, level: float) -> None:
    sound = np.clip(2.0 * voice(4.0, 1), -0.99, 0.99) / 0.99 * level
    finding = examine(Clipping(), sound, RATE)
    assert finding.outcome == "consistent"
    assert finding.measurements["plateau_upper_dbfs"] == pytest.approx(20 * np.log10(level), abs=0.02)
    assert finding.measurements["plateau_lower_dbfs"] == pytest.approx(20 * np.log10(level), abs=0.02)
    assert finding.measurements["clipped_share"] == pytest.approx(np.mean(np.abs(sound) >= level * 0.9999), rel=0.25)
    assert finding.traces[0].startswith("clipped at")
    assert ("below full scale" in finding.traces[0]) == (level < 1)


def test_one_sided_clipping(examine: Examine) -> None:
    finding = examine(Clipping(), np.maximum(0.8 * voice(4.0, 2), -0.3), RATE)
    assert finding.measurements["one_sided"] is True
    assert finding.measurements["plateau_upper_dbfs"] is None
    assert "negative peaks only" in finding.traces[0]


def test_a_clipped_passage_inside_louder_sound_is_located(examine: Examine) -> None:
    sound = 0.95 * voice(8.0, 3)
    passage = slice(3 * RATE, 5 * RATE)
    sound[passage] = 0.45 * np.clip(2.5 * voice(2.0, 4), -1, 1)
    finding = examine(Clipping(), sound, RATE)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["lower_passages"] == 2  # both polarities
    assert any(s.start_s <= 3.0 <= s.end_s for s in finding.segments)
    assert any(s.start_s <= 5.0 <= s.end_s for s in finding.segments)


def test_two_plateaus_in_two_passages(examine: Examine) -> None:
    sound = np.clip(2.0 * voice(8.0, 5), -1, 1)
    sound[4 * RATE :] *= 0.6
    finding = examine(Clipping(), sound, RATE)
    assert finding.outcome == "inconsistent"
    assert any(s.start_s <= 4.0 <= s.end_s for s in finding.segments)


def test_soft_clipping_and_clean_sound_have_no_plateau(examine: Examine) -> None:
    soft = examine(Clipping(), np.tanh(2.0 * voice(4.0, 6)), RATE)
    clean = examine(Clipping(), 0.9 * voice(4.0, 7), RATE)
    assert (soft.outcome, clean.outcome) == ("consistent", "consistent")
    assert (soft.traces, clean.traces) == ((), ())
    assert soft.measurements["peaks_within_1_db"] > clean.measurements["peaks_within_1_db"]


def test_coarse_and_lossy_recordings_could_not_be_tested(examine: Examine) -> None:
    sound = np.clip(2.0 * voice(4.0, 8), -0.9, 0.9)
    assert examine(Clipping(), sound, RATE, subtype="ULAW").outcome == "could_not_test"
    coarse = examine(Clipping(), np.round(sound * 127) / 128, RATE)
    assert coarse.outcome == "could_not_test"
    assert "bits are used" in coarse.reasons[0]
