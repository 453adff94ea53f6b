"""The card beside the boundary detector's weights: what they learnt from, the thresholds, how often they err."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from detectors.card import Source
from synth.errors import VoxproofError
from synth.record import Record
from synth.yaml_data import load_yaml


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


class BoundaryCard(Record):
    """All there is to know about the weights."""

    name: str
    """Method id that the weights serve."""
    version: str
    """Counts up with every new set of weights."""
    summary: str
    """What it is and how it was trained, in a few sentences."""
    attribution: str
    """Under which licence the weights are."""
    weights: str
    """File name, beside the card."""
    sha256: str
    """Of the weights' file."""
    bytes: int
    """Size of the weights' file."""
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


def read_boundary_card(path: Path) -> BoundaryCard:
    """A card from its YAML file."""
    try:
        return BoundaryCard.model_validate(load_yaml(path.read_text("utf-8")))
    except (OSError, yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise VoxproofError(f"not a valid card ({error})", path=path, cure="Reinstall voxproof.") from error
