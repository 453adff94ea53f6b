"""What the kinds do with samples [n] at the range's rate: excerpts, levels, phrases, and one phrase put for another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from forensics.range.base import RATE, Rng, Span, Step
from forensics.range.sources import Source
from synth.audio import open_recording
from synth.channels.base import FloatArray, convert
from synth.errors import VoxproofError

LONGEST_S = 10.0
"""Longer sound is cut."""
FRAME = RATE // 100
"""Samples of a frame of 10 ms."""
LOUD_DB = 35.0
"""A frame counts as speech when it is at most this far below the loudest one."""
HEADROOM = 0.98
"""Highest sample after a change of level."""
PHRASE_S = (0.5, 2.0)
"""Shortest and longest phrase that is taken out or put in, seconds."""
REACH_S = 0.15
"""How far a cut goes for a quieter place, seconds."""


def excerpt(source: Source, rng: Rng) -> tuple[FloatArray, tuple[Step, ...]]:
    """A recording at `RATE`: at most `LONGEST_S`, its edges cut to a drawn margin about the speech."""
    with open_recording(source.path) as recording:
        if recording.seconds > LONGEST_S + 1:
            start = float(rng.uniform(0, recording.seconds - LONGEST_S - 1))
            piece = recording.excerpt(start, start + LONGEST_S + 1)
        else:
            start, piece = 0.0, recording.excerpt(0.0, recording.seconds)
    whole = convert(np.ascontiguousarray(piece.mono), piece.rate, RATE)
    first, last = edges(whole, rng)
    cut = whole[first:last]
    steps: tuple[Step, ...] = (
        {"step": "read", "rate": piece.rate, "start_s": round(start, 6)},
        {"step": "resample", "rate": RATE},
        {"step": "cut", "first": first, "last": last},
    )
    return cut, steps


def edges(samples: FloatArray, rng: Rng) -> Span:
    """The speech of samples with 50 to 250 ms before and behind it, where there are so many; at most `LONGEST_S`."""
    loud = np.flatnonzero(levels(samples) > -LOUD_DB)
    before, behind = (round(float(margin) * RATE) for margin in rng.uniform(0.05, 0.25, 2))
    if not loud.size:
        raise VoxproofError("there is no speech in it")
    first = max(int(loud[0]) * FRAME - before, 0)
    last = min(int(loud[-1] + 1) * FRAME + behind, samples.size)
    return first, min(last, first + round(LONGEST_S * RATE))


def levels(samples: FloatArray) -> FloatArray:
    """Level of each frame of 10 ms under the loudest one's, dB -> [frames]; empty for silence."""
    count = samples.size // FRAME
    power = np.mean(np.square(samples[: count * FRAME].reshape(count, FRAME), dtype=np.float64), axis=1)
    if not count or power.max() < 1e-10:
        return np.zeros(0, np.float32)
    out: FloatArray = (10 * np.log10(power / power.max() + 1e-12)).astype(np.float32)
    return out


def speech_power(samples: FloatArray) -> float:
    """Mean power of the frames that are speech."""
    loud = np.repeat(levels(samples) > -LOUD_DB, FRAME)
    if not loud.any():
        raise VoxproofError("there is no speech in it")
    return float(np.mean(np.square(samples[: loud.size][loud], dtype=np.float64)))


def gain_to(samples: FloatArray, power: float) -> float:
    """Factor that brings the speech to this power, or less where it would leave full scale."""
    factor = float(np.sqrt(power / speech_power(samples)))
    return min(factor, HEADROOM / max(float(np.abs(samples).max()), 1e-9))


def phrase(samples: FloatArray, rng: Rng, pause: bool) -> Span:
    """A phrase to take out or put in: half a second to two, at least 0.3 s from either end, and not in a silence."""
    edge = round(0.3 * RATE)
    room = samples.size - 2 * edge
    shortest, longest = (round(limit * RATE) for limit in PHRASE_S)
    if room < shortest:
        raise VoxproofError(f"{samples.size / RATE:.1f} s are too short to take a phrase from")
    power = np.convolve(np.square(samples, dtype=np.float64), np.ones(2 * FRAME), "same")
    whole = speech_power(samples)
    for _ in range(20):
        size = int(rng.integers(shortest, min(longest, room) + 1))
        start = edge + int(rng.integers(0, room - size + 1))
        end = start + size
        if pause:
            start, end = _quietest(power, start, edge), _quietest(power, end, edge)
        spoken = float(np.mean(np.square(samples[start:end], dtype=np.float64))) if end > start else 0.0
        if end - start >= shortest // 2 and spoken > 0.1 * whole:
            return start, end
    raise VoxproofError("no phrase was found in it")


def _quietest(power: npt.NDArray[np.floating[Any]], place: int, edge: int) -> int:
    """The quietest sample within reach of a place, away from the ends."""
    reach = round(REACH_S * RATE)
    first, last = max(place - reach, edge), min(place + reach, power.size - edge)
    return first + int(np.argmin(power[first:last])) if last > first else place


def replaced(
    host: FloatArray, taken: Span, donor: FloatArray, fade_ms: int, curve: str = "power"
) -> tuple[FloatArray, Span, tuple[Span, Span]]:
    """The host with the donor in place of a phrase -> samples, the span of the donor, the two joins.

    The cross-fades lie within the donor's span; outside of it every sample is the host's own.
    """
    first, last = taken
    fade = round(fade_ms * RATE / 1000)
    if not 0 <= first < last <= host.size or donor.size < 2 * fade or last - first < fade:
        raise VoxproofError(f"a phrase of {donor.size / RATE:.2f} s is too short for cross-fades of {fade_ms} ms")
    put = donor.astype(np.float32, copy=True)
    if fade:
        place = (np.arange(fade) + 0.5) / fade
        up = np.sin(np.pi / 2 * place) if curve == "power" else place
        down = up[::-1]
        put[:fade] = up * put[:fade] + down * host[first : first + fade]
        put[-fade:] = down * put[-fade:] + up * host[last - fade : last]
    made = np.concatenate([host[:first], put, host[last:]])
    end = first + put.size
    return made, (first, end), ((first, first + fade), (end - fade, end))
