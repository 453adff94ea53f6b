"""Copy-move: a passage that occurs twice in one recording, sample for sample.

Nobody says a word twice in exactly the same way; a passage that was copied within the recording does. Candidates come
from pairs of spectral peaks with equal spacing (A. L.-C. Wang, "An industrial-strength audio search algorithm", ISMIR
2003): a copied passage repeats many pairs at one and the same distance in time. Every candidate is then laid over
its copy, and only where the waveforms themselves agree is a copy reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.methods._peak_pairs import FRAME_S, RATE, SIZE, Repeats, peaks_of, repeats_of
from forensics.records import GRID_S, Figure, Finding, Measurement, Scalar, Segment, Series

CANDIDATES = 60
"""Distances in time that are verified at most, the most frequent first."""
LONGEST_S = 10.0
"""Longest stretch that is laid over its copy: of a longer one so much is reported."""
WINDOW = 800
"""Samples (50 ms) over which the agreement of the waveforms is measured."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Copy:
    """A passage and its copy."""

    start_s: float
    distance_s: float
    seconds: float
    agreement: float
    """Median correlation of the two waveforms over 50 ms."""


class CopyMove(Method):
    """Passages that occur twice."""

    id = "signal.copy-move"
    version = "2"
    title = "Copied passages"
    purpose = "Looks for passages that occur twice with the same waveform, which no voice and no room can produce."
    domain = Domain(min_seconds=1.0, min_sample_rate=8000, min_snr_db=10.0, min_speech_s=0.5)
    least_votes: ClassVar[int] = 4
    """Pairs of peaks that must repeat at one distance."""
    least_seconds: ClassVar[float] = 0.2
    """Shortest passage that counts."""
    least_agreement: ClassVar[float] = 0.6
    """Least correlation of the waveforms over 50 ms."""
    below_speech_db: ClassVar[float] = 20.0
    """Passages quieter than this below the speech do not count: chirps and ticks of electronics do repeat, dB."""
    least_lines: ClassVar[int] = 12
    """Fewest spectral bins (of 31 Hz) within 30 dB of the strongest: pure tones agree with themselves anywhere."""

    @property
    def parameters(self) -> Mapping[str, Scalar]:
        return {
            "least_votes": self.least_votes,
            "least_seconds": self.least_seconds,
            "least_agreement": self.least_agreement,
            "below_speech_db": self.below_speech_db,
            "least_lines": self.least_lines,
        }

    def examine(self, exhibit: Exhibit) -> Finding:
        copies: list[Copy] = []
        candidates = self._candidates(exhibit)
        for start, distance, length in candidates:
            if any(abs(c.distance_s - distance) < 0.05 and abs(c.start_s - start) < c.seconds for c in copies):
                continue
            copy = self._verified(exhibit, start, distance, length)
            if copy is not None:
                copies.append(copy)
        copies.sort(key=lambda copy: copy.start_s)
        longest = max(copies, key=lambda copy: copy.seconds, default=None)
        measurements: dict[str, Measurement] = {
            "copies": len(copies),
            "candidates": len(candidates),
            "longest_copy_s": round(longest.seconds, 3) if longest else 0.0,
            "copied_from_s": tuple(round(c.start_s, 3) for c in copies[:20]),
            "copied_to_s": tuple(round(c.start_s + c.distance_s, 3) for c in copies[:20]),
            "agreement": tuple(round(c.agreement, 3) for c in copies[:20]),
        }
        segments = []
        for c in copies:
            first, second = c.start_s, c.start_s + c.distance_s
            segments.append(Segment(start_s=first, end_s=first + c.seconds, note=f"as at {second:.2f} s"))
            segments.append(Segment(start_s=second, end_s=second + c.seconds, note=f"as at {first:.2f} s"))
        if longest:
            reasons = [
                f"{_count(len(copies))} with the same waveform, the longest {longest.seconds:.2f} s from "
                f"{longest.start_s:.2f} s, again at {longest.start_s + longest.distance_s:.2f} s (correlation "
                f"{longest.agreement:.2f}): inconsistent with one continuous recording of a voice.",
                "A sound that a machine plays identically (a prompt, a jingle) and concatenative synthesis leave the "
                "same trace.",
            ]
        else:
            reasons = [
                "No passage occurs twice with the same waveform: consistent with a recording without copied passages. "
                f"Copies shorter than {self.least_seconds:g} s, or at another speed or pitch, are not found."
            ]
        return self.finding(
            "inconsistent" if copies else "consistent",
            exhibit=exhibit,
            reasons=reasons,
            measurements=measurements,
            segments=segments,
            figures=[_figure(copies, exhibit.seconds)],
        )

    def _as_loud_as_speech(self, exhibit: Exhibit, start: float, end: float) -> bool:
        """Whether a passage is loud enough to be speech; so is every passage where no speech was found."""
        activity = exhibit.activity
        if activity.speech_level_db is None:
            return True
        levels = activity.rms_db[int(start / GRID_S) : int(end / GRID_S) + 1]
        return bool(levels.size and np.median(levels) > activity.speech_level_db - self.below_speech_db)

    def _candidates(self, exhibit: Exhibit) -> list[tuple[float, float, float]]:
        """(start, distance, length) in seconds of runs of pairs that repeat at one distance; most pairs first."""
        found: list[tuple[int, float, float, float]] = []
        for repeats in repeats_of(peaks_of(exhibit.recording), self.least_seconds / FRAME_S):
            for shift in (0, 1):  # a distance between two frames falls into either of two
                found += _runs_of_repeats(repeats, shift, self.least_votes)
            found = sorted(found, key=lambda row: (-row[0], row[1], row[2]))[:CANDIDATES]
        return [(start, distance, length) for _, start, distance, length in found]

    def _verified(self, exhibit: Exhibit, start: float, distance: float, length: float) -> Copy | None:
        """The copy behind a candidate, or None when the waveforms do not agree."""
        margin, length = 0.6, min(length, LONGEST_S)
        low = max(start - margin, 0.0)
        high = min(start + length + margin + SIZE / RATE, exhibit.seconds - distance + 0.02)
        if high - low < self.least_seconds:
            return None
        one, rate = _sound(exhibit, low, high)
        slack = round(0.02 * rate)
        lead = min(low + distance, 0.02)
        two, _ = _sound(exhibit, low + distance - lead, high + distance + 0.02)
        centre = slice(round((start - low) * rate), round((start - low + max(length, 0.2)) * rate))
        lag = _lag(one[centre], two[centre.start : centre.stop + round(lead * rate) + slack])
        two = two[lag : lag + len(one)]
        one = one[: len(two)]
        window = round(WINDOW * rate / RATE)
        agree = _agreement(one, two, window)
        runs = list(_runs(agree >= self.least_agreement))
        runs = [(a, b) for a, b in runs if b - a + window >= self.least_seconds * rate]
        if not runs:
            return None
        a, b = max(runs, key=lambda run: run[1] - run[0])
        if _lines(one[a : b + window], rate) < self.least_lines:
            return None
        if not self._as_loud_as_speech(exhibit, low + a / rate, low + (b + window) / rate):
            return None
        shift = (lag / rate) - lead + distance
        return Copy(low + a / rate, shift, (b - a + window) / rate, float(np.median(agree[a:b])))


def _runs_of_repeats(repeats: Repeats, shift: int, least: int) -> list[tuple[int, float, float, float]]:
    """(pairs, start, distance, length), seconds, of `least` pairs or more, none 0.4 s after the one before it."""
    gap = repeats & 0xFFFFFFFF  # millions at a time: everything in place
    gap += shift
    ordered = repeats >> 32
    ordered <<= 1
    ordered |= gap & 1
    gap >>= 1
    gap <<= 33
    ordered |= gap
    del gap
    ordered.sort()
    distance = ordered >> 1
    new = np.flatnonzero(distance[1:] - distance[:-1] > 0.4 / FRAME_S) + 1
    del distance
    edges = np.concatenate([[0], new, [len(ordered)]])
    found = []
    for run in np.flatnonzero(np.diff(edges) >= least):
        votes = ordered[edges[run] : edges[run + 1]]
        first = votes >> 1 & 0xFFFFFFFF
        if len(np.unique(first)) >= 3:
            gaps = 2 * (votes >> 33) + (votes & 1) - shift
            start, length = float(first[0]) * FRAME_S, float(first[-1] - first[0]) * FRAME_S
            found.append((len(votes), start, float(np.median(gaps)) * FRAME_S, length))
    return found


def _sound(exhibit: Exhibit, start: float, end: float) -> tuple[Floats, int]:
    """Mono, its low frequencies and its steep tilt taken away by a first difference: [time], and the rate."""
    wave = exhibit.recording.excerpt(max(start, 0.0), min(end, exhibit.seconds))
    tilted: Floats = lfilter([1.0, -0.8], [1.0], wave.mono.astype(np.float64))
    return tilted, wave.rate


def _lag(one: Floats, two: Floats) -> int:
    """Samples by which `one` lies later in `two`, by cross-correlation."""
    size = 1 << int(len(one) + len(two)).bit_length()
    product = np.fft.irfft(np.fft.rfft(two, size) * np.conj(np.fft.rfft(one, size)), size)
    return int(np.argmax(product[: max(len(two) - len(one), 0) + 1]))


def _agreement(one: Floats, two: Floats, window: int) -> Floats:
    """Correlation of two sounds over every window: [time - window + 1]; 0 where either is silent."""

    def summed(values: Floats) -> Floats:
        total = np.concatenate([[0.0], np.cumsum(values)])
        return np.asarray(total[window:] - total[:-window])

    if len(one) <= window:
        return np.zeros(1)
    energy = summed(one**2) * summed(two**2)
    audible = energy > (window * 1e-9) ** 2
    return np.asarray(np.where(audible, summed(one * two) / np.sqrt(np.maximum(energy, 1e-30)), 0.0))


def _runs(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


def _lines(sound: Floats, rate: int) -> int:
    """Spectral bins of 31 Hz within 30 dB of the strongest."""
    size = round(rate / 31.25)
    frames = np.lib.stride_tricks.sliding_window_view(sound, size)[:: size // 2] if len(sound) >= size else sound[None]
    power = (np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1)) ** 2).mean(axis=0)
    return int((power > power.max() * 1e-3).sum())


def _count(copies: int) -> str:
    return "One passage occurs twice" if copies == 1 else f"{copies} passages occur twice"


def _figure(copies: list[Copy], seconds: float) -> Figure:
    """Where each passage lies and where its copy lies."""
    series = tuple(
        Series(
            label=f"{copy.seconds:.2f} s" if index < 4 else "",
            x=(round(copy.start_s, 3), round(copy.start_s + copy.distance_s, 3)),
            y=(round(copy.start_s, 3), round(copy.start_s + copy.distance_s, 3)),
            style="points",
        )
        for index, copy in enumerate(copies[:12])
    )
    spans = tuple(
        Segment(start_s=at, end_s=at + copy.seconds)
        for copy in copies[:40]
        for at in (copy.start_s, copy.start_s + copy.distance_s)
    )
    line = Series(label="" if series else "no copy found", x=(0.0, round(seconds, 3)), y=(0.0, round(seconds, 3)))
    return Figure(
        kind="time",
        title="Passages that occur twice: each passage and its copy",
        x_label="time (s)",
        y_label="time of the same waveform (s)",
        series=(line, *series),
        spans=spans,
    )
