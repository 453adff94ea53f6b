"""Sound to learn and judge the code lines on: people, our own clones, and people's codes made sound again.

Three kinds of clip for every voice, so that only what the GPT drew differs between the last two:

    human     the recording
    control   the same recording's codes through our decoder in the same voice: no code is drawn
    clone     other sentences drawn by our GPT in that voice, at a temperature of 0.6 to 1.2

Clones come from inside the package and carry no mark, neither in the sound nor in the tokens; they stay in the cache,
which belongs outside the repository. Skips what is there, so it can be stopped and run again. A clone does not depend
on the content student (the lite voice takes over a reference's voice only), so a new student needs new controls only.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from detectors.codes.hearing import CODES_A_SECOND, CodeEar, Codes
from synth import audio
from synth.errors import VoxproofError
from synth.reference import VOICE_RATE, Reference
from synth.voicing import LatentVoicing, Manner

if TYPE_CHECKING:
    from synth.clone import Cloner

FloatArray = npt.NDArray[np.float32]

RATE = 16_000
LONGEST_S, SHORTEST_S = 10.0, 3.5
TEMPERATURES = (0.6, 0.8, 1.0, 1.2)
KINDS = ("human", "control", "clone")
SENTENCES = 2
"""In one clone."""
PARTS: Mapping[str, float] = {"train": 0.4, "calibration": 0.3, "validation": 0.3}
"""Shares of the voices."""
UNNAMED = "page:"
"""Speakers of a demo page that does not say who they are; the same person may read on another page."""


@dataclass(frozen=True)
class Sound:
    """One clip of the cache."""

    id: str
    """Of the recording in the table of clips."""
    kind: str
    """One of `KINDS`, or "machine": another generator's clip, for the bench only."""
    part: str
    """One of `PARTS`: no voice is in two."""
    source: str
    """Page or collection the voice comes from."""
    speaker: str
    text: str
    """What is said; empty where it is not known."""
    temperature: float
    """Of a clone; 0 otherwise."""

    @property
    def name(self) -> str:
        """Of its file in the cache; of a clone, another for another text."""
        if self.kind != "clone":
            return f"{self.id}-{self.kind}.npy"
        return f"{self.id}-clone-{self.temperature:g}-{zlib.crc32(self.text.encode()):08x}.npy"


@dataclass(frozen=True)
class Shelf:
    """Where the cache keeps what: by the models that a thing depends on."""

    root: Path
    drawn: str
    """Digits that stand for GPT, SoVITS and what else shapes a clone."""
    heard: str
    """Digits that stand for all models, the content student among them."""

    @classmethod
    def of(cls, root: Path, hashes: Mapping[str, str]) -> Shelf:
        """`hashes` of the voice model's files by role; `content` is the student's."""
        without = [value for role, value in sorted(hashes.items()) if role != "content"]
        every = [value for _, value in sorted(hashes.items())]
        marks = (hashlib.sha256("".join(some).encode()).hexdigest()[:12] for some in (without, every))
        return cls(root, *marks)

    def path(self, sound: Sound) -> Path:
        """Of the samples, int16 at 16 kHz."""
        folder = {
            "human": "human",
            "machine": "machine",
            "clone": f"drawn-{self.drawn}",
            "control": f"heard-{self.heard}",
        }[sound.kind]
        return self.root / folder / sound.name

    def samples(self, sound: Sound) -> FloatArray:
        """[time] at 16 kHz of a clip that was made."""
        kept: npt.NDArray[np.int16] = np.load(self.path(sound))
        return kept.astype(np.float32) / np.float32(32767)

    def said(self, sound: Sound) -> Codes:
        """[frames of 20 ms] the codes that the decoder was given, -1 in pauses; of a recording, empty."""
        return np.asarray(np.load(self.path(sound).with_suffix(".codes.npy")), np.int64)

    @property
    def folder(self) -> Path:
        """For what was heard with these models."""
        return self.root / f"heard-{self.heard}"


def part_of(speaker: str) -> str:
    """The part a voice belongs to, whatever page it is heard on."""
    place = int(hashlib.sha256(speaker.encode()).hexdigest()[:8], 16) / 16**8
    for part, share in PARTS.items():
        if place < share:
            return part
        place -= share
    return "validation"


def chosen(
    rows: Iterable[Mapping[str, str]], left_out: Sequence[str], last: Sequence[str] = (), each: int = 2, seed: int = 1
) -> list[dict[str, str]]:
    """Recordings of people speaking English, `each` of a voice; their "part" is that of the voice.

    No source left out, and nobody whose page does not say who speaks. Sources in `last` serve in the final figures
    only, with three times as many recordings of a voice, since they are few.
    """
    draw = random.Random(seed)  # noqa: S311 (a plan, not a secret)
    pool = sorted(
        (
            dict(row)
            for row in rows
            if row["label"] == "human" and row["language"] == "en" and float(row["seconds"]) >= SHORTEST_S
            and row["source"] not in left_out and (row["source"] in last or not row["speaker"].startswith(UNNAMED))
        ),
        key=lambda row: row["id"],
    )  # fmt: skip
    draw.shuffle(pool)
    count: dict[str, int] = {}
    found: list[dict[str, str]] = []
    for row in pool:
        voice, kept = row["speaker"], row["source"] in last
        if count.get(voice, 0) < each * (3 if kept else 1):
            count[voice] = count.get(voice, 0) + 1
            found.append(row | {"part": "validation" if kept else part_of(voice)})
    return sorted(found, key=lambda row: (tuple(PARTS).index(row["part"]), row["speaker"], row["id"]))


def planned(rows: Sequence[Mapping[str, str]], texts: Mapping[str, Sequence[str]]) -> Iterator[Sound]:
    """Every clip that is wanted: three kinds of each recording, temperatures in turn; `texts` are by part."""
    at = dict.fromkeys(PARTS, 0)
    for row in rows:
        own, number = texts[row["part"]], at[row["part"]]
        at[row["part"]] += 1
        said = " ".join(own[(SENTENCES * number + n) % len(own)] for n in range(SENTENCES))
        facts = row["id"], row["part"], row["source"], row["speaker"]
        yield Sound(facts[0], "human", *facts[1:], row.get("text", ""), 0.0)
        yield Sound(facts[0], "control", *facts[1:], row.get("text", ""), 0.0)
        # Two recordings of a voice come one after the other: the turn moves on by one more with every four.
        yield Sound(facts[0], "clone", *facts[1:], said, TEMPERATURES[(number + number // 4) % len(TEMPERATURES)])


def other_machines(rows: Iterable[Mapping[str, str]], most: int = 6, least: int = 4) -> list[dict[str, str]]:
    """Clips in English of other generators: the part "validation" of the table, at most so many of each generator."""
    by: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        wanted = (row["label"], row["part"], row["language"]) == ("machine", "validation", "en")
        if wanted and float(row["seconds"]) >= SHORTEST_S:
            by.setdefault(row["generator"], []).append(dict(row))
    some = {name: sorted(found, key=lambda row: zlib.crc32(row["id"].encode()))[:most] for name, found in by.items()}
    return [row for _, found in sorted(some.items()) if len(found) >= least for row in found]


def make(
    sounds: Sequence[Sound], rows: Sequence[Mapping[str, str]], shelf: Shelf, cloner: Cloner, ear: CodeEar,
    told: Callable[[Iterable[Sound]], Iterable[Sound]] = lambda some: some,
) -> list[Sound]:  # fmt: skip
    """Make what is not there; those that exist in the end, in order."""
    paths = {row["id"]: Path(row["path"]) for row in rows}
    made = []
    for one in told(sounds):
        path = shelf.path(one)
        if not path.exists():
            try:
                recording = audio.read(paths[one.id], rate=RATE).mono[: int(LONGEST_S * RATE)].astype(np.float32)
                sound, said = _made(one, recording, cloner, ear)
            except VoxproofError:  # a page's clip that cannot be decoded, or is too quiet to be a voice
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path.with_suffix(".codes.npy"), said)
            unfinished = path.with_suffix(".part.npy")
            np.save(unfinished, (np.clip(sound, -1, 1) * 32767).astype(np.int16))
            unfinished.replace(path)
        made.append(one)
    return made


def piece_of(samples: FloatArray, key: str, seconds: float) -> FloatArray:
    """So many seconds from a place that the key decides; all there is where the clip is shorter.

    The place is any sample, so that a clone's codes do not begin where its clip begins.
    """
    length = round(seconds * RATE)
    room = len(samples) - length
    draw = np.random.default_rng(zlib.crc32(key.encode()))
    start = int(draw.integers(0, room + 1)) if room > 0 else int(draw.integers(0, RATE // CODES_A_SECOND))
    return samples[start : start + length]


def _made(one: Sound, recording: FloatArray, cloner: Cloner, ear: CodeEar) -> tuple[FloatArray, Codes]:
    """Samples [time] at 16 kHz, and the codes that were decoded, for `Shelf.said`."""
    if one.kind in ("human", "machine"):
        return recording, np.zeros(0, np.int64)
    reference = Reference(torch.from_numpy(np.ascontiguousarray(recording)), RATE)
    if one.kind == "control":
        codes = ear.hear(recording).codes
        sound, rate, pieces, pause = decoded_again(codes, reference, cloner, ear), VOICE_RATE, [codes], 0.0
    else:
        sampling = replace(cloner.models.sampling, temperature=one.temperature)
        settings = cloner.settings(sampling=sampling, seed=zlib.crc32(one.id.encode()) % 2**31)
        clone = cloner._render(one.text, reference, settings=settings)
        sound, rate, pause = clone.samples, clone.rate, settings.pause_seconds
        pieces = [codes.numpy() for codes in clone.codes]
    silence = np.full(round(50 * pause), -1)
    said = np.concatenate([part for codes in pieces for part in (np.repeat(codes, 2), silence)])
    return np.asarray(Reference(sound, rate).for_content().numpy(), np.float32), said


@torch.no_grad()
def decoded_again(codes: Codes, voice: Reference, cloner: Cloner, ear: CodeEar) -> torch.Tensor:
    """Codes [k] made sound by the decoder in this voice, [n] at 32 kHz; nothing is drawn.

    The decoder is told the phones that the model's own reader hears in the codes.
    """
    models = cloner.models
    voicing = LatentVoicing(models, models.sovits)  # type: ignore[arg-type]
    phones = torch.tensor(ear.phones(codes) or [0], dtype=torch.long)
    heard = cloner._hear([voice]).voice
    sound = voicing.vocoded(voicing.latent(torch.from_numpy(codes), phones, heard, Manner(), 0), heard)
    return sound / sound.abs().max().clamp(min=1)
