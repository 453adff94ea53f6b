"""Human and machine speech for the bench of the watermark: 11 s of one voice each, joined from clips if need be.

What the mark was developed on, the first `DEVELOPED_ON` recordings of librispeech_tc100 by path, is left out.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from forensics.benches.battery.clips import listed_clips
from synth.audio import read
from synth.channels.base import FloatArray
from synth.errors import VoxproofError

RATE = 16_000
SECONDS = 11.0
DEVELOPED_ON = 80


@dataclass(frozen=True)
class Voice:
    """Clips of one voice that together last `SECONDS`."""

    name: str
    source: str
    human: bool
    paths: tuple[Path, ...]

    def samples(self) -> FloatArray:
        """[SECONDS * RATE], the level left as it is."""
        whole = np.concatenate([read(path, RATE).mono for path in self.paths])
        return np.ascontiguousarray(whole[: int(SECONDS * RATE)], np.float32)


def voices(folders: Sequence[Path], human: int, machine: int, seed: int) -> list[Voice]:
    """Up to `human` and `machine` voices, drawn over the sources in turn; human and machine alternate."""
    made = list(_take(_human(folders), human, seed)), list(_take(_machine(folders), machine, seed))
    if not made[0] and not made[1]:
        raise VoxproofError("there is no voice of 11 s in these folders", cure="Give folders with an index.csv.")
    turns = [(place / max(len(some), 1), voice) for some in made for place, voice in enumerate(some)]
    return [voice for _, voice in sorted(turns, key=lambda turn: turn[0])]


def further(folders: Sequence[Path], human: int, machine: int, seed: int, number: int) -> list[Voice]:
    """`number` voices besides those that `voices` draws with the same seed, two human to one machine voice."""
    known = set(voices(folders, human, machine, seed))
    more = voices(folders, human + number - number // 3, machine + number // 3, seed)
    return [voice for voice in more if voice not in known]


def _human(folders: Sequence[Path]) -> list[Voice]:
    clips = [clip for folder in folders for clip in listed_clips(folder)]
    known = sorted(c.path for c in clips if c.source == "librispeech_tc100")[:DEVELOPED_ON]
    by_voice = defaultdict(list)
    for clip in clips:
        if clip.path not in known:
            by_voice[clip.source, clip.speaker or "/".join(clip.path.parts[-3:])].append((clip.path, clip.seconds))
    return [v for (source, name), some in sorted(by_voice.items()) for v in _joined(source, name, True, some)]


def _machine(folders: Sequence[Path]) -> list[Voice]:
    by_voice = defaultdict(list)
    for folder in folders:
        with (folder / "index.csv").open(newline="", encoding="utf-8") as stream:
            for row in csv.DictReader(stream):
                if row.get("kind", "human") in ("tts", "zero-shot clone", "vc") and (folder / row["path"]).is_file():
                    voice = f"{row['generator']}/{row.get('pair_key') or row['path']}"
                    by_voice[row["page"], voice].append((folder / row["path"], float(row["seconds"] or 0)))
    return [v for (page, name), some in sorted(by_voice.items()) for v in _joined(page, name, False, some)]


def _joined(source: str, name: str, human: bool, clips: list[tuple[Path, float]]) -> Iterator[Voice]:
    """At most three voices' worth of one speaker's clips."""
    paths: list[Path] = []
    total, made = 0.0, 0
    for path, seconds in sorted(clips, key=lambda clip: (-clip[1], str(clip[0]))):
        paths.append(path)
        total += seconds
        if total >= SECONDS + 0.2:
            yield Voice(f"{name}#{made}", source, human, tuple(paths))
            paths, total, made = [], 0.0, made + 1
            if made == 3:
                return
        if len(paths) == 8:
            return


def _take(made: list[Voice], number: int, seed: int) -> Iterator[Voice]:
    """`number` voices, the sources in turn, in an order drawn from the seed."""
    rng = np.random.default_rng(seed)
    by_source = defaultdict(list)
    for at in rng.permutation(len(made)):
        by_source[made[at].source].append(made[at])
    given = 0
    while given < number and any(by_source.values()):
        for source in sorted(by_source):
            share = max(len(by_source[source]), 0)
            for _ in range(min(3 if len(by_source[source]) > 20 else 1, share)):
                if given < number:
                    yield by_source[source].pop()
                    given += 1
