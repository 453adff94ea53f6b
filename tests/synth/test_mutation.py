"""Broken media files: 300 mutants in every container, each a recording or an error. And the harness sees harm."""

from __future__ import annotations

import json
from pathlib import Path

from synth.audio import AudioError, Recording, open_recording
from synth.mutation import TWIN_EVERY, Judged, make_specimens, mutant, run
from synth.specimens import SPECIMENS

DATA = Path(__file__).parents[1] / "data"
CLIPS = [DATA / "001.wav", DATA / "005.wav"]


def test_three_hundred_mutants_do_no_harm() -> None:
    steps = []
    summary = run(DATA, 300, seed=20, progress=lambda: steps.append(1))
    assert summary.failures == ()
    assert summary.ok
    assert len(steps) == summary.mutants == summary.decoded + summary.refused == 300
    assert set(summary.containers) == {specimen.name for specimen in SPECIMENS}
    assert summary.twins == 300 // TWIN_EVERY
    assert summary.largest_child_bytes < 1.5e9
    assert summary.decoded > 60
    assert summary.refused > 60
    json.dumps(summary.as_dict())
    assert "300 mutants (seed 20, from number 0)" in str(summary)


def test_a_mutant_is_determined_by_seed_and_number(tmp_path: Path) -> None:
    specimens = make_specimens(CLIPS, tmp_path)
    assert [name for name, _, _ in specimens] == [s.name for s in SPECIMENS for _ in CLIPS]
    assert list(tmp_path.iterdir()) == []
    assert mutant(specimens, 5, 17) == mutant(specimens, 5, 17)
    assert mutant(specimens, 5, 17) != mutant(specimens, 6, 17)
    changed = [mutant(specimens, 0, number)[1] != specimens[number % len(specimens)][2] for number in range(200)]
    assert sum(changed) > 190


class _Misbehaving:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def __call__(self, path: Path) -> Recording:
        if self.error:
            raise self.error
        recording = open_recording(CLIPS[0])
        recording.frames += 5
        return recording


def test_the_harness_sees_errors_that_are_not_ours(tmp_path: Path) -> None:
    summary = run(CLIPS[:1], 3, reader=_Misbehaving(ValueError("boom")), keep=tmp_path / "kept")
    assert not summary.ok
    assert len(summary.failures) == 3
    assert "ValueError: boom" in summary.failures[0]
    assert "FAILURE mutant 0" in str(summary)
    assert len(list((tmp_path / "kept").iterdir())) == 3


def test_the_harness_sees_wrong_numbers() -> None:
    summary = run(CLIPS[:1], 1, reader=_Misbehaving(None))
    assert "working copy is shorter" in summary.failures[0]


def test_a_dead_decoder_is_counted_but_contained() -> None:
    summary = run(CLIPS[:1], 2, reader=_Misbehaving(AudioError("made the decoder crash", kind="crash")))
    assert summary.ok
    assert summary.decoder_deaths == summary.refused == 2


def test_a_judge_looks_at_every_mutant_and_its_complaints_are_failures() -> None:
    seen: list[str] = []

    def judge(path: Path) -> Judged:
        seen.append(path.stem)
        troubles = ("a method failed",) if path.stem == "mutant 12" else ()
        return Judged("same", troubles, {"looking": 0.5 if path.stem == "mutant 11" else 0.1})

    summary = run(CLIPS[:1], 4, first=10, judge=judge)
    assert seen == ["mutant 10", "mutant 11", "mutant 12", "mutant 13"]
    assert len(summary.failures) == 1
    assert summary.failures[0].startswith("mutant 12 (")
    assert summary.failures[0].endswith("a method failed")
    assert (summary.judged, summary.first, summary.slowest_step_seconds) == (True, 10, 0.5)
    assert summary.slowest_step.startswith("looking, mutant 11 (")


def test_a_judge_that_raises_is_a_failure() -> None:
    def judge(path: Path) -> Judged:
        raise KeyError(path.suffix)

    summary = run(CLIPS[:1], 1, judge=judge)
    assert "the examination raised KeyError" in summary.failures[0]


def test_an_answer_that_changes_between_mutants_is_a_failure() -> None:
    """A judge with a memory, as a decoding server would be that keeps something of the file before."""
    turns: list[Path] = []

    def judge(path: Path) -> Judged:
        turns.append(path)
        return Judged(f"answer {len(turns) > 10}")

    summary = run(CLIPS[:1], TWIN_EVERY, judge=judge)
    assert summary.twins == 1
    assert len(summary.failures) == 1
    assert summary.failures[0].startswith("the unmutated wav-u8 is answered otherwise than before, after mutant 19 (")
    assert run(CLIPS[:1], TWIN_EVERY, judge=lambda path: Judged("same")).ok
