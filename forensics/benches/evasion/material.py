"""The clips whose evidence is attacked: other generators', clones of our own, and people's; 4.5 s of each.

Machine-made clips carry a mark of the bench, as what leaves our door does; people's carry none. Of other generators'
clips only those are taken of which the verdict supports a machine: where there is no evidence, none can be destroyed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import Literal

import numpy as np

from detectors.neutral import trimmed
from forensics.benches.detector.clips import Clip, clusters
from forensics.benches.detector.index import read_list
from forensics.benches.detector.sample import in_turn
from forensics.benches.watermark.run import bench_key
from synth.audio import read
from synth.channels.base import FloatArray
from synth.errors import VoxproofError
from synth.watermark.embed import embed
from synth.watermark.keys import WatermarkKey
from synth.watermark.payload import Payload

RATE = 16_000
SECONDS, LEAST_S = 4.5, 4.0
"""Of a clip, from where it is first loud; the payload of a mark needs 4 s."""
Group = Literal["other generators", "our own clones", "people"]
GROUPS: tuple[Group, ...] = ("other generators", "our own clones", "people")


@dataclass(frozen=True)
class Host:
    """A clip before anything is done to it."""

    name: str
    path: Path
    group: Group
    generator: str
    source: str
    """Page or collection."""
    samples: FloatArray
    """[time] at 16 kHz, marked where a machine speaks."""


def key(seed: int) -> WatermarkKey:
    """Under which the clips are marked."""
    return bench_key(seed, "evasion")


def hosts(
    path: Path, own: Path | None, wanted: Mapping[Group, int], seed: int, keep: Callable[[Host], bool]
) -> list[Host]:
    """So many of each group in turn, and of its sources and generators; `keep` says whether a clip is taken."""
    places: dict[Group, Path | None] = {"other generators": path, "our own clones": own, "people": path}
    groups = [
        list(islice(filter(keep, _hosts(place, group, seed)), wanted.get(group, 0)))
        for group, place in places.items()
        if place is not None
    ]
    found = [host for turn in zip_longest(*groups) for host in turn if host is not None]
    if not found:
        raise VoxproofError("has no clip of 4 s that can be attacked", path=path)
    return found


def _hosts(place: Path, group: Group, seed: int) -> Iterator[Host]:
    label = "human" if group == "people" else "machine"
    clips = [clip for clip in read_list(place).clips if clip.label == label]
    _, source = clusters(clips)
    for clip in in_turn(clips, source, np.random.default_rng(seed)):
        samples = _samples(clip, group, seed)
        if samples is not None:
            yield Host(clip.name, clip.path, group, clip.generator, clip.source, samples)


def _samples(clip: Clip, group: Group, seed: int) -> FloatArray | None:
    """The clip's 4.5 s [time]; None where it cannot be read, is too short, or too quiet for a mark."""
    try:
        whole = np.asarray(read(clip.path, RATE).mono, np.float32)
        samples = np.ascontiguousarray(trimmed(whole)[: int(SECONDS * RATE)])
        if samples.size < LEAST_S * RATE:
            return None
        if group == "people":
            return samples
        number = zlib.crc32(clip.name.encode())
        marked = embed(samples[:, None], RATE, key(seed), Payload(number, number % 256)).samples[:, 0]
        return np.ascontiguousarray(marked, np.float32)
    except (VoxproofError, OSError):
        return None
