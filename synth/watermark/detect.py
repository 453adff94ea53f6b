"""Find a mark, read and authenticate its payload, and say where in the sound it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from synth.watermark.carrier import CHIP, HOP, RATE, Array, converted, powers
from synth.watermark.coding import decode, encode
from synth.watermark.keys import WatermarkKey, all_readable
from synth.watermark.listener import Heard
from synth.watermark.payload import Attempts, Payload, seal, unsealed
from synth.watermark.places import FRAME_S, Segment, curve, stretches
from synth.watermark.reading import Reading, judge
from synth.watermark.synchronise import search, search_scaled

THRESHOLD = 5.2
"""Frozen: the score from which a mark counts as found; docs/validation/watermark.md has its false alarms."""
SURE = 9.0
"""A score at the nominal pitch and tempo from which no other is tried."""
SHORTEST_SECONDS = 0.8
WINDOW_SECONDS = 12.0
"""Longer sounds are read window by window, of at least this length but for the last, and their payloads combined."""
LIST_SIZE = 32
LONG_LIST, LONG_SECONDS = 384, 4.0
"""Paths kept in a last try on the best window, if a mark is there and there is sound enough to spend the time on."""
HOPELESS = 4.2
"""A score below which the payload of a single window is not tried."""
ALIGNMENTS = 3
"""Alignments per window whose payload is tried, best first."""
Outcome = Literal["found", "not_found", "could_not_test"]


@dataclass(frozen=True)
class Detection:
    """What was found of a mark in a sound."""

    score: float
    """Largest score of an alignment (`synth.watermark.reading`), less what many windows add by chance."""
    threshold: float
    outcome: Outcome
    key_id: str | None = None
    """The key that it was found with; None if not found."""
    epoch: int | None = None
    payload: Payload | None = None
    """What the mark says; None if it could not be read. Without `authenticated` it is the most likely reading."""
    authenticated: bool | None = None
    """Whether the payload's MAC is right; None: no mark, or no MAC key at hand."""
    pitch: float = 1.0
    """Factor by which frequencies were changed after marking."""
    tempo: float = 1.0
    """Factor by which the sound was made faster after marking."""
    frame_scores: Array = field(default_factory=lambda: np.zeros(0, np.float32))
    """[frames of 20 ms]: the score of the half second around each."""
    segments: tuple[Segment, ...] = ()
    candidates_tried: int = 0
    """Payloads whose MAC was looked at; see `synth.watermark.payload.CHANCE`."""
    reasons: tuple[str, ...] = ()


def detect(samples: npt.ArrayLike, rate: int, keys: Sequence[WatermarkKey]) -> Detection:
    """Samples [frames, channels] (or [frames]) at `rate` Hz, and the keys to try -> what was found."""
    sound = np.asarray(samples, np.float32)
    sound = sound[:, None] if sound.ndim == 1 else sound
    readable = all_readable(keys)
    reason = _untestable(sound, rate, readable)
    if reason:
        return Detection(0.0, THRESHOLD, "could_not_test", reasons=(reason,))
    mono = converted(_mixed(sound), rate, RATE)
    windows = _windows(mono.size)
    readings = [_read(Heard(powers(mono[low:high])), readable) for low, high in windows]
    best = max((r for window in readings for r in window), key=lambda r: r.score)
    score = float(np.sqrt(max(best.score**2 - 2 * np.log(len(windows)), 0.0)))
    attempts = Attempts()
    proof = _proof(readings, attempts)
    if score < THRESHOLD and proof is None:
        curves = [_curve(window[0], low, high) for window, (low, high) in zip(readings, windows, strict=True)]
        return Detection(
            score,
            THRESHOLD,
            "not_found",
            frame_scores=_joined(curves, mono.size),
            candidates_tried=attempts.tried,
            reasons=(f"no mark of {len(readable)} key epochs: score {score:.1f} below {THRESHOLD:g}",),
        )
    key, payload = (proof[0].key, proof[1]) if proof else (best.key, None)
    authenticated = True if proof else None if key.mac_secret is None else False
    coded = encode(seal(payload, key)) if payload else None
    if payload is None and key.mac_secret is None:
        payload = unsealed(decode(best.soft_bits([(0, best.tiles.chips)]), LIST_SIZE)[0])
    curves, segments = [], []
    for window, (low, high) in zip(readings, windows, strict=True):
        reading = max((r for r in window if r.key == key), key=lambda r: r.score)
        curves.append(_curve(reading, low, high, coded))
        segments += _segments(reading, low / RATE, high / RATE, coded)
    return Detection(
        score,
        THRESHOLD,
        "found",
        key.key_id,
        key.epoch,
        payload,
        authenticated,
        (proof[0] if proof else best).at.pitch,
        (proof[0] if proof else best).at.tempo,
        _joined(curves, mono.size),
        tuple(segments),
        attempts.tried,
        () if authenticated is not False else ("a mark is there, but no payload of this key could be read from it",),
    )


def _untestable(sound: Array, rate: int, keys: Sequence[WatermarkKey]) -> str:
    """Why nothing can be said, or nothing."""
    if not keys:
        return "no watermark key was given"
    if sound.ndim != 2 or sound.shape[1] == 0 or not np.isfinite(sound).all():
        return "this is no sound [frames, channels] of finite samples"
    if sound.shape[0] < SHORTEST_SECONDS * rate:
        return f"{sound.shape[0] / rate:.2f} s are too short: a mark shows from {SHORTEST_SECONDS:g} s on"
    if float(np.mean(sound.astype(np.float64) ** 2)) < 1e-11:
        return "the sound is silence"
    return ""


def _mixed(sound: Array) -> Array:
    """[frames, channels] -> [frames]: the mean, or the loudest channel where channels cancel."""
    mean: Array = sound.mean(axis=1)
    energy = np.mean(sound**2, axis=0)
    if float(np.mean(mean**2)) < 0.25 * float(energy.mean()):
        mean = np.ascontiguousarray(sound[:, int(np.argmax(energy))])
    return mean


def _windows(samples: int) -> list[tuple[int, int]]:
    """Stretches of equal length, at least WINDOW_SECONDS long if there are several."""
    count = max(int(samples / RATE / WINDOW_SECONDS), 1)
    borders = np.linspace(0, samples, count + 1).astype(int)
    return list(zip(borders[:-1].tolist(), borders[1:].tolist(), strict=True))


def _read(heard: Heard, keys: Sequence[WatermarkKey]) -> list[Reading]:
    """The best alignments of one window, of all keys, best first; other pitches and tempos only if they are needed."""
    detection = [key.detection for key in keys]
    places = search(heard, detection)
    readings = [judge(heard, key, at) for key, found in zip(keys, places, strict=True) for at in found]
    if max(r.score for r in readings) < SURE:
        places = search_scaled(heard, detection)
        readings += [judge(heard, key, at) for key, found in zip(keys, places, strict=True) for at in found]
    return sorted(readings, key=lambda r: -r.score)


def _proof(readings: list[list[Reading]], attempts: Attempts) -> tuple[Reading, Payload] | None:
    """The first payload that authenticates: of single windows, best first, then of the windows that agree together."""
    able = [[r for r in window if r.key.can_issue][:ALIGNMENTS] for window in readings]
    single = sorted((r for window in able for r in window), key=lambda r: -r.score)
    trials: list[tuple[Reading, Array]] = []
    for reading in [r for r in single if r.score >= HOPELESS][:8]:
        trials.append((reading, reading.soft_bits([(0, reading.tiles.chips)])))
        at = reading.tiles.chip(reading.at.start), reading.tiles.chip(reading.at.end)
        marked = stretches(reading.evidence(), *at)
        if sum(end - start for start, end in marked) < 0.8 * reading.tiles.chips:
            trials.append((reading, reading.soft_bits(marked)))
    for first in range(0, len(trials), 2):
        batch = trials[first : first + 2]
        lists = decode(np.stack([soft for _, soft in batch]), LIST_SIZE)
        for (reading, _), candidates in zip(batch, lists, strict=True):
            payload = attempts.authenticate(candidates, reading.key)
            if payload is not None:
                return reading, payload
    if not single:
        return None
    lead = single[0]
    if lead.score >= THRESHOLD and lead.tiles.chips * CHIP * HOP / RATE >= LONG_SECONDS:
        soft = lead.soft_bits([(0, lead.tiles.chips)])
        payload = attempts.authenticate(decode(soft, LONG_LIST), lead.key)
        if payload is not None:
            return lead, payload
    if len(readings) > 1:
        agreeing = [next((r for r in window if _agree(r, lead)), None) for window in able]
        total = np.sum([r.soft_bits([(0, r.tiles.chips)]) for r in agreeing if r], axis=0)
        payload = attempts.authenticate(decode(total, LIST_SIZE), lead.key)
        if payload is not None:
            return lead, payload
    return None


def _agree(a: Reading, b: Reading) -> bool:
    """Whether two windows seem to hold one mark, changed alike."""
    return a.key == b.key and abs(a.at.pitch / b.at.pitch - 1) < 0.04 and abs(a.at.tempo / b.at.tempo - 1) < 0.02


def _segments(reading: Reading, low_s: float, high_s: float, coded: npt.ArrayLike | None) -> list[Segment]:
    """Marked stretches of one window, on the 20 ms grid."""
    evidence = reading.evidence(coded)
    surely = reading.tiles.chip(reading.at.start), reading.tiles.chip(reading.at.end)
    found = []
    for start, end in stretches(evidence, *surely):
        score = evidence.score(start, end)
        if score < THRESHOLD:
            continue
        first = round((low_s + max(reading.second(start), 0.0)) / FRAME_S) * FRAME_S
        last = round(min(low_s + reading.second(end), high_s) / FRAME_S) * FRAME_S
        if last > first:
            found.append(Segment(round(first, 2), round(last, 2), score))
    return found


def _curve(reading: Reading, low: int, high: int, coded: npt.ArrayLike | None = None) -> Array:
    """Scores of one window, samples `low` to `high` -> [frames of 20 ms from its start]."""
    chip_s = CHIP * HOP / RATE / reading.at.tempo
    return curve(reading.evidence(coded), chip_s, reading.second(0), (high - low) / RATE)


def _joined(curves: list[Array], samples: int) -> Array:
    """The windows' curves, one after another, over the whole sound -> [frames of 20 ms]."""
    frames = int(np.ceil(samples / RATE / FRAME_S))
    whole = np.concatenate(curves)[:frames]
    return np.pad(whole, (0, frames - whole.size), mode="edge").astype(np.float32)
