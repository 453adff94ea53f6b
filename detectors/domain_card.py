"""The card beside the domain of the trained lines: distances of held-out clips, and the limit of what is answered."""

from __future__ import annotations

from synth.card import WeightsCard
from synth.record import Record


class LineDomain(Record):
    """How far held-out clips lie from what one line learnt from; frozen."""

    line: str
    """Method id."""
    sha256: str
    """Of the line's weights, whose hidden units these are."""
    percentiles: tuple[float, ...]
    """Rising, 0 to 100."""
    distances: tuple[float, ...]
    """Distance below which that share of the held-out clips lies, a value for each percentile."""
    limit_percentile: float
    """Share of the held-out clips that may be answered, %."""
    limit: float
    """Distance at that percentile; the line abstains on clips beyond it."""
    crops: int
    """Training crops behind mean and covariance."""
    human: int
    """Held-out human clips behind the percentiles."""
    machine: int
    """Held-out machine-made clips."""
    sources: int
    """Pages and collections that the held-out clips come from."""


class DomainCard(WeightsCard):
    """All lines that have a domain."""

    lines: tuple[LineDomain, ...]
    limits: tuple[str, ...]
    """What the distance does not tell, in plain words."""
