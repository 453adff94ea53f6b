"""Integrated gradients of the speech detector on its log-mel spectrum, or on one of its layers.

M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks" (2017): the gradient, averaged on the
straight way from a baseline to the input, times the difference of the two; the relevances add up to the difference of
the scores, and by how much they fail to is told. Baseline: the log-mel spectrum of the same sound with every cell taken
out, as occlusion takes them out. The mean over the way is Gauss-Legendre quadrature.
Needs PyTorch and the network's twin (detectors/network.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from detectors.inference import RATE, SpeechScorer, mel_filters
from forensics.explain.clip import Passage
from forensics.explain.masking import Grid, Masking
from forensics.explain.relevance import RelevanceMap
from forensics.records import GRID_S
from synth.errors import VoxproofError

if TYPE_CHECKING:
    from torch import Tensor

    from detectors.network import SpeechNetwork

FloatArray = npt.NDArray[np.float32]
Layer = Literal["mel", "stem", "encoder"]
LAYERS: tuple[Layer, ...] = ("mel", "stem", "encoder")
"""The log-mel spectrum; the output of the convolutions; that of the last encoder layer, what is before it held."""
STEPS, BATCH = 16, 8


def integrated_gradients(
    scorer: SpeechScorer,
    line: str,
    passage: Passage,
    layer: Layer = "mel",
    *,
    steps: int = STEPS,
    on_step: Callable[[int, int], None] = lambda done, steps: None,
) -> RelevanceMap:
    """Relevance of every 20 ms, on the log-mel of every mel band too; VoxproofError where PyTorch is missing."""
    try:
        from detectors.network import trainable
    except ModuleNotFoundError as error:
        cure = "pip install 'voxproof[lite]'"
        raise VoxproofError(f"integrated gradients need {error.name}, which is not installed", cure=cure) from error
    network = trainable(scorer).requires_grad_(False).eval()
    grid = Grid.over(passage)
    emptied = Masking(passage, grid).without(np.ones(grid.shape, np.bool_))
    bands = scorer.config.mels if layer == "mel" else 1
    values = np.zeros((bands, passage.frames), np.float32)
    score = baseline = 0.0
    for done, (window, empty) in enumerate(zip(passage.windows, emptied, strict=True)):
        mels = scorer.log_mel(empty), scorer.log_mel(window.samples)
        of_window, ends = _window(network, mels, layer, steps)
        length = min(len(of_window), passage.frames - window.first)
        values[:, window.first : window.first + length] += window.weight * of_window[:length].T
        score, baseline = score + window.weight * ends[1], baseline + window.weight * ends[0]
        on_step(done + 1, len(passage.windows))
    return RelevanceMap(
        method="gradients",
        line=line,
        layer=layer,
        times_s=(passage.start_s + np.arange(passage.frames + 1) * GRID_S).astype(np.float32),
        bands_hz=_edges(scorer) if layer == "mel" else np.array([0, RATE / 2], np.float32),
        values=values,
        start_s=passage.start_s,
        changes=None,
        over_time=values.sum(0),
        score=score,
        baseline=baseline,
        passes=steps * len(passage.windows),
    )


def _window(
    network: SpeechNetwork, mels: tuple[FloatArray, FloatArray], layer: Layer, steps: int
) -> tuple[FloatArray, tuple[float, float]]:
    """Log-mels [frames of 10 ms, mels] of baseline and sound -> relevance [frames of 20 ms, bands], their logits."""
    import torch

    empty, mel = (torch.from_numpy(one)[None] for one in mels)
    with torch.no_grad():
        given, absent = ([mel], [empty]) if layer == "mel" else (network.encode(mel), network.encode(empty))
    which = {"mel": 0, "stem": 0, "encoder": len(given) - 1}[layer]
    start, end = absent[which], given[which]
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    at = torch.from_numpy((nodes + 1) / 2).float()[:, None, None]
    share = torch.from_numpy(weights / 2).float()[:, None, None]
    mean = torch.zeros_like(end[0])
    for n in range(0, steps, BATCH):
        point = (start + at[n : n + BATCH] * (end - start)).requires_grad_()
        logit = _logit(network, layer, point, given)
        (gradient,) = torch.autograd.grad(logit.sum(), point)
        mean += (share[n : n + BATCH] * gradient).sum(0)
    relevance = (mean * (end - start)[0]).numpy()
    with torch.no_grad():
        ends = float(_logit(network, layer, start, given)[0]), float(_logit(network, layer, end, given)[0])
    if layer == "mel":
        relevance = np.add.reduceat(relevance, np.arange(0, len(relevance), 2), axis=0)
    else:
        relevance = relevance.sum(1, keepdims=True)
    return relevance.astype(np.float32), ends


def _logit(network: SpeechNetwork, layer: Layer, point: Tensor, given: list[Tensor]) -> Tensor:
    """Window logits [batch] from a layer's values [batch, time, channels] on."""
    if layer == "mel":
        passed = network.encode(point)
    elif layer == "stem":
        passed = [point]
        for one in network.layers:
            passed.append(one(passed[-1]))
    else:
        passed = [*(held.expand(len(point), -1, -1) for held in given[:-1]), point]
    out: Tensor = network.head.logit(network.head.pooled(passed))
    return out


def _edges(scorer: SpeechScorer) -> FloatArray:
    """Edges between the mel bands [mels + 1], Hz: half way between their peaks."""
    filters = mel_filters(scorer.config.mels, 16 * scorer.config.window)  # fine enough for the narrow bands
    peaks = filters.argmax(1) * RATE / (16 * scorer.config.window)
    return np.concatenate([[0.0], (peaks[1:] + peaks[:-1]) / 2, [RATE / 2]]).astype(np.float32)
