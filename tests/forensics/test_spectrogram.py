"""The picture of the report: the right place in time and frequency, a bounded size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from forensics.spectrogram import BINS, MAX_COLUMNS, spectrogram
from synth.audio import open_recording, write


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
def test_a_tone_burst_is_where_it_is(tmp_path: Path, rate: int) -> None:
    time = np.arange(4 * rate) / rate
    samples = np.where((time > 1) & (time < 2), 0.5 * np.sin(2 * np.pi * 2000 * time), 0.0)
    write(tmp_path / "tone.wav", samples.astype(np.float32), rate)
    with open_recording(tmp_path / "tone.wav") as recording:
        picture = spectrogram(recording)
    bins, columns = picture.levels_db.shape
    assert bins == BINS
    assert columns <= MAX_COLUMNS
    row, column = np.unravel_index(picture.levels_db.argmax(), picture.levels_db.shape)
    assert (row + 1) / bins * picture.nyquist_hz == pytest.approx(2000, abs=2 * picture.nyquist_hz / bins)
    assert 0.99 < column / columns * picture.seconds < 2.0
    assert picture.levels_db.max() == pytest.approx(20 * np.log10(0.5), abs=6)
    assert picture.levels_db[:, columns // 2 + columns // 8 :].max() < -60
