"""Several lines of evidence to one bounded log10 LR, weights learnt jointly: what two lines share counts once.

Logistic regression on the lines' log10 LRs (N. Brümmer et al., "Fusion of heterogeneous speaker recognition systems in
the STBU submission", 2007), one fit for every set of lines that can be present; constants in weights/fusion.yaml,
learnt by detectors.train.calibrate on the calibration part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from pydantic import ValidationError

from detectors.calibration import with_interval
from detectors.card import WEIGHTS, Bounds, Figure
from synth.errors import VoxproofError
from synth.record import Record
from synth.yaml_data import load_yaml


@dataclass(frozen=True)
class FusedLr:
    """What all lines say together. Positive: made by a machine."""

    log10_lr: float
    """Bounded log10 likelihood ratio."""
    log10_lr_bounds: tuple[float, float]
    """95 % interval over a bootstrap of whole sources, bounded alike."""


class Fit(Record):
    """Constants for one set of lines: log10 LR = sum of weight * line + intercept."""

    weights: dict[str, float]
    """Weight of each line, by method id."""
    intercept: float
    """log10 LR when every line says 0."""
    covariance: tuple[tuple[float, ...], ...]
    """Of (weights in the order above, intercept), over a bootstrap of whole sources."""


class Fusion(Record):
    """All fits, the bounds and the thresholds at which words are used."""

    summary: str
    """Where the constants come from."""
    fits: tuple[Fit, ...]
    """One for every set of lines that may be present."""
    bounds: Bounds
    """No fused log10 LR lies outside: cap by independent sources, then ELUB."""
    threshold_machine: float
    """Support for "machine" only if the lower bound lies above this."""
    threshold_human: float
    """Support for "a person" only if the upper bound lies below this."""
    sources: int
    """Independent sources behind the cap."""
    figures: tuple[Figure, ...] = ()
    """Error rates of the fused answer with all lines present, measured once on the validation part."""
    sha256: str = ""
    """Of the file the constants were read from."""

    @property
    def lines(self) -> frozenset[str]:
        """Method ids that take part."""
        return frozenset(name for fit in self.fits for name in fit.weights)

    def fuse(self, lines: Mapping[str, float]) -> FusedLr:
        """Method id -> log10 LR of each line that could be tested, to one; VoxproofError for a set never fitted."""
        fit = self._fit(lines)
        x = np.array([*(lines[name] for name in fit.weights), 1.0])
        constants, bounds = np.array([*fit.weights.values(), fit.intercept]), (self.bounds.lower, self.bounds.upper)
        return FusedLr(*with_interval(x, constants, np.array(fit.covariance), bounds))

    def unbounded(self, lines: Mapping[str, float]) -> float:
        """The sum alone, for lines before their own bounds: it orders clips; it is no LR to report."""
        fit = self._fit(lines)
        return fit.intercept + sum(weight * lines[name] for name, weight in fit.weights.items())

    def _fit(self, lines: Mapping[str, float]) -> Fit:
        """The constants for exactly these lines."""
        fit = next((f for f in self.fits if set(f.weights) == set(lines)), None)
        if fit is None:
            raise VoxproofError(
                f"no fusion was learnt for the lines {', '.join(sorted(lines)) or '(none)'}",
                cure=f"Lines known: {', '.join(sorted(self.lines))}.",
            )
        return fit


def write_fusion(fusion: Fusion, path: Path) -> None:
    """As YAML, readable, in the order of the fields."""
    content = fusion.model_dump(mode="json", exclude={"sha256"})
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110), "utf-8")


def load_fusion(path: Path | None = None) -> Fusion:
    """The shipped constants, or those of another file."""
    path = path or WEIGHTS / "fusion.yaml"
    try:
        blob = path.read_bytes()
        return Fusion.model_validate({**load_yaml(blob), "sha256": hashlib.sha256(blob).hexdigest()})
    except FileNotFoundError as error:
        raise VoxproofError("the fusion constants are missing", path=path, cure="Reinstall voxproof.") from error
    except (yaml.YAMLError, ValidationError, TypeError) as error:
        raise VoxproofError(f"not valid fusion constants ({error})", path=path, cure="Reinstall voxproof.") from error
