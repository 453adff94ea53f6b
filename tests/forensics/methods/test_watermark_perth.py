"""The third party's mark: on request only, without its package a reason, and never evidence."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from forensics.battery import load_battery
from forensics.exhibit import Exhibit
from forensics.methods import watermark_perth
from forensics.methods.watermark_perth import RATE, WatermarkPerth


@pytest.fixture
def exhibit(tmp_path: Path) -> Path:
    path = tmp_path / "noise.wav"
    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(2 * 8000), 8000)
    return path


def test_it_runs_only_when_it_is_asked_for() -> None:
    assert "watermark.perth" not in [method.id for method in load_battery()]
    assert [method.id for method in load_battery(["watermark.perth"])] == ["watermark.perth"]
    assert [method.id for method in load_battery(["watermark"])] == ["watermark.voiceprint"]


def test_without_the_makers_package_it_could_not_be_tested(exhibit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark_perth, "find_spec", lambda name: None)
    with Exhibit.open(exhibit) as opened:
        finding = WatermarkPerth().run(opened)
    assert finding.outcome == "could_not_test"
    assert "resemble-perth is not installed" in finding.reasons[0]
    assert "voxproof[perth]" in finding.reasons[0]


def test_a_package_that_cannot_load_its_own_parts_could_not_be_tested(
    exhibit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maker = SimpleNamespace(PerthImplicitWatermarker=None)  # so it says that one of its imports failed
    monkeypatch.setitem(sys.modules, "perth", maker)  # type: ignore[arg-type]
    monkeypatch.setattr(watermark_perth, "find_spec", lambda name: maker)
    with Exhibit.open(exhibit) as opened:
        finding = WatermarkPerth().run(opened)
    assert finding.outcome == "could_not_test"
    assert "something that it needs is not" in finding.reasons[0]


@pytest.mark.parametrize(("score", "outcome"), [(1.0, "inconclusive"), (0.0, "consistent")])
def test_what_the_maker_says_carries_no_lr_and_is_never_more_than_inconclusive(
    score: float, outcome: str, exhibit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(samples: np.ndarray, sample_rate: int) -> float:
        assert sample_rate == RATE
        assert samples.shape == (2 * RATE,)
        return score

    maker = SimpleNamespace(PerthImplicitWatermarker=lambda: SimpleNamespace(get_watermark=said))
    monkeypatch.setitem(sys.modules, "perth", maker)  # type: ignore[arg-type]
    monkeypatch.setattr(watermark_perth, "find_spec", lambda name: maker)
    with Exhibit.open(exhibit) as opened:
        finding = WatermarkPerth().run(opened)
    assert (finding.outcome, finding.log10_lr) == (outcome, None)
    assert finding.measurements == {"maker_score": score}
    assert bool(finding.traces) == (score == 1.0)
    assert "maker's detector" in finding.reasons[0]
