"""A map of relevance: how much every cell of time and frequency adds to a detector's score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forensics.records import GRID_S

FloatArray = npt.NDArray[np.float32]


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
    start_s: float
    """Where the passage begins in the recording, seconds."""
    changes: FloatArray | None
    """[bands, columns], how much taking out a cell changes in it, dB; None where nothing is taken out."""
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
    def common(self) -> FloatArray:
        """[bands, columns], what taking out as much sound does on the average, wherever it is.

        Proportional to `changes`, by least squares. It says nothing of a place, and is left out of what is shown of
        one. 0 for gradients, which take nothing out.
        """
        if self.changes is None or not self.changes.any():
            return np.zeros_like(self.values)
        slope = float((self.values * self.changes).sum() / (self.changes**2).sum())
        return np.asarray(slope * self.changes, np.float32)

    @property
    def contrast(self) -> FloatArray:
        """[bands, columns], what a cell adds beyond the common: what is shown, said and tested."""
        return self.values - self.common

    @property
    def contrast_over_time(self) -> FloatArray:
        """[frames of 20 ms], `contrast` summed over the bands."""
        if self.changes is None:
            return self.over_time
        edges = np.round((self.times_s - self.start_s) / GRID_S).astype(np.int64)
        return spread(self.contrast.sum(0), edges, self.over_time.size)

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
            "start_s": round(self.start_s, 3),
            "times_s": _rounded(self.times_s, 3),
            "bands_hz": _rounded(self.bands_hz, 1),
            "values": [_rounded(row, 4) for row in self.values],
            "over_time": _rounded(self.over_time, 5),
            "score": round(self.score, 4),
            "baseline": round(self.baseline, 4),
            "contrast": [_rounded(row, 4) for row in self.contrast] if self.changes is not None else None,
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
