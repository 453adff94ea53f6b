"""The filter banks of MP3 and AAC, taken at any sample position, and a test of whether lines are quantised there.

A perceptual coder turns each frame into spectral lines and rounds them: line = sign · q^(4/3) · step, with integer q
and one step per band (both coders choose it in quarter octaves). Decoded sound still shows it, but only when it is
analysed with the coder's own filter bank, window and frame start; one sample beside it the lattice is gone. Sources:
ISO/IEC 11172-3 (Layer III: prototype window, hybrid filter bank, alias reduction, power-law quantiser); ISO/IEC
14496-3 (AAC: MDCT of 1024 lines, sine and Kaiser-Bessel-derived windows); J. Herre and M. Schug, "Analysis of
decompressed audio - the inverse decoder", AES 109th Convention, 2000; R. Yang, Z. Qu and J. Huang, "Exposing MP3
audio forgeries using frame offsets", ACM Trans. Multimedia Comput. Commun. Appl. 8(S2), 2012.

Short blocks are not analysed: frames that hold them show no lattice, and the others decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import fft

Float32 = NDArray[np.float32]
Index = NDArray[np.intp]

FULL_SCALE = 32768.0
"""Scale in which steps are whole quarter octaves: units of the last bit of 16."""
RUN = 16
"""Neighbouring lines that are taken to share one step."""
STEPS = np.arange(-10, 2)
"""Steps tried, in quarter octaves from the level of the run."""
LEAST_STEP = 1
"""Smallest step tried, quarter octaves above one unit: finer ones drown in the rounding to 16 bits."""

_WINDOW = np.array(
    [0, -1, -1, -1, -1, -1, -1, -2, -2, -2, -2, -3, -3, -4, -4, -5, -5, -6, -7, -7, -8, -9, -10, -11, -13, -14, -16,
     -17, -19, -21, -24, -26, -29, -31, -35, -38, -41, -45, -49, -53, -58, -63, -68, -73, -79, -85, -91, -97, -104,
     -111, -117, -125, -132, -139, -147, -154, -161, -169, -176, -183, -190, -196, -202, -208, 213, 218, 222, 225, 227,
     228, 228, 227, 224, 221, 215, 208, 200, 189, 177, 163, 146, 127, 106, 83, 57, 29, -2, -36, -72, -111, -153, -197,
     -244, -294, -347, -401, -459, -519, -581, -645, -711, -779, -848, -919, -991, -1064, -1137, -1210, -1283, -1356,
     -1428, -1498, -1567, -1634, -1698, -1759, -1817, -1870, -1919, -1962, -2001, -2032, -2057, -2075, -2085, -2087,
     -2080, -2063, 2037, 2000, 1952, 1893, 1822, 1739, 1644, 1535, 1414, 1280, 1131, 970, 794, 605, 402, 185, -45,
     -288, -545, -814, -1095, -1388, -1692, -2006, -2330, -2663, -3004, -3351, -3705, -4063, -4425, -4788, -5153,
     -5517, -5879, -6237, -6589, -6935, -7271, -7597, -7910, -8209, -8491, -8755, -8998, -9219, -9416, -9585, -9727,
     -9838, -9916, -9959, -9966, -9935, -9863, -9750, -9592, -9389, -9139, -8840, -8492, -8092, -7640, -7134, 6574,
     5959, 5288, 4561, 3776, 2935, 2037, 1082, 70, -998, -2122, -3300, -4533, -5818, -7154, -8540, -9975, -11455,
     -12980, -14548, -16155, -17799, -19478, -21189, -22929, -24694, -26482, -28289, -30112, -31947, -33791, -35640,
     -37489, -39336, -41176, -43006, -44821, -46617, -48390, -50137, -51853, -53534, -55178, -56778, -58333, -59838,
     -61289, -62684, -64019, -65290, -66494, -67629, -68692, -69679, -70590, -71420, -72169, -72835, -73415, -73908,
     -74313, -74630, -74856, -74992, 75038]
)  # fmt: skip
"""First half of the prototype window of Layers I to III as printed in ISO/IEC 11172-3, in units of 2^-16."""
_ALIAS = np.array([-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.0037])
"""Coefficients of the alias reduction of Layer III."""


@dataclass(frozen=True)
class Coder:
    """One filter bank with one frame grid."""

    name: str
    """Name for readers."""
    codecs: tuple[str, ...]
    """FFmpeg's names of the codecs that use it."""
    hop: int
    """Samples from one frame to the next, and lines of a frame."""
    taps: int
    """Samples that one frame's lines depend on."""
    rows: Callable[[Index], Float32]
    """Lines [lines] -> analysis vectors of unit energy [lines, taps]."""


_LAYER3_GAIN = 1112183.1
"""Root mean energy of the 576 analysis vectors of a granule in the units of the window above."""


@cache
def _layer3_parts() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Polyphase filters [512 samples, 32 bands] and long blocks for even and odd bands [2, 36 slots, 18 lines]."""
    window = np.zeros(512)
    window[:257] = _WINDOW
    mirror = np.arange(1, 256)
    window[512 - mirror] = np.where(mirror & 63, -1, 1) * _WINDOW[mirror]
    tap, band = np.arange(512)[:, None], np.arange(32)
    polyphase = (window[:, None] * np.cos((2 * band + 1) * (tap % 64 - 16) * np.pi / 64))[::-1] / _LAYER3_GAIN
    slot, line = np.arange(36)[:, None], np.arange(18)
    block = np.sin(np.pi / 36 * (slot + 0.5)) * np.cos(np.pi / 72 * (2 * slot + 19) * (2 * line + 1))
    return polyphase, np.stack([block, block * np.where(slot % 2, -1, 1)])


@cache
def _layer3_band(band: int) -> Float32:
    """Analysis vectors of the 18 lines of one band before the alias reduction, [18, 1632]."""
    polyphase, blocks = _layer3_parts()
    shifted = np.zeros((36, 1632), np.float32)
    for slot in range(36):
        shifted[slot, 32 * slot : 32 * slot + 512] = polyphase[:, band]
    vectors: Float32 = blocks[band % 2].T.astype(np.float32) @ shifted
    return vectors


def _layer3(lines: Index) -> Float32:
    """Analysis vectors of a granule of long blocks, [lines, 1632 samples]."""
    band, line = lines // 18, lines % 18
    up = (line >= 10) & (band < 31)
    down = (line < 8) & (band > 0)
    partner = np.where(up, band + 1, np.where(down, band - 1, band))
    weight = _ALIAS[np.where(up, 17 - line, np.where(down, line, 0))]
    own = np.where(up | down, 1 / np.sqrt(1 + weight**2), 1.0)
    other = np.where(up, weight * own, np.where(down, -weight * own, 0.0))
    out = np.empty((len(lines), 1632), np.float32)
    for row in range(len(lines)):
        out[row] = np.float32(own[row]) * _layer3_band(int(band[row]))[line[row]]
        if other[row]:
            out[row] += np.float32(other[row]) * _layer3_band(int(partner[row]))[17 - line[row]]
    return out


def _mdct(window: NDArray[np.float64]) -> Callable[[Index], Float32]:
    """Analysis vectors of an MDCT with a window of 2·N samples."""
    size = len(window) // 2
    cosine = np.cos(np.pi / (4 * size) * np.arange(8 * size)).astype(np.float32)
    phase = 2 * np.arange(2 * size) + 1 + size
    scaled = (window * np.sqrt(2 / size)).astype(np.float32)

    def rows(lines: Index) -> Float32:
        vectors: Float32 = cosine[(phase * (2 * lines[:, None] + 1)) % (8 * size)] * scaled
        return vectors

    return rows


def _kaiser_bessel(size: int, alpha: float) -> NDArray[np.float64]:
    total = np.cumsum(np.kaiser(size + 1, np.pi * alpha))
    half: NDArray[np.float64] = np.sqrt(total[:-1] / total[-1])
    return np.concatenate([half, half[::-1]])


MP3 = Coder("MP3", ("mp3",), 576, 1632, _layer3)
AAC_KBD = Coder("AAC", ("aac",), 1024, 2048, _mdct(_kaiser_bessel(1024, 4.0)))
AAC_SINE = Coder("AAC", ("aac",), 1024, 2048, _mdct(np.sin(np.pi / 2048 * (np.arange(2048) + 0.5))))
CODERS = (MP3, AAC_KBD, AAC_SINE)


class Bank:
    """Analysis vectors of some runs of lines of one coder."""

    def __init__(self, coder: Coder, first_lines: Index) -> None:
        self.coder = coder
        self.runs = len(first_lines)
        self.rows: Float32 = coder.rows((first_lines[:, None] + np.arange(RUN)).reshape(-1))
        """[runs · RUN, taps]"""
        self.span = coder.hop + coder.taps - 1
        """Samples that all positions of one frame depend on."""
        self._size: int = fft.next_fast_len(self.span, real=True)

    @cached_property
    def _spectra(self) -> NDArray[np.complex64]:
        spectra: NDArray[np.complex64] = np.conj(fft.rfft(self.rows, self._size, axis=1))
        return spectra

    def everywhere(self, sound: Float32) -> Float32:
        """Lines at every start within one hop: sound [span] -> [runs, RUN, hop]."""
        product = fft.rfft(sound, self._size) * self._spectra
        lines: Float32 = fft.irfft(product, self._size, axis=1)[:, : self.coder.hop]
        return lines.reshape(self.runs, RUN, -1)

    def at(self, sound: Float32, starts: Index) -> Float32:
        """Lines at the given starts: sound [time], starts [...] -> [runs, RUN, ...]."""
        windows = sliding_window_view(sound, self.coder.taps)[starts.reshape(-1)]
        lines: Float32 = self.rows @ windows.T
        return lines.reshape(self.runs, RUN, *starts.shape)


def quantised(lines: Float32, reference: slice = slice(None)) -> Float32:
    """How well each run's lines lie on a lattice q^(4/3) · step: [runs, RUN, starts] -> [runs, starts].

    The largest, over the steps tried, of how near (line / step)^(3/4) is to whole numbers, in standard deviations over
    the starts in `reference`; about 1.5 beside the grid, 3 to 8 on it.
    """
    powered = np.sqrt(np.abs(lines))
    powered *= np.sqrt(powered)
    level = np.sqrt(np.mean(np.square(lines[..., reference]), axis=(1, 2)))
    near = np.round(4 * np.log2(np.maximum(level, 0.5)))
    best = np.full((lines.shape[0], lines.shape[2]), -9.0, np.float32)
    for step in STEPS:
        scale = (2 ** (-3 / 16 * np.maximum(near + step, LEAST_STEP))).astype(np.float32)
        distance = powered * scale[:, None, None]
        distance -= np.rint(distance)
        miss: Float32 = np.einsum("rls,rls->rs", distance, distance)
        others = miss[:, reference]
        score = others.mean(axis=1, keepdims=True) - miss
        score /= others.std(axis=1, keepdims=True) + np.float32(0.05)
        np.maximum(best, score, out=best)
    return best
