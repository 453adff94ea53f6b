"""Sound to learn and judge the code lines on: people, our own clones, and people's codes made sound again.

Three kinds of clip for every voice, so that only what the GPT drew differs between the last two:

    human     the recording
    control   the same recording's codes through our decoder in the same voice: no code is drawn
    clone     other sentences drawn by our GPT in that voice, at a temperature of 0.6 to 1.2

Clones come from inside the package and carry no mark, neither in the sound nor in the tokens; they stay in the cache,
which belongs outside the repository. Skips what is there, so it can be stopped and run again.
"""

from __future__ import annotations

import csv
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from detectors.codes.hearing import CODES_A_SECOND, CodeEar
from synth import audio
from synth.errors import VoxproofError
from synth.reference import Reference
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


@dataclass(frozen=True)
class Sound:
    """One clip of the cache."""

    id: str
    """Of the recording in the table of clips."""
    kind: str
    """One of `KINDS`."""
    part: str
    """Of the voice, as in the table: no voice is in two."""
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


def chosen(
    rows: Iterable[Mapping[str, str]], parts: Mapping[str, int], left_out: Sequence[str], each: int = 2, seed: int = 1
) -> list[dict[str, str]]:
    """Recordings of people speaking English: so many of every part, at most `each` of a voice, no source left out."""
    draw = random.Random(seed)  # noqa: S311 (a plan, not a secret)
    pool = sorted(
        (
            dict(row)
            for row in rows
            if row["label"] == "human" and row["language"] == "en" and float(row["seconds"]) >= SHORTEST_S
            and row["source"] not in left_out
        ),
        key=lambda row: row["id"],
    )  # fmt: skip
    draw.shuffle(pool)
    count: dict[str, int] = {}
    found: list[dict[str, str]] = []
    for turn in range(each):  # every voice once, before any comes twice
        for row in pool:
            voice = row["speaker"]
            if row not in found and count.get(voice, 0) == turn and _left(found, row["part"], parts) > 0:
                count[voice] = turn + 1
                found.append(row)
    return found


def _left(found: Sequence[Mapping[str, str]], part: str, parts: Mapping[str, int]) -> int:
    return parts.get(part, 0) - sum(row["part"] == part for row in found)


def planned(rows: Sequence[Mapping[str, str]], texts: Mapping[str, Sequence[str]]) -> Iterator[Sound]:
    """Every clip that is wanted: three kinds of each recording, temperatures in turn; `texts` are by part."""
    for number, row in enumerate(rows):
        own = texts[row["part"]]
        said = " ".join(own[(SENTENCES * number + n) % len(own)] for n in range(SENTENCES))
        facts = row["id"], row["part"], row["source"], row["speaker"]
        yield Sound(facts[0], "human", *facts[1:], row.get("text", ""), 0.0)
        yield Sound(facts[0], "control", *facts[1:], row.get("text", ""), 0.0)
        yield Sound(facts[0], "clone", *facts[1:], said, TEMPERATURES[number % len(TEMPERATURES)])


def make(
    sounds: Sequence[Sound], rows: Sequence[Mapping[str, str]], cache: Path, cloner: Cloner, ear: CodeEar,
    told: Callable[[Iterable[Sound]], Iterable[Sound]] = lambda some: some,
) -> list[Sound]:  # fmt: skip
    """Make what is not there; those that exist in the end, in order, and their list in CACHE/sounds.csv."""
    cache.mkdir(parents=True, exist_ok=True)
    paths = {row["id"]: Path(row["path"]) for row in rows}
    made = []
    for one in told(sounds):
        path = cache / one.name
        if not path.exists():
            try:
                recording = audio.read(paths[one.id], rate=RATE).mono[: int(LONGEST_S * RATE)].astype(np.float32)
                sound = _made(one, recording, cloner, ear)
            except VoxproofError:  # a page's clip that cannot be decoded, or is too quiet to be a voice
                continue
            np.save(path, (np.clip(sound, -1, 1) * 32767).astype(np.int16))
        made.append(one)
    with (cache / "sounds.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Sound.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(asdict(one) for one in made)
    return made


def samples_of(sound: Sound, cache: Path) -> FloatArray:
    """Samples [time] at 16 kHz of a clip that was made."""
    kept: npt.NDArray[np.int16] = np.load(cache / sound.name)
    return kept.astype(np.float32) / np.float32(32767)


def piece_of(samples: FloatArray, key: str, seconds: float) -> FloatArray:
    """So many seconds from a place that the key decides; all there is where the clip is shorter.

    The place is any sample, so that a clone's codes do not begin where its clip begins.
    """
    length = round(seconds * RATE)
    room = len(samples) - length
    draw = np.random.default_rng(zlib.crc32(key.encode()))
    start = int(draw.integers(0, room + 1)) if room > 0 else int(draw.integers(0, RATE // CODES_A_SECOND))
    return samples[start : start + length]


def _made(one: Sound, recording: FloatArray, cloner: Cloner, ear: CodeEar) -> FloatArray:
    if one.kind == "human":
        return recording
    reference = Reference(torch.from_numpy(np.ascontiguousarray(recording)), RATE)
    if one.kind == "control":
        sound, rate = decoded_again(recording, reference, cloner, ear), 32_000
    else:
        sampling = replace(cloner.models.sampling, temperature=one.temperature)
        settings = cloner.settings(sampling=sampling, seed=zlib.crc32(one.id.encode()) % 2**31, pause_seconds=0.1)
        clone = cloner._render(one.text, reference, settings=settings)
        sound, rate = clone.samples, clone.rate
    return np.asarray(Reference(sound, rate).for_content().numpy(), np.float32)


@torch.no_grad()
def decoded_again(recording: FloatArray, voice: Reference, cloner: Cloner, ear: CodeEar) -> torch.Tensor:
    """Samples at 16 kHz -> their codes made sound by the decoder in this voice, [n] at 32 kHz; nothing is drawn.

    The decoder is told the phones that the model's own reader hears in the codes.
    """
    models = cloner.models
    voicing = LatentVoicing(models, models.sovits)  # type: ignore[arg-type]
    codes = ear.hear(recording).codes
    phones = torch.tensor(ear.phones(codes) or [0], dtype=torch.long)
    heard = voicing.hear([voice]).voice
    sound = voicing.vocoded(voicing.latent(torch.from_numpy(codes), phones, heard, Manner(), 0), heard)
    return sound / sound.abs().max().clamp(min=1)
