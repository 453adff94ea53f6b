"""Pairs of an enrolled recording and a questioned one, for judging the voiceprint network.

Enrolled is always a clean recording of at most 10 s of speech, questioned one through a channel or of a stated length.
Of a speaker with several recordings no two pieces of a pair are from one recording; of a speaker with a single one
they are its halves. Voices are compared within a corpus only, so that the corpus tells nothing. Of one speaker, and of
two, only so many pairs are drawn, so that those with many recordings do not outweigh the others.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file
from scipy.fft import dct

from synth.train.voiceprint import Voices, original, voices_by
from synth.train.voiceprint_data import CONDITIONS, Clip, powers
from synth.voiceprint_network import VoiceNetwork, unit

FloatArray = npt.NDArray[np.float32]
Indexes = npt.NDArray[np.int64]

SECOND = 100
"""Spectra per second."""
LONGEST = 10 * SECOND
LEAST_ENROLLED = 2 * SECOND
LENGTHS = (1.0, 2.0, 3.0, 5.0, 10.0)
"""Seconds of speech."""
HELD_OUT = "rhasspy_kathleen"
"""A voice that has no other in its corpus to be compared with."""
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


def write_scored(of: Sequence[Scored], path: Path) -> None:
    """The pairs of all conditions in one file."""
    arrays: dict[str, npt.NDArray[Any]] = {"conditions": np.array([s.condition for s in of])}
    for n, s in enumerate(of):
        arrays |= {f"{n}.cosine": s.cosine, f"{n}.seconds": s.seconds, f"{n}.same": s.same}
        arrays |= {f"{n}.speakers": s.speakers, f"{n}.names": np.array(s.names)}
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def read_scored(path: Path) -> list[Scored]:
    """The inverse of `write_scored`."""
    with np.load(path) as stored:
        return [
            Scored(
                str(name),
                stored[f"{n}.cosine"],
                stored[f"{n}.seconds"],
                stored[f"{n}.same"],
                stored[f"{n}.speakers"],
                stored[f"{n}.names"].tolist(),
            )
            for n, name in enumerate(stored["conditions"])
        ]


@dataclass(frozen=True)
class System:
    """Something that compares voices."""

    name: str
    voices: Voices
    embed: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
    """From what `voices` gives to vectors of unit length."""
    key: str
    """Changes whenever the system does: scores are kept under it."""


def conditions(
    system: System,
    clips: Sequence[Clip],
    folder: Path,
    part: str,
    channels: Sequence[str] = tuple(CONDITIONS),
    lengths: Sequence[float] = LENGTHS,
) -> list[Scored]:
    """All channels, then all lengths, of one part; kept in FOLDER/scores, where the next run finds them."""
    target = folder / "scores" / f"{part}-{system.name.replace(' ', '-')}-{system.key}.npz"
    if target.exists():
        return read_scored(target)
    target.parent.mkdir(exist_ok=True)
    plan = [(name, name, None) for name in channels] + [("whole", f"{s:g} s", s) for s in lengths]
    of = [c for c in clips if c.part == part and c.source != HELD_OUT]
    found = []
    for channel, name, seconds in plan:
        found.append(scored(name, pieces(of, folder, channel, system.voices, seconds), system.embed))
        print(system.name, part, name, len(found[-1].target), len(found[-1].other), flush=True)
    write_scored(found, target)
    return found


def shipped(weights: Path) -> System:
    """The network with its map."""
    network = VoiceNetwork(load_file(weights))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:8]
    return System("voiceprint", voices_by(network), network.embedding, digest)


def resemblyzer(weights: Path) -> System:
    """The network as it was published, behind our ears."""
    return System("resemblyzer", voices_by(VoiceNetwork(original(weights).tensors())), unit, "0.1.4")


def trivial(clips: Sequence[Clip], folder: Path) -> System:
    """Mean and deviation of cepstra, each dimension by its scatter over training clips."""
    paths = [folder / f"{c.id}.npz" for c in clips if c.part == "train"]
    plain = cepstra([powers(np.load(path)["0"]) for path in paths if path.exists()][:300])
    middle, spread = plain.mean(axis=0), plain.std(axis=0)
    return System("mean cepstra", cepstra, lambda v: unit((v - middle) / spread), "1")


def cepstra(mels: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """The trivial voiceprint: mean and deviation of 19 cepstra, [recordings, 38]."""
    found = [dct(np.log(mel + 1e-9), norm="ortho", axis=1)[:, 1:20] for mel in mels]
    return np.stack([np.concatenate([c.mean(axis=0), c.std(axis=0)]) for c in found]).astype(np.float32)
