"""What is left of a mark after each of our delivery channels: the rows of `voxproof watermark survive`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth import channels
from synth.audio import open_recording
from synth.channels import Channel
from synth.errors import VoxproofError
from synth.watermark.keys import WatermarkKey
from synth.watermark.payload import Payload

Float = NDArray[np.floating]
TEST = Payload(0, 0)
"""What is marked for the test only."""

ATTACKS: dict[str, Channel | None] = {
    "none": None,
    **{
        channel.name: channel
        for channel in (
            channels.Mp3(64_000),
            channels.Mp3(32_000),
            channels.Aac(64_000),
            channels.Aac(32_000),
            channels.Opus(24_000),
            channels.Opus(12_000),
            channels.Vorbis(),
            channels.G711(),
            channels.G722(),
            channels.Gsm(),
            channels.AmrNb(12_200),
            channels.AmrNb(5_900),
            channels.Resample(8_000),
            channels.Resample(16_000),
            channels.Noise(20.0),
            channels.Noise(10.0),
            channels.Room(0.5),
        )
    },
}
"""The channels, by name."""


class Survival:
    """One row of the table."""

    def __init__(self, attack: str) -> None:
        self.attack = attack
        self.clips = self.found = self.authenticated = 0
        self.scores: list[float] = []

    def send(self, samples: Float, rate: int, keys: Sequence[WatermarkKey]) -> None:
        """Samples [frames, channels] through the channel and to the detector."""
        from synth.watermark.detect import detect

        channel = ATTACKS[self.attack]
        if channel is not None:
            each = [channel(np.ascontiguousarray(one, np.float32), rate, seed)[0] for seed, one in enumerate(samples.T)]
            samples = np.stack(each, axis=1)
        found = detect(samples, rate, keys)
        self.clips += 1
        self.found += found.outcome == "found"
        self.authenticated += found.authenticated is True
        self.scores.append(float(found.score))

    @property
    def row(self) -> dict[str, Any]:
        """Counts, and the median of the detector's scores."""
        return {
            "attack": self.attack,
            "clips": self.clips,
            "found": self.found,
            "authenticated": self.authenticated,
            "score": round(float(np.median(self.scores)), 2) if self.scores else None,
        }


def marked_sound(path: Path, keys: Sequence[WatermarkKey], issuing: WatermarkKey | None) -> tuple[Float, int]:
    """The recording as it is if it has a mark of the keys, else marked in memory: samples [frames, channels], rate."""
    from synth.watermark.detect import detect
    from synth.watermark.embed import embed

    if not keys:
        cure = "`voxproof watermark keygen -o key.json` makes one."
        raise VoxproofError("no watermark key was given (--key or VOXPROOF_KEYS)", cure=cure)
    with open_recording(path) as recording:
        samples, rate = recording.samples(0, recording.frames), recording.rate
    if detect(samples, rate, keys).outcome == "found":
        return samples, rate
    if issuing is None:
        cure = "Give the issuer's key, or a recording that is marked."
        raise VoxproofError("has no mark of the keys, which cannot put one on", path=path, cure=cure)
    return embed(samples.astype(np.float64), rate, issuing, TEST).samples, rate
