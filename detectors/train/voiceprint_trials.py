"""Pairs of an enrolled recording and a questioned one, for judging the voiceprint network.

Enrolled is always a clean recording of at most 10 s of speech, questioned one through a channel or of a stated length.
Of a speaker with several recordings no two pieces of a pair are from one recording; of a speaker with a single one
they are its halves. Voices are compared within a corpus only, so that the corpus tells nothing. Of one speaker, and of
two, only so many pairs are drawn, so that those with many recordings do not outweigh the others.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synth.train.voiceprint import Voices
from synth.train.voiceprint_data import Clip, powers

FloatArray = npt.NDArray[np.float32]
Indexes = npt.NDArray[np.int64]

SECOND = 100
"""Spectra per second."""
LONGEST = 10 * SECOND
LEAST_ENROLLED = 2 * SECOND
OF_ONE, OF_TWO = 6, 1
"""Most pairs of a speaker, and of two speakers with either enrolled."""


@dataclass(frozen=True)
class Pieces:
    """What was heard of the clips of one part under one condition."""

    clips: list[Clip]
    enrolled: FloatArray
    """[clips, n]"""
    questioned: FloatArray
    """[clips, n]"""
    seconds: FloatArray
    """Speech of the shorter of a pair's pieces, [clips, clips]: enrolled, questioned."""


@dataclass(frozen=True)
class Scored:
    """Pairs of one part under one condition."""

    condition: str
    cosine: FloatArray
    """[pairs]"""
    seconds: FloatArray
    """Speech of the shorter recording, [pairs]."""
    same: npt.NDArray[np.bool_]
    """Whether it is one voice, [pairs]."""
    speakers: Indexes
    """Numbers of the two speakers, [pairs, 2]."""
    names: list[str]
    """Speakers by number."""

    @property
    def target(self) -> FloatArray:
        """Cosines of pairs of one voice."""
        return self.cosine[self.same]

    @property
    def other(self) -> FloatArray:
        """Cosines of pairs of two voices."""
        return self.cosine[~self.same]


def pieces(clips: Sequence[Clip], folder: Path, condition: str, voices: Voices, seconds: float | None = None) -> Pieces:
    """All clips with enough speech; questioned pieces are cut to `seconds` if given. Enrolled ones are heard once."""
    kept, enrolled, questioned, lengths = [], [], [], []
    for clip in clips:
        path = folder / f"{clip.id}.npz"
        if not path.exists():
            continue
        with np.load(path) as stored:
            clean, other = powers(stored["enrolled"])[:LONGEST], powers(stored[condition])
        needed = SECOND if seconds is None else round(seconds * SECOND)
        if len(clean) < LEAST_ENROLLED or len(other) < needed:
            continue
        other = other[: LONGEST if seconds is None else needed]
        if (voices, path) not in _heard:
            _heard[voices, path] = voices([clean])[0]
        kept.append(clip)
        enrolled.append(_heard[voices, path])
        questioned.append(other)
        lengths.append((len(clean) / SECOND, len(other) / SECOND))
    one, two = np.array(lengths, np.float32).T
    return Pieces(kept, np.stack(enrolled), voices(questioned), np.minimum(one[:, None], two[None]))


_heard: dict[tuple[Voices, Path], FloatArray] = {}


def recordings(clips: Sequence[Clip]) -> Counter[str]:
    """Recordings of each speaker."""
    return Counter(speaker for speaker, _ in {(clip.speaker, clip.utterance) for clip in clips})


def pairs(clips: Sequence[Clip], seed: int = 3) -> tuple[Indexes, Indexes]:
    """Indexes (enrolled, questioned) of the pairs of one voice, and of two voices of one corpus."""
    count = recordings(clips)
    same: dict[str, list[tuple[int, int]]] = defaultdict(list)
    other: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for i, one in enumerate(clips):
        for j, two in enumerate(clips):
            if one.speaker == two.speaker:
                if one.utterance != two.utterance or (i == j and count[one.speaker] == 1):
                    same[one.speaker].append((i, j))
            elif one.corpus == two.corpus:
                other[one.speaker, two.speaker].append((i, j))
    rng = np.random.default_rng(seed)
    of_one = [some[k] for some in same.values() for k in rng.permutation(len(some))[:OF_ONE]]
    of_two = [some[k] for some in other.values() for k in rng.permutation(len(some))[:OF_TWO]]
    return np.array(of_one, np.int64).reshape(-1, 2), np.array(of_two, np.int64).reshape(-1, 2)


def scored(condition: str, of: Pieces, embed: Callable[[FloatArray], FloatArray]) -> Scored:
    """Cosines of the embeddings of all pairs."""
    same, other = pairs(of.clips)
    rows = np.concatenate([same, other])
    names = sorted({clip.speaker for clip in of.clips})
    number = np.array([names.index(clip.speaker) for clip in of.clips])
    cosine = (embed(of.enrolled)[rows[:, 0]] * embed(of.questioned)[rows[:, 1]]).sum(axis=1)
    return Scored(
        condition,
        cosine,
        of.seconds[rows[:, 0], rows[:, 1]],
        np.arange(len(rows)) < len(same),
        number[rows],
        names,
    )


def drawn(of: Scored, rng: np.random.Generator) -> Indexes:
    """How often each pair counts when the speakers are drawn with replacement [pairs]."""
    size = len(of.names)
    times = np.bincount(rng.integers(0, size, size), minlength=size)
    counted = times[of.speakers[:, 0]] * np.where(of.same, 1, times[of.speakers[:, 1]])
    return np.asarray(counted, np.int64)
