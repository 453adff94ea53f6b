"""What every section of the examiner's report may need."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.records import Examination
from reports.case_facts import CaseFacts


@dataclass(frozen=True)
class Context:
    """One report in the making."""

    examination: Examination
    case: CaseFacts
    measure: float
    """Width of the text block in points."""
    depth: float
    """Height of the text block in points."""
    twin: bytes
    """The machine twin, as it is attached."""
