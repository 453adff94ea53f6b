"""The records of an examination: frozen data, serialisable, the same on stdout, in a case and inside the PDF.

The JSON names are a public contract (schema `voxproof.examination/1`): fields are added, never renamed or re-signed.
Sign: every `log10_lr` is log10 P(evidence | H1) / P(evidence | H2), with H1 "at least part of the speech was made or
converted by a machine" and H2 "all of it was spoken by a person"; positive supports machine. Integrity is a separate
pair: H1 "edited after recording", H2 "continuous". Times are seconds from the start of the decoded stream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, Self

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from synth.record import Record as Record

SCHEMA: Final = "voxproof.examination/1"
GRID_S = 0.02
"""The one time grid of all segments and trained scores, in seconds."""

Outcome = Literal["consistent", "inconsistent", "inconclusive", "could_not_test"]
VerdictOutcome = Literal["supports_machine", "supports_human", "inconclusive", "could_not_test"]
Scalar = bool | int | float | str | None
Measurement = Scalar | tuple[Scalar, ...]


class Propositions(Record):
    """The pair of competing statements that a likelihood ratio compares."""

    h1: str
    """The proposition that a positive log10 LR supports."""
    h2: str
    """The proposition that a negative log10 LR supports."""


ORIGIN = Propositions(
    h1="at least part of the questioned speech was generated or converted by a machine",
    h2="all of the questioned speech was spoken by a person into a microphone",
)
CONTINUITY = Propositions(
    h1="the recording was edited after it was made (material inserted, removed or replaced)",
    h2="the recording is continuous",
)


class Segment(Record):
    """A stretch of the recording that a finding is about, on the 20 ms grid."""

    start_s: float
    """First instant, seconds from the start of the decoded stream."""
    end_s: float
    """Last instant, seconds; always later than `start_s`."""
    log10_lr: float | None = None
    """Calibrated log10 likelihood ratio of this stretch, or None where the method has none."""
    note: str | None = None
    """What is there, in a few words."""


def on_grid(spans: Iterable[tuple[float, float] | Segment], seconds: float) -> tuple[Segment, ...]:
    """Snap spans outwards to the 20 ms grid, clip them to [0, seconds], sort them and merge those that overlap.

    Merged segments keep the strongest `log10_lr` (largest magnitude) and all distinct notes.
    """
    # The last grid cell may reach past the end of the sound by less than 20 ms: segments end inside it.
    cells = max(int(np.ceil(seconds / GRID_S - 1e-6)), 1)
    rows: list[tuple[int, int, float | None, tuple[str, ...]]] = []
    for span in spans:
        segment = span if isinstance(span, Segment) else Segment(start_s=span[0], end_s=span[1])
        start = min(max(int(np.floor(segment.start_s / GRID_S + 1e-6)), 0), cells - 1)
        end = min(max(int(np.ceil(segment.end_s / GRID_S - 1e-6)), start + 1), cells)
        rows.append((start, end, segment.log10_lr, (segment.note,) if segment.note else ()))
    merged: list[tuple[int, int, float | None, tuple[str, ...]]] = []
    for start, end, lr, notes in sorted(rows, key=lambda row: row[:2]):
        if merged and start < merged[-1][1]:
            before = merged[-1]
            candidates = [value for value in (before[2], lr) if value is not None]
            strongest = max(candidates, key=abs) if candidates else None
            merged[-1] = (before[0], max(before[1], end), strongest, tuple(dict.fromkeys(before[3] + notes)))
        else:
            merged.append((start, end, lr, notes))
    return tuple(
        Segment(
            start_s=round(start * GRID_S, 2),
            end_s=round(end * GRID_S, 2),
            log10_lr=lr,
            note="; ".join(notes) or None,
        )
        for start, end, lr, notes in merged
    )


class Series(Record):
    """One curve of a figure."""

    label: str
    """What the curve is; empty when the axis label says it."""
    x: tuple[float, ...]
    """Abscissae in the unit of the figure's x axis, at most some 2,000 points."""
    y: tuple[float | None, ...]
    """Ordinates in the unit of the y axis; None breaks the curve."""
    style: Literal["line", "steps", "bars", "points"] = "line"
    """How the curve wants to be drawn."""


class Figure(Record):
    """What a method saw, as data: the report draws it, the method never does."""

    kind: Literal["time", "chart"]
    """`time` shares the report's one time axis (x in seconds); `chart` has axes of its own."""
    title: str
    """A few words, sentence case."""
    x_label: str
    """Quantity and unit, e.g. "frequency (kHz)"; "time (s)" for kind `time`."""
    y_label: str
    """Quantity and unit, e.g. "level (dBFS)"."""
    series: tuple[Series, ...]
    """The curves, the most important first."""
    spans: tuple[Segment, ...] = ()
    """Shaded stretches along x (in the unit of x)."""
    marks: tuple[tuple[float, str], ...] = ()
    """Vertical marks: position in x and a short label."""
    levels: tuple[tuple[float, str], ...] = ()
    """Horizontal reference lines: position in y and a short label."""
    x_log: bool = False
    """Logarithmic x axis."""


class Spectrogram(Record):
    """Long-term picture of the sound for the report: mean power per cell of a fixed-size matrix."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    levels_db: np.ndarray
    """float32 [bins, columns], dB relative to full scale, low frequencies first."""
    seconds: float
    """Extent of the time axis."""
    nyquist_hz: float
    """Extent of the frequency axis."""


class ErrorRate(Record):
    """A known error rate of a method, measured on material that its author's code did not make."""

    condition: str
    """The material and condition, e.g. "butt splices of LibriVox readings, WAV 16 kHz"."""
    positives: int
    """Number of recordings with the trace."""
    hits: int
    """How many of them the method called inconsistent."""
    negatives: int
    """Number of recordings without the trace."""
    false_alarms: int
    """How many of those the method called inconsistent."""


class WatermarkPayload(Record):
    """The payload of a watermark that was read."""

    hex: str
    """The issuance id, 8 hexadecimal digits."""
    issuance_id: str | None = None
    """The same: the number to look up in the register."""
    voiceprint: str | None = None
    """Keyed hash of the enrolled voiceprint, 2 hexadecimal digits."""
    model_id: str | None = None
    """SHA-256 of the voice model, 8 digits, from the register."""


class WatermarkSegment(Record):
    """A stretch in which the watermark was found."""

    start_s: float
    end_s: float
    score: float
    """The detector's statistic over the stretch."""


class IssuedSound(Record):
    """Whether the marked sound is the one that was issued under its number, by its coarse contour of loudness."""

    outcome: Literal["agrees", "differs", "could_not_test"]
    """Agrees shows no more than a like rhythm; differs: the mark was copied to this sound, or the sound was cut up or
    strongly filtered (docs/watermark-contour.md): it is named as a contradiction and changes no LR."""
    correlation: float | None = None
    """Of the two contours where they fit best, -1..1."""
    shared_s: float = 0.0
    """Sound that was compared there, seconds."""
    speed: float = 1.0
    """Of this sound, as a multiple of what was issued."""
    reasons: tuple[str, ...] = ()


class Watermark(Record):
    """The voiceprint watermark: read, absent or untested."""

    outcome: Literal["found", "not_found", "could_not_test"]
    scheme: str | None = None
    """Version of the mark that was looked for."""
    key_id: str | None = None
    """The key under which it was found."""
    epoch: int | None = None
    """Epoch of that key."""
    authenticated: bool | None = None
    """Whether the payload was sealed with the issuer's key; None: the key at hand cannot tell."""
    payload: WatermarkPayload | None = None
    """What the mark says; without authentication the likeliest reading."""
    issued: Literal["synthesised", "embedded"] | None = None
    """What the register says of this issuance; None: nothing, or the register was not at hand."""
    consent_id: str | None = None
    """The consent that the register names."""
    sound: IssuedSound | None = None
    """Whether this is the sound that was issued; None without an issuance in the register."""
    score: float | None = None
    """The detector's statistic of the whole file; larger speaks more for a mark."""
    threshold: float | None = None
    """The score from which a mark counts as found."""
    segments: tuple[WatermarkSegment, ...] = ()
    """Where, on the 20 ms grid."""
    contradictions: tuple[str, ...] = Field(default=(), exclude=True)
    """What the mark and the register say that does not fit together; among the examination's contradictions."""
    reasons: tuple[str, ...] = ()

    @property
    def shows_synthesis(self) -> bool:
        """Found, authentic, and registered as synthesised by us: the only mark that is evidence of a machine."""
        return self.outcome == "found" and self.authenticated is True and self.issued == "synthesised"


class Finding(Record):
    """What one examination method says of one exhibit."""

    method: str
    """Method id, e.g. `signal.dc-offset`."""
    version: str
    """Version of the method; changes whenever its answer may change."""
    outcome: Outcome
    """Consistent or inconsistent with an unedited, person-made recording; inconclusive; could not be tested."""
    in_domain: bool
    """Whether the exhibit lies inside the method's validated domain."""
    log10_lr: float | None = None
    """Calibrated, bounded log10 LR (positive = machine); None for methods that carry none."""
    log10_lr_bounds: tuple[float, float] | None = None
    """95 % interval of `log10_lr`, lower first."""
    measurements: dict[str, Measurement] = Field(default_factory=dict)
    """Named measurements, unit in the name (`snr_db`, `largest_step_db`, `band_edge_hz`)."""
    segments: tuple[Segment, ...] = ()
    """Where in the clip, sorted and non-overlapping, on the 20 ms grid."""
    traces: tuple[str, ...] = ()
    """What was recognised and is named, not held against the recording: "coded as MP3 earlier", "60 Hz mains hum"."""
    reasons: tuple[str, ...] = ()
    """Why this outcome, in full sentences in the allowed words; never empty for could_not_test."""
    title: str = ""
    """The method's name for readers, e.g. "Constant (DC) offset"."""
    purpose: str = ""
    """One sentence: what the method looks for and why it matters."""
    domain: str = ""
    """The validity domain in words."""
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    """Parameters and thresholds in force."""
    error_rates: tuple[ErrorRate, ...] = ()
    """Known error rates of the method."""
    figures: tuple[Figure, ...] = Field(default=(), exclude=True)
    """What the method saw; drawn in the report, left out of the JSON."""
    mark: Watermark | None = Field(default=None, exclude=True)
    """The voiceprint watermark as read, from the one method that reads it; the examination's `watermark`."""

    @model_validator(mode="after")
    def _could_not_test_is_bare(self) -> Self:
        if self.outcome == "could_not_test" and (self.log10_lr is not None or not self.reasons):
            raise ValueError(f"{self.method}: could_not_test needs a reason and carries no LR")
        return self


class ModelFacts(Record):
    """A set of trained weights that took part."""

    name: str
    version: str
    sha256: str


class Tool(Record):
    """What examined: program, models and configuration, so that the examination can be repeated."""

    name: str = "voxproof"
    version: str
    models: tuple[ModelFacts, ...] = ()
    config_sha256: str
    """SHA-256 of the canonical JSON of all method ids, versions, parameters and thresholds in force."""


class ExhibitFacts(Record):
    """The questioned recording; fields that could not be found out are None."""

    path: str
    """As given on the command line."""
    sha256: str | None = None
    """SHA-256 of the file."""
    bytes: int | None = None
    """Size of the file."""
    container: str | None = None
    codec: str | None = None
    sample_rate: int | None = None
    """Hz, native."""
    channels: int | None = None
    bit_depth: int | None = None
    """Bits a sample; None for lossy codecs."""
    seconds: float | None = None
    """Duration of the decoded stream."""
    decode_path: str | None = None
    """Decoder that was used."""
    stream_sha256: str | None = None
    """SHA-256 of the decoded samples, interleaved, native sample format, little endian."""
    header_seconds: float | None = None
    """Duration that the container declares."""
    lossless: bool | None = None
    """Whether the codec keeps every sample."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Metadata tags of container and stream."""
    notes: tuple[str, ...] = ()
    """Irregularities met while decoding."""


class Verdict(Record):
    """Machine or person: the fused, bounded likelihood ratio in words."""

    outcome: VerdictOutcome
    log10_lr: float | None
    """Fused log10 LR; None when could_not_test."""
    log10_lr_bounds: tuple[float, float] | None
    """Its 95 % interval, lower first."""
    words: str
    """The verbal equivalent (ENFSI 2015)."""
    propositions: Propositions = ORIGIN
    reasons: tuple[str, ...] = ()


class Integrity(Record):
    """Continuous or edited: what the methods that bear on continuity say together."""

    outcome: Outcome
    propositions: Propositions = CONTINUITY
    segments: tuple[Segment, ...] = ()
    processing: tuple[str, ...] = ()
    """Traces of the methods that bear on continuity (delivery, transcoding, trimming, hum): no sign of tampering."""
    reasons: tuple[str, ...] = ()


class Attribution(Record):
    """Which generator made the speech, if a machine did."""

    outcome: Literal["attributed", "none_of_these", "inconclusive", "could_not_test"]
    best: str | None = None
    """The generator that is named; None unless the outcome is "attributed"."""
    log10_lr: dict[str, float] = Field(default_factory=dict)
    """By generator, the best first: H1 "this generator made it", H2 "another generator made it"."""
    log10_lr_bounds: dict[str, tuple[float, float]] = Field(default_factory=dict)
    """95 % interval of each, lower first."""
    reasons: tuple[str, ...] = ()


class EnrolledVoice(Record):
    """The voice that a recording was compared with; never a name."""

    source: Literal["consent", "recording"]
    """The stored voiceprint of a consent, or a recording that the examiner gave."""
    named_by: Literal["mark", "examiner"]
    """Named by the issuance of an authenticated mark, or by whoever asked for the examination."""
    consent_id: str | None = None
    """Of the consent."""
    path: str | None = None
    """Of the file that the examiner named, as given."""
    sha256: str | None = None
    """Of the consent's canonical record, or of the recording's file."""


class VoiceComparison(Record):
    """Whether the speech has an enrolled voice, whoever or whatever spoke; never a part of the verdict on origin."""

    outcome: Literal["supports_same_voice", "supports_other_voice", "inconclusive", "could_not_test"]
    """Supports: the whole interval lies on one side of 0."""
    enrolled: EnrolledVoice
    propositions: Propositions
    """The pair of this LR, another than that of the verdict."""
    log10_lr: float | None = None
    """log10 of P(similarity | the enrolled voice) / P(similarity | another voice), inside what was validated."""
    log10_lr_bounds: tuple[float, float] | None = None
    """Its 95 % interval, lower first."""
    words: str
    """The verbal equivalent (ENFSI 2015)."""
    similarity: float | None = None
    """Cosine of the two voiceprints, -1..1."""
    threshold: float | None = None
    """The similarity from which two recordings count as one voice where a yes or no is needed (consents)."""
    speech_seconds: float | None = None
    """Speech of the exhibit that was heard."""
    heard: tuple[float, float] | None = None
    """First and last instant of the part of the exhibit that was heard, seconds."""
    domain: str
    """Where the comparison was validated, in words."""
    in_domain: bool
    """Whether the exhibit lies inside, as far as it can be measured."""
    model: ModelFacts
    """The network of voiceprints; its card holds the error rates."""
    reasons: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _could_not_test_is_bare(self) -> Self:
        if self.outcome == "could_not_test" and (self.log10_lr is not None or not self.reasons):
            raise ValueError("a voice that could not be compared needs a reason and carries no LR")
        return self


class Timing(Record):
    """Cost of the examination; on stdout only, never in a report."""

    seconds: float
    real_time_factor: float | None


class Examination(Record):
    """Everything that was found out about one exhibit: the machine twin of the report."""

    schema_: Literal["voxproof.examination/1"] = Field(default=SCHEMA, alias="schema")
    tool: Tool
    exhibit: ExhibitFacts
    verdict: Verdict
    integrity: Integrity
    watermark: Watermark
    attribution: Attribution
    voices: tuple[VoiceComparison, ...] = ()
    """One for every enrolled voice that a mark or the examiner named; empty when none was."""
    findings: tuple[Finding, ...] = ()
    contradictions: tuple[str, ...] = ()
    timing: Timing | None = None
    spectrogram: Spectrogram | None = Field(default=None, exclude=True)

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, ser_json_inf_nan="null")

    def json_line(self, *, timing: bool = True) -> str:
        """One line of JSON in the public contract; without `timing` the same exhibit gives the same bytes."""
        return self.model_dump_json(by_alias=True, exclude=set() if timing else {"timing"})
