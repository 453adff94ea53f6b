"""What was found of a recording that a voice is taken from, as an issuance keeps it; see `synth.reference_gate`."""

from __future__ import annotations

from typing import Literal

from synth.record import Record

Fault = Literal["length", "speech", "noise", "clipping", "voices"]
"""Too short or too long, too little speech, too noisy, clipped, more than one voice."""


class ReferenceFindings(Record):
    """One reference; a fault that the user took upon them is in `accepted`."""

    file_sha256: str
    """Of the whole file."""
    samples_sha256: str
    """Of rate and mono samples of the passage that was used (`synth.matching.Heard.samples_sha256`)."""
    start_s: float
    end_s: float
    """The passage that was used, in seconds from the start of the file."""
    file_seconds: float
    """Length of the whole file."""
    speech_seconds: float
    """Speech in the passage."""
    snr_db: float | None
    """Speech level over noise floor, dB (`synth.measures.Activity`); None: no speech."""
    clipped_fraction: float
    """Share of samples in runs at full scale, 0..1."""
    likeness: float | None
    """Cosine between the two groups that its windows fall into, low for two voices; None: too little speech to tell."""
    advice: tuple[Fault, ...] = ()
    """What could be better."""
    accepted: tuple[Fault, ...] = ()
    """What would have been refused, and was accepted by the user."""
