"""Step 2: every clip of the table as 16 kHz mono, once: CACHE/<id>.npy, int16 [time], at most 40 s.

    python -m detectors.train.decode clips.csv --cache CACHE

Skips what is there, so it can be stopped and run again.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt

from synth.errors import VoxproofError

RATE = 16_000
LONGEST_S = 40.0


def read_clips(path: Path) -> list[dict[str, str]]:
    """Rows of the table of clips."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cached(cache: Path, clip_id: str) -> npt.NDArray[np.float32]:
    """Samples [time] of a decoded clip, 16 kHz."""
    path = cache / f"{clip_id}.npy"
    if not path.exists():
        raise VoxproofError("not decoded yet", path=path, cure="Run python -m detectors.train.decode first.")
    samples: npt.NDArray[np.int16] = np.load(path)
    return samples.astype(np.float32) / np.float32(32768)


def main() -> None:
    from synth import audio

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    problems = 0
    for clip in read_clips(arguments.clips):
        target = arguments.cache / f"{clip['id']}.npy"
        if target.exists():
            continue
        try:
            samples = audio.read(Path(clip["path"]), rate=RATE).mono[: int(LONGEST_S * RATE)]
        except VoxproofError as error:
            print(error)
            problems += 1
            continue
        np.save(target, (np.clip(samples, -1, 1) * 32767).astype(np.int16))
    print(f"decoded, {problems} problems")


if __name__ == "__main__":
    main()
