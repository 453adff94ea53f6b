"""Broken media files: 300 mutants in every container, each a recording or an error. And the harness sees harm."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from synth.audio import AudioError, Recording, open_recording
from synth.mutation import make_specimens, mutant, run
from synth.mutators import MUTATORS, nest, units
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
    assert summary.slowest_seconds < 10
    assert summary.largest_child_bytes < 1.5e9
    assert summary.decoded > 60
    assert summary.refused > 60
    json.dumps(summary.as_dict())
    assert "300 mutants (seed 20)" in str(summary)


def test_a_mutant_is_determined_by_seed_and_number(tmp_path: Path) -> None:
    specimens = make_specimens(CLIPS, tmp_path)
    assert len(specimens) == 2 * len(SPECIMENS)
    assert list(tmp_path.iterdir()) == []
    assert mutant(specimens, 5, 17) == mutant(specimens, 5, 17)
    assert mutant(specimens, 5, 17) != mutant(specimens, 6, 17)
    changed = [mutant(specimens, 0, number)[1] != specimens[number % len(specimens)][2] for number in range(200)]
    assert sum(changed) > 190


@pytest.mark.parametrize("mutator", MUTATORS, ids=lambda m: m.__name__)
def test_every_mutator_takes_anything(mutator: object, tmp_path: Path) -> None:
    assert callable(mutator)
    originals = [specimen[2] for specimen in make_specimens(CLIPS[:1], tmp_path)] + [
        b"a",
        b"RIFF",
        bytes(11),
        bytes(50),
    ]
    rng = random.Random(0)  # noqa: S311
    for index, original in enumerate(originals):
        for _ in range(5):
            broken = mutator(bytearray(original), rng, originals[index - 1])
            assert len(broken) < 10 * len(original) + 200_000


def test_the_structure_of_containers_is_found(tmp_path: Path) -> None:
    data = {name: data for name, _, data in make_specimens(CLIPS[:1], tmp_path)}
    wav = data["wav-s16"]
    assert [wav[start : start + 4] for start, *_ in units(wav)] == [b"fmt ", b"data"]
    boxes = [data["m4a"][start + 4 : start + 8] for start, *_ in units(data["m4a"])]
    assert {b"ftyp", b"moov", b"mdat", b"trak"} <= set(boxes)
    assert len(units(data["opus"])) >= 3
    assert len(units(data["flac-16"])) >= 1
    assert b"LIST" in nest(bytearray(wav), random.Random(0), wav)  # noqa: S311


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
