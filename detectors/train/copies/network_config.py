"""Shapes of the small networks that copy."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from synth.mel import MelConfig


@dataclass(frozen=True)
class NetworkConfig:
    """One network; travels in the metadata of its weights."""

    kind: str
    """fourier, transposed, repeated or codec."""
    strides: tuple[int, ...]
    """Rate of the sound over that of the frames, stage by stage; a Fourier head has one stage."""
    width: int
    """Channels, of generators in the first stage: every stage halves them."""
    blocks: int
    """Blocks of a Fourier head, codebooks of a codec; generators have a fixed number."""
    mels: int = 80
    window: int = 1024
    """Samples of the mel's window, and of a Fourier head's frames."""
    rate: int = 16_000
    """Hz, of the sound."""

    @property
    def hop(self) -> int:
        """Samples a frame."""
        return prod(self.strides)

    @property
    def mel(self) -> MelConfig:
        """What the network listens to."""
        return MelConfig(rate=self.rate, window=self.window, hop=self.hop, mels=self.mels)


NETWORKS = {
    "fourier-256": NetworkConfig("fourier", (256,), 192, 6, mels=100),
    "fourier-160": NetworkConfig("fourier", (160,), 160, 6, window=640),
    "transposed-160": NetworkConfig("transposed", (8, 5, 2, 2), 64, 0),
    "transposed-256": NetworkConfig("transposed", (8, 8, 2, 2), 64, 0),
    "repeated-160": NetworkConfig("repeated", (5, 4, 4, 2), 128, 0),
    "codec-320": NetworkConfig("codec", (8, 5, 4, 2), 128, 4),
    "codec-200": NetworkConfig("codec", (5, 5, 4, 2), 96, 2),
}
"""What is to be trained, by name: other hops and sizes are other generators."""
