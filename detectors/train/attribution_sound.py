"""Attribution, step 1: the statistics of every clip once, in CACHE/<condition>.npz (values [n, channels], ids [n]).

    python -m detectors.train.attribution_sound clips.csv [GENERATED/clips.csv] --cache CACHE [--condition neutral]

At most 25 clips of a generator on a page, and of a source of human recordings. Saves as it goes, so it can be stopped
and run again. Generated clips (detectors.train.generate) are read from the .npy files beside their table.
"""

import argparse
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.attribution_sound import statistics_of
from detectors.card import WEIGHTS
from detectors.inference import RATE, load_network
from detectors.train.conditions import CONDITIONS as EVERY_CONDITION
from detectors.train.decode import cached, read_clips
from detectors.train.score import chosen
from synth import audio
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
MOST = 25
CHANNELS = ("MP3 32 kbit/s", "Opus 24 kbit/s", "G.711 A-law", "GSM full rate", "noise 20 dB", "room T60 0.5 s")
CONDITIONS = ("neutral", "channel", "original")
"""A piece of 1.5 to 5 s; the same through one of `CHANNELS`, by the clip's id; the first 15 s of the clip as it is."""


def clips_of(tables: list[Path]) -> list[dict[str, str]]:
    """The clips that are heard; a few of every group first, so that what was worked out so far is balanced.

    A generated clip gets a page of its engine's name, and flite the name of its voice.
    """
    rows = []
    for table in tables:
        for row in read_clips(table):
            if row["source"] == "generated":
                row["path"] = str(table.parent / f"{row['id']}.npy")
                row["generator"] = row["speaker"] if row["generator"] == "flite" else row["generator"]
                row["source"] = f"generated: {row['generator']}"
            if row["kind"] != "codec-dsp":
                rows.append(row)
    rank = Counter[tuple[str, str]]()
    ranked = []
    for row in chosen(rows, MOST, MOST):
        ranked.append((rank[row["source"], row["generator"]], row))
        rank[row["source"], row["generator"]] += 1
    return [row for _, row in sorted(ranked, key=lambda one: one[0])]


def samples_of(row: dict[str, str]) -> FloatArray:
    """Samples [time] of a clip, 16 kHz."""
    path = Path(row["path"])
    return cached(path.parent, row["id"]) if path.suffix == ".npy" else audio.read(path, rate=RATE).mono


def in_condition(samples: FloatArray, key: str, condition: str) -> FloatArray:
    """Samples [time] -> samples [time] as `CONDITIONS` says."""
    return EVERY_CONDITION[channel_of(key) if condition == "channel" else condition](samples, key)


def channel_of(key: str) -> str:
    """The one of `CHANNELS` that a clip goes through, by its id."""
    return CHANNELS[zlib.crc32(key.encode()) % len(CHANNELS)]


def read_cache(path: Path) -> dict[str, FloatArray]:
    """Statistics by clip id, as far as they were worked out."""
    if not path.exists():
        return {}
    with np.load(path) as held:
        return dict(zip(held["ids"].tolist(), held["values"], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--condition", choices=CONDITIONS, default="neutral")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    path = arguments.cache / f"{arguments.condition}.npz"
    held = read_cache(path)
    rows = [row for row in clips_of(arguments.clips) if row["id"] not in held]
    scorer = load_network(WEIGHTS / "speech.safetensors")
    for number, row in enumerate(rows, 1):
        try:
            samples = in_condition(samples_of(row), row["id"], arguments.condition)
        except VoxproofError as error:
            print(error)
            continue
        heard = statistics_of(scorer, [samples])
        if heard.speech_seconds > 0:
            held[row["id"]] = heard.values.astype(np.float16)
        if number % 100 == 0 or number == len(rows):
            np.savez(path, ids=np.array(list(held)), values=np.stack(list(held.values())))
            print(f"{number} of {len(rows)}", flush=True)


if __name__ == "__main__":
    main()
