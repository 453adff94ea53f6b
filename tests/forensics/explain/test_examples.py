"""The nearest examples: a clip is nearest to itself, folders are indexed with their labels, faults name the file."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from detectors.speech import SpeechDetector
from forensics.explain.examples import (
    BANK,
    Reference,
    heard,
    index_folder,
    nearest,
    reasons,
    shipped_references,
)
from forensics.explain.masking import Grid, Masking
from synth.audio import read
from synth.errors import VoxproofError

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data"


@pytest.fixture(scope="module")
def speech() -> SpeechDetector:
    return SpeechDetector.load()


def test_what_the_units_add_is_the_logit(speech: SpeechDetector) -> None:
    passage = heard(DATA / "hibari.wav")
    row = reasons(speech.scorer, passage)
    bias = speech.scorer.head.out_bias
    assert float(row.sum()) + bias == pytest.approx(passage.score(speech.scorer.logit), abs=1e-4)


def test_the_bank_is_what_the_files_give(speech: SpeechDetector, tmp_path: Path) -> None:
    references = shipped_references(speech.sha256)
    assert {one.label for one in references} == {"human", "machine"}
    for one in references[::3]:
        row = reasons(speech.scorer, heard(ROOT / one.source.split(" (")[0]))
        np.testing.assert_allclose(one.reasons, row, atol=2e-3)
        sound = tmp_path / "clip.mp3"
        sound.write_bytes(one.mp3)
        assert read(sound).seconds > 1
    assert BANK.with_suffix(".safetensors").stat().st_size < 300_000


def test_a_clip_is_nearest_to_itself_and_then_to_its_own_voice(speech: SpeechDetector) -> None:
    references = shipped_references(speech.sha256)
    passage = heard(DATA / "sense_and_sensibility_01_austen_64kb-0880.wav")  # this reader, but not this clip, is there
    found = nearest(reasons(speech.scorer, passage), references)
    assert all("austen" in one.reference.source or "human.wav" in one.reference.source for one in found.of("human"))
    assert found.of("human")[0].distance < found.of("machine")[0].distance
    assert found.compared == {"human": 8, "machine": 4, "unlabelled": 0}
    (same, *_), itself = nearest(references[9].reasons, references).of("machine"), references[9]
    assert (same.reference, same.distance) == (itself, 0)


def test_another_detector_has_no_bank() -> None:
    with pytest.raises(VoxproofError, match=r"bank.yaml: the bank of examples was made with another detector.*folder"):
        shipped_references("0" * 64)


def test_a_folder_is_indexed_by_its_folders_and_broken_files_are_told(speech: SpeechDetector, tmp_path: Path) -> None:
    for folder, name in (("human", "005.wav"), ("Machine", "hibari.wav"), ("other", "flite-slt.wav")):
        (tmp_path / folder).mkdir()
        shutil.copy(DATA / name, tmp_path / folder)
    (tmp_path / "human" / "broken.wav").write_bytes(b"RIFFnothing")
    told = []
    found, skipped = index_folder(tmp_path, speech.scorer, lambda done, files: told.append((done, files)))
    assert {one.path.name: one.label for one in found} == {
        "005.wav": "human", "hibari.wav": "machine", "flite-slt.wav": "unlabelled",
    }  # fmt: skip
    assert len(skipped) == 1
    assert "broken.wav" in skipped[0]
    assert told[-1] == (4, 4)
    assert nearest(found[0].reasons, found).usual is not None


def test_a_folder_with_an_index(speech: SpeechDetector, tmp_path: Path) -> None:
    shutil.copy(DATA / "005.wav", tmp_path)
    shutil.copy(DATA / "002.wav", tmp_path)
    (tmp_path / "index.csv").write_text("path,label\n005.wav,bonafide\n", encoding="utf-8")
    found, skipped = index_folder(tmp_path, speech.scorer)
    assert [(one.name, one.label) for one in found] == [("005.wav", "human")]
    assert skipped == ()
    (tmp_path / "index.csv").write_text("file,label\n005.wav,bonafide\n", encoding="utf-8")
    with pytest.raises(VoxproofError, match=r"index.csv: has no column path"):
        index_folder(tmp_path, speech.scorer)


def test_an_empty_folder_is_an_error(speech: SpeechDetector, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match=r"holds no recordings"):
        index_folder(tmp_path, speech.scorer)


def test_nearest_by_hand() -> None:
    rows = [Reference(f"{n}", label, "", np.array([n, 0], np.float32)) for n, label in
            [(1, "human"), (2, "human"), (5, "machine"), (9, "machine")]]  # fmt: skip
    found = nearest(np.array([4, 0], np.float32), rows, most=1)
    assert [(one.reference.name, one.distance) for one in found.nearest] == [("2", 2.0), ("5", 1.0)]
    assert found.usual == pytest.approx(2.0)  # distances to the nearest other: 1, 1, 3, 4


def test_cells_taken_out_move_the_reasons(speech: SpeechDetector) -> None:
    passage = heard(DATA / "hibari.wav")
    grid = Grid.over(passage)
    emptied = Masking(passage, grid).without(np.ones(grid.shape, bool))
    before = reasons(speech.scorer, passage)
    after = sum(w.weight * speech.scorer.contributions(e) for w, e in zip(passage.windows, emptied, strict=True))
    assert np.linalg.norm(after - before) > 0.05
