"""The bench of explanations: its figures by hand, what fails is marked, and a real clip measured once and then held."""

from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from forensics.benches.detector.clips import Clip
from forensics.benches.faithfulness import Bench, Wanted
from forensics.benches.faithfulness_page import page, summarise, write_yaml
from forensics.explain.validated import Validation, validation
from synth.errors import VoxproofError

ROOT = Path(__file__).parents[2]
LINE = "detector.speech"


def row(source: str, gain: float, span: float, **more: float) -> dict[str, object]:
    values = {"deletion": gain, "insertion": gain / 2, "span": span, **more}
    label = "human" if span < 0 else "machine"
    return {"kind": "clip", "label": label, "source": source, "systems": {f"occlusion {LINE}": values}, "name": source}


def edit(kind: str, source: str, iou: float) -> dict[str, object]:
    systems = {f"occlusion {LINE}": {"iou": iou, "by_chance": 0.2, "hit": iou > 0.4}}
    return {"kind": kind, "label": kind, "source": source, "systems": systems, "share": 0.25, "name": source + kind}


ROWS = [
    row("a", 0.5, 1.0, shuffled=-0.5, stable=0.9),
    row("b", 0.3, -1.0, shuffled=0.3, stable=0.95),
    row("b", 0.4, -2.0),
    {"kind": "clip", "label": "human", "source": "c", "reason": "too short", "name": "c"},
    *(edit("partial", source, iou) for source, iou in (("a", 0.3), ("b", 0.5))),
    edit("splice", "a", 0.25),
]


def test_figures_by_hand() -> None:
    found = summarise(ROWS, {LINE: "00"}, "voxproof bench explain x")
    assert (found.human, found.machine, found.sources, found.thorough) == (2, 1, 2, 2)
    assert (found.partial, found.spliced) == (2, 1)
    assert found.span[LINE] == pytest.approx(4 / 3, abs=1e-4)
    (one,) = found.tested
    assert one.deletion.value == pytest.approx(1.2 / 4)  # sum of gains by sum of spans, not mean of ratios
    assert (one.deletion.lower, one.deletion.upper) == (pytest.approx(0.7 / 3, abs=1e-4), pytest.approx(0.5))
    assert one.insertion.value == pytest.approx(0.15)
    assert one.shuffled.value == pytest.approx(0.4)  # without sign
    assert one.pointing is not None
    assert one.splices is not None
    assert (one.pointing.value, one.splices.value) == (pytest.approx(0.4), pytest.approx(0.25))
    assert one.failed == ("shuffled",)  # 0.4 is twice 0.2


def test_the_page_marks_what_failed(tmp_path: Path) -> None:
    found = summarise(ROWS, {LINE: "00"}, "voxproof bench explain x")
    text = page(found, ROWS)
    (line,) = [one for one in text.splitlines() if one.startswith("| occlusion")]
    assert line.count("✗") == 1
    assert "0.40 [0.30, 0.50] **✗**" in line
    assert "1 (too short)" in text
    assert "25 % of what is heard" in text
    write_yaml(found, tmp_path / "faithfulness.yaml")
    assert validation(tmp_path / "faithfulness.yaml") == found


def test_figures_of_other_weights_do_not_count() -> None:
    found = summarise(ROWS, {LINE: "00"}, "x")
    assert found.of("occlusion", LINE) is not None
    assert Validation.holding_for(found, []).of("occlusion", LINE) is None


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(VoxproofError, match="no clip could be measured"):
        summarise(ROWS[3:4], {LINE: "00"}, "x")


def test_what_ships_is_of_the_detectors_that_ship() -> None:
    shipped = validation()
    assert shipped.detectors == {name: line.sha256 for name, line in Bench().lines.items()}
    loudness = shipped.of("loudness", LINE)
    assert loudness is not None
    assert {"deletion", "shuffled"} <= set(loudness.failed)  # the control has to fail


def test_a_clip_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [f"{ROOT / 'tests/data/005.wav'},human,a", f"{ROOT / 'tests/data/hibari.wav'},machine,b"]
    (tmp_path / "list.csv").write_text("\n".join(["path,label,page", *listed]))
    wanted = Wanted(tmp_path / "list.csv", None, tmp_path / "cache", limit=2, every=1)
    asked = []
    monkeypatch.setattr(Bench, "clip", lambda self, clip, thorough: asked.append((clip.label, thorough)) or {"x": 1})
    rows = Bench().measure(wanted)
    assert sorted(asked) == [("human", True), ("machine", True)]
    assert {(one["label"], one["source"], one["x"]) for one in rows} == {("human", "a", 1), ("machine", "b", 1)}
    assert Bench().measure(wanted) == rows
    assert len(asked) == 2  # the second time out of the cache
    late = Bench().measure(replace(wanted, every=2**40, minutes=0))
    assert [one["reason"] for one in late] == ["not reached in the time given"] * 2


def test_a_map_of_the_detector_moves_it_more_than_loudness_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.explain.faithfulness.FRACTIONS", (0.1, 0.3))
    monkeypatch.setattr("forensics.benches.faithfulness.RANDOM_ORDERS", 1)
    bench = Bench()
    bench.lines.pop("detector.spectral")
    clip = Clip("hibari", ROOT / "tests/data/hibari.wav", "machine")
    systems = bench.clip(clip, thorough=False)["systems"]
    assert set(systems) == {f"{m} {LINE}" for m in ("occlusion", "gradients", "curve", "loudness")}
    assert systems[f"occlusion {LINE}"]["deletion"] > systems[f"loudness {LINE}"]["deletion"] + 0.1
    assert len({one["span"] for one in systems.values()}) == 1
