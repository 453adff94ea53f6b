"""How high scores get under keys that marked nothing: `python -m forensics.benches.watermark.wrong_keys SPEECH...`.

Unmarked speech of 5 s, each recording under the next of eleven channels, and for each new random keys; with `--whole`
all pitches and tempos are searched as well, as a detection does when the sound as it is shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import click
import numpy as np

from synth.audio import read
from synth.channels import AmrNb, Band, Channel, Gain, Gsm, Noise, Opus, Quantise, Room
from synth.watermark.carrier import RATE, Array, powers
from synth.watermark.detect import THRESHOLD
from synth.watermark.keys import new_key
from synth.watermark.listener import Heard
from synth.watermark.reading import judge
from synth.watermark.synchronise import search, search_scaled

SECONDS = 5
START_S = 0.5
CHANNELS: tuple[Channel, ...] = (
    *(Gain(1.0), Noise(10.0), AmrNb(5900), Noise(10.0, -3.0), Gain(1.0), Gsm()),
    *(Band(None, 500.0), Band(1500.0, None), Quantise(8), Opus(12_000), Room(0.5)),
)


def scores(sound: Array, keys: int, whole: bool) -> Iterator[float]:
    """The score of unmarked sound at 16 kHz [time] under so many new keys."""
    heard = Heard(powers(sound))
    tried = [new_key() for _ in range(keys)]
    detection = [key.detection for key in tried]
    found = search(heard, detection)
    if whole:
        found = [a + b for a, b in zip(found, search_scaled(heard, detection), strict=True)]
    for key, places in zip(tried, found, strict=True):
        yield max(judge(heard, key, at).score for at in places)


def measure(paths: Sequence[Path], wanted: int, at_once: int, whole: bool) -> list[float]:
    """Scores under `wanted` keys, `at_once` of them for each recording and channel in turn."""
    made: list[float] = []
    for number, (path, channel) in enumerate(zip(cycle(paths), cycle(CHANNELS), strict=False)):
        first = int(START_S * RATE)
        sound = read(path, RATE).mono[first : first + SECONDS * RATE].astype(np.float32)
        made += scores(channel(sound, RATE, number)[0], min(at_once, wanted - len(made)), whole)
        if len(made) >= wanted:
            break
    return made


@click.command()
@click.argument("speech", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--keys", type=click.IntRange(1), default=20_000, show_default=True)
@click.option("--at-once", type=click.IntRange(1), default=250, show_default=True, help="Keys for each recording.")
@click.option("--whole", is_flag=True, help="Search other pitches and tempos as well.")
def main(speech: tuple[Path, ...], keys: int, at_once: int, whole: bool) -> None:
    """Largest scores of unmarked SPEECH under random keys."""
    made = np.sort(measure(speech, keys, at_once, whole))
    over = ", ".join(f"{int((made >= t).sum())} from {t:g} on" for t in (4.0, 4.5, THRESHOLD))
    click.echo(f"{made.size} wrong keys: mean {made.mean():.2f}, largest {made[-1]:.2f}; {over}")


if __name__ == "__main__":
    main()
