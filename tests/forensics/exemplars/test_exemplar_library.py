"""The library: what ships is sound, the user's exemplars come and go, and no file in the folder breaks it silently."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from forensics.exemplars import load_library
from forensics.exemplars.fingerprint import fingerprint, plain
from forensics.exemplars.library import FOLDER_VARIABLE, user_folder
from forensics.exemplars.programs import program_of, programs
from synth.errors import VoxproofError


def wave(path: Path, rate: int = 16000, seconds: float = 0.5, subtype: str = "PCM_16") -> Path:
    noise = np.random.default_rng(rate).normal(0, 0.1, round(rate * seconds))
    soundfile.write(path, noise, rate, subtype=subtype)
    return path


def test_what_ships_is_whole_and_tells_its_basis(tmp_path: Path) -> None:
    library = load_library(tmp_path)
    names = [exemplar.name for exemplar in library.exemplars]
    assert len(names) == len(set(names)) >= 35
    measured = [exemplar for exemplar in library.exemplars if exemplar.basis == "measured"]
    assert {exemplar.writer for exemplar in measured} == {"FFmpeg", "SoX", "LAME", "libsndfile"}
    assert all(exemplar.files >= 3 and exemplar.habits for exemplar in measured)
    documented = [exemplar for exemplar in library.exemplars if exemplar.basis == "documented"]
    assert all(exemplar.files == 0 and exemplar.source for exemplar in documented)
    assert all(set(exemplar.firm) <= set(exemplar.habits) for exemplar in library.exemplars)


def test_programs_are_known_by_their_texts() -> None:
    named = {"Lavf59.27.100": ("FFmpeg", "converter"), "LAME3.100": ("LAME", "encoder"),
             "Audacity 3.4.2": ("Audacity", "editor"), "ZOOM H5": ("Zoom recorder", "recorder"),
             "com.apple.VoiceMemos (iOS 13.0)": ("Apple Voice Memos", "recorder")}  # fmt: skip
    for text, (name, kind) in named.items():
        program = program_of(text)
        assert program is not None
        assert (program.name, program.kind) == (name, kind)
    assert program_of("something else") is None
    assert all(program.source for program in programs())


def test_a_text_without_its_numbers() -> None:
    assert plain("Lavf59.27.100") == plain("Lavf61.1.100") == "lavf#"
    assert plain(" LAME 3.100 (64bits) ") == "lame # (#bits)"


def test_an_exemplar_is_added_shown_and_removed(tmp_path: Path) -> None:
    files = tuple(wave(tmp_path / f"{rate}.wav", rate) for rate in (8000, 16000, 44100))
    library = load_library(tmp_path / "library")
    (made,) = library.add(files, "Pocket recorder", version="2", note="LP mode")
    again = load_library(tmp_path / "library")
    found = again.find("pocket RECORDER")
    assert found == made
    assert (found.files, found.basis, found.version, found.note) == (3, "user", "2", "LP mode")
    assert found.settings["sample_rate"] == (16000, 44100, 8000)
    assert set(found.firm) == set(found.habits)
    print_ = fingerprint(wave(tmp_path / "new.wav", 22050))
    assert print_ is not None
    assert found.matches(print_)
    other = fingerprint(wave(tmp_path / "float.wav", 22050, subtype="FLOAT"))
    assert other is not None
    assert "fact chunk is True, known is False" in found.differences(other)
    again.remove("Pocket recorder")
    assert list((tmp_path / "library").iterdir()) == []
    assert load_library(tmp_path / "library").sha256 == library.sha256 != again.sha256


def test_two_files_fix_nothing_and_formats_are_kept_apart(tmp_path: Path) -> None:
    files = (wave(tmp_path / "a.wav"), wave(tmp_path / "b.flac"))
    made = load_library(tmp_path / "library").add(files, "App: ../../x")
    assert sorted(exemplar.format for exemplar in made) == ["FLAC", "RIFF/WAVE"]
    assert all(exemplar.firm == () for exemplar in made)
    kept = sorted(path.name for path in (tmp_path / "library").iterdir())
    assert len(kept) == 2
    assert all(name.startswith("app") and name.isascii() and name.count(".") == 1 for name in kept)


def test_the_sound_is_not_kept(tmp_path: Path) -> None:
    path = wave(tmp_path / "a.wav", seconds=4.0)
    load_library(tmp_path / "library").add((path,), "Recorder")
    (stored,) = (tmp_path / "library").iterdir()
    assert stored.stat().st_size < 1500 < path.stat().st_size


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    library = load_library(tmp_path / "library")
    (tmp_path / "text.wav").write_text("no container")
    with pytest.raises(VoxproofError, match="has no reader"):
        library.add((tmp_path / "text.wav",), "Recorder")
    with pytest.raises(VoxproofError, match="cannot be read"):
        library.add((tmp_path / "none.wav",), "Recorder")
    with pytest.raises(VoxproofError, match="already"):
        library.add((wave(tmp_path / "a.wav"),), "ffmpeg: mp3")
    with pytest.raises(VoxproofError, match="ships with Voxproof"):
        library.remove("FFmpeg: MP3")
    with pytest.raises(VoxproofError, match="no exemplar"):
        library.find("nobody")


@pytest.mark.parametrize(
    "text", ["- {name: x}", "- 3", "{a: [", "- {name: x, writer: y, basis: guess, format: z}", "7"]
)
def test_a_damaged_exemplar_is_named_not_skipped(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(VoxproofError, match=r"bad\.yaml: is no list of exemplars"):
        load_library(tmp_path)


def test_where_the_users_exemplars_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "mine"))
    assert user_folder() == tmp_path / "mine"
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_folder() == tmp_path / "data" / "voxproof" / "exemplars"
