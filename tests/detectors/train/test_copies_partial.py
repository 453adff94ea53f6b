"""Partial edits: what was put in lies where the label says, and nothing else has changed."""

import csv
from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from detectors.train.copies.making import COLUMNS
from detectors.train.copies.measure import pairs
from detectors.train.copies.partial import RATE, make_all, negative, phrase, positive, replaced
from synth.audio import read, write
from synth.errors import VoxproofError

SOUND = (0.1 * np.random.default_rng(1).standard_normal(4 * RATE)).astype(np.float32)
COPY = (0.02 * np.random.default_rng(2).standard_normal(4 * RATE)).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_a_butted_phrase_is_the_copy_at_the_recordings_level_and_the_rest_is_untouched(seed: int) -> None:
    made, (first, last) = positive(SOUND, COPY, 0, np.random.default_rng(seed))
    assert 0.4 * RATE <= last - first <= 1.6 * RATE
    assert made.size == SOUND.size
    assert np.array_equal(made[:first], SOUND[:first])
    assert np.array_equal(made[last:], SOUND[last:])
    assert np.corrcoef(made[first:last], COPY[first:last])[0, 1] > 0.9999
    assert made[first:last].std() == pytest.approx(SOUND[first:last].std(), rel=1e-3)


@pytest.mark.parametrize("fade_ms", [2, 20])
def test_a_fade_lies_about_its_place(fade_ms: int) -> None:
    half = fade_ms * RATE // 2000
    span = (20_000, 32_000)
    for seed in range(8):
        made, (first, last) = replaced(SOUND, span, COPY, span[0], fade_ms, np.random.default_rng(seed))
        if made.size == SOUND.size:  # not the one in seven that fades out and in
            assert (first, last) == span
            assert np.array_equal(made[: span[0] - half], SOUND[: span[0] - half])
            assert np.array_equal(made[span[1] + half :], SOUND[span[1] + half :])
            assert np.array_equal(made[span[0] + half : span[1] - half], COPY[span[0] + half : span[1] - half])
            assert not np.array_equal(made[span[0] - half : span[0]], SOUND[span[0] - half : span[0]])


def test_a_negative_is_a_phrase_of_the_same_recording() -> None:
    made, (first, last) = negative(SOUND, 0, np.random.default_rng(3))
    inside = made[first:last]
    places = scipy.signal.correlate(SOUND, inside, "valid", method="fft")
    at = int(places.argmax())
    assert np.corrcoef(SOUND[at : at + inside.size], inside)[0, 1] > 0.9999
    assert at + inside.size <= first or at >= last
    assert np.array_equal(made[:first], SOUND[:first])


def test_what_is_too_short_or_too_near_an_end_is_refused() -> None:
    with pytest.raises(VoxproofError, match="too short for an edit"):
        phrase(SOUND[: RATE // 2], np.random.default_rng(1))
    with pytest.raises(VoxproofError, match="too near an end"):
        replaced(SOUND, (10, 8000), COPY, 10, 20, np.random.default_rng(1))


def test_edits_are_balanced_and_made_once(tmp_path: Path) -> None:
    rows = []
    for kind, sound in (("original", SOUND), ("copy", COPY)):
        write(tmp_path / f"{kind}.flac", sound, RATE)
        row = dict.fromkeys(COLUMNS, "") | {"pair": "aa", "path": str(tmp_path / f"{kind}.flac"), "licence": "CC0-1.0"}
        rows.append(row | {"generator": "human" if kind == "original" else "lpc", "label": "machine"})
    processed = [row | {"pair": "bb", "label": "processed"} for row in rows]
    processed[1]["generator"] = "psola"
    found, out = pairs([*rows, *processed]), tmp_path / "edits"
    said = list(make_all(found, out, 3, 1))
    assert said == ["psola is passed over: a processed phrase is no machine's"]
    with (out / "index.csv").open(newline="", encoding="utf-8") as file:
        edits = list(csv.DictReader(file))
    assert [one["inserted"] for one in edits] == ["machine", "human"] * 3
    assert [one["generator"] for one in edits] == ["lpc", ""] * 3
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.flac")}
    list(make_all(found, out, 3, 1))
    assert {path: path.stat().st_mtime_ns for path in out.glob("*.flac")} == times
    first = edits[0]
    start, end = (round(float(first[name]) * RATE) for name in ("start_s", "end_s"))
    inner = np.ascontiguousarray(read(first["path"]).mono[start + 320 : end - 320])
    at = int(scipy.signal.correlate(COPY, inner, "valid", method="fft").argmax())
    assert abs(at - (start + 320)) <= 320
    assert np.corrcoef(inner, COPY[at : at + inner.size])[0, 1] > 0.99
