"""The clips that the speech detector finds most like a recording: people's and machines', to be listened to.

Two clips are as far apart as the reasons for their scores are: the Euclidean distance of what each unit of the head's
hidden layer adds to the logit (log-odds). So clips are near that get their score for the same reasons, whatever
they say and whoever speaks. A small bank ships (bank.yaml says what is in it and under which licences); a folder of the
user's own is indexed on request.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from detectors.inference import RATE, SpeechScorer
from forensics.explain.clip import Passage
from forensics.labels import LABELS
from synth import audio
from synth.errors import VoxproofError
from synth.record import Record
from synth.yaml_data import load_yaml

FloatArray = npt.NDArray[np.float32]
Label = Literal["human", "machine", "unlabelled"]
BANK = Path(__file__).with_name("bank.yaml")
SUFFIXES = frozenset(
    (".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus", ".aac", ".wma", ".aif", ".aiff", ".amr", ".3gp", ".mp4", ".webm")
)
LONGEST_S, MOST_FILES = 20.0, 2000
"""Seconds of a reference that are heard, from its start; files of a folder that are indexed."""


class BankEntry(Record):
    """A clip of the bank that ships."""

    name: str
    """What it is, in a few words."""
    name_zh: str
    """The same in Chinese."""
    label: Label
    """Who or what speaks."""
    file: str
    """The file of the repository that it is made of."""
    licence: str
    """Of the clip, with whom to name."""


class Bank(Record):
    """What ships: names and licences; the numbers and sounds are in the file beside it."""

    summary: str
    """What the bank is and is not good for."""
    detector_sha256: str
    """Of the weights whose reasons are stored."""
    clips: tuple[BankEntry, ...]
    """In the order of the stored rows."""


@dataclass(frozen=True)
class Reference:
    """A clip that others are compared with."""

    name: str
    label: Label
    source: str
    """Where it comes from: file, and licence where known."""
    reasons: FloatArray
    """[hidden], what each unit adds to its logit."""
    mp3: bytes = b""
    """Its sound, for clips of the bank."""
    path: Path | None = None
    """Its file, for clips of the user's own folder."""
    name_zh: str = ""
    """Its name in Chinese; empty: as `name`."""


@dataclass(frozen=True)
class Neighbour:
    """A reference and how far it is from the clip."""

    reference: Reference
    distance: float
    """Euclidean, in log-odds; 0: the same reasons."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest references, by label."""

    nearest: tuple[Neighbour, ...]
    """The nearest few of each label, nearest first."""
    compared: dict[str, int]
    """How many references there were, by label."""
    usual: float | None
    """Median distance of a reference to the nearest other one; None with fewer than three."""
    skipped: tuple[str, ...] = ()
    """Files of the user's folder that could not be read, with the reason."""

    def of(self, label: Label) -> tuple[Neighbour, ...]:
        """Those of one label, nearest first."""
        return tuple(one for one in self.nearest if one.reference.label == label)


def reasons(scorer: SpeechScorer, passage: Passage) -> FloatArray:
    """What each hidden unit adds to the passage's logit [hidden]; VoxproofError without enough speech."""
    if not passage.windows:
        raise VoxproofError("there is too little speech to compare")
    rows = [w.weight * scorer.contributions(w.samples) for w in passage.windows]
    return np.asarray(np.sum(rows, axis=0), np.float32)


def nearest(clip: FloatArray, references: Sequence[Reference], most: int = 3) -> Neighbours:
    """The `most` nearest references of every label to a clip's reasons [hidden]; a clip of the same reasons too."""
    found = sorted(
        (Neighbour(one, float(np.linalg.norm(one.reasons - clip))) for one in references), key=lambda n: n.distance
    )
    kept: list[Neighbour] = []
    for label in ("human", "machine", "unlabelled"):
        kept += [one for one in found if one.reference.label == label][:most]
    counts = {label: sum(one.label == label for one in references) for label in ("human", "machine", "unlabelled")}
    return Neighbours(tuple(kept), counts, _usual([one.reasons for one in references]))


def shipped_references(detector_sha256: str) -> tuple[Reference, ...]:
    """The bank that ships; VoxproofError where it was made with another detector."""
    bank, rows, sounds = _bank()
    if bank.detector_sha256 != detector_sha256:
        cure = "Use --references with a folder of your own, or reinstall voxproof."
        raise VoxproofError("the bank of examples was made with another detector", path=BANK, cure=cure)
    return tuple(
        Reference(clip.name, clip.label, f"{clip.file} ({clip.licence})", row, sound, name_zh=clip.name_zh)
        for clip, row, sound in zip(bank.clips, rows, sounds, strict=True)
    )


def index_folder(
    folder: Path, scorer: SpeechScorer, on_file: Callable[[int, int], None] = lambda done, files: None
) -> tuple[tuple[Reference, ...], tuple[str, ...]]:
    """References out of a folder, and what was left out and why.

    Who speaks is read from index.csv (columns path and label) where there is one, or else from folders that are named
    human or machine; what is named neither is unlabelled.
    """
    files = _listed(folder) or [(path, _by_folder(path, folder)) for path in sorted(_sounds(folder))]
    if not files:
        cure = f"Put recordings there ({', '.join(sorted(SUFFIXES))}), or an index.csv with the columns path and label."
        raise VoxproofError("holds no recordings to compare with", path=folder, cure=cure)
    found, skipped = [], []
    for done, (path, label) in enumerate(files[:MOST_FILES]):
        try:
            found.append(Reference(path.name, label, str(path), reasons(scorer, heard(path)), path=path))
        except VoxproofError as error:
            skipped.append(f"{error}" if error.path else f"{path}: {error}")
        on_file(done + 1, len(files))
    if len(files) > MOST_FILES:
        skipped.append(f"{folder}: only the first {MOST_FILES} of {len(files)} files were indexed.")
    if not found:
        raise VoxproofError("no recording of the folder could be used", path=folder, cure=skipped[0])
    return tuple(found), tuple(skipped)


def heard(path: Path) -> Passage:
    """The first seconds of a recording, as the detector hears them."""
    with audio.open_recording(path) as recording:
        blocks: list[FloatArray] = []
        for block in recording.resampled(RATE):
            blocks.append(block)
            if sum(map(len, blocks)) >= LONGEST_S * RATE:
                break
    return Passage.of(np.concatenate(blocks)[: int(LONGEST_S * RATE)])


def _usual(rows: Sequence[FloatArray]) -> float | None:
    if len(rows) < 3:
        return None
    table = np.stack(rows)
    apart = np.linalg.norm(table[:, None] - table[None], axis=-1)
    np.fill_diagonal(apart, np.inf)
    return float(np.median(apart.min(1)))


def _sounds(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _by_folder(path: Path, folder: Path) -> Label:
    parts = [part.lower() for part in path.relative_to(folder).parts[:-1]]
    return next((LABELS[part] for part in parts if part in LABELS), "unlabelled")


def _listed(folder: Path) -> list[tuple[Path, Label]]:
    """The rows of index.csv; none without that file."""
    table = folder / "index.csv"
    if not table.is_file():
        return []
    try:
        with table.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise VoxproofError(f"cannot be read ({error})", path=table, cure="Give a CSV in UTF-8.") from error
    if rows and "path" not in rows[0]:
        raise VoxproofError("has no column path", path=table, cure="Name the columns path and label.")
    return [(folder / row["path"], LABELS.get((row.get("label") or "").lower(), "unlabelled")) for row in rows]


@cache
def _bank() -> tuple[Bank, FloatArray, tuple[bytes, ...]]:
    try:
        bank = Bank.model_validate(load_yaml(BANK.read_text("utf-8")))
        with safe_open(BANK.with_suffix(".safetensors"), framework="numpy") as file:
            rows = file.get_tensor("reasons").astype(np.float32)
            sounds = tuple(file.get_tensor(f"sound{n:03}").tobytes() for n in range(len(bank.clips)))
    except (OSError, ValueError, SafetensorError) as error:
        cause = f"the bank of examples cannot be read ({error})"
        raise VoxproofError(cause, path=BANK, cure="Reinstall voxproof.") from error
    return bank, rows, sounds
