"""What the validation makes and examines: a list of cases that one seed and one list of clips decide completely.

Every condition draws from a generator of its own, so that a new condition leaves the others as they were.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from forensics.benches.battery.clips import Clip, Part
from forensics.benches.edits import POSITIVES
from forensics.benches.edits.base import CODECS, TWICE, Positive

Kind = Literal["never lossy", "coded", "positive"]
AnyClip = TypeVar("AnyClip", bound=Clip)

NEVER_LOSSY, CODED = 640, 480
"""Unedited recordings of a full run: as their makers published them without loss, and through usual codecs."""
WHOLE = 8
"""One edited file in so many is examined by the whole battery, the others by the method that the edit is meant for."""
JOINS = ("signal.splice", "signal.splice-faded", "signal.splice-trained", "signal.phase-continuity")
"""Methods that look for the same thing: each examines the joins meant for the others."""
LEAST_S = 2.0
"""Shorter clips are not drawn, seconds."""
FURTHER = 8
"""Most further clips of the same speaker that a recipe is given after the clip and its partner."""


@dataclass(frozen=True)
class Case:
    """One file to make and examine; made of plain data, so that another process can make it."""

    name: str
    """Condition and number; also the file's place in the folder of `--make`."""
    part: Part
    kind: Kind
    method: str
    """The method that the edit is meant for; empty for unedited recordings."""
    condition: str
    clips: tuple[Clip, ...]
    """The clip, its partner, further clips of the same speaker."""
    seed: int
    positive: int = -1
    """Index in `POSITIVES`, -1 for unedited recordings."""
    codec: str = ""
    """Codec of `CODECS` that an unedited recording goes through; empty: the file as it is."""
    decoded: bool = False
    """Whether it is decoded to a WAV again."""

    @property
    def whole(self) -> bool:
        """Whether every method examines it: all unedited recordings, and one edited one in WHOLE."""
        return self.positive < 0 or zlib.crc32(f"whole/{self.name}".encode()) % WHOLE == 0

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that examine it; empty: all."""
        if self.whole:
            return ()
        return JOINS if self.method in JOINS else (self.method,)


def plan(
    clips: Sequence[Clip],
    seed: int,
    *,
    part: Part = "validation",
    share: float = 1.0,
    only: Collection[str] = (),
    positives: Sequence[Positive] = POSITIVES,
) -> list[Case]:
    """All cases of one part; `share` scales every number, `only` keeps the conditions meant for these methods."""
    clips = sorted({clip.path: clip for clip in clips if clip.seconds >= LEAST_S}.values(), key=lambda c: str(c.path))
    mine = [clip for clip in clips if clip.part == part]
    pure = [clip for clip in mine if clip.never_lossy]
    drawn = draw(pure, _scaled(NEVER_LOSSY, share), _generator(seed, "never lossy"))
    cases = [
        Case(f"never-lossy/{index:04d}", part, "never lossy", "", "as published", (clip,), seed)
        for index, clip in enumerate(drawn)
    ]
    taken = set(drawn)
    cases += _coded([clip for clip in mine if clip not in taken], part, _scaled(CODED, share), seed)
    speakers: dict[str, list[Clip]] = defaultdict(list)
    for clip in sorted(clips, key=lambda clip: clip.order):
        speakers[clip.speaker].append(clip)
    del speakers[""]
    for index, positive in enumerate(positives):
        if not only or positive.method in only:
            cases += _positives(positive, index, clips if positive.source else mine, speakers, part, share, seed)
    return cases


def _coded(clips: Sequence[Clip], part: Part, count: int, seed: int) -> list[Case]:
    """Unedited recordings of all sources in turn, through all codecs in turn."""
    conditions = [(codec, False) for codec in CODECS] + [(codec, True) for codec in TWICE]
    cases = []
    for index, clip in enumerate(draw(clips, count, _generator(seed, "coded"))):
        codec, decoded = conditions[index % len(conditions)]
        words = f"{codec}, decoded to wav" if decoded else codec
        cases.append(
            Case(f"coded/{index:04d}", part, "coded", "", words, (clip,), seed + index, codec=codec, decoded=decoded)
        )
    return cases


def _positives(
    positive: Positive,
    index: int,
    clips: Iterable[Clip],
    speakers: dict[str, list[Clip]],
    part: Part,
    share: float,
    seed: int,
) -> list[Case]:
    """The cases of one condition: half from sources that were never coded with loss, half from all others.

    A trace is asked for on sound without a history of its own, so such conditions draw from the first half only.
    """
    words = "".join(c if c.isalnum() else "-" for c in positive.condition)
    name = f"{positive.method}/{words}-{zlib.crc32(positive.condition.encode()) % 65536:04x}"
    rng = _generator(seed, name)
    fit = [
        clip
        for clip in clips
        if clip.rate >= positive.least_rate
        and clip.seconds >= positive.least_seconds
        and (not positive.source or clip.source == positive.source)
        and (positive.partner == "other" or len(speakers.get(clip.speaker, ())) > 1)
    ]
    count = _scaled(positive.count, share)
    if positive.source:
        drawn = draw(fit, count, rng)
    else:
        pure = draw([clip for clip in fit if clip.never_lossy], count, rng)
        wanted = 0 if positive.trace and pure else max(count // 2, count - len(pure))
        mixed = draw([clip for clip in fit if not clip.never_lossy], wanted, rng)
        drawn = pure[: count - len(mixed)] + mixed
    return [
        Case(
            f"{name}/{number:03d}",
            part,
            "positive",
            positive.method,
            positive.condition,
            _company(clip, positive, fit, speakers, rng),
            zlib.crc32(f"{seed}/{name}/{number}".encode()),
            positive=index,
        )
        for number, clip in enumerate(drawn)
    ]


def _company(
    clip: Clip, positive: Positive, fit: Sequence[Clip], speakers: dict[str, list[Clip]], rng: np.random.Generator
) -> tuple[Clip, ...]:
    """The clip, its partner, and further clips of its speaker that were recorded next to it."""
    row = speakers.get(clip.speaker, [])
    at = row.index(clip) if clip in row else 0
    near = [other for other in row[max(0, at - FURTHER) : at + FURTHER + 2] if other != clip]
    near = [near[i] for i in rng.permutation(len(near))]
    if positive.partner == "same":
        return (clip, *near[: 1 + FURTHER])
    others = [
        other
        for other in fit
        if other.rate == clip.rate
        and other.path != clip.path
        and (other.speaker != clip.speaker if other.speaker and clip.speaker else other.source != clip.source)
    ] or [other for other in fit if other.source != clip.source]
    partner = others[int(rng.integers(len(others)))] if others else clip
    return (clip, partner, *near[:FURTHER])


def draw(clips: Sequence[AnyClip], count: int, rng: np.random.Generator) -> list[AnyClip]:
    """Clips taken in turn from the sources, at random within each."""
    by_source: dict[str, list[AnyClip]] = defaultdict(list)
    for clip in clips:
        by_source[clip.source].append(clip)
    queues = [[rows[i] for i in rng.permutation(len(rows))] for _, rows in sorted(by_source.items())]
    drawn: list[AnyClip] = []
    while len(drawn) < count and any(queues):
        for queue in queues:
            if queue and len(drawn) < count:
                drawn.append(queue.pop())
    return drawn


def _scaled(count: int, share: float) -> int:
    return max(round(share * count), 1) if count and share > 0 else 0


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
