"""Break media files on purpose and see that reading them stays safe: `voxproof bench mutate`.

Every mutant is one specimen (a real clip in one of our containers, see `synth.specimens`) with one to three
mutators on it, wholly determined by the seed and its number. For each, the reader must give either a Recording
with sane, finite numbers or an AudioError, in less than ten seconds and 1.5 GB; anything else is a failure. A
decoder that dies inside its own process is no failure, but it is counted. A judge may look at each mutant as well:
`forensics.benches.mutants` passes the whole examination.

Between mutants an unmutated specimen is examined again now and then, and must be answered as at first: what one
hostile file leaves behind must not change what is found in the next one.
"""

from __future__ import annotations

import math
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synth.audio import AudioError, Recording, open_recording, read
from synth.decoding.patience import waited_seconds
from synth.mutators import MUTATORS
from synth.specimens import SPECIMENS, make

MOST_SECONDS = 10.0
MOST_RTF = 0.15
"""Processor seconds that a judge may take for each second of decoded sound, beyond MOST_SECONDS."""
MOST_BYTES = 1_500_000_000
CLIP_S = 2.0
"""Length of the specimens, so that a mutant is some tens of kilobytes."""
TWIN_EVERY = 20
"""After so many mutants an unmutated specimen is examined again."""

Specimens = list[tuple[str, str, bytes]]
"""Name, file suffix and bytes of unmutated files."""


@dataclass(frozen=True)
class Judged:
    """What a judge has to say about one file."""

    answer: str
    """Everything that was found, as text that is the same whenever the same file is examined."""
    troubles: tuple[str, ...] = ()
    """What must not happen, in words."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds by step, to name the slowest."""


Judge = Callable[[Path], Judged]


@dataclass(frozen=True)
class MutationSummary:
    """What became of a number of mutants."""

    mutants: int
    """How many were read."""
    seed: int
    """The seed that makes them again."""
    first: int
    """Number of the first one."""
    judged: bool
    """Whether a judge looked at each, beyond reading it."""
    twins: int
    """How many times an unmutated specimen was examined between them; another answer than before them is a failure."""
    decoded: int
    """How many gave a recording."""
    refused: int
    """How many gave an AudioError."""
    decoder_deaths: int
    """AudioErrors whose cause was that the decoding child crashed, hung or exploded (contained, so no failure)."""
    failures: tuple[str, ...]
    """Everything that must not happen, in words, with the mutant's number; empty when all is well."""
    containers: dict[str, dict[str, int]]
    """Specimen -> how many of its mutants were "decoded", or refused for which kind of reason."""
    slowest_seconds: float
    """Longest time for one mutant, decoding and looking at the sound."""
    slowest: str
    """Which one that was."""
    waiting_seconds: float
    """Longest time in which the processes of one mutant were ready to run and the machine had no processor for them."""
    slowest_step_seconds: float
    """Longest time of one step of the judge."""
    slowest_step: str
    """Which step of which mutant that was."""
    largest_child_bytes: int
    """Largest resident memory of a decoding child."""
    largest: str
    """Which one that was."""
    parent_bytes: int
    """Largest resident memory of this process so far."""
    seconds: float
    """Time for all of them."""

    @property
    def ok(self) -> bool:
        """True when there was no failure."""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """The record as plain data, for JSON."""
        return asdict(self) | {"ok": self.ok}

    def __str__(self) -> str:
        rows = [
            f"{self.mutants} mutants (seed {self.seed}, from number {self.first}) in {self.seconds:.0f} s: "
            f"{self.decoded} decoded, {self.refused} refused, of which {self.decoder_deaths} by the death of their "
            f"decoder; {self.twins} unmutated files between them",
            f"slowest {self.slowest_seconds:.2f} s ({self.slowest}; longest wait for a processor "
            f"{self.waiting_seconds:.2f} s); largest child "
            f"{self.largest_child_bytes / 1e6:.0f} MB ({self.largest}); this process {self.parent_bytes / 1e6:.0f} MB",
        ]
        if self.slowest_step:
            rows.append(f"slowest step {self.slowest_step_seconds:.2f} s ({self.slowest_step})")
        width = max(map(len, self.containers), default=0)
        for name, counts in sorted(self.containers.items()):
            rows.append(f"  {name:{width}}  " + ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))
        rows += [f"FAILURE {failure}" for failure in self.failures] or ["no failure"]
        return "\n".join(rows)


@dataclass
class _Tally:
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    step: tuple[float, str] = (0.0, "")
    waiting: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")
    deaths: int = 0


def run(
    seeds: Path | Iterable[Path],
    n: int = 300,
    seed: int = 0,
    progress: Callable[[], object] | None = None,
    reader: Callable[[Path], Recording] = open_recording,
    keep: Path | None = None,
    judge: Judge | None = None,
    first: int = 0,
) -> MutationSummary:
    """Make and read `n` mutants, from number `first`, of the clips `seeds` (files, or a folder of WAV files).

    `reader` opens one file; `judge` looks at it further; `progress` is called after each mutant; failing mutants are
    copied to `keep`.
    """
    began = time.monotonic()
    tally = _Tally()
    with tempfile.TemporaryDirectory(prefix="voxproof-mutants-") as name:
        folder = Path(name)
        specimens = make_specimens(seeds, folder)
        twins = _Twins(specimens, folder, reader, judge, tally)
        twins.remember((first + n) // TWIN_EVERY - first // TWIN_EVERY)
        for number in range(first, first + n):
            origin, data, suffix, how = mutant(specimens, seed, number)
            path = folder / f"mutant {number}{suffix}"
            path.write_bytes(data)
            before = len(tally.failures)
            label = f"mutant {number} ({origin}: {how})"
            _read_one(path, origin, label, reader, judge, tally)
            if keep is not None and len(tally.failures) > before:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / path.name).write_bytes(data)
            path.unlink()
            if (number + 1) % TWIN_EVERY == 0:
                twins.examine_next(label)
            if progress is not None:
                progress()
    decoded = sum(counts["decoded"] for counts in tally.outcomes.values())
    unit = 1 if sys.platform == "darwin" else 1024
    return MutationSummary(
        mutants=n,
        seed=seed,
        first=first,
        judged=judge is not None,
        twins=twins.examined,
        decoded=decoded,
        refused=sum(counts.total() for counts in tally.outcomes.values()) - decoded,
        decoder_deaths=tally.deaths,
        failures=tuple(tally.failures),
        containers={name: dict(counts) for name, counts in sorted(tally.outcomes.items())},
        slowest_seconds=tally.slowest[0],
        slowest=tally.slowest[1],
        waiting_seconds=tally.waiting[0],
        slowest_step_seconds=tally.step[0],
        slowest_step=tally.step[1],
        largest_child_bytes=tally.largest[0],
        largest=tally.largest[1],
        parent_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        seconds=time.monotonic() - began,
    )


def check(
    path: Path, reader: Callable[[Path], Recording] = open_recording, judge: Judge | None = None
) -> tuple[str, tuple[str, ...]]:
    """What became of one file ("decoded", or the kind of AudioError), and everything that must not happen."""
    tally = _Tally()
    _read_one(path, path.name, path.name, reader, judge, tally)
    return next(iter(tally.outcomes[path.name])), tuple(tally.failures)


class _Twins:
    """Unmutated specimens, examined in turn; each must be answered as the first time."""

    def __init__(
        self,
        specimens: Specimens,
        folder: Path,
        reader: Callable[[Path], Recording],
        judge: Judge | None,
        tally: _Tally,
    ) -> None:
        self.specimens, self.folder = specimens, folder
        self.reader, self.judge, self.tally = reader, judge, tally
        self.answers: dict[int, str] = {}
        self.examined = 0

    def remember(self, turns: int) -> None:
        """Take the first answers of all that will have a turn, before any mutant is read."""
        for turn in range(min(turns, len(self.specimens))):
            self.answers[turn] = self._answer(turn)

    def examine_next(self, after: str) -> None:
        """Examine the next one again."""
        index = self.examined % len(self.specimens)
        if self._answer(index) != self.answers[index]:
            name = self.specimens[index][0]
            self.tally.failures.append(f"the unmutated {name} is answered otherwise than before, after {after}")
        self.examined += 1

    def _answer(self, index: int) -> str:
        name, suffix, data = self.specimens[index]
        path = self.folder / f"twin of {name}{suffix}"
        path.write_bytes(data)
        try:
            with self.reader(path) as recording:
                said = f"{recording.facts} {recording.frames} {recording.stream_sha256}"
            if self.judge is not None:
                judged = self.judge(path)
                said += judged.answer
                self.tally.failures += [f"unmutated {name}: {trouble}" for trouble in judged.troubles]
        except Exception as error:  # an unmutated file must be read whatever came before it
            said = f"{type(error).__name__}: {error}"
            self.tally.failures.append(f"unmutated {name}: {said}")
        finally:
            path.unlink()
        return said


def make_specimens(seeds: Path | Iterable[Path], folder: Path) -> Specimens:
    """Every specimen of up to two of the clips: the first in mono, the second in as many channels as it takes."""
    paths = sorted(seeds.glob("*.wav")) if isinstance(seeds, Path) and seeds.is_dir() else seeds
    paths = [paths] if isinstance(paths, Path) else list(paths)
    if not paths:
        raise AudioError("there are no clips to make mutants from", path=seeds if isinstance(seeds, Path) else None)
    specimens = []
    for index, specimen in enumerate(SPECIMENS):
        for turn in range(min(2, len(paths))):
            clip = read(paths[(index * 2 + turn) % len(paths)])
            samples = clip.mono[: round(CLIP_S * clip.rate)]
            if turn and specimen.most_channels > 1:
                gains = np.linspace(1.0, -0.5, specimen.most_channels, dtype=np.float32)
                samples = samples[:, None] * gains
            path = make(specimen, samples, clip.rate, folder)
            specimens.append((specimen.name, specimen.suffix, path.read_bytes()))
            path.unlink()
    return specimens


def mutant(specimens: Specimens, seed: int, number: int) -> tuple[str, bytes, str, str]:
    """Mutant `number` of `seed`: name of the specimen, bytes, file suffix, names of the mutators."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - not for secrets; must repeat
    name, suffix, original = specimens[number % len(specimens)]
    data = bytearray(original)
    chosen = rng.sample(MUTATORS, rng.choice((1, 1, 1, 2, 2, 3)))
    for mutator in chosen:
        data = mutator(data, rng, rng.choice(specimens)[2]) or bytearray(b"\x00")
    if rng.random() < 0.1:
        suffix = rng.choice(specimens)[1]
    return name, bytes(data), suffix, " + ".join(mutator.__name__ for mutator in chosen)


def _read_one(
    path: Path,
    origin: str,
    label: str,
    reader: Callable[[Path], Recording],
    judge: Judge | None,
    tally: _Tally,
) -> None:
    began, cpu, idle = time.monotonic(), time.process_time(), waited_seconds(os.getpid())
    usage: Mapping[str, float] = {}
    seconds = 0.0
    try:
        recording = reader(path)
    except AudioError as error:
        outcome = error.kind
        usage = error.usage
        tally.deaths += error.kind in ("crash", "time", "memory")
        if "Traceback" in str(error) or not error.cause:
            tally.failures.append(f"{label}: an error without a cause: {error}")
    except Exception as error:  # the very thing this harness looks for
        outcome = "failure"
        tally.failures.append(f"{label}: {type(error).__name__}: {error}")
    else:
        outcome = "decoded"
        usage, seconds = recording.usage, recording.seconds
        try:
            with recording:
                tally.failures += [f"{label}: {trouble}" for trouble in _troubles(recording)]
        except Exception as error:  # a recording that was given must be readable
            tally.failures.append(f"{label}: decoded, but then {type(error).__name__}: {error}")
    idle = waited_seconds(os.getpid()) - idle + usage.get("waited_seconds", 0.0)
    net = time.monotonic() - began - idle
    judging = time.process_time()
    if judge is not None:
        try:
            judged = judge(path)
        except Exception as error:  # an examination answers, whatever is in the file
            tally.failures.append(f"{label}: the examination raised {type(error).__name__}: {error}")
        else:
            tally.failures += [f"{label}: {trouble}" for trouble in judged.troubles]
            for step, spent in judged.steps.items():
                tally.step = max(tally.step, (spent, f"{step}, {label}"))
    taken, peak = time.monotonic() - began, int(usage.get("peak_bytes", 0))
    tally.outcomes.setdefault(origin, Counter())[outcome] += 1
    tally.slowest = max(tally.slowest, (taken, label))
    tally.largest = max(tally.largest, (peak, label))
    judging = time.process_time() - judging
    tally.waiting = max(tally.waiting, (idle, label))
    if net > MOST_SECONDS:
        child = f"{usage.get('wall_seconds', 0.0):.1f} s, {usage.get('cpu_seconds', 0.0):.1f} s of CPU"
        ours = (
            f"{idle:.1f} s of waiting for a processor left out; this process {time.process_time() - cpu:.1f} s of CPU"
        )
        tally.failures.append(f"{label}: reading took {net:.1f} s (decoding child {child}; {ours})")
    if judging > MOST_SECONDS + MOST_RTF * seconds:
        tally.failures.append(f"{label}: the examination of {seconds:.0f} s took {judging:.1f} s of CPU")
    if peak > MOST_BYTES:
        tally.failures.append(f"{label}: its decoder took {peak / 1e6:.0f} MB")


def _troubles(recording: Recording) -> list[str]:
    """What is wrong with a recording that was decoded."""
    facts = recording.facts
    troubles = []
    if not (1000 <= facts.sample_rate <= 2_000_000 and 1 <= facts.channels <= 64 and recording.frames >= 1):
        troubles.append(f"{recording.frames} samples of {facts.channels} channels at {facts.sample_rate} Hz")
    if facts.header_seconds is not None and not (math.isfinite(facts.header_seconds) and facts.header_seconds >= 0):
        troubles.append(f"a declared length of {facts.header_seconds}")
    if facts.bit_rate is not None and facts.bit_rate <= 0:
        troubles.append(f"a bit rate of {facts.bit_rate}")
    if facts.bit_depth is not None and not 1 <= facts.bit_depth <= 64:
        troubles.append(f"a bit depth of {facts.bit_depth}")
    if len(recording.stream_sha256) != 64:
        troubles.append("no hash of the stream")
    total = 0
    for block in recording.blocks(seconds=1.0):
        total += len(block)
        if not np.isfinite(block).all():
            troubles.append("samples that are not finite")
            break
    else:
        if total != recording.frames:
            troubles.append(f"{total} samples in blocks, {recording.frames} declared")
    return troubles
