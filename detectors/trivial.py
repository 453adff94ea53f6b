"""What can be told from a clip without listening to speech: the baseline beside every figure of a trained detector.

Length and its hop multiples, silent edges, digital zeros, level, band edge, sample rate. A detector that is no better
than this has learnt the habits of web pages, not the sound of machines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]

RATE = 16_000
HOPS = (120, 128, 160, 200, 256, 275, 300, 320, 480, 512, 640, 960)
"""Frame shifts of common vocoders and codecs, in samples at their own rate."""
NAMES = (
    "seconds", "native_rate", *(f"multiple_of_{hop}" for hop in HOPS), "lead_s", "trail_s", "zeros", "longest_zeros_s",
    "peak", "rms_db", "crest_db", "band_edge_hz",
)  # fmt: skip
"""Names of the features, in the order of `features`."""


def features(samples: FloatArray, native_rate: int = RATE) -> npt.NDArray[np.float64]:
    """Samples [time] at 16 kHz, and the rate the file had, Hz -> [len(NAMES)]."""
    if samples.size == 0:
        return np.zeros(len(NAMES))
    x = samples.astype(np.float64)
    native = samples.size * native_rate / RATE
    slack = max(1.0, native_rate / RATE)
    multiples = [float(min(native % hop, hop - native % hop) <= slack) for hop in HOPS]
    envelope = np.convolve(np.abs(x), np.ones(160) / 160, "same")
    loud = np.flatnonzero(envelope > envelope.max() * 10 ** (-40 / 20))
    lead = loud[0] / RATE if loud.size else samples.size / RATE
    trail = (samples.size - 1 - loud[-1]) / RATE if loud.size else 0.0
    zero = np.concatenate([[0], (np.abs(samples) < 1e-6).astype(int), [0]])
    edges = np.flatnonzero(np.diff(zero))
    longest = int(np.max(edges[1::2] - edges[::2])) if edges.size else 0
    rms, peak = float(np.sqrt(np.mean(x**2))) + 1e-9, float(np.abs(x).max()) + 1e-9
    return np.array(
        [
            samples.size / RATE, native_rate, *multiples, lead, trail, float(zero.mean()), longest / RATE, peak,
            20 * np.log10(rms), 20 * np.log10(peak / rms), band_edge(x),
        ]
    )  # fmt: skip


def band_edge(x: npt.NDArray[np.float64]) -> float:
    """Frequency above which the mean spectrum stays 60 dB below its peak, Hz."""
    size = 1024
    if x.size < size:
        x = np.pad(x, (0, size - x.size))
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[::size] * np.hanning(size)
    spectrum = np.mean(np.abs(np.fft.rfft(frames, axis=1)) ** 2, axis=0)
    above = np.flatnonzero(spectrum > spectrum.max() * 1e-6)
    return float(above[-1] * RATE / size) if above.size else 0.0


def tree(clips: int) -> Any:
    """An untrained boosted tree for tables of that many clips; VoxproofError where scikit-learn is missing."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ModuleNotFoundError as error:
        raise VoxproofError(
            "the trivial baselines need scikit-learn, which is not installed", cure="pip install 'voxproof[train]'"
        ) from error
    leaf = max(3, min(20, clips // 20))
    return HistGradientBoostingClassifier(max_depth=4, max_iter=150, min_samples_leaf=leaf, random_state=1)
