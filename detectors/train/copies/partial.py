"""Partial edits with labels in time: a phrase of a recording replaced by its own copy, and joins without a machine.

    python -m detectors.train.copies.partial DIR --out EDITS [--each 100] [--seed 1]

DIR is what `python -m detectors.train.copies` made: copies lie where their originals lie, so the phrase stays the same
words. Positives are balanced by method. Negatives are a phrase of the same recording put for another one of it, at its
level, with the same joins: an edit, and no machine in it. Joins are butted or faded by the helper that trains the
boundary detector. Writes EDITS/<id>.flac and EDITS/index.csv with `start_s` and `end_s` of what was put in (column
`inserted`: machine or human), skips what is there.
"""

import argparse
import csv
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from detectors.train.boundary_joins import joined
from detectors.train.copies.base import Rng
from detectors.train.copies.making import read_index
from detectors.train.copies.measure import Pair, pairs, sound_of
from synth.audio import write
from synth.channels.base import FloatArray
from synth.errors import VoxproofError

RATE = 16_000
COLUMNS = (
    "id", "path", "inserted", "start_s", "end_s", "fade_ms", "generator", "family", "pair", "speaker", "language",
    "licence", "seconds",
)  # fmt: skip
FADES_MS = (0, 0, 2, 5, 10, 20)
PHRASE_S = (0.4, 1.6)
"""Shortest and longest phrase, seconds."""
EDGE_S = 0.3
"""What stays untouched at either end, seconds."""
TRIES = 30


def phrase(sound: FloatArray, rng: Rng) -> tuple[int, int]:
    """First and last sample of a drawn phrase in which something is said; raises `VoxproofError` if there is none."""
    edge, longest = round(EDGE_S * RATE), round(PHRASE_S[1] * RATE)
    room, shortest = sound.size - 2 * edge, round(PHRASE_S[0] * RATE)
    if room < shortest:
        raise VoxproofError(f"{sound.size / RATE:.1f} s are too short for an edit")
    whole = float(np.mean(np.square(sound, dtype=np.float64)))
    for _ in range(TRIES):
        size = int(rng.integers(shortest, min(longest, room) + 1))
        first = edge + int(rng.integers(0, room - size + 1))
        if float(np.mean(np.square(sound[first : first + size], dtype=np.float64))) > 0.2 * whole:
            return first, first + size
    raise VoxproofError("no phrase was found in it")


def replaced(
    host: FloatArray, span: tuple[int, int], donor: FloatArray, at: int, fade_ms: int, rng: Rng
) -> tuple[FloatArray, tuple[int, int]]:
    """The host with samples of the donor from `at` on for a span of it -> sound, the span of what was put in.

    A cross-fade lies half before and half behind its place. Lengths differ by a fade where `joined` fades out and in.
    """
    half = fade_ms * RATE // 2000
    size = span[1] - span[0]
    if at < half or at + size + half > donor.size or span[0] < half or span[1] + half > host.size:
        raise VoxproofError("the phrase is too near an end for its fades")
    piece = donor[at - half : at + size + half]
    made, first = joined(host[: span[0] + half], piece, 2 * half, rng)
    made, last = joined(made, host[span[1] - half :], 2 * half, rng)
    return made, (first, last)


def positive(original: FloatArray, copy: FloatArray, fade_ms: int, rng: Rng) -> tuple[FloatArray, tuple[int, int]]:
    """A phrase of the original from its copy, where it lies and as loud as it was."""
    span = phrase(original, rng)
    return replaced(original, span, _as_loud(copy, span, original, span), span[0], fade_ms, rng)


def negative(original: FloatArray, fade_ms: int, rng: Rng) -> tuple[FloatArray, tuple[int, int]]:
    """A phrase of the original put for another one of it that does not overlap it."""
    for _ in range(TRIES):
        span, other = phrase(original, rng), phrase(original, rng)
        size = min(span[1] - span[0], other[1] - other[0])
        span, other = (span[0], span[0] + size), (other[0], other[0] + size)
        if other[1] <= span[0] or other[0] >= span[1]:
            donor = _as_loud(original, other, original, span)
            return replaced(original, span, donor, other[0], fade_ms, rng)
    raise VoxproofError("it has no two phrases apart from each other")


def _as_loud(donor: FloatArray, at: tuple[int, int], host: FloatArray, span: tuple[int, int]) -> FloatArray:
    powers = [
        float(np.mean(np.square(one[first:last], dtype=np.float64)))
        for one, (first, last) in ((donor, at), (host, span))
    ]
    peak = float(np.abs(donor[at[0] : at[1]]).max())
    return donor * np.float32(min(np.sqrt(powers[1] / max(powers[0], 1e-12)), 0.98 / max(peak, 1e-6)))


def make_all(found: dict[str, list[Pair]], out: Path, each: int, seed: int) -> Iterator[str]:
    """`each` positives of every method and as many negatives in all as positives; says what was passed over."""
    out.mkdir(parents=True, exist_ok=True)
    index = out / "index.csv"
    rows: list[dict[str, str]] = []
    if index.exists():
        with index.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("seconds") and (out / f"{row['id']}.flac").exists()]
    done = {row["id"] for row in rows}
    with index.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
        for name, some in found.items():
            if some[0][1]["label"] == "processed":
                yield f"{name} is passed over: a processed phrase is no machine's"
                continue
            for number in range(each):
                for kind in ("machine", "human"):
                    key = zlib.crc32(f"{kind} {name} {number} {seed}".encode())
                    if f"{key:08x}" in done:
                        continue
                    try:
                        writer.writerow(_edit(some[number % len(some)], kind, out, key, seed))
                        file.flush()
                    except VoxproofError as error:
                        yield f"{kind} phrase {number} of {name}: {error}"


def _edit(pair: Pair, kind: str, out: Path, key: int, seed: int) -> dict[str, str]:
    rng = np.random.default_rng([seed, key])
    fade = int(rng.choice(FADES_MS))
    original = sound_of(pair[0])
    sound, span = (
        positive(original, sound_of(pair[1]), fade, rng) if kind == "machine" else negative(original, fade, rng)
    )
    path = out / f"{key:08x}.flac"
    write(path, np.asarray(sound, np.float32), RATE)
    row, made = pair[1], kind == "machine"
    return {
        "id": path.stem, "path": str(path.resolve()), "inserted": kind,
        "start_s": f"{span[0] / RATE:.4f}", "end_s": f"{span[1] / RATE:.4f}", "fade_ms": str(fade),
        "generator": row["generator"] if made else "", "family": row["family"] if made else "",
        "pair": row["pair"], "speaker": row["speaker"], "language": row["language"], "licence": row["licence"],
        "seconds": f"{sound.size / RATE:.3f}",
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=100, help="edits of every method, and as many negatives")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    try:
        found = pairs(read_index(arguments.folder))
        if not found:
            raise VoxproofError("holds no pairs", path=arguments.folder)
        for said in make_all(found, arguments.out, arguments.each, arguments.seed):
            print(said, flush=True)
    except VoxproofError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
