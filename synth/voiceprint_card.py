"""The card beside the voiceprint network: what it learnt from, where it holds, how often it errs, its calibration."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from synth.card import WeightsCard, read_card
from synth.record import Record

WEIGHTS = Path(__file__).with_name("weights")
"""Where the shipped weights and their card lie."""


class Source(Record):
    """One collection or page."""

    name: str
    licence: str
    """As the source states it."""
    clips: int
    speakers: int | None
    """None where the lists do not tell the speakers apart."""
    used_for: str
    """training, calibration or test; a source whose speakers are divided occurs several times."""


class Calibration(Record):
    """From a cosine to log10 LR of "the voice of the clip is the enrolled one" against "it is another".

    log10 LR = (slope + slope_per_octave * o) * cosine + intercept + intercept_per_octave * o, where o is
    log2(speech / 4 s) of the shorter recording, held between 1 and 10 s; then held inside the bounds.
    """

    slope: float
    slope_per_octave: float
    intercept: float
    intercept_per_octave: float
    covariance: tuple[tuple[float, float, float, float], ...]
    """Of the four, in this order, over a bootstrap of speakers: gives the interval of one LR."""
    lower: float
    """No log10 LR below this is ever reported: the smaller of the cap and the ELUB bound (P. Vergeer et al., 2016)."""
    upper: float
    speakers: int
    """Speakers of the calibration part."""
    pairs: int
    """Pairs of recordings of the calibration part, over all conditions."""


class Threshold(Record):
    """Cosine at or above which two recordings count as one voice; chosen on the calibration part, frozen."""

    cosine: float
    false_alarms: float
    """Share of pairs of two voices above it, calibration part, pooled over the conditions, 0..1."""
    misses: float
    """Share of pairs of one voice below it, 0..1."""


class OneVoice(Record):
    """Whether a recording holds one voice: the cosine between the two groups that its windows fall into."""

    cosine: float
    """Below it a recording is said to hold two; chosen on the calibration part."""
    recordings: int
    """Recordings of one voice in the test part, clean and through channels."""
    false_alarms: float
    """Share of them said to hold two, 0..1."""
    joined: int
    """Recordings of the test part in which 3 s of one voice follow 3 s of another."""
    found: float
    """Share of them said to hold two, 0..1."""


class Figure(Record):
    """Errors in one condition of the test part, whose speakers nothing was chosen on. Rates are 0..1."""

    system: str
    """voiceprint, or what stands beside it."""
    condition: str
    """Channel of the questioned recording, or its length; the enrolled one is clean."""
    speakers: int
    target_pairs: int
    """Pairs of one voice."""
    other_pairs: int
    """Pairs of two voices of one corpus."""
    eer: float
    eer_interval: tuple[float, float]
    """95 %, bootstrap of speakers."""
    false_alarms: float | None = None
    """At the frozen threshold; None for systems that have none."""
    false_alarms_interval: tuple[float, float] | None = None
    """95 %, bootstrap of speakers."""
    misses: float | None = None
    misses_interval: tuple[float, float] | None = None
    cllr: float | None = None
    """Cost of the log LRs as reported, bits."""
    cllr_min: float | None = None
    """The same after the best monotone recalibration."""


class VoiceprintCard(WeightsCard):
    """All there is to know about the network; voiceprints of weights with another hash cannot be compared."""

    dimensions: int
    """Length of an embedding."""
    min_speech_seconds: float
    """Least speech in a questioned recording."""
    min_enrolled_seconds: float
    """Least speech in a recording that a voice is enrolled from."""
    channels: tuple[str, ...]
    """Channels of the test part."""
    languages: tuple[str, ...]
    """Languages of the test part; elsewhere the error rates are not known."""
    threshold: Threshold
    calibration: Calibration
    one_voice: OneVoice
    sources: tuple[Source, ...]
    figures: tuple[Figure, ...] = ()
    limits: tuple[str, ...] = ()
    """What is known to fail, in plain words."""


@cache
def voiceprint_card(path: Path = WEIGHTS / "voiceprint.yaml") -> VoiceprintCard:
    """The shipped card; read without loading the weights."""
    return read_card(path, VoiceprintCard)
