"""How far each map was tested: the figures of docs/validation/explain.md as data, and which tests a map failed.

The bars were written down before the figures were measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from pydantic import ValidationError
from yaml import YAMLError

from forensics.records import ModelFacts
from synth.errors import VoxproofError
from synth.record import Record
from synth.yaml_data import load_yaml

FILE = Path(__file__).with_name("faithfulness.yaml")
LEAST_GAIN, MOST_SHUFFLED, LEAST_STABLE, LEAST_RATIO = 0.0, 0.3, 0.7, 2.0
"""Bars: the lower end of the gain over random orders; rank correlation with shuffled weights, and under noise; IoU of
pointing as a multiple of chance."""


class Mean(Record):
    """A mean with the 95 % interval of a bootstrap over whole sources."""

    value: float
    lower: float
    upper: float
    n: int
    """Clips."""


class MapFigures(Record):
    """One kind of map of one detector, tested."""

    method: str
    """`occlusion`, `gradients`, `curve` (the detector's own), or the control `loudness`."""
    line: str
    """The detector."""
    deletion: Mean
    """How much further the score falls than in random orders when the map's first cells go.

    In units of how far taking out everything moves it.
    """
    insertion: Mean
    """How much further it rises when they come back first, in the same units."""
    shuffled: Mean
    """Rank correlation of the map with that of the detector with shuffled weights, sign left out."""
    stable: Mean
    """Rank correlation of the map with that of the same sound with noise 50 dB below it."""
    pointing: Mean | None
    """Intersection over union with the machine's phrase in a partial edit."""
    by_chance: Mean | None
    """The same of the map moved about the recording."""
    hits: Mean | None
    """Share of partial edits in which the highest frame lies in the phrase."""
    splices: Mean | None
    """Intersection over union with the person's phrase in a splice: what the joins alone attract."""
    splices_by_chance: Mean | None
    """The same of the map moved about the recording."""

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the tests that were not passed: deletion, insertion, shuffled, stable, pointing."""
        passed = {
            "deletion": self.deletion.lower > LEAST_GAIN,
            "insertion": self.insertion.lower > LEAST_GAIN,
            "shuffled": self.shuffled.value <= MOST_SHUFFLED,
            "stable": self.stable.value >= LEAST_STABLE,
        }
        if self.pointing is not None and self.by_chance is not None:
            passed["pointing"] = self.pointing.value >= LEAST_RATIO * self.by_chance.value
        return tuple(name for name, held in passed.items() if not held)


class Validation(Record):
    """All maps, as `voxproof bench explain` measured them."""

    human: int
    """Clips of people."""
    machine: int
    """Machine-made clips."""
    sources: int
    """Pages and collections that the clips come from."""
    seconds: float
    """That were tested of each."""
    thorough: int
    """Clips that were tested with shuffled weights and with noise as well."""
    partial: int
    """Partial edits."""
    spliced: int
    """Splices, their control."""
    span: dict[str, float]
    """How far taking out everything moves a score, by method id: mean without sign, log-odds."""
    command: str
    """That measured it."""
    detectors: dict[str, str]
    """SHA-256 of the weights by method id: the figures hold for no other."""
    tested: tuple[MapFigures, ...]

    def of(self, method: str, line: str) -> MapFigures | None:
        """The figures of one map; None: it was not tested."""
        return next((one for one in self.tested if (one.method, one.line) == (method, line)), None)

    def holding_for(self, models: Iterable[ModelFacts]) -> Validation:
        """Only the figures of detectors with these very weights."""
        weights = {one.name: one.sha256 for one in models}
        kept = tuple(one for one in self.tested if weights.get(one.line) == self.detectors.get(one.line))
        return self.model_copy(update={"tested": kept})


@cache
def validation(path: Path = FILE) -> Validation:
    """The figures that ship."""
    try:
        return Validation.model_validate(load_yaml(path.read_text("utf-8")))
    except (OSError, YAMLError, ValidationError, TypeError) as error:
        cause = f"the figures of faithfulness cannot be read ({error})"
        raise VoxproofError(cause, path=path, cure="Reinstall voxproof.") from error
