"""Another voice: a place from which the speech is that of someone else.

A conversation has several voices and nothing is wrong with it; a statement of one person has not. So a change is named,
not held against the recording. Up to 8 s of speech on either side of every place are compared by cepstra and pitch
(detectors/voices.py); the place where they differ most is searched as in S. Chen, P. Gopalakrishnan, "Speaker,
environment and channel change detection and clustering via the Bayesian information criterion", 1998.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.inference import RATE
from detectors.voices import HOP, difference, log_lr, sums, voice_frames, voice_model
from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._frames import curve, instants
from forensics.records import GRID_S, Figure, Finding, Measurement, ModelFacts, Scalar, Segment

SIDE, LEAST, STEP = 400, 75, 10
"""Frames of speech (20 ms) on either side at most and at least, and between the places tried."""

Floats = NDArray[np.float64]


class SpeakerChange(Method):
    """Changes of voice."""

    id = "speech.speaker-change"
    version = "1"
    title = "Change of speaker"
    purpose = "Looks for places from which the speech is that of another voice; ordinary in a conversation."
    bears_on: Literal["integrity", "origin", "quality"] = "quality"  # type: ignore[misc]
    domain = Domain(min_speech_s=3.0, min_snr_db=10.0)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {"threshold_log_lr": voice_model().threshold, "longest_side_s": SIDE * GRID_S}

    @property
    def models(self) -> tuple[ModelFacts, ...]:
        return (ModelFacts(name=self.id, version=self.version, sha256=voice_model().sha256),)

    def examine(self, exhibit: Exhibit) -> Finding:
        """Largest natural-log LR of "two speakers" over all places, and every place above the threshold."""
        model = voice_model()
        speech = exhibit.activity.speech
        running, known, place = self._spoken(exhibit, speech)
        tried = np.arange(LEAST, len(place) - LEAST, STEP)
        scores = np.array([self._score(running, known, int(at)) for at in tried])
        changes: list[tuple[float, float]] = []
        left = scores.copy()
        while left.size and left.max() > model.threshold:
            best = int(left.argmax())
            changes.append((float(place[tried[best]]) * GRID_S, float(left[best])))
            left[np.abs(tried - tried[best]) < SIDE // 2] = -np.inf
        changes.sort()
        where = [at for at, _ in changes]
        measurements: dict[str, Measurement] = {
            "changes": len(changes),
            "changes_at_s": tuple(round(at, 2) for at in where[:50]),
            "largest_log_lr": round(float(scores.max()), 1) if scores.size else None,
            "speech_compared_s": round(len(place) * GRID_S, 2),
        }
        if changes:
            reasons = [
                f"From {instants(where)} the speech sounds like another voice. Several speakers are ordinary in a "
                "conversation; in a statement of one person they are not. A strong change of mood, of distance or of "
                "the microphone can look the same."
            ]
        else:
            reasons = [
                "No place was found from which the speech is clearly that of another voice: consistent with one "
                "speaker. Similar voices are not told apart."
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

    def _score(self, running: Floats, known: NDArray[np.int64], at: int) -> float:
        """Natural-log LR of two speakers, before and after a place."""
        first, here, last = np.searchsorted(known, (max(at - SIDE, 0), at, min(at + SIDE, int(known[-1])))).tolist()
        return log_lr(voice_model(), *difference(running, (first, here), (here, last)))

    def _spoken(
        self, exhibit: Exhibit, speech: NDArray[np.bool_]
    ) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
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
            levels=((voice_model().threshold, "threshold"),),
        )
