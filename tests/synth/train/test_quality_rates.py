"""What the quality control is measured by: right readings, and wrong ones made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from synth.quality_control import Limits, words_of  # noqa: E402
from synth.text.pipeline import TextPipeline  # noqa: E402
from synth.train.quality import report, tried  # noqa: E402

TEXT = "Seven people walked along"


def scores(text: str) -> Any:
    """Of a reader that is sure: [frames, 733]."""
    rows = [row for word in words_of(TextPipeline("en").read(text)) for phone in word.ids for row in (phone, 732, 732)]
    found = np.full((len(rows), 733), np.log(1e-6))
    found[np.arange(len(rows)), rows] = np.log(1 - 732e-6)
    return found


def test_a_right_reading_raises_no_alarm_and_every_wrong_one_is_found() -> None:
    words, rng = words_of(TextPipeline("en").read(TEXT)), np.random.default_rng(3)
    found = tried(scores(TEXT), words, scores("morning window"), rng, Limits())
    assert {name: count for name, count in found.items() if name != "ms"} == {
        "recordings": 1, "words": 4, "frames": len(scores(TEXT)), "recordings with a false alarm": 0,
        "wrong readings": 1, "missing found": 1, "repeated found": 1, "sounds behind found": 1,
    }  # fmt: skip


def test_a_wrong_transcript_is_an_alarm_for_every_word_that_is_not_said() -> None:
    words, rng = words_of(TextPipeline("en").read(TEXT + " under water")), np.random.default_rng(3)
    found = tried(scores(TEXT), words, scores("morning window"), rng, Limits())
    assert (found["recordings with a false alarm"], found["false alarms: missing"]) == (1, 2)
    rates = report({name: 2 * count for name, count in found.items()} | {"ms": 10, "frames": 500})
    assert rates["false alarms: missing, of words"] == pytest.approx(1 / 3, abs=1e-4)
    assert rates["share of recordings with a false alarm"] == 1
    assert rates["ms per second"] == 1
