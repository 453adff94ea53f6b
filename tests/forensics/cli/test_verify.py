"""`voxproof verify` on the example clips: the contract of JSON and exit codes, several clips, broken clips."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forensics.cli.verify import exit_code
from forensics.records import Examination

EXAMPLES = Path(__file__).parents[3] / "examples"
CLIPS = ("human.wav", "machine.wav", "spliced.wav", "telephone.wav")


def voxproof(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "forensics.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def examined(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, dict[str, Any]], Path]:
    """All examples and three files that are no recordings, in one call with a report folder."""
    folder = tmp_path_factory.mktemp("clips")
    text = folder / "not a recording.wav"
    text.write_text("no sound here")
    empty = folder / "empty.wav"
    empty.write_bytes(b"")
    reports = folder / "reports"
    clips = [text, *(EXAMPLES / name for name in CLIPS), empty, folder / "missing.wav"]
    result = voxproof("verify", *clips, "--json", "--report", reports)
    assert "Traceback" not in result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row["exhibit"]["path"] for row in rows] == [str(clip) for clip in clips]
    return result.returncode, {Path(row["exhibit"]["path"]).name: row for row in rows}, reports


def test_broken_clips_become_records_and_the_others_are_still_examined(
    examined: tuple[int, dict[str, dict[str, Any]], Path],
) -> None:
    _, rows, _ = examined
    for name in ("not a recording.wav", "empty.wav", "missing.wav"):
        assert rows[name]["verdict"]["outcome"] == "could_not_test"
        assert rows[name]["verdict"]["log10_lr"] is None
        assert rows[name]["verdict"]["reasons"]
        assert exit_code(Examination.model_validate(rows[name])) == 30
    assert rows["empty.wav"]["exhibit"]["sha256"] == hashlib.sha256(b"").hexdigest()
    for name in CLIPS:
        assert rows[name]["exhibit"]["seconds"] > 5


def test_the_answers_on_the_examples_are_right_or_honestly_inconclusive(
    examined: tuple[int, dict[str, dict[str, Any]], Path],
) -> None:
    _, rows, _ = examined
    assert rows["human.wav"]["verdict"]["outcome"] in ("supports_human", "inconclusive")
    assert rows["telephone.wav"]["verdict"]["outcome"] in ("supports_human", "inconclusive")
    assert rows["machine.wav"]["verdict"]["outcome"] in ("supports_machine", "inconclusive")
    assert rows["machine.wav"]["verdict"]["log10_lr"] > rows["human.wav"]["verdict"]["log10_lr"]
    for name in ("human.wav", "telephone.wav"):
        assert rows[name]["integrity"]["outcome"] == "consistent"


def test_the_splices_are_located_within_a_quarter_of_a_second(
    examined: tuple[int, dict[str, dict[str, Any]], Path],
) -> None:
    integrity = examined[1]["spliced.wav"]["integrity"]
    assert integrity["outcome"] == "inconsistent"
    middles = [(segment["start_s"] + segment["end_s"]) / 2 for segment in integrity["segments"]]
    assert middles == pytest.approx([4.1, 5.52], abs=0.02)


def test_every_record_keeps_the_contract(examined: tuple[int, dict[str, dict[str, Any]], Path]) -> None:
    code, rows, _ = examined
    for row in rows.values():
        assert row["schema"] == "voxproof.examination/1"
        assert set(row) >= {"tool", "exhibit", "verdict", "integrity", "watermark", "attribution", "findings", "timing"}
        for finding in row["findings"]:
            if finding["outcome"] == "could_not_test":
                assert finding["reasons"]
                assert finding["log10_lr"] is None
            for segment in finding["segments"]:
                assert segment["start_s"] < segment["end_s"]
        verdict = row["verdict"]
        if verdict["log10_lr"] is not None:
            low, high = verdict["log10_lr_bounds"]
            assert low <= verdict["log10_lr"] <= high
    codes = [exit_code(Examination.model_validate(row)) for row in rows.values()]
    assert code == next(c for c in (10, 15, 30, 20, 0) if c in codes)


def test_reports_and_twins_are_written_for_every_clip(examined: tuple[int, dict[str, dict[str, Any]], Path]) -> None:
    _, rows, reports = examined
    for name, row in rows.items():
        assert (reports / f"{name}.pdf").read_bytes().startswith(b"%PDF-")
        twin = json.loads((reports / f"{name}.json").read_text(encoding="utf-8"))
        assert twin == {**row, "timing": None} or twin == {k: v for k, v in row.items() if k != "timing"}


def test_a_report_that_verify_wrote_checks_and_a_changed_byte_does_not(
    examined: tuple[int, dict[str, dict[str, Any]], Path], tmp_path: Path
) -> None:
    pdf = examined[2] / "human.wav.pdf"
    good = voxproof("report", "check", pdf, "--exhibit", EXAMPLES / "human.wav", "--json")
    assert good.returncode == 0, good.stdout
    other = voxproof("report", "check", pdf, "--exhibit", EXAMPLES / "machine.wav", "--json")
    assert other.returncode == 15
    blob = bytearray(pdf.read_bytes())
    blob[len(blob) // 2] ^= 1
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(blob)
    assert voxproof("report", "check", changed, "--json").returncode == 15


def test_json_alone_writes_no_files_and_without_a_terminal_there_is_no_colour(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forensics.cli.main", "verify", str(EXAMPLES / "human.wav")]
    result = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert len(result.stdout.splitlines()) == 1
    assert not list(tmp_path.iterdir())
    plain = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert "\x1b[" not in plain.stdout + plain.stderr


def test_a_case_keeps_the_exhibit_the_record_and_the_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(tmp_path / "custody.pem"))
    case = tmp_path / "case-17"
    opened = voxproof("case", "open", case, "--title", "Voice note", "--question", "Who or what speaks?")
    assert opened.returncode == 0, opened.stderr
    voxproof("verify", EXAMPLES / "telephone.wav", "--case", case, "--json")
    log = voxproof("case", "log", case, "--json")
    assert log.returncode == 0
    assert "telephone.wav" in log.stdout
    assert voxproof("case", "verify", case).returncode == 0
    original = (EXAMPLES / "telephone.wav").read_bytes()
    exhibit = next(path for path in case.rglob("*.wav") if path.read_bytes() == original)
    exhibit.chmod(0o600)
    blob = bytearray(original)
    blob[1000] ^= 1
    exhibit.write_bytes(blob)
    found = voxproof("case", "verify", case)
    assert found.returncode == 15
    assert exhibit.name in found.stdout


def test_a_report_that_cannot_be_written_costs_neither_the_answer_nor_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "telephone.wav.pdf").mkdir()
    result = voxproof("verify", EXAMPLES / "telephone.wav", EXAMPLES / "human.wav", "--json", "--report", tmp_path)
    assert result.returncode == 1
    assert len(result.stdout.splitlines()) == 2
    assert "the report was not written" in result.stderr
    assert "Traceback" not in result.stderr
    assert (tmp_path / "human.wav.pdf").is_file()
    nowhere = voxproof("verify", EXAMPLES / "human.wav", "--report", "/proc/nowhere")
    assert nowhere.returncode == 1
    assert "internal error" not in nowhere.stderr
