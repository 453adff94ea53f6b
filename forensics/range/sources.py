"""What may be used, and for what: recordings from folders with an index, and the right to speak in a voice.

An index has the columns that `forensics.benches.battery.clips` reads, and where known `transcript`, `language`,
`generator`, and the two that decide whose voice our model may take:

- `voice`: `machine` says that the voice itself is nobody's. That a machine made the clip is not enough, since a clone
  or a conversion has a person's voice; such kinds are refused whatever the column says.
- `consent`: a consent file beside the index, put before the gate (`synth.gate`) with the very recording.

Other recordings give their content, hold partial edits and splices, and are marked; no voice is taken from them.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.benches.battery.clips import Clip, listed_clips
from synth.errors import VoxproofError

LEAST_S, MOST_S = 2.0, 600.0
"""Shorter and longer recordings are left out, seconds."""
VOICE_S = (3.0, 10.0)
"""Length of a recording that gives its voice, seconds; the model takes no other."""
MADE = ("tts", "zero-shot clone", "vc", "vocoder-copy-synthesis")
"""Kinds of an index that are machine speech throughout; codecs, marks and partial edits are something else."""
OWN_VOICE = ("tts",)
"""Of these, the kinds that can have a voice of nobody's."""
SAID = re.compile(r"[^\W_][\w ,.;:!?'’\"()-]*")
"""What a transcript looks like that is nothing but words; some lists keep labels in the column."""
COLUMNS = ("path", "sample_rate", "seconds")

Gate = Callable[[Path, Path], str]
"""Recording and consent -> why its voice may not be cloned; empty where it may."""


@dataclass(frozen=True)
class Source(Clip):
    """A recording of an index."""

    label: str = ""
    """Name of its folder and path within, as the manifest has it."""
    licence: str = ""
    language: str = ""
    text: str = ""
    """What is said, where known."""
    generator: str = ""
    """What made it; empty: a person."""
    kind: str = ""
    """As the index has it, of machine-made recordings; empty: a person."""
    voice: str = ""
    """What the index says of the voice."""
    consent: Path | None = None
    """Consent to clone the voice, as the index names it."""

    @property
    def nobodys(self) -> bool:
        """Whether the voice is a machine's own, and may be cloned."""
        return self.voice == "machine" and self.kind in OWN_VOICE

    @property
    def english(self) -> bool:
        """Whether it is known to be English, the language of the model that ships."""
        return self.language.lower().startswith("en")


@dataclass(frozen=True)
class Material:
    """Everything a plan draws from."""

    humans: tuple[Source, ...]
    machines: tuple[Source, ...]
    voices: tuple[Source, ...]
    """Recordings whose voices may be cloned."""
    texts: tuple[str, ...]
    engines: tuple[str, ...] = ()
    """Installed programs and their voices."""
    model: str = ""
    """Name of our model; empty: there is none."""
    left_out: tuple[str, ...] = ()
    """What was left out, how often and why."""


def gather(
    human: Sequence[Path], machine: Sequence[Path], reference: Sequence[Path], gate: Gate
) -> tuple[Material, Counter[str]]:
    """The recordings of the folders, without texts, programs and model; and what was left out."""
    out: Counter[str] = Counter()
    humans = [one for folder in human for one in _humans(folder, out)]
    machines = [one for folder in machine for one in _machines(folder, out)]
    offered = [one for folder in reference for one in (*_humans(folder, out), *_machines(folder, out))]
    named = [one for one in (*humans, *machines) if one.voice or one.consent]
    voices = [one for one in (*offered, *named) if _may_be_cloned(one, gate, out)]
    unique = {one.path: one for one in voices}
    return Material(tuple(humans), tuple(machines), tuple(unique.values()), ()), out


def _rows(folder: Path) -> list[dict[str, str]]:
    """The rows of an index, their paths checked."""
    index = folder / "index.csv"
    try:
        with index.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise VoxproofError(
            f"the index cannot be read ({error})", path=index, cure="Give a folder of recordings with an index.csv."
        ) from None
    lacking = [column for column in COLUMNS if rows and column not in rows[0]]
    if lacking:
        raise VoxproofError(f"the index has no column {lacking[0]}", path=index, cure=f"It needs {', '.join(COLUMNS)}.")
    return [{name: value or "" for name, value in row.items() if isinstance(name, str)} for row in rows]


def _humans(folder: Path, out: Counter[str]) -> Iterator[Source]:
    folder = folder.resolve()
    rows = {folder / row["path"]: row for row in _rows(folder)}
    for clip in listed_clips(folder):
        if _usable(clip, folder, out):
            yield _source(clip, rows[clip.path], folder, "")


def _machines(folder: Path, out: Counter[str]) -> Iterator[Source]:
    folder = folder.resolve()
    for row in _rows(folder):
        kind = row.get("kind") or ("tts" if row.get("label") == "spoof" else "human")
        if kind in ("human", "bonafide"):
            continue
        path = folder / row["path"]
        if kind not in MADE:
            out[f"{folder.name}: {kind} is not machine speech throughout"] += 1
        elif not path.is_file():
            out[f"{folder.name}: the file is not there"] += 1
        else:
            source = row.get("source_id") or row.get("source") or row.get("page") or folder.name
            speaker = row.get("speaker") or ""
            named = f"{source}/{speaker}" if speaker and "unknown" not in speaker else ""
            clip = Clip(path, source, named, int(row["sample_rate"]), float(row["seconds"] or 0))
            if _usable(clip, folder, out):
                yield _source(clip, row, folder, row.get("generator") or kind, kind)


def _usable(clip: Clip, folder: Path, out: Counter[str]) -> bool:
    fits = LEAST_S <= clip.seconds <= MOST_S and clip.rate >= 8000
    if not fits:
        out[f"{folder.name}: not {LEAST_S:g} to {MOST_S:g} s long, or below 8 kHz"] += 1
    return fits


def _source(clip: Clip, row: dict[str, str], folder: Path, generator: str, kind: str = "") -> Source:
    consent = (row.get("consent") or "").strip()
    text = (row.get("transcript") or "").strip()
    return Source(
        clip.path,
        clip.source,
        clip.speaker,
        clip.rate,
        clip.seconds,
        label=f"{folder.name}/{row['path']}",
        licence=(row.get("licence") or "").strip(),
        language=(row.get("language") or "").strip(),
        text=text if SAID.fullmatch(text) else "",
        generator=generator,
        kind=kind,
        voice=(row.get("voice") or "").strip().lower(),
        consent=folder / consent if consent else None,
    )


def _may_be_cloned(one: Source, gate: Gate, out: Counter[str]) -> bool:
    """Strictly: a voice of nobody's, or a consent that the gate lets through."""
    folder = one.label.split("/", 1)[0]
    if not VOICE_S[0] <= one.seconds <= VOICE_S[1]:
        reason = f"a voice is taken from {VOICE_S[0]:g} to {VOICE_S[1]:g} s"
    elif one.consent is not None:
        reason = gate(one.path, one.consent)
    elif not one.kind:
        reason = "a person's voice, and there is no consent"
    elif one.kind not in OWN_VOICE:
        reason = f"{one.kind} has somebody's voice, and there is no consent"
    else:
        reason = "" if one.nobodys else "nothing says that the voice is a machine's own, and there is no consent"
    if reason:
        out[f"{folder}: not cloned: {reason}"] += 1
    return not reason
