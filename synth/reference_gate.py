"""The gate for references: 3 to 10 s of one voice, neither drowned in noise nor clipped.

    recording ─ measures (speech, SNR, clipping), voiceprint (one voice) ─┬─ good
                                                                          ├─ good with advice: what could be better
                                                                          └─ refused, unless accepted: cause and cure

Noise and clipping are faults that a user may accept; the issuance then says so. Length, lack of speech and a second
voice are not. Of a recording longer than 10 s the best passage between two pauses is taken, unless its text was given,
which belongs to all of it. Only the numbers of `synth.measures` and `synth.voiceprint` decide; what they measure well
and what not is in docs/sound.md and docs/voiceprint.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from synth import audio
from synth.errors import VoxproofError
from synth.matching import Heard
from synth.measures import FRAME_S, Activity, measure_activity
from synth.recording import Recording
from synth.reference_findings import Fault, ReferenceFindings
from synth.voiceprint import VoiceprintError, hear_voice
from synth.voiceprint_card import voiceprint_card

SHORTEST_S, LONGEST_S = 3.0, 10.0
"""Of a reference; the model knows no others."""
GOOD_SNR_DB, LEAST_SNR_DB = 20.0, 15.0
"""Below the first advice, below the second a refusal."""
FEW_CLIPPED, MOST_CLIPPED = 1e-4, 0.01
"""Share of clipped samples, above the first advice, above the second a refusal."""
ACCEPTABLE: frozenset[Fault] = frozenset({"noise", "clipping"})
"""What a user may accept."""
PAUSE_S, MARGIN_S = 0.12, 0.25
"""A passage ends in a pause at least so long, and keeps at most so much of it."""
TRIED = 8
"""Passages of a long recording that are measured."""


class UnfitReferenceError(VoxproofError):
    """A recording from which no voice is taken."""


@dataclass(frozen=True)
class Remark:
    """A fault of a reference."""

    fault: Fault
    cause: str
    """A clause that follows the recording's name."""
    cure: str
    """A sentence."""
    grave: bool
    """Refused for it; otherwise it is advice."""


@dataclass(frozen=True, eq=False)
class Passage:
    """What is taken of a recording, and how good it is."""

    path: Path
    heard: Heard
    """Mono samples of the passage; with the file's hash if it is the whole file."""
    findings: ReferenceFindings
    remarks: tuple[Remark, ...] = field(default=())
    """What was accepted, and what is advised."""


def fit_reference(path: str | Path, *, whole: bool = False, accept: Iterable[Fault] = ()) -> Passage:
    """The passage of a recording that a voice can be taken from; raises `UnfitReferenceError` if there is none.

    `whole`: all of it or nothing, as its text wants it. `accept`: faults among `ACCEPTABLE` that are no reason.
    """
    path, accepted = Path(path), frozenset(accept)
    if not accepted <= ACCEPTABLE:
        raise VoxproofError(f"only {' and '.join(sorted(ACCEPTABLE))} of a reference can be accepted")
    with audio.open_recording(path) as recording:
        long = recording.seconds > LONGEST_S
        if long and whole:
            _refuse(path, [_length(recording.seconds)])
        spans = passages(measure_activity(recording)) if long else [(0.0, recording.seconds)]
        found = sorted((_measured(recording, *span) for span in spans), key=_worth, reverse=True)
    best = _with_voices(found[0])
    for other in found[1:]:  # where the best holds two voices, the next may hold one
        if not _grave(best, accepted) or _grave(other, accepted):
            continue
        heard = _with_voices(other)
        best = best if _grave(heard, accepted) else heard
    grave = _grave(best, accepted)
    if grave:
        facts = best.findings
        _refuse(path, grave, f" from {facts.start_s:.1f} to {facts.end_s:.1f} s, its best passage," if long else "")
    taken = tuple(one.fault for one in best.remarks if one.grave)
    advised = tuple(one.fault for one in best.remarks if not one.grave)
    return replace(best, findings=best.findings.model_copy(update={"accepted": taken, "advice": advised}))


def passages(activity: Activity) -> list[tuple[float, float]]:
    """Stretches of a long recording, from pause to pause, as (start, end) in seconds; most speech first, none twice.

    Where nobody pauses, the first 10 s of speech.
    """
    runs = activity.segments()
    if not runs:
        return [(0.0, LONGEST_S)]
    starts, ends = np.array([run[0] for run in runs]), np.array([run[1] for run in runs])
    before = np.concatenate([[np.inf], starts[1:] - ends[:-1]])
    after = np.concatenate([before[1:], [np.inf]])
    begins = np.maximum(starts - np.minimum(before / 2, MARGIN_S), 0.0)[before >= PAUSE_S].round(3)
    stops = np.minimum(ends + np.minimum(after / 2, MARGIN_S), activity.seconds)[after >= PAUSE_S].round(3)
    spoken = np.concatenate([[0.0], np.cumsum(activity.speech) * FRAME_S])
    found = []
    for begin in begins:
        last = int(np.searchsorted(stops, begin + LONGEST_S - FRAME_S, side="right")) - 1
        if last >= 0 and stops[last] - begin >= SHORTEST_S:
            held = spoken[min(round(stops[last] / FRAME_S), len(spoken) - 1)] - spoken[round(begin / FRAME_S)]
            found.append((round(float(held), 2), float(begin), float(stops[last])))
    chosen: list[tuple[float, float]] = []
    for _, begin, end in sorted(found, key=lambda one: (-one[0], one[1])):
        if len(chosen) < TRIED and all(end <= a or begin >= b for a, b in chosen):
            chosen.append((begin, end))
    first = float(begins[0])
    return chosen or [(first, min(first + LONGEST_S, activity.seconds))]


def _measured(recording: Recording, start_s: float, end_s: float) -> Passage:
    """A passage without what its voices say."""
    all_of_it = start_s <= 0 and end_s >= recording.seconds
    with recording.part(start_s, end_s) as part:
        activity = measure_activity(part)
        samples = np.ascontiguousarray(audio.mean_of_channels(part.samples(0, part.frames)))
        file = recording.file_sha256 if all_of_it else None
        heard = Heard(samples, part.rate, file, recording.path.name)
    findings = ReferenceFindings(
        file_sha256=recording.file_sha256,
        samples_sha256=heard.samples_sha256,
        start_s=round(max(start_s, 0.0), 3),
        end_s=round(max(start_s, 0.0) + heard.seconds, 3),
        file_seconds=round(recording.seconds, 3),
        speech_seconds=round(activity.speech_seconds, 2),
        snr_db=None if activity.snr_db is None else round(activity.snr_db, 1),
        clipped_fraction=round(activity.clipped_fraction, 6),
        likeness=None,
    )
    return Passage(recording.path, heard, findings, tuple(_remarks(findings, heard.seconds, activity)))


def _remarks(found: ReferenceFindings, seconds: float, activity: Activity) -> Iterable[Remark]:
    """What the measures say against a passage; its voices are heard later."""
    if seconds < SHORTEST_S:
        yield _length(seconds)
    least = voiceprint_card().min_speech_seconds
    if activity.speech_seconds < least:
        cause = f"it holds {activity.speech_seconds:.1f} s of speech (at least {least:g} s are needed)"
        yield Remark("speech", cause, "Give a recording in which the person speaks.", True)
        return
    if activity.snr_db is not None and activity.snr_db < GOOD_SNR_DB:
        grave = activity.snr_db < LEAST_SNR_DB
        wanted = f"at least {LEAST_SNR_DB:g} dB are needed" if grave else f"{GOOD_SNR_DB:g} dB or more are better"
        cause = f"its speech is {activity.snr_db:.1f} dB above the noise ({wanted})"
        yield Remark("noise", cause, _again("Record it in a quiet room, close to the microphone", grave), grave)
    if activity.clipped_fraction > FEW_CLIPPED:
        grave = activity.clipped_fraction > MOST_CLIPPED
        wanted = f"at most {MOST_CLIPPED:.0%} is allowed" if grave else "none is better"
        cause = f"{activity.clipped_fraction:.2%} of its samples are clipped ({wanted})"
        yield Remark("clipping", cause, _again("Record it at a lower level", grave), grave)


def _length(seconds: float) -> Remark:
    cause = f"it is {seconds:.1f} s long ({SHORTEST_S:g} to {LONGEST_S:g} s are needed)"
    if seconds < SHORTEST_S:
        return Remark("length", cause, "Record some sentences more.", True)
    cure = "Cut recording and text to one passage, or leave the text out: then the best passage is taken."
    return Remark("length", cause, cure, True)


def _again(what: str, grave: bool) -> str:
    return f"{what}, or take it as it is with --accept-noise; the issuance will say so." if grave else f"{what}."


def _with_voices(passage: Passage) -> Passage:
    """The passage with what its voices say."""
    if any(one.fault == "speech" for one in passage.remarks):
        return passage
    try:
        voice = hear_voice(passage.heard.samples, passage.heard.rate)
    except VoiceprintError as error:
        remark = Remark("speech", error.cause, error.cure, True)
        return replace(passage, remarks=(*passage.remarks, remark))
    likeness = None if voice.likeness_of_halves is None else round(voice.likeness_of_halves, 3)
    passage = replace(passage, findings=passage.findings.model_copy(update={"likeness": likeness}))
    if voice.one_voice is not False:
        return passage
    least = voiceprint_card().one_voice.cosine
    cause = f"it seems to hold more than one voice (likeness {likeness}, of one voice {least:g} or more)"
    remark = Remark("voices", cause, "Give a passage in which one person speaks.", True)
    return replace(passage, remarks=(*passage.remarks, remark))


def _refuse(path: Path, grave: Sequence[Remark], where: str = "") -> NoReturn:
    cause = f"cannot be the reference:{where} {'; '.join(one.cause for one in grave)}"
    raise UnfitReferenceError(cause, path=path, cure=" ".join(dict.fromkeys(one.cure for one in grave)))


def _grave(passage: Passage, accepted: frozenset[Fault]) -> Sequence[Remark]:
    """What it is refused for."""
    return [one for one in passage.remarks if one.grave and one.fault not in accepted]


def _worth(passage: Passage) -> tuple[int, int, float]:
    """Fewer refusals, then less advice, then more speech."""
    grave = sum(one.grave for one in passage.remarks)
    return -grave, grave - len(passage.remarks), passage.findings.speech_seconds
