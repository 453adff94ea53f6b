"""Cells of time and frequency taken out of the sound, and filled so that the filling is as little of a cue as can be.

A cell of zeros, of a constant or of the quiet floor is something that no recording of speech holds, and a detector
takes it for a sign by itself. What is put in a cell's place is noise at the local mean: in every bin the mean power of
the second and a half around it, but never more than the mean of what stood there. So noise can be taken out with next
to no change, and so can silence. That taking out anything at all still moves the score is measured and told: see
`RelevanceMap.common`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from detectors.inference import FRAME, RATE
from forensics.explain.clip import Logit, Passage, Window

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
ComplexArray = npt.NDArray[np.complex64]

SIZE, HOP = 512, 128
"""Of the transform that cells are cut from: 32 and 8 ms."""
BANDS_HZ = (0.0, 500.0, 1000.0, 1750.0, 2750.0, 4500.0, 8000.0)
"""Edges of the bands: about equally wide to the ear, as those of the speech detector are."""
COLUMN_FRAMES = 25
"""Width of a column, frames of 20 ms."""
_AROUND = np.hanning(round(1.5 * RATE / HOP) + 2)[1:-1]
_AROUND /= _AROUND.sum()


@dataclass(frozen=True)
class Grid:
    """The cells of a passage: edges of columns and bands."""

    columns: npt.NDArray[np.int64]
    """[columns + 1], frames of 20 ms of the passage."""
    bands_hz: tuple[float, ...] = BANDS_HZ
    """[bands + 1]."""

    @classmethod
    def over(cls, passage: Passage, column_frames: int = COLUMN_FRAMES, bands_hz: tuple[float, ...] = BANDS_HZ) -> Grid:
        """Columns of about so many frames over what is heard of the passage, all of one width."""
        first, last = passage.heard
        count = max(1, round((last - first) / column_frames))
        return cls(np.linspace(first, last, count + 1).round().astype(np.int64), bands_hz)

    @property
    def shape(self) -> tuple[int, int]:
        """Bands, columns."""
        return len(self.bands_hz) - 1, len(self.columns) - 1

    def times_s(self, passage: Passage) -> FloatArray:
        """Edges of the columns in the recording, seconds."""
        return (passage.start_s + self.columns * FRAME / RATE).astype(np.float32)


class Masking:
    """The windows of a passage with any set of cells taken out."""

    def __init__(self, passage: Passage, grid: Grid, seed: int = 0) -> None:
        self.passage, self.grid = passage, grid
        rng = np.random.default_rng(seed)
        self._parts = [_Part(window, grid, rng) for window in passage.windows]

    def score(self, logit: Logit, hidden: BoolArray) -> float:
        """The logit of the passage without the cells `hidden` [bands, columns]."""
        return float(sum(part.window.weight * part.score(logit, hidden) for part in self._parts))

    def without(self, hidden: BoolArray) -> list[FloatArray]:
        """The windows [time], 16 kHz, without those cells."""
        return [part.without(hidden) for part in self._parts]

    def levels_db(self) -> FloatArray:
        """Mean power of every cell over the windows that hold it, dB: [bands, columns]."""
        mean = self._means([np.abs(part.sound) ** 2 for part in self._parts])
        return (10 * np.log10(mean + 1e-12)).astype(np.float32)

    def changes_db(self) -> FloatArray:
        """How much taking out a cell changes in it, mean of |dB| of the smoothed spectrum: [bands, columns].

        0 for silence, little for noise, most for speech with its lines and pauses.
        """
        floor = 1e-6 * max((float((np.abs(part.sound) ** 2).max()) for part in self._parts), default=0.0) + 1e-12
        return self._means([_difference(part.sound, part.fill, floor) for part in self._parts]).astype(np.float32)

    def _means(self, of_parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
        """Means over cells [bands, columns] of what every window has in every bin [frames, bins]."""
        total, count = np.zeros(self.grid.shape), np.zeros(self.grid.shape)
        for part, values in zip(self._parts, of_parts, strict=True):
            at = (part.band[None, :], part.column[:, None])
            np.add.at(total, at, values)
            np.add.at(count, at, 1)
        return np.asarray(total / np.maximum(count, 1))


def _difference(sound: ComplexArray, fill: ComplexArray, floor: float) -> npt.NDArray[np.float64]:
    """[frames, bins], |dB| between two sounds smoothed over 5 bins and 40 ms; what is under the floor is alike."""
    levels = [
        10 * np.log10(scipy.ndimage.uniform_filter(np.abs(one).astype(np.float64) ** 2, (5, 5)) + floor)
        for one in (sound, fill)
    ]
    return np.asarray(np.abs(levels[0] - levels[1]))


class _Part:
    """One window, its transform and the noise that replaces its cells."""

    def __init__(self, window: Window, grid: Grid, rng: np.random.Generator) -> None:
        self.window, self.grid = window, grid
        self.sound = transform(window.samples)
        power = np.abs(self.sound) ** 2
        local = scipy.ndimage.convolve1d(power, _AROUND, axis=0, mode="reflect")
        noise = transform(rng.standard_normal(window.samples.size).astype(np.float32))
        noise /= np.sqrt((np.abs(noise) ** 2).mean(0) + 1e-20)
        centre = (np.arange(len(self.sound)) * HOP - SIZE / 2) / FRAME + window.first  # in frames of the passage
        self.column = np.searchsorted(grid.columns, centre, side="right") - 1
        self.band = np.searchsorted(grid.bands_hz, np.arange(SIZE // 2 + 1) * RATE / SIZE, side="right") - 1
        self.column = np.clip(self.column, 0, grid.shape[1] - 1)
        self.band = np.clip(self.band, 0, grid.shape[0] - 1)
        gain = np.empty_like(power)
        for column in np.unique(self.column):
            rows = self.column == column
            gain[rows] = np.sqrt(np.minimum(local[rows], power[rows].mean(0)))
        self.fill = (noise * gain).astype(np.complex64)
        self._whole: dict[Logit, float] = {}
        self.columns_held = np.isin(np.arange(grid.shape[1]), self.column)

    def without(self, hidden: BoolArray) -> FloatArray:
        out = np.where(hidden.T[self.column][:, self.band], self.fill, self.sound)
        return inverse(out, self.window.samples.size)

    def score(self, logit: Logit, hidden: BoolArray) -> float:
        if hidden[:, self.columns_held].any():
            return logit(self.without(hidden))
        if logit not in self._whole:
            self._whole[logit] = logit(self.window.samples)
        return self._whole[logit]


def transform(samples: FloatArray) -> ComplexArray:
    """Samples [time] -> [frames, bins], frame n centred on sample n * HOP - SIZE / 2."""
    count = -(-(samples.size + SIZE) // HOP)
    padded = np.zeros(count * HOP + SIZE, np.float32)
    padded[SIZE : SIZE + samples.size] = samples
    frames = np.lib.stride_tricks.sliding_window_view(padded, SIZE)[::HOP][:count]
    return np.fft.rfft(frames * _WINDOW, axis=1).astype(np.complex64)


def inverse(frames: ComplexArray, size: int) -> FloatArray:
    """The inverse of `transform`: [frames, bins] -> samples [size]."""
    pieces = np.fft.irfft(frames, SIZE, axis=1).astype(np.float32) * _WINDOW
    out = np.zeros((len(frames) + SIZE // HOP) * HOP, np.float32)
    for n in range(SIZE // HOP):  # the same part, HOP long, of all frames at once
        out[n * HOP : (n + len(frames)) * HOP] += pieces[:, n * HOP : (n + 1) * HOP].ravel()
    return out[SIZE : SIZE + size] / np.float32(SIZE / HOP / 2)


_WINDOW = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)).astype(np.float32)
"""Square root of the periodic Hann window: its squares add up to SIZE / HOP / 2."""
