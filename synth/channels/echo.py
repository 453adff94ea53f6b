"""One echo: a long line, a hall's back wall, two loudspeakers far apart."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synth.channels.base import Channel, FloatArray


@dataclass(frozen=True)
class Echo(Channel):
    delay_s: float = 0.5
    gain: float = 0.5
    """Of the echo, against the direct sound."""

    family: ClassVar[str] = "echo"

    @property
    def name(self) -> str:
        return f"echo-{self.delay_s:g}s-{self.gain:g}"

    def transmit(self, samples: FloatArray, rate: int, seed: int) -> FloatArray:
        late = round(self.delay_s * rate)
        out = samples.copy()
        out[late:] += np.float32(self.gain) * samples[: max(samples.size - late, 0)]
        return out
