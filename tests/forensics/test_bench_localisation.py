"""The bench of localisation: segments, joins, overlap and alarms by hand, and a range examined once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click.testing
import numpy as np
import pytest

from forensics.benches.localisation import page, run
from forensics.benches.localisation.figures import alarms, cut, ends, matched, overlap, phrase, places, segments, whole
from forensics.benches.localisation.run import FUSED, Row
from forensics.cli.main import voxproof
from forensics.range.manifest import RangeFile
from synth.errors import VoxproofError


def row(kind: str = "partial", source: str = "a", scores: tuple[float, ...] = (), **more: Any) -> Row:
    """4 s; a machine speaks, or a phrase was put in, from 1 to 2 s."""
    edited = kind != "human"
    facts: dict[str, Any] = {
        "file": f"{kind}/{source}.wav", "kind": kind, "source": source, "engine": "a program" * (kind == "partial"),
        "fade_ms": 0.0 if edited else float("nan"), "laundering": "none", "seconds": 4.0,
        "segments": ((1.0, 2.0),) if kind == "partial" else (), "joins": (1.0, 2.0) if edited else (),
        "frames": {FUSED: scores or tuple(np.where((np.arange(200) >= 50) & (np.arange(200) < 100), 1.0, -1.0))},
        "stretches": {"detector.speech": ()}, "named": (), "doubted": (),
    }  # fmt: skip
    return Row(**{**facts, **more})


def test_segments_take_the_mean_and_the_majority() -> None:
    found = cut(row(), FUSED, 0.64, [(0.0, 4.0)])
    assert len(found) == 6
    assert [made for _, made in found] == [False, False, True, False, False, False]  # 0.64 to 1.28: 14 of 32 frames
    assert found[1][0] == pytest.approx((14 - 18) / 32)
    assert found[2][0] == pytest.approx(1.0)
    assert found[3][0] == pytest.approx((4 - 28) / 32)
    scores = np.full(200, np.nan)
    scores[:20] = 1.0
    assert len(cut(row(scores=tuple(scores)), FUSED, 0.64, [(0.0, 4.0)])) == 1
    assert len(cut(row(), FUSED, 0.02, [(1.0, 2.0)])) == 50
    assert cut(row(), "detector.spectral", 0.02, [(0.0, 4.0)]) == []


def test_eer_of_scores_that_tell_all_and_nothing() -> None:
    rows = [row(source=name) for name in "abc"]
    sure = segments(rows, FUSED, "", 0.02, whole, 1)
    assert (sure.machine, sure.human, sure.sources) == (150, 450, 3)
    assert (sure.eer, sure.auc, sure.eer_interval) == (0.0, 1.0, (0.0, 0.0))
    blind = segments([row(source=n, scores=(0.0,) * 200) for n in "abc"], FUSED, "", 0.16, whole, 1)
    assert blind.auc == 0.5
    assert blind.eer == pytest.approx(0.5)
    wrong = segments([row(), row("splice", "b")], FUSED, "", 0.02, phrase, 1)
    assert (wrong.machine, wrong.human, wrong.auc) == (50, 50, 0.5)  # both phrases score alike
    assert np.isnan(segments([row("human")], FUSED, "", 0.02, whole, 1).eer)


def test_every_join_takes_the_nearest_place_once() -> None:
    assert matched((1.0, 2.0), (1.04, 1.02, 2.2), 0.25) == pytest.approx([0.02, 0.2])
    assert matched((1.0, 1.1), (1.05,), 0.25) == pytest.approx([0.05])
    assert matched((1.0,), (), 0.25) == []
    found = places([row(named=(1.04, 3.0)), row()], "", 0.05, lambda one: one.named)
    assert (found.joins, found.named, found.matched) == (4, 2, 1)
    assert found.recall == pytest.approx((0.0456, 0.6994), abs=1e-3)
    assert found.precision == pytest.approx((0.0945, 0.9055), abs=1e-3)


def test_overlap_and_ends_of_stretches() -> None:
    assert overlap([(1.0, 2.0)], [(1.5, 2.5)], 4.0) == pytest.approx(1 / 3, abs=0.01)
    assert overlap([(1.0, 2.0)], [], 4.0) == 0.0
    assert np.isnan(overlap([], [], 4.0))
    one = row(stretches={"detector.speech": ((0.0, 1.2), (1.9, 4.0))})
    assert ends(one, "detector.speech") == (1.2, 1.9)


def test_alarms_an_hour_with_exact_intervals() -> None:
    rows = [row("human", seconds=1800.0, named=(3.0, 9.0)), row("human", seconds=1800.0)]
    found = alarms(rows, "joins", "untouched", lambda one: len(one.named))
    assert (found.count, found.files_with, found.hours) == (2, 1, 1.0)
    assert found.interval == pytest.approx((0.2422, 7.2247), abs=1e-3)
    assert alarms(rows[1:], "", "", lambda one: 0).interval == pytest.approx((0.0, 7.3778), abs=1e-3)


def record(kind: str, number: int) -> RangeFile:
    return RangeFile.model_validate({
        "schema": "voxproof.range/1", "file": f"{kind}/{number}.wav", "sha256": f"{number:064x}", "seconds": 4.0,
        "sample_rate": 16_000, "item": f"{kind}/{number}", "kind": kind, "label": "partial", "segments": [],
        "joins": [], "generator": "", "voice": "", "voice_right": "", "text": "", "sources": [], "chain": [],
        "laundering": "none", "mark": "unmarked", "key_id": "", "payload": "", "payload_carried": False, "seed": 1,
    })  # fmt: skip


def test_files_come_in_turn_and_are_examined_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [record(kind, n) for kind in ("human", "partial", "splice") for n in range(3)]
    examined: list[str] = []

    def fake(one: RangeFile, folder: Path) -> Row:
        examined.append(one.file)
        return row(one.kind, str(one.file), named=(1.1,))

    monkeypatch.setattr(run, "read_manifest", lambda folder: listed)
    monkeypatch.setattr(run, "_examined", fake)
    first = run.measure(tmp_path, tmp_path / "cache", 2)
    assert examined == [f"{kind}/{n}.wav" for n in (0, 1) for kind in ("partial", "splice", "human")]
    with (tmp_path / "cache" / "rows.jsonl").open("a") as stream:
        stream.write('{"key": "torn')
    again = run.measure(tmp_path, tmp_path / "cache", 2)
    assert len(examined) == 6
    assert [(one.file, one.named, one.joins, one.frames) for one in first] == [
        (one.file, one.named, one.joins, one.frames) for one in again
    ]
    monkeypatch.setattr(run, "read_manifest", lambda folder: [record("human", 1)])
    with pytest.raises(VoxproofError, match="no partial edits"):
        run.measure(tmp_path, tmp_path / "cache")


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        *(row(source=name, named=(1.04,), stretches={"detector.speech": ((1.0, 2.5),)}) for name in "abc"),
        row("splice", "d", named=(3.0,)),
        *(row("human", name) for name in "ef"),
    ]
    monkeypatch.setattr(run, "measure", lambda *arguments: rows)
    arguments = ["bench", "localisation", str(tmp_path), "--out", str(tmp_path / "out")]
    done = click.testing.CliRunner().invoke(voxproof, arguments)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "out" / "localisation.md").read_text()
    assert "| inside edited recordings | both lines | 20 | 150 | 450 | 0.0 [0.0, 0.0] | 1.000 [1.000, 1.000] |" in text
    assert "| partial edits: called edited at | 50 | 6 | 3 | 3 | 50.0 [18.8, 81.2] | 100.0 [43.9, 100.0] | 40 |" in text
    assert "| detector.speech | 3 | 3 | 0.667 | 0.67 |" in text
    assert f"| joins named farther than {page.FAR_S:g} s from any | 1 | 1 | 0.1 | 1 |" in text
    told = json.loads(click.testing.CliRunner().invoke(voxproof, [*arguments, "--json"]).stdout)
    assert told["schema"] == page.SCHEMA
