"""Another voice: a place from which the speech is that of someone else.

A conversation has several voices and nothing is wrong with it; a statement of one person has not. So a change is named,
not held against the recording. Two cues have to agree. Up to 8 s of speech on either side of every place are compared
by cepstra and pitch (detectors/voices.py), and the places where they differ most are looked for as in S. Chen,
P. Gopalakrishnan, "Speaker, environment and channel change detection and clustering via the Bayesian information
criterion", 1998. There a speaker network, which is to hear whose voice it is whatever the mood, compares the 4.8 s of
speech before with those after (synth/voiceprint_network.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import soxr
from numpy.typing import NDArray

from detectors.inference import RATE
from detectors.voices import HEARD, HOP, difference, likeness, log_lr, sums, voice_frames, voice_model
from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, instants
from forensics.records import GRID_S, Figure, Finding, Measurement, ModelFacts, Scalar, Segment

SIDE, LEAST, STEP = 400, 160, 10
"""Frames of speech (20 ms) on either side at most and at least, and between the places tried."""
WINDOWS = 3
"""Most windows that the network hears on either side; the least are those in `LEAST` frames."""
FARTHEST_S = 30.0
"""Speech farther from a place is not heard, seconds."""
HEARD_EVERY_S = 10.0
"""One place is heard, and one more for every so many seconds: a bound on the work."""

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


class SpeakerChange(Method):
    """Changes of voice."""

    id = "speech.speaker-change"
    version = "2"
    title = "Change of speaker"
    purpose = "Looks for places from which the speech is that of another voice; ordinary in a conversation."
    bears_on: Literal["integrity", "origin", "quality"] = "quality"  # type: ignore[misc]
    domain = Domain(min_speech_s=2 * LEAST * GRID_S, min_snr_db=10.0)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        model = voice_model()
        return {
            "threshold_log_lr": model.threshold,
            "threshold_likeness": model.likeness,
            "voiceprint_sha256": model.voiceprint,
            "least_side_s": LEAST * GRID_S,
            "longest_side_s": SIDE * GRID_S,
        }

    @property
    def models(self) -> tuple[ModelFacts, ...]:
        return (ModelFacts(name=self.id, version=self.version, sha256=voice_model().sha256),)

    def examine(self, exhibit: Exhibit) -> Finding:
        """Natural-log LR of "two speakers" at all places; at the highest, the likeness that the network hears."""
        model = voice_model()
        running, known, place = self._spoken(exhibit, exhibit.activity.speech)
        tried = np.arange(LEAST, len(place) - LEAST + 1, STEP)
        scores = np.array([self._score(running, known, int(at)) for at in tried])
        heard = [
            (float(place[at]) * GRID_S, self._likeness(exhibit, place, at))
            for at in self._unlike(tried, scores, 1 + int(exhibit.seconds / HEARD_EVERY_S))
        ]
        where = sorted(at for at, alike in heard if alike is not None and alike <= model.likeness)
        least = min((alike for _, alike in heard if alike is not None), default=None)
        measurements: dict[str, Measurement] = {
            "changes": len(where),
            "changes_at_s": tuple(round(at, 2) for at in where[:50]),
            "largest_log_lr": round(float(scores.max()), 1) if scores.size else None,
            "places_heard": len(heard),
            "least_likeness": None if least is None else round(least, 3),
            "speech_compared_s": round(len(place) * GRID_S, 2),
        }
        if where:
            reasons = [
                f"From {instants(where)} the speech sounds like another voice. Several speakers are ordinary in a "
                "conversation; in a statement of one person they are not. A strong change of mood, of distance or of "
                "the microphone can look the same."
            ]
        else:
            reasons = [
                "No place was found from which the speech is clearly that of another voice: consistent with one "
                f"speaker. Similar voices are not told apart, nor those heard for less than {LEAST * GRID_S:g} s."
            ]
        return self.finding(
            "consistent",
            exhibit=exhibit,
            reasons=reasons,
            traces=[f"another voice from about {at:.1f} s" for at in where[:5]],
            measurements=measurements,
            segments=[Segment(start_s=max(at - 0.5, 0.0), end_s=at + 0.5, note="another voice") for at in where],
            figures=[self._figure(GRID_S * place[tried].astype(np.float64), scores, where)],
        )

    def _score(self, running: Floats, known: Places, at: int) -> float:
        """Natural-log LR of two speakers, before and after a place."""
        first, here, last = np.searchsorted(known, (max(at - SIDE, 0), at, min(at + SIDE, int(known[-1])))).tolist()
        return log_lr(voice_model(), *difference(running, (first, here), (here, last)))

    def _unlike(self, tried: Places, scores: Floats, most: int) -> list[int]:
        """The places whose sides differ by more than the threshold, the strongest first, none within another's side."""
        left = scores.copy()
        found: list[int] = []
        while left.size and len(found) < most and left.max() > voice_model().threshold:
            best = int(left.argmax())
            found.append(int(tried[best]))
            left[np.abs(tried - tried[best]) < WINDOWS * HEARD] = -np.inf
        return found

    def _likeness(self, exhibit: Exhibit, place: Places, at: int) -> float | None:
        """Cosine of the voices before and after a place; None where either side has too little speech near it."""
        most, far = WINDOWS * HEARD, round(FARTHEST_S / GRID_S)
        sides = []
        for frames in (place[max(at - most, 0) : at], place[at : at + most]):
            near = frames[np.abs(frames - place[at]) <= far]
            count = len(near) // HEARD * HEARD
            if count < LEAST:
                return None
            near = near[-count:] if near[0] < place[at] else near[:count]
            sound = exhibit.recording.excerpt(near[0] * GRID_S, (near[-1] + 1) * GRID_S)
            mono = soxr.resample(sound.mono, sound.rate, RATE).astype(np.float32)
            mono = np.pad(mono, (0, max(int(near[-1] + 1 - near[0]) * HOP - len(mono), 0)))
            samples = ((near - near[0])[:, None] * HOP + np.arange(HOP)).ravel()
            sides.append(mono[samples].reshape(-1, HEARD * HOP))
        return likeness(*sides)

    def _spoken(self, exhibit: Exhibit, speech: NDArray[np.bool_]) -> tuple[Floats, Places, Places]:
        """Running sums over the frames of speech, only where a side can begin or end: [places, 34] and after how many
        frames; then the places of all frames on the 20 ms grid. Read in blocks.
        """
        total = np.zeros(0)
        kept: list[Floats] = []
        known: list[NDArray[np.int64]] = []
        places: list[NDArray[np.int64]] = []
        first = spoken = 0
        for block in exhibit.recording.resampled(RATE, seconds=20.0):
            count = len(block) // HOP
            mask = speech[first : first + count]
            if mask.any():
                running = sums(voice_frames(block, len(mask))[mask])
                if total.size:
                    running += total
                after = spoken + np.arange(len(running))
                wanted = (after == 0) | (after % STEP == LEAST % STEP)
                wanted[-1] = False  # the next block begins with it
                kept.append(running[wanted])
                known.append(after[wanted])
                total, spoken = running[-1], int(after[-1])
                places.append(first + np.flatnonzero(mask))
            first += count
        return np.concatenate([*kept, total[None]]), np.append(np.concatenate(known), spoken), np.concatenate(places)

    def _figure(self, times: Floats, scores: Floats, changes: list[float]) -> Figure:
        return Figure(
            kind="time",
            title="Unlikeness of the voices before and after each place",
            x_label="time (s)",
            y_label="ln LR (+ two speakers)",
            series=(curve("", times, scores, digits=2),),
            marks=tuple((round(at, 2), "another voice") for at in changes[:20]),
            levels=((voice_model().threshold, "heard from here"),),
        )
