"""Another pitch and timbre, as voice changers do it: played faster or slower, then brought back to its time."""

from __future__ import annotations

from typing import ClassVar

from detectors.train.copies.base import Family, Method, Rng, Setting, Settings
from synth.channels import Pitch
from synth.channels.base import FloatArray


class PitchShift(Method):
    name: ClassVar[str] = "pitch-shift"
    family: ClassVar[Family] = Family.PROCESSED

    def draw(self, rng: Rng) -> dict[str, Setting]:
        change = float(rng.uniform(0.5, 4.0)) * float(rng.choice([-1, 1]))
        return {"semitones": round(change, 2)}

    def make(self, samples: FloatArray, rate: int, settings: Settings, rng: Rng) -> FloatArray:
        return Pitch(float(settings["semitones"]))(samples, rate)[0]
