"""A coarse contour of loudness: enough to tell whether a sound is the one that was issued, too little for its words.

The mark's MAC seals a number, not the sound: who copies the mark of one clip onto another copies a payload that
authenticates. So the register keeps the loudness of what was emitted between 300 and 3400 Hz, 20 times a second, in
four steps: 5 bytes a second of at most its first 80 s. That is the rhythm of the speech, which codecs, telephones and
rooms leave; it holds nothing of the spectrum that tells one speech sound or one voice from another. `compare_contour`
looks for a questioned sound in it at all places and speeds. Thresholds were set, and are measured, by
`python -m forensics.benches.contour` (docs/watermark-contour.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from synth.errors import VoxproofError

Floats = NDArray[np.float64]

VERSION = 1
FINE_S, STEP_S = 0.01, 0.05
"""From one measured power, and from one stored step, to the next."""
WINDOW_S = 0.025
BAND_HZ = (300.0, 3400.0)
MOST_S = 80.0
"""Length of a sound that is stored, from its beginning."""
EDGES = (50, 70, 87)
"""Percentiles of the sound's own powers at which a step gets its next level: noise fills the quiet half first."""
QUIET = 0.45
"""Share of the questioned sound, its quietest, whose loudness is not told apart."""
TREND_S = 1.0
"""Slower changes of loudness are taken out before contours are compared."""
LEAST_S = 3.0
"""Sound that two contours have to share."""
SPEEDS = tuple(float(speed) for speed in 1.02 ** np.arange(-12, 14))
"""Speeds of the questioned sound that are tried, 0.79 to 1.29: what the mark itself survives."""
PART_S, PART_AGREES = 4.0, 0.8
"""Parts of a longer sound that are looked for by themselves where it does not agree as a whole; there are many."""
AGREES, DIFFERS = 0.7, 0.6
"""Correlation from which the sound is that of the contour, and below which it is another."""


@dataclass(frozen=True)
class Agreement:
    """A questioned sound against a stored contour."""

    outcome: Literal["agrees", "differs", "could_not_test"]
    correlation: float | None
    """Of the contours at the best place and speed, -1..1; None where there is nothing to compare."""
    shared_s: float = 0.0
    """Sound that was compared there, seconds."""
    speed: float = 1.0
    """Of the questioned sound, as a multiple of what was issued."""
    offset_s: float = 0.0
    """Where the questioned sound begins in what was issued, seconds; negative: before its beginning."""
    reason: str = ""
    """Why it could not be compared, a clause."""


class ContourMeter:
    """Measures a sound that comes in parts."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._size = max(round(WINDOW_S * rate), 8)
        hertz = np.fft.rfftfreq(self._size, 1 / rate)
        self._band = (hertz >= BAND_HZ[0]) & (hertz <= BAND_HZ[1])
        self._window = np.hanning(self._size)
        self._rest = np.zeros(0)
        self._first = 0  # position of the rest's first sample
        self._powers: list[Floats] = []
        self._count = 0

    def push(self, sound: NDArray[np.floating[Any]]) -> None:
        """Further samples [frames] or [frames, channels]."""
        mono = np.asarray(sound, np.float64)
        mono = mono.mean(axis=1) if mono.ndim == 2 else mono
        if self._count * FINE_S >= MOST_S + WINDOW_S:
            return
        self._rest = np.concatenate([self._rest, mono])
        last = self._first + len(self._rest) - self._size
        at = np.round(np.arange(self._count, max(int(last / (FINE_S * self.rate)) + 2, 0)) * FINE_S * self.rate)
        places = at[at <= last].astype(np.int64) - self._first
        if not len(places):
            return
        for some in np.array_split(places, 1 + len(places) // 1000):
            frames = self._rest[some[:, None] + np.arange(self._size)] * self._window
            spectra = np.fft.rfft(frames, axis=1)[:, self._band]
            self._powers.append((spectra.real**2 + spectra.imag**2).sum(axis=1))
        self._count += len(places)
        keep = int(places[-1])
        self._rest, self._first = self._rest[keep:], self._first + keep

    @property
    def powers(self) -> Floats:
        """Powers in the band, one every 10 ms, [frames]."""
        return np.concatenate(self._powers) if self._powers else np.zeros(0)

    @property
    def stored(self) -> bytes:
        """The contour as the register keeps it: version, number of steps (2 bytes), four steps a byte."""
        powers = self.powers[: round(MOST_S / FINE_S)]
        count = len(powers) // round(STEP_S / FINE_S)
        steps = powers[: count * round(STEP_S / FINE_S)].reshape(count, -1).mean(axis=1) if count else np.zeros(0)
        edges = np.percentile(steps, EDGES) if count else np.zeros(len(EDGES))
        levels = np.searchsorted(edges, steps, side="left").astype(np.uint8)
        fours = np.pad(levels, (0, -count % 4)).reshape(-1, 4)
        packed = fours @ np.array([64, 16, 4, 1], np.uint8)
        return bytes([VERSION]) + count.to_bytes(2, "big") + packed.astype(np.uint8).tobytes()


def contour_of(sound: NDArray[np.floating[Any]], rate: int) -> bytes:
    """The contour of a whole sound [frames] or [frames, channels]."""
    meter = ContourMeter(rate)
    meter.push(sound)
    return meter.stored


def levels_of(stored: bytes) -> Floats:
    """The steps of a stored contour, 0..3, [steps]; raises `VoxproofError` if the bytes are none."""
    count = int.from_bytes(stored[1:3], "big")
    if len(stored) != 3 + -(-count // 4) or stored[0] != VERSION:
        raise VoxproofError("the stored contour is not of a form that this version reads")
    packed = np.frombuffer(stored, np.uint8)[3:]
    return ((packed[:, None] >> np.array([6, 4, 2, 0], np.uint8)) & 3).reshape(-1)[:count].astype(np.float64)


def compare_contour(stored: bytes, sound: NDArray[np.floating[Any]], rate: int, *, whole: bool = True) -> Agreement:
    """Look for a sound in a stored contour; `whole`: the contour holds all of what was issued."""
    issued = levels_of(stored)
    meter = ContourMeter(rate)
    meter.push(sound)
    powers = meter.powers
    if min(len(issued) * STEP_S, len(powers) * FINE_S) < LEAST_S:
        return Agreement("could_not_test", None, reason=f"less than {LEAST_S:g} s can be compared")
    if issued.std() == 0 or not powers.std():
        return Agreement("could_not_test", None, reason="the loudness does not change")
    level = _flat(issued)
    best = _best(level, powers)
    if best.correlation is None:
        return Agreement("could_not_test", None, reason=f"less than {LEAST_S:g} s can be compared")
    if best.correlation >= AGREES:
        return best
    part = _best_part(level, powers)
    if part is not None:
        return part
    if best.correlation >= DIFFERS:
        return replace(best, outcome="could_not_test", reason="it is neither clearly what was issued nor clearly not")
    if not whole:
        why = f"only the first {MOST_S:g} s of what was issued are on record, and it is not of these"
        return replace(best, outcome="could_not_test", reason=why)
    return replace(best, outcome="differs")


def _best(issued: Floats, powers: Floats) -> Agreement:
    """The place and speed of the largest correlation."""
    loud = np.sqrt(np.maximum(uniform_filter1d(powers, round(STEP_S / FINE_S)), 0.0))  # running sums fall below 0
    times = np.arange(len(loud)) * FINE_S
    best = Agreement("agrees", None)
    for speed in SPEEDS:
        for phase in (0.0, 0.5):
            at = (np.arange(int(times[-1] * speed / STEP_S)) + phase) * STEP_S / speed
            if len(at) * STEP_S < LEAST_S:
                continue
            asked = _flat(np.maximum(_ranks(np.interp(at, times, loud)), QUIET))
            shares, lags = _correlations(issued, asked)
            if not len(shares):
                continue
            top = int(shares.argmax())
            if best.correlation is None or shares[top] > best.correlation:
                lag = int(lags[top])
                shared = min(len(issued), len(asked) + lag) - max(lag, 0)
                offset = (lag - phase) * STEP_S
                best = Agreement("agrees", float(shares[top]), round(shared * STEP_S, 2), speed, round(offset, 2))
    return best


def _best_part(issued: Floats, powers: Floats) -> Agreement | None:
    """The first part of a longer sound that agrees by itself: it may hold other sound, or have been cut."""
    size = round(PART_S / FINE_S)
    for start in range(0, len(powers) - size + 1, size // 2) if len(powers) >= 1.5 * size else ():
        found = _best(issued, powers[start : start + size])
        if found.correlation is not None and found.correlation >= PART_AGREES:
            return replace(found, offset_s=round(found.offset_s - start * FINE_S * found.speed, 2))
    return None


def _correlations(issued: Floats, asked: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Pearson's correlation over what the two share, at every lag of `asked` that shares enough."""
    lags = np.arange(-len(asked) + 1, len(issued))
    ones, others = np.ones(len(issued)), np.ones(len(asked))

    def sums(a: Floats, b: Floats) -> Floats:
        return np.asarray(np.correlate(a, b, "full"), np.float64)

    n = sums(ones, others)
    sa, sb = sums(issued, others), sums(ones, asked)
    va, vb = sums(issued**2, others) - sa**2 / n, sums(ones, asked**2) - sb**2 / n
    least = max(LEAST_S / STEP_S, 0.7 * min(len(issued), len(asked)))
    enough = n >= least - 0.5
    share = (sums(issued, asked) - sa * sb / n) / np.sqrt(np.maximum(va * vb, 1e-12))
    return share[enough], lags[enough]


def _ranks(values: Floats) -> Floats:
    """Place of each value among all of them, 0..1."""
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(len(values)) / len(values)
    return ranks


def _flat(values: Floats) -> Floats:
    """Without its slow changes."""
    return np.asarray(values - uniform_filter1d(values, round(TREND_S / STEP_S), mode="nearest"), np.float64)
