"""A third party's mark: Perth of Resemble AI, as it is in what Chatterbox makes.

The mark is read by the maker's own package (PyPI `resemble-perth`, MIT), which is not part of Voxproof: `pip install
'voxproof[perth]'`. It has one bit and no key, so anybody can put it on and nobody can authenticate it, and its false
alarms were measured to be many on filtered speech (docs/validation/watermark.md). It therefore carries no LR and is
never more than inconclusive; the method runs only when it is asked for: `--method watermark.perth`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar, Literal

import numpy as np

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.records import Finding, Scalar
from synth.errors import VoxproofError

RATE = 32_000
THRESHOLD = 0.5


class WatermarkPerth(Method):
    """Asks the maker's detector."""

    id = "watermark.perth"
    title = "Mark of a third party: Perth (Resemble AI)"
    purpose = "Asks the maker's own detector whether the mark of Resemble AI's generators is there."
    bears_on: ClassVar[Literal["integrity", "origin", "quality"]] = "quality"
    domain = Domain(min_seconds=1.0)

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {"threshold": THRESHOLD, "rate_hz": RATE}

    @cached_property
    def detector(self) -> Any:
        """The maker's, loaded on first use."""
        if find_spec("perth") is None:
            raise VoxproofError("the package resemble-perth is not installed", cure="pip install 'voxproof[perth]'")
        from perth import PerthImplicitWatermarker

        if PerthImplicitWatermarker is None:  # what the package gives when one of its own imports fails
            raise VoxproofError(
                "resemble-perth is installed, but something that it needs is not", cure="pip install 'voxproof[perth]'"
            )
        return PerthImplicitWatermarker()

    def examine(self, exhibit: Exhibit) -> Finding:
        """The maker's score of the whole recording, 0 or 1."""
        detector = self.detector
        samples = np.concatenate(list(exhibit.recording.resampled(RATE)))
        score = float(np.mean(detector.get_watermark(samples, sample_rate=RATE)))
        found = score >= THRESHOLD
        said = "says that its mark is there" if found else "does not find its mark"
        reasons = [f"The maker's detector {said} (score {score:.2f})."]
        if found:
            reasons.append("It has no key and many false alarms on filtered speech: it cannot be relied upon alone.")
        traces = ["Perth mark of Resemble AI (maker's detector)"] if found else []
        return self.finding(
            "inconclusive" if found else "consistent",
            reasons=reasons,
            exhibit=exhibit,
            measurements={"maker_score": round(score, 4)},
            traces=traces,
        )
