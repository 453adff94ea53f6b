"""Material for tests of consents and issuances: voices that are tones, a plain marker, a register of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from synth import emission
from synth.audio import write
from synth.consent import Consent
from synth.enrolment import create_consent
from synth.errors import VoxproofError
from synth.matching import Heard
from synth.register import Register
from synth.signing import SigningKey
from synth.watermark.keys import WatermarkKey, new_key
from synth.watermark.payload import PAYLOAD_BITS, Payload, authenticate, seal

RATE = 8000
ISSUER = SigningKey.generate()
KEY = new_key()


class Tones:
    """Voices told apart by their pitch: which of eight bands holds the energy."""

    model = "ab" * 32
    threshold = 0.8

    def enrolled(self, heard: Heard) -> bytes:
        if heard.seconds < 0.25:
            raise VoxproofError("there is too little speech for a voiceprint", cure="Give a longer recording.")
        power = np.abs(np.fft.rfft(heard.samples)) ** 2
        bands = np.array([part.sum() for part in np.array_split(power, 8)])
        return (bands / np.sqrt((bands**2).sum())).astype("<f4").tobytes()

    def similarity(self, quantised: bytes, heard: Heard) -> float:
        return float(np.frombuffer(quantised, "<f4") @ np.frombuffer(self.enrolled(heard), "<f4"))

    def tag(self, quantised: bytes, mac_secret: bytes) -> int:
        return (quantised[0] + mac_secret[0]) % 256


@dataclass
class Clock:
    """A clock that stands still until it is set forward."""

    moment: datetime = field(default_factory=lambda: datetime(2026, 3, 1, 9, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **lengths: float) -> None:
        self.moment += timedelta(**lengths)


def tone(hertz: float, seconds: float = 1.0, seed: int = 0, rate: int = RATE) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A voice: [n]; another seed is another recording of it."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 0.002, len(time))
    return (0.05 * np.sin(2 * np.pi * hertz * time) + noise).astype(np.float32)


def recorded(path: Path, hertz: float = 300, **facts: Any) -> Path:
    write(path, tone(hertz, **facts), RATE)
    return path


def register_at(folder: Path, clock: Clock | None = None) -> Register:
    return Register.continued(folder / "register.jsonl", key=ISSUER, clock=clock or Clock())


def consented(register: Register, recording: Path, **changes: Any) -> Consent:
    facts: dict[str, Any] = {
        "scope": "internal",
        "until": datetime(2026, 6, 30, tzinfo=UTC),
        "languages": ["en", "zh"],
        "voices": Tones(),
    }
    return create_consent(register, "Ada Example", recording, **{**facts, **changes})


@cache
def _noises(key: WatermarkKey, n: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    signs = key.detection.generator("toy").integers(0, 2, (PAYLOAD_BITS + 1, n), dtype=np.int8)
    return (2 * signs - 1).astype(np.float32)


def toy_embed(samples: Any, rate: int, key: WatermarkKey, payload: Payload) -> Any:
    """A carrier of presence, and above half a second one for every bit, all over the clip."""
    n, carried = len(samples), len(samples) >= rate / 2
    noises = _noises(key, n)
    mark = noises[0]
    if carried:
        mark = mark + (1.0 - 2.0 * seal(payload, key)) @ noises[1:]
    return SimpleNamespace(samples=samples + 0.002 * mark[:, None], payload_carried=carried)


def toy_detect(samples: Any, rate: int, keys: Sequence[WatermarkKey]) -> Any:
    score, payload, authenticated = 0.0, None, None
    for key in keys:
        levels = _noises(key, len(samples)) @ samples[:, 0] / len(samples) / 0.002
        score = float(levels[0])
        payload = authenticate((levels[1:] < 0).astype(np.uint8), key)
        authenticated = payload is not None
    outcome = "found" if score > 0.5 else "not_found"
    return SimpleNamespace(
        outcome=outcome, score=score, threshold=0.5, payload=payload, authenticated=authenticated, reasons=()
    )


def with_toy_marker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emission, "_embed", toy_embed)
    patch.setattr(emission, "_detect", toy_detect)
