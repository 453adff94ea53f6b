"""The card of the code lines: for which checkpoint they hold, their constants, reference distributions and errors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from detectors.calibration import with_interval
from detectors.card import WEIGHTS, Bounds
from synth.card import WeightsCard, checked_weights, read_card
from synth.errors import VoxproofError
from synth.record import Record

FloatArray = npt.NDArray[np.float64]

CARD = WEIGHTS / "codes" / "codes.yaml"
MAKE = "Make one: python -m detectors.codes.train --clips clips.csv --texts sentences.txt --cache DIR."
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""At which the reference distributions are kept."""
FARTHEST = 3.0
"""Deviations beyond which a measure counts no further."""


class Distribution(Record):
    """What a measure is for people and for the checkpoint's own clones, 5 s of undisturbed sound."""

    measure: str
    people: tuple[float, ...]
    """At `QUANTILES`."""
    clones: tuple[float, ...]
    """At `QUANTILES`."""

    def place(self, value: float) -> float:
        """Share of people's clips below a value, 0 to 1, between the quantiles by straight lines."""
        return float(np.interp(value, self.people, QUANTILES))


class LineFigure(Record):
    """How well a line tells its two sides apart in one condition, on the clips it was calibrated on or on others."""

    condition: str
    clones: int
    others: int
    auc: float
    """0.5: not at all; 1: without a mistake."""
    cllr: float
    """Bits."""


class CodeLine(Record):
    """From measures to log10 LR: their standard scores, held within `FARTHEST`, weighted and summed."""

    method: str
    """Id of the method it serves."""
    against: tuple[str, ...]
    """Kinds of clip on the other side: human, control (detectors/codes/material.py)."""
    measures: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    weights: tuple[float, ...]
    intercept: float
    covariance: tuple[tuple[float, ...], ...]
    """Of (weights, intercept), over a bootstrap of whole voices."""
    bounds: Bounds
    """No log10 LR lies outside: the cap by independent voices, then ELUB (P. Vergeer et al., 2016)."""
    figures: tuple[LineFigure, ...] = ()

    def log10_lr(self, found: Mapping[str, float]) -> tuple[float, tuple[float, float]] | None:
        """Bounded log10 LR with its 95 % interval; None where a measure is missing."""
        values = np.array([found.get(name, np.nan) for name in self.measures])
        if not np.isfinite(values).all():
            return None
        x = np.append(self.standard(values[None])[0], 1.0)
        constants, bounds = np.array([*self.weights, self.intercept]), (self.bounds.lower, self.bounds.upper)
        return with_interval(x, constants, np.array(self.covariance), bounds)

    def sums(self, values: FloatArray) -> FloatArray:
        """Measures [n, m] -> sums before the bounds [n]: they order clips, and are no LR to report."""
        return np.asarray(self.standard(values) @ np.array(self.weights) + self.intercept)

    def standard(self, values: FloatArray) -> FloatArray:
        """Measures [n, m] -> standard scores, held within `FARTHEST`."""
        scores = (values - np.array(self.means)) / np.array(self.deviations)
        return np.asarray(np.clip(scores, -FARTHEST, FARTHEST))


class CodesCard(WeightsCard):
    """All there is to know about the code lines; the weights are the tables of pairs."""

    checkpoint: str
    """`voxproof-lite@…`: the generator that the lines are about, and no other."""
    models: dict[str, str]
    """SHA-256 of its files by role; the lines hold for these and for no others."""
    temperatures: tuple[float, ...]
    """At which the clones of the calibration were drawn."""
    voices: int
    """Independent voices of the calibration."""
    left_out: tuple[str, ...]
    """Sources of people's speech that were not used, because the voice model learnt from them."""
    channels: tuple[str, ...]
    """In which every clip of the calibration was heard."""
    languages: tuple[str, ...]
    min_speech_seconds: float
    min_band_hz: float
    min_snr_db: float
    lines: tuple[CodeLine, ...]
    distributions: tuple[Distribution, ...]

    def line(self, method: str) -> CodeLine:
        """The one that serves a method."""
        found = next((line for line in self.lines if line.method == method), None)
        if found is None:
            raise VoxproofError(f"the card of the code lines has none for {method}", cure="Reinstall voxproof.")
        return found

    def distribution(self, measure: str) -> Distribution | None:
        """Of a measure; None where it is not kept."""
        return next((one for one in self.distributions if one.measure == measure), None)

    def require(self, hashes: Mapping[str, str]) -> None:
        """VoxproofError unless the voice model has these files' hashes."""
        if dict(hashes) != self.models:
            raise VoxproofError(
                f"the code lines were calibrated for {self.checkpoint}, which is not the voice model installed",
                cure=MAKE,
            )


def codes_card(path: Path | None = None) -> CodesCard:
    """The card that ships; VoxproofError where there is none."""
    path = path or CARD
    if not path.exists():
        raise VoxproofError("no calibration of the code lines is part of this version yet", cure=MAKE)
    return read_card(path, CodesCard)


def tables_of(card: CodesCard, path: Path | None = None) -> Path:
    """The card's tables, after their hash was compared with the card's."""
    return checked_weights(card, (path or CARD).parent)
