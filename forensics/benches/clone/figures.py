"""Figures of the cloned voice's bench, from its rows; the page and the picture show the same ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from forensics.benches.clone import codes, likeness
from forensics.benches.clone.clips import LEVELS_DB
from forensics.benches.clone.kept import Kept
from forensics.benches.clone.likeness import Placed, Print
from forensics.benches.clone.words import Said

BOOTSTRAPS = 1000


def letter_rate(said: Sequence[Said]) -> float:
    """Errors over letters, all clips together."""
    return sum(one.errors for one in said) / max(sum(one.letters for one in said), 1)


def letters(said: Sequence[Said]) -> str:
    """`4.2 % [3.1, 5.6]`: the rate, and its 2.5th and 97.5th percentiles over clips drawn again."""
    if not said:
        return "–"
    errors, count = (np.array([getattr(one, name) for one in said], float) for name in ("errors", "letters"))
    drawn = np.random.default_rng(0).integers(0, len(said), (BOOTSTRAPS, len(said)))
    rates = errors[drawn].sum(axis=1) / np.maximum(count[drawn].sum(axis=1), 1)
    low, high = np.percentile(rates, (2.5, 97.5))
    return f"{100 * letter_rate(said):.1f} % [{100 * low:.1f}, {100 * high:.1f}]"


def placed_of(kept: Kept, way: str, shuffled: bool = False) -> list[Placed]:
    """The voiceprints of one way's clips (of "take": of the references) among the voices."""
    prints = kept.prints.every
    asked = [one for one in prints if way_of(one.identity) == way and one.role in ("clip", "reference")]
    against = likeness.shuffled([one.voice for one in asked], recorded(prints)) if shuffled else None
    if against is not None:
        asked = [one for one in asked if one.voice in against]
    return likeness.placed(asked, prints, against) if asked and recorded(prints) else []


def recorded(prints: Iterable[Print]) -> list[Print]:
    return [one for one in prints if one.role != "clip"]


def way_of(identity: str) -> str:
    return "take" if identity.startswith("take/") else identity.partition("-")[0]


def said_of(kept: Kept, way: str) -> list[Said]:
    return [one for one in kept.said.every if way_of(one.identity) == way]


def noise_rows(kept: Kept) -> list[tuple[int, int, float, float, int]]:
    """By ratio of reference to noise: clips, letter errors, mean cosine (nan: not measured), refused."""
    near = {one.identity: one.cosine for one in placed_of(kept, "noisy")}
    said = {one.identity: one for one in said_of(kept, "noisy")}
    rows = []
    for level in LEVELS_DB:
        clips = [clip for clip in kept.clips.every if clip.way == "noisy" and clip.snr_db == level]
        let_out = [clip for clip in clips if not clip.refused]
        heard = [said[clip.identity] for clip in let_out if clip.identity in said]
        cosines = [near[clip.identity] for clip in let_out if clip.identity in near]
        rate = letter_rate(heard) if heard else float("nan")
        rows.append((level, len(let_out), rate, mean(cosines), len(clips) - len(let_out)))
    return rows


def agreements(kept: Kept) -> dict[tuple[str, str], list[float]]:
    """By change and source ("clone", "human"): each clip's share of codes that stay."""
    by_clip: dict[str, dict[str, tuple[int, ...]]] = {}
    sources: dict[str, str] = {}
    for row in kept.recoded.every:
        name = row.identity.rpartition("|")[0]
        by_clip.setdefault(name, {})[row.change], sources[name] = row.codes, row.source
    found: dict[tuple[str, str], list[float]] = {}
    for name, heard in by_clip.items():
        clip = kept.clips.get(name)
        if clip is not None and clip.way == "clone" and "none" in heard:
            found.setdefault(("drawn", "clone"), []).append(codes.drawn_agreement(clip, heard["none"]))
        for change in (*codes.AFTER[1:], codes.ANOTHER):
            if change in heard and "none" in heard:
                same = codes.agreement(heard["none"], heard[change])
                found.setdefault((change, sources[name]), []).append(same)
    return found


def mean(values: Iterable[float]) -> float:
    known = list(values)
    return float(np.mean(known)) if known else float("nan")
