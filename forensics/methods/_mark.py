"""Reading the voiceprint watermark of a recording, and looking its issuance up in the register.

Long recordings are read in stretches of two minutes, first for presence only; then the payload is tried where the
score is highest, so that one recording costs no more candidates than `synth.watermark.payload` allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from forensics.records import GRID_S, IssuedSound, Watermark, WatermarkPayload, WatermarkSegment, on_grid
from synth.errors import VoxproofError
from synth.recording import Recording
from synth.watermark.keys import WatermarkKey, all_readable, key_ids
from synth.watermark.payload import MAX_CANDIDATES, SCHEME

if TYPE_CHECKING:
    from synth.issuance import Found
    from synth.watermark.detect import Detection

STRETCH_S = 120.0
TRIED = 4
"""Stretches of a long recording whose payload is tried."""
NAME = f"voxproof-voiceprint/{SCHEME}"
_SOUND = {
    "agrees": "The loudness over time agrees with that of the issued sound",
    "differs": "The loudness over time does not agree with that of the issued sound",
    "could_not_test": "Whether it is the issued sound could not be compared",
}
NO_KEY = "No watermark key was given (--key or VOXPROOF_KEYS)."


@dataclass(frozen=True)
class Reading:
    """What was read, and what the report draws of it."""

    mark: Watermark
    candidates: int = 0
    """Payloads whose MAC was looked at."""
    frame_scores: NDArray[np.floating] | None = None
    """The detector's statistic on the 20 ms grid [frames], nan where there is none."""


def read_mark(recording: Recording, keys: Sequence[WatermarkKey], register: Path | None = None) -> Reading:
    """The watermark of a recording under any of these keys."""
    readable = all_readable(keys)
    if not readable:
        return Reading(_untested(NO_KEY))
    found = _detected(recording, readable)
    outcome, reasons = found.outcome, tuple(_sentence(reason) for reason in found.reasons)
    mark = Watermark(
        outcome=outcome,
        scheme=NAME,
        score=_finite(found.score),
        threshold=_finite(found.threshold),
        reasons=reasons or (() if outcome != "could_not_test" else ("The detector gave no reason.",)),
    )
    if outcome == "not_found":
        said = f"No mark of {key_ids(readable)} was found (score {found.score:.1f}, threshold {found.threshold:.1f})."
        mark = mark.model_copy(update={"reasons": (said,)})
    if outcome == "found":
        mark = _looked_up(_described(mark, found, recording.seconds), found, register, recording)
    return Reading(mark, found.candidates_tried, found.frame_scores)


def _untested(reason: str) -> Watermark:
    return Watermark(outcome="could_not_test", scheme=NAME, reasons=(reason,))


def _detected(recording: Recording, keys: Sequence[WatermarkKey]) -> Detection:
    """The detector's answer for the whole recording."""
    from synth.watermark.detect import detect

    def read(at: int, tried: Sequence[WatermarkKey]) -> Detection:
        stop = recording.frames if at == len(starts) - 1 else starts[at + 1]
        return detect(recording.samples(starts[at], stop), recording.rate, tried)

    size = round(STRETCH_S * recording.rate)
    starts = [n * size for n in range(max(round(recording.frames / size), 1))]
    if len(starts) == 1:
        return read(0, keys)
    seen = [read(at, [key.public for key in keys]) for at in range(len(starts))]
    ranked = sorted(range(len(seen)), key=lambda at: -seen[at].score)
    chosen, candidates = ranked[0], 0
    for at in ranked[:TRIED] if any(key.can_issue for key in keys) else ():
        if candidates > MAX_CANDIDATES // 2:
            break
        seen[at] = read(at, keys)
        candidates += seen[at].candidates_tried
        if seen[at].authenticated:
            chosen = at
            break
    return _joined(seen, chosen, candidates)


def _joined(seen: Sequence[Detection], chosen: int, candidates: int) -> Detection:
    """The answer of the chosen stretch for the whole, with the scores and places of all.

    The score is lessened by what the best of so many stretches scores by chance.
    """
    best, chance = seen[chosen], 2 * np.log(len(seen))
    score = float(np.sqrt(max(best.score**2 - chance, 0.0))) if best.score > 0 else best.score
    outcome: Literal["found", "not_found", "could_not_test"] = "not_found"
    if all(one.outcome == "could_not_test" for one in seen):
        outcome = "could_not_test"
    elif best.authenticated or (best.outcome == "found" and score >= best.threshold):
        outcome = "found"
    curves, places = [], []
    for at, one in enumerate(seen):
        known = np.asarray(one.frame_scores, np.float64)
        whole = known if at == len(seen) - 1 else np.full(round(STRETCH_S / GRID_S), np.nan)
        whole[: len(known)] = known[: len(whole)]
        curves.append(whole)
        if outcome == "found" and one.outcome == "found":
            off = at * STRETCH_S
            places += [replace(one, start_s=one.start_s + off, end_s=one.end_s + off) for one in one.segments]
    return replace(
        best,
        score=score,
        outcome=outcome,
        frame_scores=np.concatenate(curves),
        segments=tuple(places),
        candidates_tried=candidates,
    )


def _described(mark: Watermark, found: Detection, seconds: float) -> Watermark:
    """Key, payload and place of a mark that was found."""
    said = found.payload
    spans = [(one.start_s, one.end_s) for one in found.segments] or [(0.0, seconds)]
    scores = [one.score for one in found.segments] or [found.score]
    segments = tuple(
        WatermarkSegment(start_s=one.start_s, end_s=one.end_s, score=round(_score_in(one.start_s, spans, scores), 3))
        for one in on_grid(spans, seconds)
    )
    return mark.model_copy(
        update={
            "key_id": found.key_id,
            "epoch": found.epoch,
            "authenticated": found.authenticated,
            "payload": None
            if said is None
            else WatermarkPayload(hex=said.hex, issuance_id=said.hex, voiceprint=f"{said.voiceprint_tag:02x}"),
            "segments": segments,
        }
    )


def _score_in(start: float, spans: Sequence[tuple[float, float]], scores: Sequence[float]) -> float:
    """The score of the span that a segment of the grid comes from."""
    return scores[min(range(len(spans)), key=lambda i: abs(spans[i][0] - start))]


def _looked_up(mark: Watermark, found: Detection, place: Path | None, recording: Recording) -> Watermark:
    """The mark with what the register says of its issuance, as far as it authenticates."""
    if mark.authenticated is None:
        why = "The payload is the likeliest reading and not authenticated: that needs the issuer's key."
        return mark.model_copy(update={"reasons": (why, *mark.reasons)})
    if not mark.authenticated or mark.payload is None or found.payload is None:
        why = "A mark is there, but no payload authenticates under the issuer's key: it says nothing of an issuance."
        return mark.model_copy(update={"reasons": (why, *mark.reasons), "payload": None})
    from synth.issuance import find
    from synth.register import Register

    number = found.payload.hex
    try:
        every = find(Register.open(place), number)
    except VoxproofError as error:
        why = f"Whether issuance {number} was synthesised is not known: {error}"
        return mark.model_copy(update={"reasons": (why, *mark.reasons)})
    left = [one for one in every if one.state != "withdrawn"]
    if not left:
        why = f"The payload authenticates as issuance {number}, but the register has no such issuance."
        return mark.model_copy(update={"reasons": (why, *mark.reasons), "contradictions": (why,)})
    return _registered(mark, left, number, _issued_sound(mark, left, recording))


def _issued_sound(mark: Watermark, every: Sequence[Found], recording: Recording) -> IssuedSound:
    """Whether the marked part is one of the sounds that were issued under the number."""
    from synth.contour import MOST_S, compare_contour

    start = min((one.start_s for one in mark.segments), default=0.0)
    stop = min(max((one.end_s for one in mark.segments), default=recording.seconds), start + MOST_S)
    sound = recording.excerpt(start, stop)
    try:
        found = [
            compare_contour(
                bytes.fromhex(one.contour), sound.mono, sound.rate, whole=(one.seconds or MOST_S + 1) <= MOST_S
            )
            for one in every
            if one.contour
        ]
    except (VoxproofError, ValueError) as error:
        return IssuedSound(outcome="could_not_test", reasons=(_sentence(f"{error}"),))
    if len(found) < len(every) and not any(one.outcome == "agrees" for one in found):
        return IssuedSound(outcome="could_not_test", reasons=("The register holds no contour of what was issued.",))
    best = max(found, key=lambda one: -1.0 if one.correlation is None else one.correlation)
    return IssuedSound(
        outcome=best.outcome,
        correlation=None if best.correlation is None else round(best.correlation, 3),
        shared_s=best.shared_s,
        speed=round(best.speed, 3),
        reasons=(_sentence(best.reason),) if best.reason else (),
    )


def _registered(mark: Watermark, every: Sequence[Found], number: str, sound: IssuedSound) -> Watermark:
    """What the register says; a number used for several recordings is that of marks on recordings."""
    one = every[-1]
    issued = one.issuance
    made = "synthesised" if issued.kind == "synthesised" else "a mark put on a recording"
    consent = f", consent {issued.consent_id}" if issued.consent_id else ""
    said = [f"Issuance {number}: {made}, registered {one.time[:19].replace('T', ' ')} UTC{consent}."]
    if len(every) > 1:
        said.append(f"The number was used for {len(every)} recordings; the last is named.")
    if one.state == "aborted":
        said.append(f"The stream was cut off ({one.reason}).")
    odd = []
    tag = issued.voiceprint_tag or "00"
    if mark.payload is not None and mark.payload.voiceprint != tag:
        odd.append(f"The mark names voiceprint {mark.payload.voiceprint}, the register {tag} for issuance {number}.")
    if (issued.key_id, issued.epoch) != (mark.key_id, mark.epoch):
        odd.append(f"The register has another key or epoch for issuance {number} than the mark was found with.")
    why = sound.reasons[0].rstrip(".") if sound.reasons else f"{sound.shared_s:.1f} s compared"
    said.append(f"{_SOUND[sound.outcome]} ({why}).")
    if sound.outcome == "differs":
        odd.append(
            f"The loudness over time is not that of the sound issued as {number}: the mark may have been copied here "
            "from another sound, or the sound was cut into small pieces or strongly filtered."
        )
    payload = None
    if mark.payload is not None:
        model = issued.models.get("sovits") or next(iter(issued.models.values()), None)
        payload = mark.payload.model_copy(update={"model_id": model[:8] if model else None})
    return mark.model_copy(
        update={
            "issued": issued.kind,
            "sound": sound,
            "consent_id": issued.consent_id,
            "payload": payload,
            "contradictions": tuple(odd),
            "reasons": (*said, *odd, *mark.reasons),
        }
    )


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith(".") else ".")


def _finite(value: float) -> float | None:
    return round(float(value), 4) if np.isfinite(value) else None
