"""Folders with an index, made of the recordings of tests/data."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import soundfile

from forensics.range.sources import Material, gather

DATA = Path(__file__).parents[2] / "data"
AUSTEN = "sense_and_sensibility_01_austen_64kb-{}.wav"
PEOPLE = {
    AUSTEN.format("0870"): {"speaker": "reader", "transcript": "she was not pleased", "language": "en"},
    AUSTEN.format("0890"): {"speaker": "reader", "transcript": '{"intent": "order"}', "language": "en-GB"},
    "vm-intro.wav": {"speaker": "allison", "transcript": "please leave a word", "language": "en"},
}
MACHINES = {
    "flite-slt.wav": {"generator": "flite", "kind": "tts", "voice": "machine"},
    "hibari.wav": {"generator": "hibari", "kind": "tts"},
    "espeak.wav": {"generator": "imitator", "kind": "zero-shot clone", "voice": "machine"},
}
COLUMNS = (
    "path", "label", "generator", "kind", "source", "speaker", "language", "licence", "sample_rate", "seconds",
    "transcript", "voice", "consent",
)  # fmt: skip


def indexed(folder: Path, rows: dict[str, dict[str, str]], **each: str) -> Path:
    """A folder with these recordings and their index."""
    folder.mkdir(parents=True)
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="")
        writer.writeheader()
        for name, facts in rows.items():
            shutil.copyfile(DATA / name, folder / name)
            about = soundfile.info(folder / name)
            known = {"path": name, "sample_rate": about.samplerate, "seconds": about.duration, "licence": "BSD"}
            writer.writerow(known | {"label": "bonafide", "source": folder.name} | each | facts)
    return folder


def folders(place: Path) -> tuple[Path, Path]:
    """People and machines."""
    return indexed(place / "people", PEOPLE), indexed(place / "machines", MACHINES, label="spoof")


def refused(recording: Path, consent: Path) -> str:
    """A gate that lets nobody through."""
    return "no gate today"


def material(place: Path, gate: Any = refused) -> Material:
    """What there is in both folders; no programs, no model."""
    people, machines = folders(place)
    return gather([people], [machines], [], gate)[0]
