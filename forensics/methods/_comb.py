"""Periodic unevenness ("combs") of the histogram of codes, which a digital gain after quantisation leaves.

Codes n that are multiplied by g and rounded again fall on g·n only: with g > 1 some codes stay empty, with g < 1 some
are used twice, and the histogram has a periodic part of 1/g cycles a code, seen modulo one. Its Fourier transform, the
characteristic function of the codes, has a narrow line there, whatever the sound. Source: M. C. Stamm and K. J. R. Liu,
"Forensic detection of image manipulation using statistical intrinsic fingerprints", IEEE Trans. Information Forensics
and Security 5(3), 2010 (the same trace in images: gaps and peaks of the histogram as energy at high frequencies).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import uniform_filter1d

SIZE = 65536
LOWEST = 0.05
"""Lowest frequency of a line, cycles per code: below it lies the shape of the histogram itself."""
LOBE = 1e-2
"""Power, relative to that at zero frequency, at which the lobe of the histogram's shape ends."""
CONTRAST = 3.0
"""Power of a line over the mean power one lobe beside it."""
QUARTILE = 0.2877
"""First quartile of an exponential distribution of mean 1, as the powers of an even histogram have it."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A line of the characteristic function."""

    bin: int
    """Frequency in cycles per 65536 codes, up to 32768."""
    score: float
    """Power over the usual power of all frequencies."""
    amplitude: float
    """Magnitude of the characteristic function there, 0 to 1."""

    @property
    def frequency(self) -> float:
        """Cycles per code, up to 0.5."""
        return self.bin / SIZE

    @property
    def of_halvings(self) -> bool:
        """Whether it lies at a multiple of 1/64: a converter's uneven bits make such lines too."""
        nearest = round(self.frequency * 64) * SIZE // 64
        return abs(self.bin - nearest) <= 2


def lines(histogram: NDArray[np.int64], least_score: float, most: int = 4) -> tuple[Line, ...]:
    """The strongest lines of a histogram of 65536 codes, the strongest first.

    A line is as wide as the lobe of the histogram's own shape at zero frequency, because it is that lobe moved.
    """
    total = int(histogram.sum())
    if not total:
        return ()
    spectrum = rfft(_without_spikes(histogram))
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    narrow = np.flatnonzero(power < LOBE * power[0])
    lobe = max(int(narrow[0]), 2) if len(narrow) else SIZE
    lowest = max(2 * lobe, int(LOWEST * SIZE))
    if lowest > 0.8 * len(power):
        return ()
    usual = max(float(np.percentile(power[lowest::8], 25)) / QUARTILE, 0.5 * total)
    if power[lowest:].max() < least_score * usual:
        return ()
    smooth = uniform_filter1d(power, 2 * max(lobe // 4, 2) + 1, mode="mirror")
    padded = np.pad(smooth, lobe, mode="reflect")
    beside = np.maximum(padded[: -2 * lobe], padded[2 * lobe :])
    strong = (power >= least_score * usual) & (power >= CONTRAST * beside)
    found = [int(b) for b in np.flatnonzero(strong) if b >= lowest + lobe]
    chosen: list[int] = []
    for b in sorted(found, key=lambda b: -power[b]):
        if len(chosen) < most and all(abs(b - other) > lobe for other in chosen):
            chosen.append(b)
    return tuple(Line(b, float(power[b] / usual), float(np.sqrt(power[b])) / total) for b in chosen)


def _without_spikes(histogram: NDArray[np.int64]) -> Floats:
    """The histogram with zero and the outermost used codes cut to what the codes beside them hold."""
    out = histogram.astype(np.float64)
    used = np.flatnonzero(histogram)
    for code in {SIZE // 2, int(used[0]), int(used[-1])}:
        beside = np.concatenate([histogram[max(code - 16, 0) : code], histogram[code + 1 : code + 17]])
        out[code] = min(histogram[code], beside.max())
    return out


def phasors(line: Line) -> NDArray[np.complex64]:
    """exp(-2πi·frequency·code) of every code, [65536], so that a stretch is tested by looking up its codes."""
    turns = ((np.arange(SIZE) * line.bin) % SIZE) / SIZE
    return np.asarray(np.exp(-2j * np.pi * turns), dtype=np.complex64)


def gain_db(line: Line, empty_share: float) -> float | None:
    """The gain that leaves the line, where codes stay empty (g > 1: a share 1 - 1/g of them), else None."""
    if empty_share < 0.005:
        return None
    expected = 1.0 / (1.0 - min(empty_share, 0.999))
    # The line lies at 1/g, or folded at 1 - 1/g: the gain that agrees with the share of empty codes is meant.
    gains = np.array([1.0 / line.frequency, 1.0 / (1.0 - line.frequency)])
    off: Floats = np.abs(np.log(gains / expected))
    return 20.0 * float(np.log10(gains[int(off.argmin())])) if float(off.min()) < 0.1 else None


def empty_share(histogram: NDArray[np.int64], least: float = 8.0) -> float:
    """Share of codes that are never used where the codes around are used `least` times on average or more."""
    around = uniform_filter1d(histogram.astype(np.float64), 65)
    busy = around >= least
    return int(np.count_nonzero(busy & (histogram == 0))) / max(int(np.count_nonzero(busy)), 1)


@dataclass(frozen=True)
class Trail:
    """How strongly a line shows block by block."""

    sums: NDArray[np.complex128]
    """Sum of the line's phasors over the codes of a block, [blocks]."""
    counts: NDArray[np.int64]
    """Codes of the block, [blocks]."""
    spread: Floats
    """Half the distance between the quartiles of the codes, [blocks]."""

    def grouped(self, size: int) -> Trail:
        """The same over groups of blocks; a last incomplete group is left out."""
        count = len(self.counts) // size
        sums, counts, spread = (
            row[: count * size].reshape(count, size) for row in (self.sums, self.counts, self.spread)
        )
        return Trail(sums.sum(axis=1), counts.sum(axis=1), np.median(spread, axis=1))

    def states(self, line: Line, present: float, absent: float, expected: float) -> NDArray[np.int64]:
        """1 where a block has the line, -1 where it lacks it though it would show, 0 where it cannot tell."""
        power = np.square(np.abs(self.sums)) / np.maximum(self.counts, 1)
        has = power >= present
        if not has.any():
            return np.zeros(len(power), dtype=np.int64)
        able = (self.spread * min(line.frequency, 0.2) >= 1.5) & (self.counts * self.depth(has) ** 2 >= expected)
        if not (has & able).any():
            return np.zeros(len(power), dtype=np.int64)
        # A gain that acts on quiet sound only (a gate, a compressor) is no edit: compare blocks of like level.
        levels = self.spread[has & able]
        alike = (self.spread >= levels.min()) & (self.spread <= levels.max())
        return np.where(has & able, 1, np.where(able & alike & (power < absent), -1, 0))

    def depth(self, has: NDArray[np.bool_]) -> float:
        """Magnitude of the characteristic function over some blocks."""
        return float(np.abs(self.sums[has].sum()) / max(int(self.counts[has].sum()), 1))


def turn(places: NDArray[np.int32], line: Line, mean: complex, has: bool) -> int:
    """The sample at which codes with the line, of this mean phasor, begin (`has`) or end, by the largest likelihood."""
    depth = abs(mean)
    lean = (phasors(line)[places] * np.conj(mean)).real / max(depth, 1e-9) - depth / 2
    total = np.concatenate([[0.0], np.cumsum(lean, dtype=np.float64)])
    return int(np.argmin(total) if has else np.argmax(total))
