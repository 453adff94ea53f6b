"""Longer recordings are cut, counted and explained as the page says."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from forensics.benches.battery.longer import PIECE_S, long_clips, measure, named, page, phase_step_deg, pieces

DATA = Path(__file__).parents[1] / "data"
COLUMNS = ("path", "repo", "source_id", "speaker", "orig_codec", "sample_rate", "seconds", "voices", "content")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A minute and a quarter of noise, a short clip, one of a tuning source, and a recording of the mains."""
    rng = np.random.default_rng(3)
    soundfile.write(tmp_path / "long.wav", 0.01 * rng.standard_normal(75 * 8000), 8000, subtype="PCM_24")
    soundfile.write(tmp_path / "short.wav", 0.01 * rng.standard_normal(9 * 8000), 8000)
    soundfile.write(tmp_path / "tuned.wav", 0.01 * rng.standard_normal(12 * 8000), 8000)
    soundfile.write(tmp_path / "mains.wav", 0.3 * np.sin(2 * np.pi * 50.01 * np.arange(12 * 400) / 400), 400)
    rows = [
        ("long.wav", "a/b", "one", "x", "wav/pcm_24", 8000, 75.0, 2, "speech"),
        ("short.wav", "a/b", "one", "x", "wav/pcm_16", 8000, 9.0, 1, "speech"),
        ("tuned.wav", "a/b", "rhasspy_kerstin", "x", "wav/pcm_16", 8000, 12.0, 1, "speech"),
        ("mains.wav", "a/c", "grid", "", "wav/pcm_16", 400, 12.0, 0, "mains"),
    ]
    with (tmp_path / "index.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return tmp_path


def test_short_clips_and_tuning_sources_are_left_out(folder: Path) -> None:
    assert [one.whole for one in long_clips(folder)] == ["long.wav", "mains.wav"]
    assert [one.voices for one in long_clips(folder)] == [2, 0]


def test_recordings_of_a_minute_become_excerpts_without_a_change_of_their_samples(folder: Path) -> None:
    long, mains = long_clips(folder)
    made = pieces(long, folder / "pieces")
    assert [one.clip.seconds for one in made] == [PIECE_S, PIECE_S]
    assert {one.whole for one in made} == {"long.wav"}
    whole, _ = soundfile.read(folder / "long.wav", dtype="int32")
    parts = [soundfile.read(one.clip.path, dtype="int32")[0] for one in made]
    assert np.array_equal(np.concatenate(parts), whole[: 60 * 8000])
    (raised,) = pieces(mains, folder / "pieces")
    assert (raised.clip.rate, soundfile.info(raised.clip.path).samplerate) == (8000, 8000)
    assert len(named([*made, raised])) == 3


def test_the_page_counts_what_was_measured(folder: Path) -> None:
    recordings, rows = measure(folder, folder / "cache", only=("signal.enf", "speech.speaker-change"))
    text = page(recordings, rows, "the command", ("signal.enf", "speech.speaker-change"))
    assert "examine 2 unedited recordings of people" in text
    assert "| one | a/b | 1 | 2 | 1 | 30 s | 1 |  |" in text
    assert "| signal.enf | 0 | 2 | 0 | 0 | – | 0 | 0 |" in text
    assert "| speech.speaker-change | 0 | 0 | 0 | 0 | – | 0 | 0 |" in text  # two voices: not counted
    assert "| signal.enf | No mains hum stands out" in text
    assert "## The mains themselves" in text
    again, cached = measure(folder, folder / "cache", only=("signal.enf", "speech.speaker-change"))
    assert (again, cached) == (recordings, rows)


@pytest.mark.parametrize(("lost", "degrees"), [(0, 0.0), (4, 180.0), (2, 90.0), (8, 0.0)])
def test_a_loss_of_samples_is_a_step_of_the_phase(tmp_path: Path, lost: int, degrees: float) -> None:
    t = np.arange(20 * 400) / 400
    hum = 0.2 * np.sin(2 * np.pi * (50.02 * t + 0.002 * t**2))
    soundfile.write(tmp_path / "mains.wav", np.delete(hum, np.arange(4000, 4000 + lost)), 400)
    assert phase_step_deg(tmp_path / "mains.wav", 10.0) == pytest.approx(degrees, abs=5.0)
    assert phase_step_deg(tmp_path / "mains.wav", 5.0) == pytest.approx(0.0, abs=5.0)


def test_an_instant_at_the_very_end_has_no_step(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "mains.wav", 0.2 * np.sin(2 * np.pi * 50 * np.arange(4000) / 400), 400)
    assert phase_step_deg(tmp_path / "mains.wav", 9.9) == 0.0
    assert phase_step_deg(tmp_path / "mains.wav", 12.0) == 0.0
