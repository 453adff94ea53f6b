"""The codes that are heard in sound: how many survive a channel, and whether the mark in the tokens is found in them.

A clip is encoded again by the cloner's own content encoder, as it left and after each change; so are recordings of
people. For the mark, clips are put behind one another and cut into stretches of 3, 5, 10 and 30 s. It counts as found
at p <= 1e-3, all variants together; the p-value is exact (synth/watermark/tokens.py), and is tried on unmarked sound
and wrong keys here. A clip that does not begin where a code began is heard from four places, 10 ms apart, of which the
smallest p-value counts, times four.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from forensics.benches.clone.clips import Clip
from forensics.benches.clone.making import CODES_A_SECOND, codes_of, said_again
from forensics.benches.clone.marks import CHANGES
from forensics.benches.watermark.run import bench_key
from synth.channels.base import FloatArray
from synth.clone import Cloner
from synth.reference import Reference
from synth.watermark.keys import WatermarkKey
from synth.watermark.tokens import detect_tokens, log10_of_any

RATE = 16_000
AFTER = ("none", "MP3 64k", "Opus 24k", "G.711 µ-law", "white noise 20 dB")
"""What sound goes through before it is heard again."""
ANOTHER = "our decoder, another voice"
LATER = "17 ms cut off"
LATER_S, OFFSETS_S = 0.017, (0.0, 0.010, 0.020, 0.030)
SECONDS = (3, 5, 10, 30)
FOUND_LOG10_P = -3.0
WRONG_KEYS = 8


@dataclass(frozen=True)
class Recoded:
    """The codes of a clip or a recording after a change."""

    identity: str
    """Clip or recording, and the change, with a bar between them."""
    change: str
    source: str
    """The way of the clip, or "human"."""
    codes: tuple[int, ...]


@dataclass(frozen=True)
class Tested:
    """One stretch tested for the mark in its tokens."""

    identity: str
    change: str
    source: str
    seconds: int
    own: bool
    """Under the key of the bench; otherwise under a wrong one."""
    log10_p: float


def changes_of(source: str) -> tuple[str, ...]:
    """What is tried on the sound of a source."""
    if source == "clone":
        return (*AFTER, *(f"{LATER} +{offset:g}" for offset in OFFSETS_S), ANOTHER)
    return AFTER if source == "human" else ("none",)


def recoded(
    identity: str, source: str, samples: FloatArray, change: str, seed: int, cloner: Cloner, text: str = "",
    other: Reference | None = None,
) -> list[Recoded]:  # fmt: skip
    """Samples [time] at 16 kHz -> their codes after a change; nothing where the models cannot make it."""
    if change == ANOTHER:
        if other is None:
            return []
        again = said_again(cloner, codes_of(cloner, torch.from_numpy(samples)), text, other)
        sound = Reference(again, 32_000).for_content()
    elif change.startswith(LATER):
        sound = torch.from_numpy(samples[round((LATER_S + float(change.rpartition("+")[2])) * RATE) :].copy())
    else:
        sound = torch.from_numpy(CHANGES[change](samples, seed))
    codes = tuple(codes_of(cloner, sound).tolist())
    return [Recoded(f"{identity}|{change}", change, source, codes)]


def agreement(one: Sequence[int], other: Sequence[int]) -> float:
    """Share of the codes of `one` that `other` has in the same place."""
    same = sum(a == b for a, b in zip(one, other, strict=False))
    return same / len(one) if one else 1.0


def drawn_agreement(clip: Clip, heard: Sequence[int]) -> float:
    """Share of the tokens that were drawn for a clip that are heard in its sound, where their pieces lie."""
    kept = [
        agreement(piece, heard[round(start) : round(start) + len(piece)]) * len(piece)
        for piece, start in zip(clip.codes, clip.starts, strict=True)
    ]
    return sum(kept) / max(sum(map(len, clip.codes)), 1)


def tested(clips: Sequence[Clip], rows: Sequence[Recoded], key: WatermarkKey, seed: int) -> Iterator[Tested]:
    """Every stretch of every length: marked under the own key, unmarked and marked under wrong ones."""
    drawn = [code for clip in clips if clip.way == "clone" for piece in clip.codes for code in piece]
    yield from _stretches("as drawn", "clone", [drawn], [key], own=True)
    for change in (*AFTER, ANOTHER):
        yield from _stretches(change, "clone", _joined(rows, "clone", change), [key], own=True)
    shifted = _joined(rows, "clone", *(f"{LATER} +{offset:g}" for offset in OFFSETS_S))
    yield from _stretches(LATER, "clone", shifted[:1], [key], own=True)
    yield from _stretches(f"{LATER}, four places tried", "clone", shifted, [key], own=True)
    wrong = [bench_key(seed, f"wrong {n}") for n in range(WRONG_KEYS)]
    for source in ("human", "plain", "clone"):
        keys = wrong if source == "clone" else [key, *wrong]
        yield from _stretches("none", source, _joined(rows, source, "none"), keys, own=False)


def _joined(rows: Iterable[Recoded], source: str, *changes: str) -> list[list[int]]:
    """For each change the codes of all clips behind one another; each clip as long as it is after every change."""
    clips: dict[str, dict[str, tuple[int, ...]]] = {}
    for row in rows:
        if row.source == source and row.change in changes:
            clips.setdefault(row.identity.rpartition("|")[0], {})[row.change] = row.codes
    whole = [clip for clip in clips.values() if len(clip) == len(changes)]
    lengths = [min(map(len, clip.values())) for clip in whole]
    return [
        [code for clip, length in zip(whole, lengths, strict=True) for code in clip[change][:length]]
        for change in changes
    ]


def _stretches(
    change: str, source: str, heard: Sequence[Sequence[int]], keys: Sequence[WatermarkKey], *, own: bool
) -> Iterator[Tested]:
    """Stretches of codes that were heard from several places, which are tested together."""
    for seconds in SECONDS:
        size = seconds * CODES_A_SECOND
        for n in range(min(map(len, heard)) // size):
            for number, key in enumerate(keys):
                found = [detect_tokens(np.array(codes[n * size : (n + 1) * size]), [key]) for codes in heard]
                best = min((one.log10_p for one in found if one is not None), default=0.0)
                p = log10_of_any(best, len(heard))
                yield Tested(f"{change}|{source}|{seconds}|{n}|{number}", change, source, seconds, own, round(p, 4))
