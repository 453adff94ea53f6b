"""The frame of an examination method: one file, one class, one question, one finding.

A method states its id, what it looks for and where it is valid; `examine` answers. `run` wraps it so that an exhibit
outside the domain, a decoder that fails or a fault in the method costs one loud `could_not_test`, never the command.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from forensics.error_rates import error_rates
from forensics.exhibit import Exhibit
from forensics.records import Figure, Finding, Measurement, ModelFacts, Outcome, Scalar, Segment, Watermark, on_grid
from synth.errors import VoxproofError


@dataclass(frozen=True)
class Domain:
    """Where a method was validated; outside of it the method does not answer."""

    min_seconds: float = 0.0
    """Shortest recording, seconds."""
    min_speech_s: float = 0.0
    """Least speech, seconds."""
    min_snr_db: float | None = None
    """Lowest signal-to-noise ratio, dB."""
    min_sample_rate: int = 0
    """Lowest native sample rate, Hz."""
    lossless_only: bool = False
    """Whether a lossy codec in the file takes the exhibit out of the domain."""

    def outside(self, exhibit: Exhibit) -> tuple[str, ...]:
        """The reasons why the exhibit is outside, none if it is inside."""
        facts, reasons = exhibit.facts, []
        if self.min_seconds and exhibit.seconds < self.min_seconds:
            reasons.append(f"The recording lasts {exhibit.seconds:.2f} s; the method needs {self.min_seconds:g} s.")
        if facts.sample_rate < self.min_sample_rate:
            reasons.append(f"The sample rate is {facts.sample_rate} Hz; the method needs {self.min_sample_rate} Hz.")
        if self.lossless_only and not facts.lossless:
            reasons.append(f"The codec {facts.codec} is lossy; the method is valid on lossless files only.")
        if self.min_speech_s and exhibit.activity.speech_seconds < self.min_speech_s:
            found = exhibit.activity.speech_seconds
            reasons.append(f"{found:.2f} s of speech were found; the method needs {self.min_speech_s:g} s.")
        elif self.min_snr_db is not None:
            snr = exhibit.activity.snr_db
            if snr is None or snr < self.min_snr_db:
                said = "could not be measured" if snr is None else f"is {snr:.1f} dB"
                reasons.append(f"The signal-to-noise ratio {said}; the method needs {self.min_snr_db:g} dB.")
        return tuple(reasons)

    def __str__(self) -> str:
        parts = []
        if self.min_seconds:
            parts.append(f"at least {self.min_seconds:g} s of sound")
        if self.min_speech_s:
            parts.append(f"at least {self.min_speech_s:g} s of speech")
        if self.min_snr_db is not None:
            parts.append(f"SNR of {self.min_snr_db:g} dB or more")
        if self.min_sample_rate:
            parts.append(f"sample rate of {self.min_sample_rate} Hz or more")
        if self.lossless_only:
            parts.append("lossless codecs only")
        return "; ".join(parts) or "any recording that can be decoded"


class Method(ABC):
    """One examination method. Subclasses set the class attributes and write `examine`."""

    id: ClassVar[str]
    """Dotted id, e.g. `signal.dc-offset`; the first part names the family."""
    version: ClassVar[str] = "1"
    """Changes whenever the method's answer may change."""
    title: ClassVar[str]
    """Name for readers."""
    purpose: ClassVar[str]
    """One sentence: what it looks for and why it matters."""
    bears_on: ClassVar[Literal["integrity", "origin", "quality"]] = "integrity"
    """Which question the outcome feeds: continuity, machine or person, or only the fitness of the other methods."""
    domain: Domain = Domain()

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        """Parameters and thresholds in force, for the record."""
        return {}

    @property
    def models(self) -> tuple[ModelFacts, ...]:
        """Trained weights that the method uses."""
        return ()

    @abstractmethod
    def examine(self, exhibit: Exhibit) -> Finding:
        """Examine an exhibit that lies inside the domain; build the answer with `self.finding`."""

    def finding(
        self,
        outcome: Outcome,
        *,
        reasons: Iterable[str],
        exhibit: Exhibit | None = None,
        measurements: Mapping[str, Measurement] | None = None,
        segments: Iterable[tuple[float, float] | Segment] = (),
        figures: Iterable[Figure] = (),
        traces: Iterable[str] = (),
        in_domain: bool = True,
        log10_lr: float | None = None,
        log10_lr_bounds: tuple[float, float] | None = None,
        mark: Watermark | None = None,
    ) -> Finding:
        """A finding of this method; segments are snapped to the 20 ms grid (they need the exhibit's duration)."""
        spans = tuple(segments)
        if spans and exhibit is None:
            raise ValueError(f"{self.id}: segments need the exhibit")
        return Finding(
            method=self.id,
            version=self.version,
            outcome=outcome,
            in_domain=in_domain,
            log10_lr=log10_lr,
            log10_lr_bounds=log10_lr_bounds,
            measurements=dict(measurements or {}),
            segments=on_grid(spans, exhibit.seconds) if exhibit is not None else (),
            traces=tuple(traces),
            reasons=tuple(reasons),
            title=self.title,
            purpose=self.purpose,
            domain=str(self.domain),
            parameters=dict(self.parameters),
            error_rates=error_rates(self.id),
            figures=tuple(figures),
            mark=mark,
        )

    def run(self, exhibit: Exhibit) -> Finding:
        """Examine any exhibit; never raises."""
        try:
            outside = self.domain.outside(exhibit)
            if outside:
                return self.finding("could_not_test", reasons=outside, in_domain=False)
            return self.examine(exhibit)
        except VoxproofError as error:
            return self.finding("could_not_test", reasons=[f"{error}"], in_domain=False)
        except Exception as error:  # a plug-in's fault must not cost the other methods
            reason = f"The method failed ({type(error).__name__}: {error}); please report it."
            return self.finding("could_not_test", reasons=[reason], in_domain=False)
