"""What a method of copying is: a family, settings that are drawn, and samples in, samples out."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from synth.channels.base import FloatArray, fit
from synth.errors import VoxproofError

Rng = np.random.Generator
Setting = str | int | float
Settings = Mapping[str, Setting]
Doubles = npt.NDArray[np.float64]

SHORTEST_S = 0.5
"""Shorter sound is not copied, seconds."""


class Family(enum.StrEnum):
    """What kind of thing made the waveform, and with it what a detector may learn from the copy."""

    VOCODER = "vocoder"
    """Built anew from parameters or magnitudes by signal processing: machine-made."""
    NETWORK = "network"
    """Built anew by a network of ours: machine-made."""
    GENERATOR_TRACE = "generator-trace"
    """The recording itself with what a generator's last layers leave behind: stands for machine-made."""
    PROCESSED = "processed"
    """The recording, coarsened or changed in pitch: no machine speech, and no untouched recording either."""

    @property
    def label(self) -> str:
        """As the column `label` of the index has it."""
        return "processed" if self is Family.PROCESSED else "machine"


class Method(ABC):
    """One way to copy. The same samples, settings and seed of `rng` give the same copy."""

    name: ClassVar[str]
    """Lower-case, with hyphens: the generator's name in the index."""
    family: ClassVar[Family]

    def lacks(self) -> str:
        """What is missing to use the method here; empty if nothing is."""
        return ""

    @abstractmethod
    def draw(self, rng: Rng) -> dict[str, Setting]:
        """Settings of one copy."""

    @abstractmethod
    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        """Samples [time] at `rate` Hz -> [about time], not yet brought to level or aligned."""

    def __call__(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        """Samples [time] -> copy [time]. Raises `VoxproofError` for what cannot be copied."""
        if samples.ndim != 1 or samples.size < SHORTEST_S * rate or rate < 8000:
            raise VoxproofError(
                f"{self.name} takes mono samples [time] of {SHORTEST_S:g} s or more at 8 kHz or more, "
                f"not shape {samples.shape} at {rate} Hz"
            )
        if not np.isfinite(samples).all() or float(np.abs(samples).max()) < 1e-4:
            raise VoxproofError(f"{self.name} takes sound: these samples are silent or not finite")
        if lacking := self.lacks():
            raise VoxproofError(f"{self.name} cannot be used: {lacking}")
        made = fit(self.make(np.ascontiguousarray(samples, np.float32), rate, settings, rng), samples.size)
        if not np.isfinite(made).all() or float(np.abs(made).max()) < 1e-6:
            raise VoxproofError(f"{self.name} made no sound with {dict(settings)}")
        return made
