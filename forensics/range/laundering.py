"""What happens to a clip on its way to us: chains of `synth.channels`, by name, drawn alike for every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

import numpy as np

from forensics.range.base import RATE, Step
from synth.channels import G711, Aac, AmrNb, Band, Chain, Channel, Echo, Gain, Mp3, Noise, Opus, Pitch, Resample, Room
from synth.channels.base import FloatArray

NONE = "none"
CHAINS: dict[str, tuple[Channel, ...]] = {
    "voice note": (Opus(16_000),),
    "forwarded voice note": (Opus(24_000), Opus(16_000)),
    "social video": (Aac(64_000), Aac(48_000)),
    "podcast rip": (Mp3(64_000), Mp3(32_000)),
    "mobile call": (Band(300.0, 3400.0), AmrNb(12_200)),
    "call over two networks": (G711("a"), AmrNb(5_900)),
    "played and recorded again": (Room(0.4, 3.0), Noise(25.0, -3.0), Aac(64_000)),
    "recorded off a telephone": (G711("mu"), Room(0.3, 6.0), Noise(20.0, -3.0), Opus(24_000)),
    "hidden under noise": (Noise(15.0, -3.0), Mp3(64_000)),
    "pitched a little": (Pitch(0.4), Mp3(64_000)),
    "echo and overdrive": (Echo(0.18, 0.3), Gain(2.5), Mp3(96_000)),
    "through 8 kHz": (Resample(8_000), Opus(12_000)),
}
"""Every chain by name; what comes out keeps length and timing, so that the truth stays true."""


def laundered(samples: FloatArray, chain: str, seed: int) -> FloatArray:
    """Samples [n] through a chain of `CHAINS`, or as they are."""
    return samples if chain == NONE else Chain(CHAINS[chain])(samples, RATE, seed)[0]


def steps(chain: str) -> tuple[Step, ...]:
    """The chain with all parameters, for the manifest."""
    return tuple(
        {"step": one.family, "of": chain}
        | {field.name: value for field in fields(one) if (value := getattr(one, field.name)) is not None}  # type: ignore[arg-type]
        for one in CHAINS.get(chain, ())
    )


def in_turn(seed: int, share: float) -> Iterator[str]:
    """Names of chains without end, about `share` of them not `none`, each as often as the others."""
    rng = np.random.default_rng([seed, 1])
    plain = round(len(CHAINS) * (1 - share) / share) if share > 0 else 0
    block = [*(CHAINS if share > 0 else ()), *[NONE] * (plain or share <= 0)]
    while True:
        yield from (block[i] for i in rng.permutation(len(block)))
