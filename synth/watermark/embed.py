"""Put a mark on a sound of any rate and number of channels: the residual is made at 16 kHz and added to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from synth.errors import VoxproofError
from synth.watermark.carrier import CHIPS, RATE, Array, Layout, closed, converted, layout, opened, powers
from synth.watermark.coding import encode
from synth.watermark.informed import factors
from synth.watermark.keys import WatermarkKey
from synth.watermark.masking import Mask, loss
from synth.watermark.payload import Payload, seal

LOWEST_RATE = 8000
SHORTEST_SECONDS = 1.0
"""Nothing shorter is marked."""
PAYLOAD_SECONDS = 4.0
"""Seconds of marked sound from which a payload is recovered: docs/watermark.md has the measurement."""
LOSS = 0.0042
"""Of the envelopes of the ear's bands (`masking.loss`), for which the strength of the whole is chosen."""
LEAST, MOST = 0.75, 1.25
"""Range of that choice."""
CONTRAST = 0.35
"""How much a tile pushes each of the two bands beside it the other way."""

Samples = npt.NDArray[np.float64]


class MarkError(VoxproofError):
    """A mark could not be put on: nothing may be emitted."""


@dataclass(frozen=True)
class Embedded:
    """A marked sound."""

    samples: Samples
    """[frames, channels], like the original."""
    payload_carried: bool
    """Whether there is sound enough for the payload; else the mark carries presence only."""
    seconds: float
    """Of sound that was loud enough to be marked."""


def embed(samples: npt.ArrayLike, rate: int, key: WatermarkKey, payload: Payload) -> Embedded:
    """Samples [frames, channels] in -1 to 1 at `rate` Hz -> the same with the mark."""
    original = np.asarray(samples, np.float64)
    _check(original, rate)
    lay = layout(key.detection)
    pattern = lay.pattern(encode(seal(payload, key)))
    marked = np.empty_like(original)
    live = []
    for channel in range(original.shape[1]):
        marked[:, channel], seconds = marked_channel(original[:, channel], rate, pattern, lay)
        live.append(seconds)
    if max(live) < SHORTEST_SECONDS / 2:
        raise MarkError(
            f"only {max(live):.2f} s of this sound are loud enough to carry a mark",
            cure="Raise its level, or check that it is not silence.",
        )
    return Embedded(marked, max(live) >= PAYLOAD_SECONDS, max(live))


def _check(original: Samples, rate: int) -> None:
    if original.ndim != 2 or original.shape[1] == 0:
        raise MarkError(f"a sound to be marked is [frames, channels], not of shape {original.shape}")
    if rate < LOWEST_RATE:
        raise MarkError(f"{rate} Hz is too low a rate for a mark", cure=f"Use {LOWEST_RATE} Hz or more.")
    if original.shape[0] < SHORTEST_SECONDS * rate:
        raise MarkError(f"{original.shape[0] / rate:.2f} s are too short for a mark", cure="Emit at least 1 s.")
    if not np.isfinite(original).all() or np.abs(original).max() > 8:
        raise MarkError("samples must be finite numbers, with full scale at 1")


def marked_channel(original: Samples, rate: int, pattern: Array, lay: Layout) -> tuple[Samples, float]:
    """One channel [frames] and the signs of the tiles [BANDS, CHIPS] -> marked [frames], seconds of live sound."""
    host = converted(original, rate, RATE)
    spectra = opened(host)
    mask = Mask(spectra)
    wish = wished(pattern, mask.chips)

    def residual(wish: Array, strength: float = 1.0) -> Array:
        gains = mask.gains(wish) * np.float32(strength)
        return closed(spectra * (mask.per_bin(gains) - 1), host.size)

    first = powers(host + residual(wish))
    more = factors(first, pattern, lay, mask.chips)
    lost = max(loss(powers(host), first), 1e-9)
    strength = float(np.clip(np.sqrt(LOSS / lost), LEAST, MOST))
    added = converted(residual(wish * more, strength), RATE, rate, original.size)
    added[_silent(original, rate)] = 0.0
    limit = max(1.0, float(np.abs(original).max()))
    return np.clip(original + added, -limit, limit), mask.sounding * original.size / rate


def wished(pattern: Array, chips: int) -> Array:
    """Signs of a period [BANDS, CHIPS] -> wished changes [BANDS, chips] with root mean square 1.

    A listener holds a tile against the bands next to it; so every tile also pushes those the other way.
    """
    signs = np.tile(pattern, (1, -(-chips // CHIPS)))[:, :chips]
    beside = np.zeros_like(signs)
    beside[1:] += signs[:-1]
    beside[:-1] += signs[1:]
    out = (signs - np.float32(CONTRAST) * beside) / np.float32(np.sqrt(1 + 2 * CONTRAST**2))
    return out.astype(np.float32, copy=False)


def _silent(original: Samples, rate: int) -> npt.NDArray[np.bool_]:
    """Samples [frames] within at least 5 ms of exact digital silence (a constant value) -> [frames]."""
    width = max(int(0.005 * rate), 2)
    same = np.concatenate([[0], np.cumsum(original[1:] == original[:-1])])
    runs = np.zeros(original.size, bool)
    if original.size > width:
        start = np.flatnonzero(same[width:] - same[:-width] == width)
        marks = np.zeros(original.size + 1, np.int64)
        np.add.at(marks, start, 1)
        np.add.at(marks, np.minimum(start + width + 1, original.size), -1)
        runs = np.cumsum(marks[:-1]) > 0
    return runs
