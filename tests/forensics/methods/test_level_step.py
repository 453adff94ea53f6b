"""Volume steps are located and measured; recordings, onsets and fades raise no alarm."""

import numpy as np
import pytest
from method_clips import HUMAN, READING, Examine, clip, room_noise

from forensics.methods.level_step import LevelStep


@pytest.mark.parametrize("name", HUMAN)
def test_unedited_recordings_have_no_step(examine: Examine, name: str) -> None:
    finding = examine(LevelStep(), *clip(name))
    assert finding.outcome == "consistent"
    assert finding.measurements["steps"] == 0


@pytest.mark.parametrize(("at", "gain_db"), [(33280, -6.0), (60800, 9.0), (33280, 4.0), (60800, -12.0)])
def test_a_volume_step_is_located_and_measured(examine: Examine, at: int, gain_db: float) -> None:
    samples, rate = clip(READING)
    samples = 0.3 * samples
    samples[at:] *= 10 ** (gain_db / 20)
    finding = examine(LevelStep(), samples, rate)
    assert finding.outcome == "inconsistent"
    assert finding.measurements["steps_at_s"][0] == pytest.approx(at / rate, abs=0.0005)
    assert finding.measurements["largest_step_db"] == pytest.approx(gain_db, abs=0.7)


def test_a_fade_is_no_step(examine: Examine) -> None:
    samples, rate = clip(READING)
    samples = samples * np.interp(np.arange(len(samples)), [0, 40000, 44000, len(samples)], [1.0, 1.0, 0.3, 0.3])
    finding = examine(LevelStep(), samples, rate)
    assert finding.measurements["steps"] == 0


def test_a_step_of_the_noise_floor_is_inconclusive(examine: Examine) -> None:
    rate = 16000
    samples = np.concatenate([room_noise(2.0, rate, -70.0, seed=1), room_noise(2.0, rate, -50.0, seed=2)])
    finding = examine(LevelStep(), samples, rate)
    assert finding.outcome == "inconclusive"
    assert finding.measurements["largest_floor_step_db"] == pytest.approx(20.0, abs=1.5)
    assert finding.measurements["floor_steps_at_s"][0] == pytest.approx(2.0, abs=0.05)
    assert "noise suppression" in finding.reasons[0]
