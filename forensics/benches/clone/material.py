"""Sentences to be said and voices to say them in, from folders of recordings with an index.

An index.csv has the columns `path` and `seconds`, `speaker` or `voice`, and where known `sex` (or `gender`),
`transcript`, `source_id` (or `source`) and `kind`, `label` or `generator` of machine speech. The voices of a folder
whose index names them in a column `voice` are machine-made. Where the index does not tell the sex, the median pitch
does: below or above 165 Hz.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from synth.audio import read
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from synth.channels.base import FloatArray

RATE = 16_000
SHIPPED = Path(__file__).with_name("sentences.txt")
"""A hundred plain sentences, written for this bench."""
SHORTEST_S, LONGEST_S = 4.5, 10.0
"""Of a recording that a voice is cloned from."""
REFERENCES = 4
"""Recordings of a voice that it is cloned from, in turn."""
HELD = 4
"""Further recordings of it, that its voiceprint is taken from."""
SPLIT_HZ = 165.0
PITCH_S = 6.0


@dataclass(frozen=True)
class Take:
    """A recording of a voice."""

    path: Path
    seconds: float
    text: str = ""
    """What is said in it, where that is known."""

    @property
    def fit(self) -> bool:
        """Whether a voice can be cloned from it."""
        return SHORTEST_S <= self.seconds <= LONGEST_S

    def samples(self, rate: int = RATE) -> FloatArray:
        """Mono [time] at `rate` Hz, the first `LONGEST_S` seconds."""
        return np.ascontiguousarray(read(self.path, rate).mono[: int(LONGEST_S * rate)], np.float32)


@dataclass(frozen=True)
class Voice:
    """One speaker, or one voice of an engine."""

    name: str
    human: bool
    sex: str
    """"f" or "m"; "" until it was asked for where the index does not tell."""
    takes: tuple[Take, ...]
    """In an order drawn from the name, those that can be a reference first."""

    @property
    def references(self) -> tuple[Take, ...]:
        """What the voice is cloned from: up to `REFERENCES` takes of a fit length, at most half of all."""
        fit = [take for take in self.takes if take.fit]
        return tuple(fit[: max(min(REFERENCES, len(self.takes) // 2), 1)])

    @property
    def held(self) -> tuple[Take, ...]:
        """Other takes, which the voiceprint is of; the only one again where there is but one."""
        used = self.references
        others = [take for take in self.takes if take not in used]
        return tuple((others or list(self.takes))[:HELD])


@dataclass(frozen=True)
class Material:
    """What the bench works with."""

    sentences: tuple[str, ...]
    cloned: tuple[Voice, ...]
    """Voices that are cloned."""
    others: tuple[Voice, ...]
    """Voices that they are told from; never cloned."""


def sentences(path: Path | None, number: int) -> tuple[str, ...]:
    """The first lines of a text file that are not empty; without one, of those that ship."""
    text = (path or SHIPPED).read_text(encoding="utf-8")
    said = tuple(line.strip() for line in text.splitlines() if line.strip())[:number]
    if not said:
        raise VoxproofError("has no sentence", path=path or SHIPPED, cure="Give a text file with one on each line.")
    return said


def material(
    said: tuple[str, ...], references: Sequence[Path], speakers: Sequence[str], others: Sequence[Path], most: int,
    sexes: Sequence[tuple[str, str]] = (),
) -> Material:  # fmt: skip
    """The voices of `references` (those called `speakers`, if any are) and at most `most` others of each sex.

    `sexes`: names and sex of voices whose index does not tell it.
    """
    told = dict(sexes)
    known = {voice.name: voice for folder in references for voice in voices_of(folder)}
    chosen = [voice for name, voice in known.items() if not speakers or name in speakers]
    cloned = [voice for voice in chosen if voice.references]
    absent = sorted(set(speakers) - {voice.name for voice in cloned})
    if absent or not cloned:
        raise VoxproofError(
            f"there is no recording of 4.5 to 10 s of {', '.join(absent) or 'any voice'}",
            cure="Give folders with an index.csv that names a speaker for each recording.",
        )
    names = {voice.name for voice in cloned}
    rest = {voice.name: voice for folder in others for voice in voices_of(folder)} | known
    found = [rest[name] for name in sorted(rest, key=lambda name: crc32(name.encode())) if name not in names]
    kept: list[Voice] = []
    for voice in found:
        if {sum(one.sex == sex for one in kept) for sex in "fm"} == {most}:
            break
        voice = sexed(replace(voice, sex=told.get(voice.name, voice.sex)))
        if sum(one.sex == voice.sex for one in kept) < most:
            kept.append(voice)
    return Material(said, tuple(sexed(replace(one, sex=told.get(one.name, one.sex))) for one in cloned), tuple(kept))


def voices_of(folder: Path) -> list[Voice]:
    """The voices of a folder, by name."""
    index = folder / "index.csv"
    if not index.is_file():
        raise VoxproofError("has no index.csv", path=folder, cure="Give a folder of recordings with an index.")
    takes: dict[str, list[Take]] = defaultdict(list)
    facts: dict[str, tuple[bool, str]] = {}
    with index.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            name, path = row.get("speaker") or row.get("voice") or "", folder / row["path"]
            if not name or "unknown" in name or not path.is_file():
                continue
            sex = (row.get("sex") or row.get("gender") or "").strip().lower()[:1]
            facts.setdefault(name, (_human(row), sex if sex in ("f", "m") else ""))
            takes[name].append(Take(path, float(row.get("seconds") or 0), (row.get("transcript") or "").strip()))
    return [Voice(name, *facts[name], tuple(_drawn(some))) for name, some in sorted(takes.items())]


def sexed(voice: Voice) -> Voice:
    """The voice with a sex: by the median pitch of a recording where it is not known."""
    if voice.sex:
        return voice
    hertz = median_pitch(voice.takes[0].samples())
    return replace(voice, sex="f" if hertz > SPLIT_HZ else "m")


def median_pitch(samples: FloatArray) -> float:
    """Hz over the voiced frames of the first seconds of samples [time] at 16 kHz; 0 where nothing is voiced."""
    from detectors.voices import HOP, voice_frames

    sound = samples[: int(PITCH_S * RATE)]
    pitch = voice_frames(sound, max(len(sound) // HOP, 1))[:, -1]
    voiced = pitch[np.isfinite(pitch)]
    return float(2 ** (np.median(voiced) / 12)) if voiced.size else 0.0


def noisy(samples: FloatArray, snr_db: float, seed: int) -> FloatArray:
    """White noise added to samples [time] at this ratio to their mean power; kept within full scale."""
    from synth.channels import Noise

    out = Noise(snr_db)(samples, RATE, seed)[0]
    return np.asarray(out / max(float(np.abs(out).max(initial=0.0)), 1.0), np.float32)


def _human(row: dict[str, str]) -> bool:
    machine = row.get("label") == "spoof" or row.get("kind", "") not in ("", "human", "bonafide")
    return not machine and not row.get("generator") and bool(row.get("speaker"))


def _drawn(takes: list[Take]) -> Iterator[Take]:
    """Fit lengths first, known words first among them, else by a number drawn from the path."""

    def place(take: Take) -> tuple[bool, bool, int]:
        return not take.fit, not take.text, crc32(take.path.name.encode())

    return iter(sorted(takes, key=place))
