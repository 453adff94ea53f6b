"""The duration that the header declares against the duration that decodes.

A recorder writes the length when it closes the file; a transfer that broke off, a stretch that was cut out or added
without rewriting the header, and a header taken from another file leave the two at odds. Sources: SWGDE Best Practices
for Digital Audio Authentication; the containers' own specifications (see `forensics.methods._containers`).

Encoders pad: the tolerance covers the priming and the last frame of lossy codecs. A container that declares no length
(raw streams, files from a streaming writer) cannot be tested.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from forensics.exhibit import Exhibit
from forensics.method import Method
from forensics.records import Figure, Finding, Scalar, Segment, Series


class ContainerDuration(Method):
    """Header duration minus decoded duration."""

    id = "container.duration"
    version = "2"
    title = "Declared and decoded duration"
    purpose = "Compares the length that the container declares with the length that decodes."
    tolerance_lossless_s: ClassVar[float] = 0.02
    """Largest difference of a lossless codec, seconds."""
    tolerance_lossy_s: ClassVar[float] = 0.2
    """Largest difference of a lossy codec, seconds (priming and padding of a few frames)."""
    tolerance_share: ClassVar[float] = 0.001
    """Allowed on top, as a share of the declared length (time stamps that were rounded)."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "tolerance_lossless_s": self.tolerance_lossless_s,
            "tolerance_lossy_s": self.tolerance_lossy_s,
            "tolerance_share": self.tolerance_share,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        declared, decoded = exhibit.facts.header_seconds, exhibit.seconds
        if declared is None:
            reason = f"The container ({exhibit.facts.container}) declares no duration, so there is nothing to compare."
            return self.finding("could_not_test", reasons=[reason], measurements={"decoded_s": round(decoded, 4)})
        if exhibit.facts.codec.startswith("adpcm_") and exhibit.facts.container == "wav":
            reason = (
                f"The header's fields for {exhibit.facts.codec} in WAV are filled in differently by its usual writers, "
                f"so that the declared {declared:.2f} s ({decoded:.2f} s decode) cannot be relied on."
            )
            return self.finding("could_not_test", reasons=[reason], measurements={"decoded_s": round(decoded, 4)})
        tolerance = self.tolerance_lossless_s if exhibit.facts.lossless else self.tolerance_lossy_s
        tolerance += self.tolerance_share * declared if not exhibit.facts.lossless else 0.0
        difference = declared - decoded
        measurements = {
            "declared_s": round(declared, 4),
            "decoded_s": round(decoded, 4),
            "difference_s": round(difference, 4),
            "tolerance_s": round(tolerance, 4),
        }
        figure = Figure(
            kind="chart",
            title="Declared and decoded duration",
            x_label="1: declared, 2: decoded",
            y_label="duration (s)",
            series=(Series(label="", x=(1.0, 2.0), y=(round(declared, 4), round(decoded, 4)), style="bars"),),
        )
        if abs(difference) <= tolerance:
            return self.finding(
                "consistent",
                exhibit=exhibit,
                reasons=[
                    f"The header declares {declared:.3f} s and {decoded:.3f} s decode; the difference of "
                    f"{difference:+.3f} s lies within the tolerance of {tolerance:.3f} s: consistent."
                ],
                measurements=measurements,
                figures=[figure],
            )
        if difference > 0:
            text = (
                "Sound that the header counts is missing: inconsistent with a complete file. A transfer or a recording "
                "that broke off leaves the same trace as removing the end without rewriting the header."
            )
            span = (max(decoded - 0.02, 0.0), decoded)
        else:
            text = (
                "More sound decodes than the header counts: inconsistent with a file that was closed by its recorder. "
                "Data added behind the counted end, or a recorder that stopped before it could rewrite its header, "
                "leave this trace."
            )
            span = (min(declared, max(decoded - 0.02, 0.0)), decoded)
        return self.finding(
            "inconsistent",
            exhibit=exhibit,
            reasons=[f"The header declares {declared:.3f} s, but {decoded:.3f} s decode ({-difference:+.3f} s).", text],
            measurements=measurements,
            segments=[Segment(start_s=span[0], end_s=span[1], note="where declared and decoded sound part")],
            figures=[figure],
        )
