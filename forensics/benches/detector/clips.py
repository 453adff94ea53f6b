"""Labelled clips as a bench wants them: who or what speaks, where it comes from, and what is not to be scored."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forensics.labels import LABELS, Label

ASIDE: Mapping[str, str] = {
    "partial-edit": "only a part is a machine's",
    "partial": "only a part is a machine's",
    "splice": "an edit of human speech",
    "codec-dsp": "human speech through a codec of signal processing: a channel",
    "watermark": "marked speech",
    "replay": "human speech played and recorded again",
}
"""Kinds that are neither a person's speech nor a machine's in the sense of the question, and why."""
SUFFIXES = ("", ".flac", ".wav", ".mp3", ".m4a", ".ogg", ".opus", ".aac", ".webm")


@dataclass(frozen=True)
class Clip:
    """One labelled recording; empty strings where nothing is known."""

    name: str
    """As the list has it, by which the scores of other systems are joined."""
    path: Path
    label: Label
    generator: str = ""
    source: str = ""
    """Page, collection or corpus."""
    speaker: str = ""
    sex: str = ""
    """f or m."""
    language: str = ""
    kind: str = ""
    """tts, vc, codec, … as the list has it."""
    channel: str = ""
    """Codec or transmission that the list states."""


@dataclass(frozen=True)
class Fault:
    """A row that cannot be used."""

    name: str
    reason: str


@dataclass
class Listing:
    """What a list says, row by row."""

    form: str
    """In words, for the page."""
    clips: list[Clip] = field(default_factory=list)
    aside: dict[str, int] = field(default_factory=dict)
    """Rows set aside, by kind."""
    faults: list[Fault] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def take(self, facts: Mapping[str, str], path: Path | None) -> None:
        """One row: facts by the names of `Clip`; `path` is None where the file was not found."""
        name, kind = facts["name"], slug(facts.get("kind", ""))
        label = label_of(facts.get("label", ""), kind)
        if kind in ASIDE:
            self.aside[kind] = self.aside.get(kind, 0) + 1
        elif name in self.names:
            self.faults.append(Fault(name, "is listed twice"))
        elif label is None:
            said = facts.get("label", "")
            self.faults.append(Fault(name, f"has the label {said!r}" if said else "has no label"))
        elif path is None:
            self.faults.append(Fault(name, "is not there"))
        else:
            self.names.add(name)
            known = {key: "" if (value := facts.get(key, "").strip()) == "-" else value for key in KNOWN}
            known["sex"] = {"f": "f", "m": "m"}.get(known["sex"][:1].lower().replace("w", "f"), "")
            if label == "human":
                known |= {"generator": "", "kind": "human"}
            self.clips.append(Clip(name, path, label, **known))


KNOWN = ("generator", "source", "speaker", "sex", "language", "kind", "channel")


def slug(text: str) -> str:
    """Lower case, words joined by hyphens."""
    return re.sub(r"[\s_]+", "-", text.strip().lower())


def label_of(text: str, kind: str = "") -> Label | None:
    """The label, or what the kind says where a list has kinds alone; None where neither says anything."""
    if text.strip():
        return LABELS.get(slug(text))
    return None if not kind else LABELS.get(kind, "machine")


def found(folders: Iterable[Path], name: str) -> Path | None:
    """The file of that name in the first folder that has it, with or without a suffix."""
    for folder in folders:
        for suffix in SUFFIXES:
            path = folder / f"{name}{suffix}"
            if path.is_file():
                return path
    return None


def clusters(clips: Iterable[Clip]) -> tuple[str, dict[str, str]]:
    """What counts as one source in intervals, folds and samples: (in words, name of a clip -> its source).

    The first of page or collection, speaker, and generator that has at least five values in each class where it is
    known at all; else the one with most. A clip of which it is not known is a source of its own.
    """
    listed = list(clips)
    best, most, words = "", -1, "clips, since nothing else is known of them"
    for column, said in (("source", "pages and collections"), ("speaker", "speakers"), ("generator", "generators")):
        values = [{getattr(c, column) for c in listed if c.label == label} - {""} for label in ("human", "machine")]
        fewest = min(len(one) for one in values if one) if any(values) else 0
        if fewest > most and fewest > 0:
            best, most, words = column, fewest, said
        if most >= ENOUGH:
            break
    return words, {c.name: getattr(c, best, "") or f"clip {c.name}" for c in listed}


ENOUGH = 5
"""Sources in a class from which resampling them says something."""
