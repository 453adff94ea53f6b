"""Decay of the sound after speech, and where the room changes.

How fast sound dies away after a syllable is set by the room (and, in dry rooms, by the voice); it stays the same as
long as speaker and microphone stay in the room. Sources: R. Ratnam et al., "Blind estimation of reverberation time",
J. Acoust. Soc. Am. 114(5), 2003, for estimation from the free decays of speech; H. Malik and H. Farid, "Audio forensics
from acoustic reverberation", ICASSP 2010, for its use on edited recordings. The test is our own.

In three bands from 500 Hz to 4 kHz, every stretch in which the level falls by at least 12 dB without a rise is a decay;
a line through it gives the time for 60 dB. The logarithms of the decay times of all bands (each relative to its band's
median) on both sides of an instant are compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._band_levels import RATE, band_levels
from forensics.methods._frames import curve
from forensics.methods._rows import Rows
from forensics.records import Figure, Finding, Measurement, Scalar, Segment

HOP = 128
HOP_S = HOP / RATE
EDGES_HZ = (500, 1000, 2000, 3800)
SMOOTHING = 5
LEAST_FALL_DB = 12.0
LEAST_FRAMES = 7
SIDE = 60
"""Most decays on either side, all bands together."""
LEAST_DECAYS = 12
"""Fewest decays on either side, all bands together."""
LEAST_SIDE_S = 3.0
PART, MARGIN = 32_768, 4_096
"""Frames that are looked at in one go, and more on either side: no decay is longer."""


@dataclass(frozen=True)
class Decays:
    """Free decays of all bands in their order."""

    at_s: NDArray[np.float64]
    """Beginning of each decay, s, [decays]."""
    log2_t60: NDArray[np.float64]
    """log2 of the time for 60 dB in s, relative to the band's median, [decays]."""
    median_t60_s: float
    """Median decay time of all bands, s."""


class Reverberation(Method):
    """Persistent changes of the decay time."""

    id = "signal.reverberation"
    title = "Reverberation"
    purpose = "Compares how sound dies away after speech along the recording; a passage from another room changes it."
    domain = Domain(min_seconds=6.0, min_speech_s=4.0)
    least_margin: ClassVar[float] = 0.2
    """Margin between the sides (log2 of decay time) from which a change counts."""
    least_ratio: ClassVar[float] = 1.5
    """Least ratio of the median decay times."""
    least_deviation: ClassVar[float] = 4.5
    """Least deviation of the rank sum from its mean, in standard deviations."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_margin": self.least_margin,
            "least_ratio": self.least_ratio,
            "least_deviation": self.least_deviation,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        """Decays of three bands, and the instant that divides them best."""
        decays = free_decays(exhibit)
        found = divide(decays)
        measurements: dict[str, Measurement] = {"decays": len(decays.at_s)}
        if len(decays.at_s):
            measurements["median_decay_time_s"] = round(decays.median_t60_s, 2)
        if found is None:
            return self.finding(
                "could_not_test",
                reasons=[
                    f"{len(decays.at_s)} free decays were found in three bands; the comparison needs at least "
                    f"{LEAST_DECAYS} over {LEAST_SIDE_S:g} s on either side."
                ],
                measurements=measurements,
                figures=[self._figure(decays, None)],
            )
        after, deviation, margin, log_ratio = found
        start, end = float(decays.at_s[max(after - 3, 0)]), float(decays.at_s[min(after + 2, len(decays.at_s) - 1)])
        times = [
            decays.median_t60_s * 2.0 ** float(np.median(decays.log2_t60[side]))
            for side in (slice(max(after - SIDE, 0), after), slice(after, after + SIDE))
        ]
        measurements |= {
            "rank_deviation": round(deviation, 2),
            "margin_log2": round(margin, 2),
            "decay_time_before_s": round(times[0], 2),
            "decay_time_after_s": round(times[1], 2),
            "change_from_s": round(start, 2),
            "change_to_s": round(end, 2),
        }
        said = f"{times[0]:.2f} s before and {times[1]:.2f} s after"
        if (
            abs(deviation) >= self.least_deviation
            and margin >= self.least_margin
            and abs(log_ratio) >= np.log2(self.least_ratio)
        ):
            return self.finding(
                "inconsistent",
                exhibit=exhibit,
                reasons=[
                    f"Between {start:.2f} s and {end:.2f} s the decay of the sound after speech changes for good (time "
                    f"for 60 dB: {said}): inconsistent with one recording in one room at one distance.",
                    "A speaker who walks away from the microphone or into another room would leave the same trace.",
                ],
                measurements=measurements,
                segments=[Segment(start_s=start, end_s=max(end, start + 0.02), note=f"decay time {said}")],
                figures=[self._figure(decays, after)],
            )
        return self.finding(
            "consistent",
            reasons=[
                f"The decay of the sound after speech ({len(decays.at_s)} decays, median {decays.median_t60_s:.2f} s "
                "for 60 dB) shows no lasting change: consistent with one room. Rooms of like decay are not told apart."
            ],
            measurements=measurements,
            figures=[self._figure(decays, None)],
        )

    def _figure(self, decays: Decays, after: int | None) -> Figure:
        seconds = decays.median_t60_s * np.exp2(decays.log2_t60)
        return Figure(
            kind="time",
            title="Decay times after speech, relative to each band",
            x_label="time (s)",
            y_label="time for 60 dB (s)",
            series=(curve("", decays.at_s, seconds, style="points", digits=3),),
            marks=((round(float(decays.at_s[after]), 2), "room changes"),) if after is not None else (),
        )


def free_decays(exhibit: Exhibit) -> Decays:
    """All free decays of the recording, from one pass; the levels wait on disk."""
    at: list[NDArray[np.float64]] = []
    logs: list[NDArray[np.float64]] = []
    raw: list[NDArray[np.float64]] = []
    with Rows(band_levels(exhibit, EDGES_HZ, HOP), len(EDGES_HZ) - 1, np.float32) as levels:
        for band in range(levels.columns):
            begin, seconds = _band_decays(levels, band)
            if len(begin):
                value = np.log2(seconds)
                at.append(begin * HOP_S)
                logs.append(value - np.median(value))
                raw.append(value)
    if not at:
        return Decays(np.zeros(0), np.zeros(0), 0.0)
    times = np.concatenate(at)
    order = np.argsort(times, kind="stable")
    return Decays(times[order], np.concatenate(logs)[order], float(np.exp2(np.median(np.concatenate(raw)))))


def _band_decays(levels: Rows, band: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """First frame and time for 60 dB of each free decay in a band."""
    begin, seconds = array("d"), array("d")
    if len(levels) < 3 * LEAST_FRAMES:
        return np.zeros(0), np.zeros(0)
    for number, (own, part) in enumerate(levels.parts(PART, MARGIN)):
        for start, decay_s in _decays(part[:, band]):
            if own.start <= start < own.stop:
                begin.append(number * PART + start - own.start)
                seconds.append(decay_s)
    return np.frombuffer(begin), np.frombuffer(seconds)


def _decays(levels: NDArray[np.float32]) -> Iterator[tuple[int, float]]:
    """First frame and time for 60 dB of each free decay in the levels of a band [frames]."""
    smooth = ndimage.uniform_filter1d(levels.astype(np.float64), SMOOTHING, mode="nearest")
    floor = ndimage.uniform_filter1d(ndimage.minimum_filter1d(smooth, 501, mode="nearest"), 251, mode="nearest")
    falling = smooth[4:] - smooth[:-4] < 0.0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], falling.astype(np.int8), [0]])))
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start < LEAST_FRAMES:
            continue
        part = smooth[start : end + 4]
        top = int(part.argmax())
        above = part[top:] > max(float(floor[start + top]) + 6.0, float(part[top]) - 40.0)
        stop = int(np.argmin(above)) if not above.all() else len(above)
        used = part[top : top + stop]
        used = used[used <= used[0] - 3.0] if stop else used
        if len(used) < LEAST_FRAMES - 2 or used[0] - used[-1] < LEAST_FALL_DB - 3.0:
            continue
        x = np.arange(len(used)) - 0.5 * (len(used) - 1)
        slope = float(x @ used / (x @ x)) / HOP_S
        if slope < -15.0:
            yield int(start) + top, -60.0 / slope


def divide(decays: Decays) -> tuple[int, float, float, float] | None:
    """First decay behind the instant that divides them best, deviation of the rank sum, margin and log2 ratio.

    The margin is the 30th percentile of the slower side over the 70th of the faster one. None where
    the decays are too few.
    """
    best: tuple[int, float, float, float] | None = None
    for after in range(LEAST_DECAYS, len(decays.at_s) - LEAST_DECAYS + 1):
        left = decays.log2_t60[max(after - SIDE, 0) : after]
        right = decays.log2_t60[after : after + SIDE]
        spans = (
            decays.at_s[after - 1] - decays.at_s[max(after - SIDE, 0)],
            (decays.at_s[min(after + SIDE, len(decays.at_s)) - 1] - decays.at_s[after]),
        )
        if min(spans) < LEAST_SIDE_S:
            continue
        n, m = len(left), len(right)
        above = np.searchsorted(np.sort(left), right).sum()
        deviation = float((above - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))
        if best is None or abs(deviation) > abs(best[1]):
            slow, fast = (right, left) if deviation > 0 else (left, right)
            margin = float(np.percentile(slow, 30) - np.percentile(fast, 70))
            best = (after, deviation, margin, float(np.median(right) - np.median(left)))
    return best
