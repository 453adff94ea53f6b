"""Segments on the grid, and the rules that a finding keeps."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from forensics.records import (
    Attribution,
    Examination,
    ExhibitFacts,
    Finding,
    Integrity,
    Segment,
    Tool,
    Verdict,
    Watermark,
    on_grid,
)


def test_overlapping_spans_merge_and_keep_the_strongest_lr() -> None:
    merged = on_grid(
        [
            Segment(start_s=1.0, end_s=2.0, log10_lr=0.5, note="a"),
            Segment(start_s=1.9, end_s=2.51, log10_lr=-0.9, note="b"),
            Segment(start_s=4.0, end_s=4.02),
        ],
        seconds=10.0,
    )
    assert [(s.start_s, s.end_s, s.log10_lr) for s in merged] == [(1.0, 2.52, -0.9), (4.0, 4.02, None)]
    assert merged[0].note == "a; b"


def test_touching_spans_stay_apart() -> None:
    assert len(on_grid([(0.0, 0.5), (0.5, 1.0)], 2.0)) == 2


spans = st.lists(st.tuples(st.floats(-5, 50), st.floats(0, 5)).map(lambda p: (p[0], p[0] + p[1])), max_size=20)


@given(spans, st.floats(0.02, 40))
def test_segments_are_sorted_disjoint_inside_and_on_the_grid(rows: list[tuple[float, float]], seconds: float) -> None:
    segments = on_grid(rows, seconds)
    for segment in segments:
        assert segment.start_s < segment.end_s
        assert segment.start_s >= 0
        assert segment.end_s < seconds + 0.0201
        assert round(segment.start_s / 0.02, 6) == round(segment.start_s / 0.02)
    for before, after in pairwise(segments):
        assert before.end_s <= after.start_s


def test_could_not_test_never_carries_an_lr_and_always_a_reason() -> None:
    common = {"method": "x.y", "version": "1", "outcome": "could_not_test", "in_domain": False}
    with pytest.raises(ValidationError):
        Finding(**common)
    with pytest.raises(ValidationError):
        Finding(**common, reasons=("why",), log10_lr=0.1)
    assert Finding(**common, reasons=("why",)).log10_lr is None


def test_the_json_line_has_the_contract_names_and_leaves_timing_and_figures_out() -> None:
    untested = {"outcome": "could_not_test", "reasons": ("why",)}
    examination = Examination(
        tool=Tool(version="1", config_sha256="0"),
        exhibit=ExhibitFacts(path="a.wav"),
        verdict=Verdict(outcome="could_not_test", log10_lr=None, log10_lr_bounds=None, words="could not be tested"),
        integrity=Integrity(**untested),
        watermark=Watermark(**untested),
        attribution=Attribution(**untested),
    )
    data = json.loads(examination.json_line(timing=False))
    assert data["schema"] == "voxproof.examination/1"
    assert "timing" not in data
    assert "spectrogram" not in data
    assert set(data["verdict"]) == {"outcome", "log10_lr", "log10_lr_bounds", "words", "propositions", "reasons"}
    assert Examination.model_validate_json(examination.json_line()) == examination
