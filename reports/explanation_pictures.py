"""The maps of an explanation as pictures: the spectrogram in grey, what speaks for a machine or a person in colour.

One array of pixels serves the page and the PDF. Frequencies run from 0 to 8 kHz, which is what the detectors hear, on
the mel scale (S. S. Stevens, J. Volkmann, E. B. Newman, 1937; the formula is O'Shaughnessy's, 1987). Vermilion speaks
for a machine, teal for a person, as everywhere in the reports.
"""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from scipy.ndimage import uniform_filter

from forensics.explain.relevance import RelevanceMap
from forensics.records import Spectrogram
from reports import theme
from reports.lanes import RAMP

Pixels = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]
TOP_HZ = 8000.0
TICKS_HZ = (0.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
ROWS, MOST_COLUMNS = 160, 1000
_DEPTH_DB = 75.0
_FULL = 0.78
"""Opacity of the strongest cell."""


def height(hz: npt.ArrayLike) -> FloatArray:
    """Where a frequency stands on the axis: 0 at 0 Hz, 1 at 8 kHz."""
    return np.asarray(np.log1p(np.asarray(hz, np.float64) / 700) / np.log1p(TOP_HZ / 700))


def background(picture: Spectrogram | None, washed: bool) -> Pixels:
    """The spectrogram [rows, columns, 3], the highest frequency in row 0; `washed` is what colour can lie on."""
    if picture is None:
        return np.full((ROWS, 8, 3), 245, np.uint8)
    levels = np.nan_to_num(picture.levels_db.astype(np.float64), nan=-200.0, neginf=-200.0, posinf=0.0)
    hz = 700 * np.expm1((1 - (np.arange(ROWS) + 0.5) / ROWS) * np.log1p(TOP_HZ / 700))
    bins = (hz / picture.nyquist_hz * len(levels)).astype(int)
    top = float(np.percentile(levels, 99.7))
    loudness = np.clip((levels - (top - _DEPTH_DB)) / _DEPTH_DB, 0, 1)
    rows = loudness[np.minimum(bins, len(levels) - 1)]
    rows[bins >= len(levels)] = 0
    if washed:
        grey = 255 - 150 * rows**1.4
        return np.asarray(np.repeat(grey[..., None], 3, axis=2), np.uint8)
    return np.asarray(RAMP(rows)[..., :3] * 255, np.uint8)


def tinted(one: RelevanceMap, picture: Spectrogram | None) -> Pixels:
    """A map over the washed spectrogram: [rows, columns, 3]."""
    under = background(picture, washed=True)
    columns = min(MOST_COLUMNS, max(under.shape[1], one.values.shape[1]))
    under = under[:, (np.arange(columns) * under.shape[1] // columns)]
    start, end = float(one.times_s[0]), float(one.times_s[-1])
    strength = _shown(one) / (scale(one) or 1.0)
    edge = np.linspace(*_extent(one, picture), columns + 1)
    middles = (edge[1:] + edge[:-1]) / 2
    column = np.clip(np.searchsorted(one.times_s, middles, side="right") - 1, 0, strength.shape[1] - 1)
    hz = 700 * np.expm1((1 - (np.arange(ROWS) + 0.5) / ROWS) * np.log1p(TOP_HZ / 700))
    band = np.clip(np.searchsorted(one.bands_hz, hz, side="right") - 1, 0, strength.shape[0] - 1)
    cells = np.clip(strength[band][:, column], -1, 1)
    cells[:, (middles < start) | (middles >= end)] = 0
    opacity = _FULL * np.abs(cells)[..., None] ** 0.8
    colour = np.where(cells[..., None] > 0, _rgb(theme.VERMILION), _rgb(theme.TEAL))
    return np.asarray(under * (1 - opacity) + colour * opacity, np.uint8)


def scale(one: RelevanceMap) -> float:
    """The relevance, log-odds, from which on a point is drawn at full strength."""
    values = _shown(one)
    return float(np.percentile(np.abs(values), 99 if values.size > 1000 else 100))


def png(pixels: Pixels) -> bytes:
    """Pixels [rows, columns, 3] as a PNG file."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(out, "PNG", optimize=True)
    return out.getvalue()


def _extent(one: RelevanceMap, picture: Spectrogram | None) -> tuple[float, float]:
    """First and last instant of the picture, seconds of the recording.

    Occlusion's columns may begin later than the passage; the gradients' never do, nor does the spectrogram.
    """
    start = float(one.times_s[0]) if picture is None else one.start_s
    return start, start + (picture.seconds if picture else float(one.times_s[-1]) - start)


def _shown(one: RelevanceMap) -> npt.NDArray[np.float32]:
    """Of gradients a mean over three bands and 60 ms, so that single points do not flicker."""
    values = one.contrast
    if one.method == "occlusion":
        return values
    size = (3 if values.shape[0] > 3 else 1, 3)
    return np.asarray(uniform_filter(values, size, mode="nearest"), np.float32)


def _rgb(colour: str) -> FloatArray:
    return np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)], np.float64)
