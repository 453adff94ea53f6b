"""Material for the boundary detector: joins of one speaker and session, and unedited speech, through channels.

    python -m detectors.train.boundary_joins HUMAN/index.csv --out MADE --files 24

HUMAN/index.csv is what the data folder's `materialise.py` writes. A tape is a chain of passages of 0.75 to 1.3 s of one
session (a LibriSpeech or wake-word clip with itself; three clips of rhasspy_kerstin, one voice and room), joined
without a fade and with fades of 2 to 30 ms; unedited clips go through the same channels. The held-out part has other
speakers: rhasspy_flemishguy, aishell_s0913 and 60 of the LibriSpeech readers; its joins are single, in whole clips.
Joins are made in NumPy, unlike those of `voxproof bench battery`. Features are stored in half precision:
MADE/train-*.npz and MADE/held-out.npz.
"""

import argparse
import csv
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from detectors.boundary import CHANNELS, HOP, RATE, boundary_frames
from synth.audio import read
from synth.channels import AmrNb, Mp3, Opus

FloatArray = npt.NDArray[np.float32]
Rows = list[dict[str, str]]
TRAINING = {"librispeech_tc100": 0.45, "picovoice_wakeword": 0.3, "rhasspy_kerstin": 0.25}
"""Collections that train, and how often each is drawn."""
HELD_OUT = {"rhasspy_flemishguy": 0.55, "librispeech_tc100": 0.3, "aishell_s0913": 0.15}
"""Collections that judge, and their shares; LibriSpeech is divided by speaker."""
FADES_MS = (0, 0, 0, 2, 5, 5, 5, 10, 20, 20, 20, 30)
CHANNEL_SHARES = {"clean": 0.45, "mp3": 0.2, "noise": 0.17, "amr": 0.11, "opus": 0.07}
HELD_OUT_MINUTES = {"clean": 24, "mp3": 6, "noise": 6, "amr": 6}
HELD_OUT_JOINS = {"clean": 48, "mp3": 16, "noise": 16, "amr": 16}
"""For each fade of 0, 5 and 20 ms."""
LEAST_S, MOST_S = 3.0, 20.0
"""Shortest and longest clip that is drawn, seconds."""


def held_out(row: dict[str, str]) -> bool:
    """Whether a LibriSpeech reader belongs to the held-out part (60 of 250, by a hash of the name)."""
    return zlib.crc32(row["speaker"].encode()) % 250 < 60


def parts(index: Path) -> tuple[dict[str, Rows], dict[str, Rows]]:
    """The rows of the list by source: those that train, and those that are held out."""
    with index.open(encoding="utf-8") as stream:
        listed = [row for row in csv.DictReader(stream) if LEAST_S <= float(row["seconds"]) <= MOST_S]

    def of(sources: Iterable[str], held: bool) -> dict[str, Rows]:
        divided = {source: [row for row in listed if row["source_id"] == source] for source in sources}
        divided["librispeech_tc100"] = [row for row in divided["librispeech_tc100"] if held_out(row) == held]
        return divided

    return of(TRAINING, False), of(HELD_OUT, True)


def sound_of(row: dict[str, str], folder: Path) -> FloatArray:
    """A clip at 16 kHz, one channel."""
    waveform = read(folder / row["path"])
    mono = np.asarray(waveform.mono, dtype=np.float32)
    return mono if waveform.rate == RATE else np.asarray(soxr.resample(mono, waveform.rate, RATE), dtype=np.float32)


def joined(first: FloatArray, second: FloatArray, fade: int, rng: np.random.Generator) -> tuple[FloatArray, int]:
    """The second sound after the first, `fade` samples across (or, one time in seven, out and in): sound, middle."""
    if not fade:
        return np.concatenate([first, second]), len(first)
    if rng.random() < 0.15:
        half = max(fade // 2, 1)
        out, into = first.copy(), second.copy()
        out[-half:] *= np.linspace(1, 0, half)
        into[:half] *= np.linspace(0, 1, half)
        return np.concatenate([out, into]), len(first)
    place = (np.arange(fade) + 0.5) / fade
    down = {0: 1 - place, 1: 0.5 + 0.5 * np.cos(np.pi * place), 2: np.cos(np.pi / 2 * place)}
    curve = int(rng.integers(3))
    up = 1 - down[curve] if curve < 2 else np.sin(np.pi / 2 * place)
    across = (first[-fade:] * down[curve] + second[:fade] * up).astype(np.float32)
    return np.concatenate([first[:-fade], across, second[fade:]]), len(first) - fade + fade // 2


def through(sound: FloatArray, channel: str, rng: np.random.Generator) -> FloatArray:
    """The sound after a channel, at 16 kHz, in 16 bits."""
    if channel == "mp3":
        rate, bits = int(rng.choice([16000, 24000, 48000])), int(rng.choice([48000, 64000, 64000, 96000]))
        coded = Mp3(bits)(np.asarray(soxr.resample(sound, RATE, rate), dtype=np.float32), rate)[0]
        sound = np.asarray(soxr.resample(coded, rate, RATE), dtype=np.float32)
    elif channel == "amr":
        sound = AmrNb()(sound, RATE)[0]
    elif channel == "opus":
        sound = Opus(int(rng.choice([16000, 24000])))(sound, RATE)[0]
    elif channel == "noise":
        noise = rng.normal(0.0, 1.0, len(sound))
        if rng.random() < 0.4:
            spectrum = np.fft.rfft(noise)
            spectrum *= np.arange(1, len(spectrum) + 1.0) ** -rng.uniform(0.2, 0.6)
            noise = np.fft.irfft(spectrum, len(sound))
            noise /= noise.std()
        level = np.sqrt(np.mean(np.square(sound)) / 10 ** (rng.uniform(18.0, 40.0) / 10))
        sound = sound + (noise * level).astype(np.float32)
    return (np.round(np.clip(sound, -1, 1) * 32767) / 32768).astype(np.float32)


def session(rows: dict[str, Rows], folder: Path, rng: np.random.Generator) -> list[FloatArray]:
    """Clips that may be joined with each other."""
    source = str(rng.choice(list(TRAINING), p=list(TRAINING.values())))
    count = 3 if source == "rhasspy_kerstin" else 1
    return [sound_of(rows[source][int(rng.integers(len(rows[source])))], folder) for _ in range(count)]


def tape(clips: list[FloatArray], rng: np.random.Generator) -> tuple[FloatArray, list[float]]:
    """Passages of a session, joined to 6 to 12 s: sound, and the joins in units of the 5 ms grid."""
    made: FloatArray | None = None
    joins: list[float] = []
    wanted = rng.uniform(6.0, 12.0) * RATE
    while made is None or len(made) < wanted:
        clip = clips[int(rng.integers(len(clips)))]
        size = min(int(rng.uniform(0.75, 1.3) * RATE), int(len(clip) * 0.45))
        start = int(rng.integers(len(clip) - size))
        passage = clip[start : start + size]
        if made is None:
            made = passage
            continue
        made, at = joined(made, passage, int(rng.choice(FADES_MS)) * RATE // 1000, rng)
        joins.append(at / HOP)
    return made, joins


def train_file(rows: dict[str, Rows], folder: Path, path: Path, rng: np.random.Generator, tapes: int = 24) -> None:
    """One file of tapes and, of about the same length, unedited clips: `frames`, `joins` (row), `ends` (row)."""
    frames: list[npt.NDArray[np.float16]] = []
    joins: list[float] = []
    ends: list[int] = []

    def add(sound: FloatArray, at: list[float]) -> None:
        channel = str(rng.choice(list(CHANNEL_SHARES), p=list(CHANNEL_SHARES.values())))
        louder = np.clip(sound * 10 ** (rng.uniform(-12.0, 4.0) / 20), -1, 1).astype(np.float32)
        first = ends[-1] if ends else 0
        frames.append(boundary_frames(through(louder, channel, rng)).astype(np.float16))
        joins.extend(first + place for place in at)
        ends.append(first + len(frames[-1]))

    for _ in range(tapes):
        add(*tape(session(rows, folder, rng), rng))
        heard = 0
        while heard < 9 * RATE:
            sound = session(rows, folder, rng)[0][: 10 * RATE]
            heard += len(sound)
            add(sound, [])
    np.savez(path, frames=np.concatenate(frames), joins=np.array(joins), ends=np.array(ends))


def held_out_file(rows: dict[str, Rows], folder: Path, path: Path, rng: np.random.Generator) -> None:
    """Whole unedited clips, and clips with one join, each through a channel: `frames`, `ends`, `names`, `joins`.

    A name is channel, fade in ms (or "unedited") and source, divided by "/"; a join is a row of its own sound, or -1.
    """
    frames, ends, names, joins = [np.zeros((0, CHANNELS), dtype=np.float16)], [0], [], []

    def add(sound: FloatArray, channel: str, fade: str, source: str, at: float) -> None:
        frames.append(boundary_frames(through(sound, channel, rng)).astype(np.float16))
        ends.append(ends[-1] + len(frames[-1]))
        names.append(f"{channel}/{fade}/{source}")
        joins.append(at)

    for channel, total in HELD_OUT_MINUTES.items():
        for source, share in HELD_OUT.items():
            left = total * 60.0 * share
            for place in rng.permutation(len(rows[source])):
                if left <= 0:
                    break
                sound = sound_of(rows[source][place], folder)
                left -= len(sound) / RATE
                add(sound, channel, "unedited", source, -1.0)
    for channel, count in HELD_OUT_JOINS.items():
        for fade in (0, 5, 20):
            for source in rng.choice(list(HELD_OUT), count, p=list(HELD_OUT.values())):
                clip = sound_of(rows[source][int(rng.integers(len(rows[source])))], folder)
                out, into = sorted(int(at) for at in rng.uniform(0.6 * RATE, len(clip) - 0.6 * RATE, 2))
                if source == "rhasspy_flemishguy" and rng.random() < 0.5:  # one voice and room: another clip
                    other = sound_of(rows[source][int(rng.integers(len(rows[source])))], folder)
                    into = int(rng.uniform(0.4 * RATE, len(other) - 0.6 * RATE))
                else:
                    other, into = clip, max(into, min(out + RATE // 7, len(clip) - RATE // 2))
                half = fade * RATE // 2000
                made, at = joined(clip[: out + half], other[max(into - half, 0) :], 2 * half, rng)
                add(made, channel, str(fade), source, at / HOP + (1.0 if channel == "amr" else 0.0))
    np.savez(path, frames=np.concatenate(frames), ends=np.array(ends[1:]), names=np.array(names), joins=np.array(joins))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--files", type=int, default=19)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    train, judge = parts(arguments.index)
    folder = arguments.index.parent
    for number in range(arguments.files):
        path = arguments.out / f"train-{number:03d}.npz"
        if not path.exists():
            train_file(train, folder, path, np.random.default_rng([arguments.seed, number]))
            print(path)
    held_out_file(judge, folder, arguments.out / "held-out.npz", np.random.default_rng([arguments.seed, 10_000]))


if __name__ == "__main__":
    main()
