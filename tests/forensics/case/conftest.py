"""A small case, made once: three exhibits, an examination with its report, a note; copied for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from forensics.case import Case
from forensics.case.keys import make_key
from forensics.records import (
    Attribution,
    Examination,
    ExhibitFacts,
    Integrity,
    Tool,
    Verdict,
    Watermark,
)
from synth.audio import write


def ticking() -> Callable[[], datetime]:
    """A clock that goes on one second with every look."""
    moments = (datetime(2026, 3, 1, 9, 0, tzinfo=UTC) + timedelta(seconds=n) for n in range(10_000))
    return lambda: next(moments)


def examination_of(path: Path, sha256: str | None) -> Examination:
    """A record as `forensics.examine` makes it, with nothing tested."""
    reasons = ("Nothing was tested.",)
    return Examination(
        tool=Tool(version="0", config_sha256="0" * 64),
        exhibit=ExhibitFacts(path=str(path), sha256=sha256),
        verdict=Verdict(
            outcome="could_not_test", log10_lr=None, log10_lr_bounds=None, words="could not be tested", reasons=reasons
        ),
        integrity=Integrity(outcome="could_not_test", reasons=reasons),
        watermark=Watermark(outcome="could_not_test", reasons=reasons),
        attribution=Attribution(outcome="could_not_test", reasons=reasons),
    )


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tone.wav, stereo.flac and broken.wav."""
    folder = tmp_path_factory.mktemp("sounds")
    time = np.arange(8000) / 16000
    tone = (0.2 * np.sin(2 * np.pi * 440 * time)).astype(np.float32)
    write(folder / "tone.wav", tone, 16000)
    write(folder / "stereo.flac", np.stack([tone, -tone], axis=1), 16000)
    (folder / "broken.wav").write_bytes(b"RIFF\x00\x00\x00\x00WAVEjunk")
    return folder


@pytest.fixture(autouse=True)
def custody_key(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same key in all tests, noted heads apart; the user's own is never touched."""
    shared = tmp_path_factory.getbasetemp() / "custody-key" / "custody.pem"
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(shared))
    monkeypatch.delenv("VOXPROOF_CUSTODY_PASSPHRASE", raising=False)
    monkeypatch.delenv("VOXPROOF_CASE_DB", raising=False)
    monkeypatch.setenv("VOXPROOF_ACTOR", "Ada Example")
    make_key()
    own = tmp_path_factory.mktemp("key") / "custody.pem"
    shutil.copy(shared, own)
    monkeypatch.setenv("VOXPROOF_CUSTODY_KEY", str(own))
    return own


def fill(case: Case, sounds: Path) -> None:
    """Seven entries in all: opened, three exhibits, an examination with report, a record, a note."""
    for name in ("tone.wav", "stereo.flac", "broken.wav"):
        case.add(sounds / name)
    pdf = sounds / "report.pdf"
    pdf.write_bytes(b"%PDF-1.7 not really\n%%EOF\n")
    sha256 = case.exhibits()[0].sha256
    case.record_examination(examination_of(sounds / "tone.wav", sha256), pdf)
    other = sounds / "letter.txt"
    other.write_text("Dear laboratory\n")
    case.add_record(other, kind="letter", exhibit="E002")
    case.note("Received by post, seal intact; Umschlag „grün“")


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory, sounds: Path) -> tuple[Path, Path]:
    """Folder of the case, and of the heads noted for it."""
    base = tmp_path_factory.getbasetemp() / "custody-key"
    folder = tmp_path_factory.mktemp("original") / "case"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOXPROOF_CUSTODY_KEY", str(base / "custody.pem"))
        patch.setenv("VOXPROOF_ACTOR", "Ada Example")
        make_key()
        case = Case.create(
            folder,
            "The voice message",
            requester="District court",
            question="Is the voice a machine's?",
            examiner="Ada Example",
            clock=ticking(),
        )
        fill(case, sounds)
    return folder, base / "heads"


@pytest.fixture
def record() -> Callable[[Path, str | None], Examination]:
    """Makes a record of an examination."""
    return examination_of


@pytest.fixture
def filled() -> Callable[[Case, Path], None]:
    """Adds the six entries to a case."""
    return fill


@pytest.fixture
def folder(original: tuple[Path, Path], custody_key: Path, tmp_path: Path) -> Path:
    """A copy of the case, writable, with the head noted beside the key."""
    shutil.copytree(original[0], tmp_path / "case")
    shutil.copytree(original[1], custody_key.parent / "heads")
    for path in (tmp_path / "case").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "case"
