"""Whether a sound is told from another by the contour in the register: the figures of docs/watermark-contour.md.

    python -m forensics.benches.contour --human FOLDER [--first 0] [--voices 24] [--seconds 5]

FOLDER has an index.csv of recordings of people. The voices are those that the mark was developed on (LibriSpeech
train-clean-100, by path): never those of `voxproof bench watermark`. Each clip is issued, goes through every attack of
that bench, and is compared with its own contour and with those of the voices after it, which is what a copied mark
leads to: the residual changes a sound too little to change its contour.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from detectors.metrics import wilson_interval
from forensics.benches.battery.clips import listed_clips
from forensics.benches.watermark.attacks import ATTACKS, RATE
from forensics.benches.watermark.material import DEVELOPED_ON
from synth.audio import read
from synth.channels.base import FloatArray
from synth.contour import AGREES, DIFFERS, compare_contour, contour_of

OTHERS = 4
"""Contours of other voices that every attacked clip is compared with."""
SKIPPED = ("1 s excerpt",)
"""Attacks that leave less than can be compared."""


@dataclass(frozen=True)
class Row:
    """One attack: what was said of the sounds that were issued, and of others."""

    attack: str
    own: tuple[tuple[str, float], ...]
    """Outcome and correlation of each clip against its own contour."""
    others: tuple[tuple[str, float], ...]
    """The same against contours of other clips."""


def measured(clips: Sequence[FloatArray], names: Sequence[str] = ()) -> Iterator[Row]:
    """Every attack (or those named) on every clip [time] at 16 kHz."""
    stored = [contour_of(clip, RATE) for clip in clips]
    for attack in ATTACKS:
        if attack.name in SKIPPED or (names and attack.name not in names):
            continue
        own, others = [], []
        for at, clip in enumerate(clips):
            heard = attack(clip, at)
            own.append(_said(stored[at], heard))
            others += [_said(stored[(at + step) % len(clips)], heard) for step in range(1, min(OTHERS + 1, len(clips)))]
        yield Row(attack.name, tuple(own), tuple(others))


def _said(stored: bytes, heard: FloatArray) -> tuple[str, float]:
    found = compare_contour(stored, heard, RATE)
    return found.outcome, -1.0 if found.correlation is None else found.correlation


def development(folder: Path, first: int, number: int, seconds: float) -> list[FloatArray]:
    """Clips of the voices that the mark was developed on, those long enough, in the order of their paths."""
    known = sorted(one.path for one in listed_clips(folder) if one.source == "librispeech_tc100")[:DEVELOPED_ON]
    clips: list[FloatArray] = []
    for path in known:
        sound = read(path, rate=RATE).mono
        start = RATE // 2
        if len(sound) >= start + seconds * RATE:
            clips.append(np.asarray(sound[start : start + round(seconds * RATE)], np.float32))
        if len(clips) == first + number:
            break
    return clips[first:]


def table(rows: Sequence[Row]) -> str:
    """In Markdown, with everything pooled at the end."""
    lines = [
        "| attack | n | agrees | differs | lowest | n of others | agrees | differs | highest |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    every = Row(
        "all", tuple(said for one in rows for said in one.own), tuple(said for one in rows for said in one.others)
    )
    for row in (*rows, every):
        said: list[object] = [len(row.own), *_shares(row.own), f"{min(value for _, value in row.own):.2f}"]
        said += [len(row.others), *_shares(row.others), f"{max(value for _, value in row.others):.2f}"]
        lines.append(f"| {row.attack} | {' | '.join(map(str, said))} |")
    return "\n".join(lines)


def _shares(said: Sequence[tuple[str, float]]) -> tuple[str, str]:
    """How many agree, and how many differ."""
    counted = Counter(outcome for outcome, _ in said)
    return share(counted["agrees"], len(said)), share(counted["differs"], len(said))


def share(hits: int, n: int) -> str:
    """In per cent with its 95 % Wilson interval."""
    low, high = wilson_interval(hits, n)
    return f"{100 * hits / n:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--human", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--first", type=int, default=0, help="Voices left out at the beginning.")
    parser.add_argument("--voices", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--attack", action="append", default=[], help="Only this attack; repeatable.")
    asked = parser.parse_args()
    clips = development(asked.human, asked.first, asked.voices, asked.seconds)
    print(f"{len(clips)} voices, {asked.seconds:g} s; agrees from {AGREES:g} on, differs below {DIFFERS:g}.\n")
    print(table(list(measured(clips, asked.attack))))


if __name__ == "__main__":
    main()
