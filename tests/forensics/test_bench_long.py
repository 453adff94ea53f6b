"""The bench of long recordings: what it writes, what it measures, and what it complains about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forensics.benches.long import RATE, LongRow, LongSummary, draw, measure_long, table, write_long
from synth.audio import open_recording, read

CLIP = Path(__file__).parents[1] / "data" / "005.wav"
ROW = LongRow(
    minutes=10.0,
    file_mb=50.0,
    seconds=70.0,
    cpu_seconds=60.0,
    parent_mb=200.0,
    child_mb=50.0,
    steps={"Decoding": 2.0, "Listening": 40.0},
    peaks={"Decoding": 120.0, "Listening": 200.0},
)


def test_a_recording_of_the_asked_length_is_written(tmp_path: Path) -> None:
    for name in ("a.flac", "b.flac"):
        write_long(tmp_path / name, [CLIP], 12.5, seed=3)
    with open_recording(tmp_path / "a.flac") as recording:
        facts = recording.facts
        assert (facts.codec, facts.sample_rate, facts.channels, recording.frames) == ("flac", RATE, 2, 551_250)
    assert (tmp_path / "a.flac").read_bytes() == (tmp_path / "b.flac").read_bytes()
    left, right = read(tmp_path / "a.flac").samples.T.astype(np.float64)
    assert np.sqrt(np.mean(left**2) / np.mean(right**2)) == pytest.approx(0.8 / 0.6, rel=0.01)
    assert np.abs(left).max() > 0.1
    assert not np.array_equal(left[:RATE], left[RATE : 2 * RATE])


def test_a_short_one_is_examined_in_a_process_of_its_own() -> None:
    steps: list[str] = []
    summary = measure_long([CLIP], [0.05], on_step=steps.append)
    (row,) = summary.rows
    assert steps == ["0.05 min: writing", "0.05 min: examining"]
    assert row.minutes == 0.05
    assert 0 < row.cpu_seconds < 600
    assert 30 < row.parent_mb < 1500
    assert 20 < row.child_mb < 1500
    assert next(iter(row.steps)) == "Decoding"
    assert len(row.steps) >= 9
    assert row.peaks.keys() == row.steps.keys()
    assert max(row.peaks.values()) <= row.parent_mb
    assert min(row.peaks.values()) > 30
    assert summary.growth == 1.0


def test_what_is_complained_about() -> None:
    twice = replace(ROW, minutes=20.0, cpu_seconds=120.0, seconds=900.0)
    good = LongSummary((ROW, twice))
    assert good.complaints == ()
    assert good.growth == pytest.approx(1.0)
    assert good.mb_per_hour == 0.0
    dear = LongSummary((ROW, replace(twice, cpu_seconds=181.0)))
    assert [text.split(":")[0] for text in dear.complaints[:1]] == ["20 min"]
    assert dear.growth == pytest.approx(181 / 120)
    assert "a minute of the longest recording costs 1.51 times" in dear.complaints[1]
    large = LongSummary((ROW, replace(twice, parent_mb=1460.0)))
    assert large.complaints == ("20 min: 1510 MB, 1500 allowed",)
    assert large.mb_per_hour == pytest.approx(1260 * 6)


def test_the_table_and_the_figure(tmp_path: Path) -> None:
    summary = LongSummary((ROW, replace(ROW, minutes=30.0, cpu_seconds=180.0)))
    text = table(summary)
    assert "| 30 min | 50 MB | 70 s | 180 s | 0.1000 | 200 MB | 50 MB |" in text
    assert "costs 1.00 times" in text
    assert "All within the budgets." in text
    assert "| Listening | 0.06667 | 0.02222 | 200 MB | 200 MB |" in text
    assert text.index("| Listening |") < text.index("| Decoding |")
    draw(summary, tmp_path / "long.png")
    assert (tmp_path / "long.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert summary.as_dict()["growth"] == summary.growth
