"""A map of relevance: how much every cell of time and frequency adds to a detector's score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.inference import FRAME, RATE

FloatArray = npt.NDArray[np.float32]
GRID_S = FRAME / RATE


@dataclass(frozen=True)
class RelevanceMap:
    """What one method says of one detector on one passage. Positive: speaks for a machine, in log-odds (nats)."""

    method: str
    """How it was made: `occlusion` or `gradients`."""
    line: str
    """The detector that is explained, by its method id."""
    layer: str
    """What of the detector the relevance is of: `sound`, `mel`, `stem`, `encoder`."""
    times_s: FloatArray
    """[columns + 1], edges of the columns, seconds from the start of the recording."""
    bands_hz: FloatArray
    """[bands + 1], edges of the bands, Hz; one band from 0 to 8 kHz where the method cannot tell bands apart."""
    values: FloatArray
    """[bands, columns], low bands first: share of the score."""
    over_time: FloatArray
    """[frames of 20 ms of the passage], the sum over the bands, spread evenly over a column."""
    score: float
    """The detector's logit of the passage."""
    baseline: float
    """Its logit of the sound without any of the cells."""
    passes: int
    """How often the detector, or its gradient, was worked out."""

    @property
    def total(self) -> float:
        """Sum of all cells."""
        return float(self.values.sum())

    @property
    def completeness_error(self) -> float:
        """Sum of all cells less what they should add up to (score less baseline).

        Near 0 for integrated gradients, by their construction; for occlusion it tells how far cells act together.
        """
        return self.total - (self.score - self.baseline)

    @property
    def common(self) -> float:
        """What taking out any cell does on the average: of no place, and left out of what is shown of a place.

        0 for gradients, whose cells are not taken out.
        """
        return float(self.values.mean()) if self.method == "occlusion" else 0.0

    @property
    def contrast(self) -> FloatArray:
        """[bands, columns], what a cell adds beyond the common."""
        return self.values - np.float32(self.common)

    @property
    def contrast_over_time(self) -> FloatArray:
        """[frames of 20 ms], `contrast` summed over the bands; 0 where nothing was heard."""
        heard = self.over_time != 0
        if self.method != "occlusion" or not heard.any():
            return self.over_time
        return np.where(heard, self.over_time - self.over_time[heard].mean(), 0).astype(np.float32)

    def strongest(self, sign: float = 1.0) -> tuple[int, int] | None:
        """Band and column of the cell that speaks most for a machine (or, with -1, for a person); None: none does."""
        leaning = sign * self.contrast
        band, column = np.unravel_index(int(leaning.argmax()), leaning.shape)
        return (int(band), int(column)) if leaning[band, column] > 0 else None

    def told(self) -> dict[str, Any]:
        """As JSON; numbers to four digits."""
        return {
            "method": self.method,
            "line": self.line,
            "layer": self.layer,
            "times_s": _rounded(self.times_s, 3),
            "bands_hz": _rounded(self.bands_hz, 1),
            "values": [_rounded(row, 5) for row in self.values],
            "over_time": _rounded(self.over_time, 5),
            "score": round(self.score, 4),
            "baseline": round(self.baseline, 4),
            "common": round(self.common, 5),
            "completeness_error": round(self.completeness_error, 4),
            "passes": self.passes,
        }


def spread(values: FloatArray, edges: npt.NDArray[np.int64], frames: int) -> FloatArray:
    """Columns [columns] with edges in frames [columns + 1] -> [frames], each column's value spread evenly over it."""
    out = np.zeros(frames, np.float32)
    for value, start, end in zip(values, edges[:-1], edges[1:], strict=True):
        out[start:end] += value / max(int(end - start), 1)
    return out


def _rounded(values: FloatArray, digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
