"""The verbal equivalents of a likelihood ratio.

Source: ENFSI Guideline for Evaluative Reporting in Forensic Science (2015): seven bands of the LR, a band's edge
belonging to the lower band; below 1 the reciprocal is taken and the propositions swap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath

from detectors.card import Figure
from forensics.records import EnrolledVoice

_BANDS = ((1.0, "weak"), (2.0, "moderate"), (3.0, "moderately strong"), (4.0, "strong"), (6.0, "very strong"))

MACHINE = "at least part of the speech was made or converted by a machine"
PERSON = "all of the speech was spoken by a person"
UNDECIDED = "inconclusive: the evidence does not clearly support either proposition over the other"


def strength(log10_lr: float) -> str:
    """Strength of support of |log10 LR|, without direction: "no", "weak", ... "extremely strong"."""
    magnitude = abs(log10_lr)
    if magnitude == 0.0:
        return "no"
    return next((word for edge, word in _BANDS if magnitude <= edge), "extremely strong")


def support(log10_lr: float, h1: str = MACHINE, h2: str = PERSON) -> str:
    """The verbal equivalent of an LR, positive supporting `h1`; without propositions that of an origin LR."""
    if log10_lr == 0.0:
        return "no support for either proposition over the other"
    favoured, other = (h1, h2) if log10_lr > 0 else (h2, h1)
    return f"{strength(log10_lr)} support for the proposition that {favoured}, rather than that {other}"


def named(enrolled: EnrolledVoice) -> str:
    """The voice that a recording was compared with, without a name."""
    if enrolled.source == "recording":
        return f"the recording {PurePath(enrolled.path or '').name}"
    by = ", which the mark leads to" if enrolled.named_by == "mark" else ""
    return f"the voice of consent {enrolled.consent_id}{by}"


def mistakes(figures: Iterable[Figure], outcome: str) -> Iterator[str]:
    """How often the same answer was wrong in validation, on original clips; `outcome` of a verdict or of a line."""
    measured = next((figure for figure in figures if figure.condition == "original"), None)
    if measured is None:
        return
    if outcome in ("consistent", "supports_human"):
        yield (
            f"In validation {100 * measured.false_human_rate:.1f} % of {measured.machine} machine-made clips were "
            "answered like this as well: the answer must not stand alone."
        )
    elif outcome in ("inconsistent", "supports_machine"):
        yield (
            f"In validation {100 * measured.false_positive_rate:.1f} % of {measured.human} recordings of people "
            "were answered like this as well."
        )
