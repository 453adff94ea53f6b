"""Protocol files of the ASVspoof challenges: columns apart by white space, no header, recordings in a folder.

2019: https://datashare.ed.ac.uk/handle/10283/3336 (README of LA); 2021: the keys of https://www.asvspoof.org
(trial_metadata.txt); 5: README of https://zenodo.org/records/14498691.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forensics.benches.detector.clips import SUFFIXES, Fault, Listing, found
from synth.errors import VoxproofError

KEYS = ("bonafide", "spoof")


@dataclass(frozen=True)
class Form:
    """What the columns of a protocol mean; empty names are passed over."""

    name: str
    columns: tuple[str, ...]


FORMS = (
    Form("ASVspoof 2019", ("speaker", "name", "", "generator", "label")),
    Form("ASVspoof 2021 LA", ("speaker", "name", "channel", "", "generator", "label", "", "")),
    Form(
        "ASVspoof 2021 DF",
        ("speaker", "name", "channel", "source", "generator", "label", "", "", "kind", "", "", "", ""),
    ),
    Form("ASVspoof 5", ("speaker", "name", "sex", "channel", "", "", "", "generator", "label", "")),
)
"""By the number of columns, which all differ."""
FORM_NAMES = ", ".join(form.name for form in FORMS)


def form_of(line: str) -> Form | None:
    """The form of a protocol's first line; None where it is none that is known."""
    words = line.split()
    return next(
        (f for f in FORMS if len(f.columns) == len(words) and words[f.columns.index("label")] in KEYS),
        None,
    )


def read(text: str, form: Form, path: Path, audio: Path | None) -> Listing:
    """Every row; replayed speech (names that begin with PA_) is set aside. VoxproofError without a folder."""
    if audio is None:
        raise VoxproofError(
            f"is a protocol of {form.name}, which does not say where the recordings lie",
            path=path,
            cure="Name their folder with --audio DIR.",
        )
    places = _Places(audio)
    listing = Listing(f"protocol of {form.name}")
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != len(form.columns):
            listing.faults.append(Fault(f"line {number}", f"has {len(words)} columns, not {len(form.columns)}"))
            continue
        facts = {name: word for name, word in zip(form.columns, words, strict=True) if name}
        if facts["name"].startswith("PA_") and facts["label"] == "spoof":
            facts["kind"] = "replay"
        listing.take(facts, places.find(facts["name"]))
    return listing


class _Places:
    """Where recordings lie: in the folder, in its `flac` or `wav`, or anywhere below."""

    def __init__(self, audio: Path) -> None:
        self.folders = [audio, audio / "flac", audio / "wav"]
        self.audio = audio
        self.below: dict[str, Path] | None = None

    def find(self, name: str) -> Path | None:
        """The file, looked for below only once it is not in a known folder."""
        near = found(self.folders, name)
        if near is not None:
            return near
        if self.below is None:
            self.below = {p.stem: p for p in sorted(self.audio.rglob("*")) if p.suffix.lower() in SUFFIXES[1:]}
        return self.below.get(name)
