"""Break media files on purpose and see that reading them stays safe: `voxproof bench mutate`.

Every mutant is one specimen (a real clip in one of our containers, see `synth.specimens`) with one to three
mutators on it, wholly determined by the seed and its number. For each, the reader must give either a Recording
with sane, finite numbers or an AudioError, in less than ten seconds and 1.5 GB; anything else is a failure. A
decoder that dies inside its own process is no failure, but it is counted.
"""

from __future__ import annotations

import math
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from synth.audio import AudioError, Recording, open_recording, read
from synth.mutators import MUTATORS
from synth.specimens import SPECIMENS, make

MOST_SECONDS = 10.0
MOST_BYTES = 1_500_000_000
CLIP_S = 2.0
"""Length of the specimens, so that a mutant is some tens of kilobytes."""
CLIPS_PER_SPECIMEN = 2


@dataclass(frozen=True)
class MutationSummary:
    """What became of a number of mutants."""

    mutants: int
    """How many were read."""
    seed: int
    """The seed that makes them again."""
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
            f"{self.mutants} mutants (seed {self.seed}) in {self.seconds:.0f} s: {self.decoded} decoded, "
            f"{self.refused} refused, of which {self.decoder_deaths} by the death of their decoder",
            f"slowest {self.slowest_seconds:.2f} s ({self.slowest}); largest child "
            f"{self.largest_child_bytes / 1e6:.0f} MB ({self.largest}); this process {self.parent_bytes / 1e6:.0f} MB",
        ]
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
    largest: tuple[int, str] = (0, "")
    deaths: int = 0


def run(
    seeds: Path | Iterable[Path],
    n: int = 300,
    seed: int = 0,
    progress: Callable[[], object] | None = None,
    reader: Callable[[Path], Recording] = open_recording,
    keep: Path | None = None,
) -> MutationSummary:
    """Make and read `n` mutants of the clips `seeds` (files, or a folder of WAV files) in every container.

    `reader` opens one file; `progress` is called after each mutant; failing mutants are copied to `keep`.
    """
    began = time.monotonic()
    tally = _Tally()
    with tempfile.TemporaryDirectory(prefix="voxproof-mutants-") as name:
        folder = Path(name)
        specimens = make_specimens(seeds, folder)
        for number in range(n):
            origin, data, suffix, how = mutant(specimens, seed, number)
            path = folder / f"mutant {number}{suffix}"
            path.write_bytes(data)
            before = len(tally.failures)
            _read_one(path, origin, f"mutant {number} ({origin}: {how})", reader, tally)
            if keep is not None and len(tally.failures) > before:
                keep.mkdir(parents=True, exist_ok=True)
                (keep / path.name).write_bytes(data)
            path.unlink()
            if progress is not None:
                progress()
    decoded = sum(counts["decoded"] for counts in tally.outcomes.values())
    unit = 1 if sys.platform == "darwin" else 1024
    return MutationSummary(
        mutants=n,
        seed=seed,
        decoded=decoded,
        refused=sum(counts.total() for counts in tally.outcomes.values()) - decoded,
        decoder_deaths=tally.deaths,
        failures=tuple(tally.failures),
        containers={name: dict(counts) for name, counts in sorted(tally.outcomes.items())},
        slowest_seconds=tally.slowest[0],
        slowest=tally.slowest[1],
        largest_child_bytes=tally.largest[0],
        largest=tally.largest[1],
        parent_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
        seconds=time.monotonic() - began,
    )


def make_specimens(seeds: Path | Iterable[Path], folder: Path) -> list[tuple[str, str, bytes]]:
    """(name, suffix, bytes) of every specimen, each made from up to two of the clips, in mono."""
    paths = sorted(seeds.glob("*.wav")) if isinstance(seeds, Path) and seeds.is_dir() else seeds
    paths = [paths] if isinstance(paths, Path) else list(paths)
    if not paths:
        raise AudioError("there are no clips to make mutants from", path=seeds if isinstance(seeds, Path) else None)
    specimens = []
    for index, specimen in enumerate(SPECIMENS):
        for turn in range(min(CLIPS_PER_SPECIMEN, len(paths))):
            clip = read(paths[(index * CLIPS_PER_SPECIMEN + turn) % len(paths)])
            samples = clip.mono[: round(CLIP_S * clip.rate)]
            path = make(specimen, samples, clip.rate, folder)
            specimens.append((specimen.name, specimen.suffix, path.read_bytes()))
            path.unlink()
    return specimens


def mutant(specimens: list[tuple[str, str, bytes]], seed: int, number: int) -> tuple[str, bytes, str, str]:
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


def _read_one(path: Path, origin: str, label: str, reader: Callable[[Path], Recording], tally: _Tally) -> None:
    began = time.monotonic()
    peak = 0
    try:
        recording = reader(path)
    except AudioError as error:
        outcome = error.kind
        peak = int(error.usage.get("peak_bytes", 0))
        tally.deaths += error.kind in ("crash", "time", "memory")
        if "Traceback" in str(error) or not error.cause:
            tally.failures.append(f"{label}: an error without a cause: {error}")
    except Exception as error:  # the very thing this harness looks for
        outcome = "failure"
        tally.failures.append(f"{label}: {type(error).__name__}: {error}")
    else:
        outcome = "decoded"
        peak = int(recording.usage.get("peak_bytes", 0))
        try:
            with recording:
                tally.failures += [f"{label}: {trouble}" for trouble in _troubles(recording)]
        except Exception as error:  # a recording that was given must be readable
            tally.failures.append(f"{label}: decoded, but then {type(error).__name__}: {error}")
    taken = time.monotonic() - began
    tally.outcomes.setdefault(origin, Counter())[outcome] += 1
    tally.slowest = max(tally.slowest, (taken, label))
    tally.largest = max(tally.largest, (peak, label))
    if taken > MOST_SECONDS:
        tally.failures.append(f"{label}: took {taken:.1f} s")
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
