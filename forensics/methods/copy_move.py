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
from scipy.ndimage import maximum_filter
from scipy.signal import lfilter

from forensics.exhibit import Exhibit
from forensics.method import Domain, Method
from forensics.records import GRID_S, Figure, Finding, Measurement, Scalar, Segment, Series

RATE = 16000
SIZE, HOP = 512, 128
FRAME_S = HOP / RATE
REACH = (9, 15)
"""Frames and bins around a peak in which nothing is stronger."""
PARTNERS = 5
"""Later peaks that one peak is paired with."""
LONGEST = 48
"""Frames between the peaks of a pair."""
FOLLOWERS = 6
"""Later occurrences of a pair that one is matched with: keeps the cost linear."""
SPAN, OVERLAP = 75_000, 250
"""Frames (10 min, 2 s) whose repetitions are counted at a time: bounds the memory."""
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
        candidates = self._candidates(*_peaks(exhibit))
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

    def _candidates(self, at: NDArray[np.int64], bins: NDArray[np.int64]) -> list[tuple[float, float, float]]:
        """(start, distance, length) in seconds of runs of pairs that repeat at one distance; most pairs first."""
        keys, times = _pairs(at, bins)
        order = np.lexsort((times, keys))
        keys, times = keys[order], times[order]
        found: list[tuple[int, float, float, float]] = []
        last = int(times.max(initial=0))
        for begin in range(0, last + 1, SPAN):
            first, gap = _repeats(keys, times, begin, begin + SPAN + OVERLAP, self.least_seconds / FRAME_S)
            for shift in (0, 1):  # a distance between two frames falls into either of two
                cell = (gap + shift) // 2
                order = np.lexsort((first, cell))
                c, f, g = cell[order], first[order], gap[order]
                new = np.flatnonzero((np.diff(c) != 0) | (np.diff(f) > 0.4 / FRAME_S)) + 1
                for start, end in zip([0, *new], [*new, len(c)], strict=True):
                    if end - start >= self.least_votes and len(np.unique(f[start:end])) >= 3:
                        at, length = f[start] * FRAME_S, (f[end - 1] - f[start]) * FRAME_S
                        found.append((int(end - start), float(at), float(np.median(g[start:end])) * FRAME_S, length))
        found.sort(key=lambda row: (-row[0], row[1], row[2]))
        return [(start, distance, length) for _, start, distance, length in found[:CANDIDATES]]

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


def _peaks(exhibit: Exhibit) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames and bins of the peaks of the spectrogram, [peaks] each, in order of time."""
    hann = np.hanning(SIZE + 1)[:-1].astype(np.float32)
    rest = np.zeros(0, np.float32)
    frames: list[NDArray[np.int64]] = []
    bins: list[NDArray[np.int64]] = []
    done = 0
    for block in exhibit.recording.resampled(RATE, seconds=20.0):
        rest = np.concatenate([rest, block])
        count = (len(rest) - SIZE) // HOP + 1
        if count < 2 * REACH[0]:
            continue
        done = _peaks_of(rest, count, hann, done, frames, bins)
        rest = rest[(count - REACH[0]) * HOP :]  # neighbours of the next block's first frames
    count = (len(rest) - SIZE) // HOP + 1
    if count > 0:
        _peaks_of(rest, count, hann, done, frames, bins)
    at, place = (np.concatenate(part) if part else np.zeros(0, np.int64) for part in (frames, bins))
    _, first = np.unique(at * 1000 + place, return_index=True)
    return at[first], place[first]


def _peaks_of(
    samples: NDArray[np.float32],
    count: int,
    hann: NDArray[np.float32],
    offset: int,
    frames: list[NDArray[np.int64]],
    bins: list[NDArray[np.int64]],
) -> int:
    """Append the peaks of these samples; the frame number at which the next block begins."""
    cut = np.lib.stride_tricks.sliding_window_view(samples, SIZE)[::HOP][:count]
    power = np.abs(np.fft.rfft(cut * hann, axis=1)[:, 4:224]).astype(np.float32)
    loudest = maximum_filter(power, size=REACH)
    floor = np.maximum(power.max(axis=1, keepdims=True) * 0.03, 1e-3)
    at, place = np.nonzero((power >= loudest) & (power > floor))
    frames.append(at + offset)
    bins.append(place)
    return offset + count - REACH[0]


def _pairs(at: NDArray[np.int64], bins: NDArray[np.int64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """A key for every pair of neighbouring peaks (both bins and their distance) and its frame."""
    keys, times = [], []
    for step in range(1, PARTNERS + 1):
        if len(at) <= step:
            break
        gap = at[step:] - at[:-step]
        near = gap <= LONGEST
        keys.append(((bins[:-step] * 256 + bins[step:]) * 64 + gap)[near].astype(np.int32))
        times.append(at[:-step][near].astype(np.int32))
    return (np.concatenate(keys), np.concatenate(times)) if keys else (np.zeros(0, np.int32), np.zeros(0, np.int32))


def _repeats(
    keys: NDArray[np.int32], times: NDArray[np.int32], start: int, stop: int, least: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Frames from `start` to `stop` of pairs that occur again, and the distances, of at least `least` frames."""
    firsts, gaps = [], []
    inside = (times >= start) & (times < stop)
    for step in range(1, min(FOLLOWERS, max(len(keys) - 1, 0)) + 1):
        distance = times[step:] - times[:-step]
        same = inside[:-step] & (keys[step:] == keys[:-step]) & (distance > least)
        firsts.append(times[:-step][same])
        gaps.append(distance[same])
    none = np.zeros(0, np.int32)
    return np.concatenate([none, *firsts]), np.concatenate([none, *gaps])


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
