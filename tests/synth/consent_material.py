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
from synth.emission_stream import period_samples
from synth.enrolment import create_consent
from synth.errors import VoxproofError
from synth.matching import Heard
from synth.register import Register
from synth.signing import SigningKey
from synth.watermark import keys
from synth.watermark.keys import WatermarkKey
from synth.watermark.payload import PAYLOAD_BITS, Payload, authenticate, seal

RATE = 8000
ISSUER = SigningKey.generate()


def fixed_key(number: int) -> WatermarkKey:
    """A root that is the same in every run, and so is all that is drawn under it."""
    return keys._of_root(bytes([number]) * keys.SECRET_BYTES, 0)


KEY = fixed_key(1)


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


LOUDNESS = 0.01


@cache
def _carriers(key: WatermarkKey, rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """One of presence and one for every bit, of -1 and 1 over a period: [81, period]."""
    signs = key.detection.generator("toy").integers(0, 2, (PAYLOAD_BITS + 1, period_samples(rate)), dtype=np.int8)
    return (2 * signs - 1).astype(np.float32)


def toy_embed(samples: Any, rate: int, key: WatermarkKey, payload: Payload) -> Any:
    """Carriers that begin anew with every period; those of the bits in clips of half a second at least."""
    carriers, carried = _carriers(key, rate), len(samples) >= rate / 2
    mark = carriers[0] + ((1 - 2 * seal(payload, key).astype(np.float32)) @ carriers[1:] if carried else 0.0)
    added = np.resize(mark, len(samples))[:, None]
    return SimpleNamespace(samples=samples + LOUDNESS * added, payload_carried=carried)


def toy_detect(samples: Any, rate: int, keys: Sequence[WatermarkKey]) -> Any:
    """The sound folded to one period, and the place in it where the carrier of presence fits best."""
    (key,), n = keys, len(samples)
    carriers = _carriers(key, rate)
    period = carriers.shape[1]
    folded = np.pad(samples[:, 0], (0, -n % period)).reshape(-1, period).sum(axis=0)
    fits = np.fft.irfft(np.fft.rfft(folded) * np.conj(np.fft.rfft(carriers[0])), period)
    fits /= max(np.count_nonzero(samples[:, 0]), 1) * LOUDNESS
    score = float(fits.max())
    levels = carriers[1:] @ np.roll(folded, -int(fits.argmax())).astype(np.float32)
    payload = authenticate((levels < 0).astype(np.uint8), key)
    return SimpleNamespace(
        outcome="found" if score > 0.5 else "not_found", score=score, threshold=0.5, payload=payload,
        authenticated=payload is not None, reasons=(),
    )  # fmt: skip


def with_toy_marker(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emission, "_embed", toy_embed)
    patch.setattr(emission, "_detect", toy_detect)
