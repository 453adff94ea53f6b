"""Whose voice a clip has, by a third party's voiceprints (resemblyzer), among other voices of the same sex.

The voiceprint of a voice is the mean of those of recordings that it was not cloned from. A clip is right when its
reference is nearest among the voices of its sex; how near is compared with impostors, which are recordings of the
other voices against the reference's voiceprint. Beside it stand the voice's own recordings (the most that can be
asked), and the clips against another voice of the bench in place of their own (the least).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synth.channels.base import FloatArray
from synth.errors import VoxproofError

LEAST_OTHERS = 20
PERCENTILE = 95.0
Vector = NDArray[np.float64]


class Listener(Protocol):
    """Sound to a voiceprint."""

    def __call__(self, samples: FloatArray) -> Vector:
        """Samples [time] at 16 kHz -> [size]."""


@dataclass(frozen=True)
class Print:
    """The voiceprint of a clip or of a recording."""

    identity: str
    """Of the clip, or the path of the recording."""
    voice: str
    """Whose recording it is, or whose voice the clip was to have."""
    sex: str
    role: str
    """clip; held: a recording that nothing is cloned from; reference."""
    vector: tuple[float, ...]


@dataclass(frozen=True)
class Placed:
    """A voiceprint among the voices."""

    identity: str
    voice: str
    others: int
    """Voices of the same sex beside its own."""
    nearest: bool
    """Its own is the nearest of them."""
    cosine: float
    """With its own."""
    impostor: float
    """The 95th percentile of the impostors of that voice."""

    @property
    def above(self) -> bool:
        return self.cosine > self.impostor


def resemblyzer() -> Listener:
    """The encoder of the package `resemblyzer`."""
    try:
        package = import_module("resemblyzer")
    except ImportError as error:
        raise VoxproofError(
            f"the voices cannot be compared: {error.name or error} is not installed",
            cure="pip install --no-deps resemblyzer webrtcvad-wheels && pip install 'voxproof[bench]'",
        ) from error
    encoder = package.VoiceEncoder("cpu", verbose=False)

    def heard(samples: FloatArray) -> Vector:
        return np.asarray(encoder.embed_utterance(package.preprocess_wav(samples, None)), np.float64)

    return heard


def galleries(prints: Iterable[Print]) -> dict[str, tuple[str, Vector]]:
    """By voice: its sex, and the mean of its held recordings (of its references where there are no others), [size]."""
    by_voice: dict[str, list[Print]] = {}
    for one in prints:
        if one.role != "clip":
            by_voice.setdefault(one.voice, []).append(one)
    return {
        name: (some[0].sex, _unit(np.sum([_unit(np.array(one.vector)) for one in _best(some)], axis=0)))
        for name, some in by_voice.items()
    }


def placed(asked: Sequence[Print], prints: Sequence[Print], against: Mapping[str, str] | None = None) -> list[Placed]:
    """Each of some voiceprints among the voices; `against` puts another voice in the place of its own."""
    voices = galleries(prints)
    recordings = [one for one in prints if one.role != "clip"]
    limits: dict[str, float] = {}
    found = []
    for one in asked:
        own = (against or {}).get(one.voice, one.voice)
        sex, wanted = voices[own]
        others = [name for name, (its, _) in voices.items() if its == sex and name != own]
        if own not in limits:
            strange = [_cosine(wanted, np.array(r.vector)) for r in recordings if r.voice in others]
            limits[own] = float(np.percentile(strange, PERCENTILE)) if strange else 1.0
        vector = np.array(one.vector)
        cosine = _cosine(vector, wanted)
        nearest = all(cosine > _cosine(vector, voices[name][1]) for name in others)
        found.append(Placed(one.identity, one.voice, len(others), nearest, cosine, limits[own]))
    return found


def shuffled(names: Sequence[str], prints: Iterable[Print]) -> dict[str, str]:
    """For each voice another of the same sex: the next of them in order; voices that are alone are left out."""
    sexes = {one.voice: one.sex for one in prints}
    turned: dict[str, str] = {}
    for sex in sorted(set(sexes.values())):
        same = sorted(name for name in sexes if sexes[name] == sex)
        turned |= {name: same[(n + 1) % len(same)] for n, name in enumerate(same) if len(same) > 1 and name in names}
    return turned


def _best(some: list[Print]) -> list[Print]:
    return [one for one in some if one.role == "held"] or some


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


def _cosine(one: Vector, two: Vector) -> float:
    return float(_unit(one) @ _unit(two))
