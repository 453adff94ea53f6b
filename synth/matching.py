"""Whether two recordings are of one voice, as the consents need it: a thin seam to `synth.voiceprint`.

Nothing of the model is imported before a voice is compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from synth import audio


class Voices(Protocol):
    """What consents need of a speaker-verification model."""

    @property
    def model(self) -> str:
        """SHA-256 of the weights."""

    @property
    def threshold(self) -> float:
        """Least cosine of two recordings that counts as one voice, from the model's card."""

    def enrolled(self, heard: Heard) -> bytes:
        """The quantised voiceprint of a recording; raises VoxproofError when there is too little speech."""

    def similarity(self, quantised: bytes, heard: Heard) -> float:
        """Cosine of a quantised voiceprint and a recording; raises VoxproofError when there is too little speech."""

    def tag(self, quantised: bytes, mac_secret: bytes) -> int:
        """Keyed hash of a quantised voiceprint, 0 to 255."""


@dataclass(frozen=True, eq=False)
class Heard:
    """A recording of a voice, in memory."""

    samples: NDArray[np.float32]
    """[n], the mean of the channels; full scale is 1."""
    rate: int
    """Hz."""
    file_sha256: str | None = None
    """Of the file it was read from."""
    name: str = ""
    """Name of that file."""

    @classmethod
    def read(cls, path: str | Path) -> Heard:
        """From any file that `synth.audio` decodes; the hash is of the very bytes that were decoded."""
        with audio.open_recording(path) as recording:
            samples = audio.mean_of_channels(recording.samples(0, recording.frames))
            return cls(np.ascontiguousarray(samples), recording.rate, recording.file_sha256, Path(path).name)

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def samples_sha256(self) -> str:
        """SHA-256 of rate and samples (little-endian float32): the same for every copy without loss."""
        digest = hashlib.sha256(f"{self.rate}:".encode())
        digest.update(np.ascontiguousarray(self.samples, "<f4").tobytes())
        return digest.hexdigest()


class ShippedVoices:
    """The model that ships, loaded on first use."""

    @property
    def model(self) -> str:
        """SHA-256 of the weights."""
        from synth.voiceprint_card import voiceprint_card

        return voiceprint_card().sha256

    @property
    def threshold(self) -> float:
        """Of the card."""
        from synth.voiceprint_card import voiceprint_card

        return voiceprint_card().threshold.cosine

    def enrolled(self, heard: Heard) -> bytes:
        """Needs as much speech as the card says."""
        from synth.voiceprint import hear_voice, quantise

        return quantise(hear_voice(heard.samples, heard.rate, enrol=True).embedding)

    def similarity(self, quantised: bytes, heard: Heard) -> float:
        """Cosine, -1 to 1."""
        from synth.voiceprint import hear_voice, restore, similarity

        return similarity(restore(quantised), hear_voice(heard.samples, heard.rate).embedding)

    def tag(self, quantised: bytes, mac_secret: bytes) -> int:
        """0 to 255."""
        from synth.voiceprint import tag

        return tag(quantised, mac_secret)
