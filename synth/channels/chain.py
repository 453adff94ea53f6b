"""Several channels one after another: a call recorded in a room, forwarded as a voice note."""

from dataclasses import dataclass
from typing import ClassVar

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Chain(Channel):
    steps: tuple[Channel, ...] = ()
    """In the order the sound passes them."""

    family: ClassVar[str] = "chain"

    @property
    def name(self) -> str:
        return "+".join(step.name for step in self.steps) or "original"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        for number, step in enumerate(self.steps):
            samples, rate = step(samples, rate, seed + number)
        return samples
