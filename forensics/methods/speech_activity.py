"""Speech activity, signal-to-noise ratio, and what they leave the other methods to work with.

Too little speech, or speech buried in noise, does not make a recording suspicious: it limits what can be said of it.
The limits are those of practice for speech: 20 dB of signal-to-noise ratio and 1 s of net speech. Methods that need
more, or do with less, say so in their own domain. Measures: `synth.measures`; practice: SWGDE Best Practices for
Forensic Audio.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.methods._frames import even_curve
from forensics.records import GRID_S, Figure, Finding, Measurement, Outcome, Scalar, Segment


class SpeechActivity(Method):
    """How much speech there is, how far above the noise, and whether that is enough."""

    id = "speech.activity"
    version = "1"
    title = "Speech activity and signal-to-noise ratio"
    purpose = "Measures how much usable speech the recording holds and says what that allows the other methods."
    bears_on = "quality"
    least_speech_s: ClassVar[float] = 1.0
    """Net speech, seconds."""
    least_snr_db: ClassVar[float] = 20.0
    """Signal-to-noise ratio, dB."""
    most_clipped: ClassVar[float] = 0.001
    """Share of clipped samples."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_speech_s": self.least_speech_s,
            "least_snr_db": self.least_snr_db,
            "most_clipped_share": self.most_clipped,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        activity = exhibit.activity
        speech, snr = activity.speech_seconds, activity.snr_db
        reasons: list[str] = []
        if activity.peak <= 0.0:
            reasons.append("The recording is digital silence throughout: there is nothing to examine.")
        elif speech == 0.0:
            reasons.append(
                "No speech was found. Methods that listen to speech could not be tested; those that look at the "
                "container, the spectrum or the waveform are not affected."
            )
        elif speech < self.least_speech_s:
            reasons.append(
                f"{speech:.2f} s of speech were found, less than {self.least_speech_s:g} s: trained detectors of "
                "machine-made speech are outside their validated domain and abstain or stay inconclusive."
            )
        if snr is not None and snr < self.least_snr_db:
            reasons.append(
                f"The signal-to-noise ratio of {snr:.1f} dB lies below {self.least_snr_db:g} dB: noise covers joins, "
                "changes of the noise floor below the speech and the fine structure that trained detectors use; they "
                "miss more, and what they do not find is inconclusive."
            )
        if activity.clipped_fraction > self.most_clipped:
            reasons.append(
                f"{100 * activity.clipped_fraction:.2f} % of the samples are clipped: overload adds its own harmonics "
                "and breaks of the waveform."
            )
        outcome: Outcome = "inconclusive" if reasons else "consistent"
        if not reasons:
            reasons.append(
                f"{speech:.1f} s of speech at {0.0 if snr is None else snr:.0f} dB above the noise: consistent "
                "with a usable recording."
            )
        measurements: dict[str, Measurement] = {
            "speech_s": round(speech, 2),
            "speech_share": round(speech / exhibit.seconds, 4) if exhibit.seconds else 0.0,
            "snr_db": None if snr is None else round(snr, 1),
            "noise_floor_dbfs": round(activity.noise_floor_db, 1),
            "speech_level_dbfs": None if activity.speech_level_db is None else round(activity.speech_level_db, 1),
            "peak_dbfs": round(20 * float(np.log10(max(activity.peak, 1e-6))), 2),
            "clipped_share": round(activity.clipped_fraction, 6),
            "digital_silence_share": round(activity.silent_fraction, 4),
            "usable": outcome == "consistent",
        }
        return self.finding(
            outcome,
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            figures=[self._figure(exhibit)],
        )

    def _figure(self, exhibit: Exhibit) -> Figure:
        activity = exhibit.activity
        spans = activity.segments()[:400]
        marks: list[tuple[float, str]] = [(round(activity.noise_floor_db, 1), "noise floor")]
        if activity.speech_level_db is not None:
            marks.append((round(activity.speech_level_db, 1), "speech"))
        return Figure(
            kind="time",
            title="Level and speech activity",
            x_label="time (s)",
            y_label="level (dBFS)",
            series=(even_curve("level, 20 ms", activity.rms_db, GRID_S, offset=0.5, digits=1),),
            spans=tuple(Segment(start_s=start, end_s=end, note="speech") for start, end in spans if end > start),
            levels=tuple(marks),
        )
