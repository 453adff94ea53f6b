"""The card beside the boundary detector's weights: what they learnt from, the thresholds, how often they err."""

from __future__ import annotations

from detectors.card import Source
from synth.card import WeightsCard
from synth.record import Record


class JoinFigure(Record):
    """Joins found and false places named in one condition of the held-out part, at the card's threshold."""

    condition: str
    """Fade and channel of the joins."""
    joins: int
    """Joined recordings."""
    found: int
    """Of them, those with a place named within 0.25 s of the join."""
    unedited: int
    """Unedited recordings through the same channel."""
    alarms: int
    """Of them, those in which a place is named."""


class BoundaryCard(WeightsCard):
    """All there is to know about the weights; their name is the id of the method that they serve."""

    training: tuple[Source, ...]
    """Collections that the weights learnt from."""
    held_out: tuple[Source, ...]
    """Collections, or speakers of collections, that the thresholds and figures come from."""
    threshold: float
    """Score from which an instant counts as a join."""
    doubt: float
    """Score from which an instant is reported as inconclusive."""
    figures: tuple[JoinFigure, ...]
    """On the held-out part, on which the threshold was chosen too."""
    limits: tuple[str, ...]
    """What is known to fail, in plain words."""
