"""How well the voice model's own GPT foretells the codes of a clip: GLTR and Fast-DetectGPT, for speech.

A model that drew its codes drew likely ones, and the same model can say how likely: log-probability, rank and entropy
of every code given those before it and a text, all in one pass (teacher forcing). For text, ranks were read so by
S. Gehrmann, H. Strobelt, A. Rush, "GLTR: Statistical Detection and Visualization of Generated Text" (2019), and the
excess of the log-probability over what the model expects of its own draws, in standard deviations, by G. Bao et al.,
"Fast-DetectGPT: Efficient Zero-Shot Detection of Machine-Generated Text via Conditional Probability Curvature" (2024);
with one code drawn at every place, its expectation and variance are sums over the vocabulary, and nothing is perturbed.

The distribution is the plain softmax of the scores over the 1024 codes, given that the speech goes on: the end token
is cut away, since where a clip ends says nothing about who spoke. The repetition penalty and the choice among the top
k, which change what is drawn, are not undone: which codes went before the clip is not known. `temperature` divides
the scores, so that the distribution can be brought near to the one that a cloner draws from (0.8 as it ships).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from detectors.codes.hearing import Codes
from synth.errors import VoxproofError
from synth.gpt import GPT

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

WINDOW = 250
"""Most codes in one row of the model, 10 s: about the longest sentences it learnt from."""
TOP = (1, 5, 10, 50)
"""Ranks up to which GLTR counts."""
CONTEXT = 5
"""Codes at the beginning of a window, 0.2 s, that are foretold from too little and do not count."""


@dataclass(frozen=True, eq=False)
class Foretold:
    """Every code of a stretch, under the model."""

    log_probability: FloatArray
    """[k] of the heard code, nats; 0 at most."""
    rank: IntArray
    """[k] codes that were likelier; 0: it was the likeliest."""
    entropy: FloatArray
    """[k] of the model's distribution, nats; 0 to log 1024 = 6.93."""
    variance: FloatArray
    """[k] of the log-probability of a code that the model would draw, nats squared."""
    counted: npt.NDArray[np.bool_]
    """[k] whether enough went before for the code to count."""

    def curvature(self, where: npt.NDArray[np.bool_] | None = None) -> float:
        """Fast-DetectGPT's: excess of the summed log-probability over its expectation, in standard deviations.

        Divided by the root of the number of codes, so that it does not grow with the length; nan without codes.
        """
        kept = self.counted if where is None else self.counted & where
        spread = float(np.sqrt(self.variance[kept].sum() * max(int(kept.sum()), 1)))
        return float((self.log_probability + self.entropy)[kept].sum() / spread) if spread > 0 else float("nan")

    def excess(self) -> FloatArray:
        """[k] log-probability less its expectation, in standard deviations of the one place; nan: does not count."""
        one = (self.log_probability + self.entropy) / np.sqrt(np.maximum(self.variance, 1e-6))
        return np.where(self.counted, one, np.float32(np.nan)).astype(np.float32)

    def measures(self, where: npt.NDArray[np.bool_] | None = None) -> dict[str, float]:
        """Means over the codes that count (and lie within `where`); nan without any."""
        kept = self.counted if where is None else self.counted & where
        if not kept.any():
            return {name: float("nan") for name in MEASURES}
        rank = self.rank[kept]
        values = {
            "log_probability": float(self.log_probability[kept].mean()),
            "log_rank": float(np.log1p(rank).mean()),
            "entropy": float(self.entropy[kept].mean()),
            "over_entropy": float(-self.log_probability[kept].sum() / max(float(self.entropy[kept].sum()), 1e-6)),
            "curvature": self.curvature(where),
        }
        return values | {f"top_{most}": float((rank < most).mean()) for most in TOP}


MEASURES: Mapping[str, str] = {
    "log_probability": "mean log-probability of a code, nats",
    "log_rank": "mean of log(1 + rank), nats",
    "entropy": "mean entropy of the model, nats",
    "over_entropy": "minus log-probability over entropy; near 1 for the model's own draws",
    "curvature": "excess of the log-probability over its expectation, standard deviations per root of a code",
    **{f"top_{most}": f"share of codes among the {most} likeliest" for most in TOP},
}
"""What `Foretold.measures` gives, and its unit."""


def foretold(gpt: GPT, codes: Codes, texts: Sequence[Sequence[int]], temperature: float = 1.0) -> tuple[Foretold, ...]:
    """Codes [k] under each of these texts (ids of phones), side by side in one pass of the model.

    VoxproofError for more codes than `WINDOW`, and for a text without phones.
    """
    if not 0 < len(codes) <= WINDOW or not all(texts):
        raise VoxproofError(
            f"{len(codes)} codes and {min(map(len, texts), default=0)} phones cannot be foretold",
            cure=f"Give 1 to {WINDOW} codes and texts that say something.",
        )
    logs = torch.from_numpy(coming(gpt, codes, texts))
    return tuple(_read(row, torch.from_numpy(codes), temperature) for row in logs)


@torch.no_grad()
def coming(gpt: GPT, codes: Codes, texts: Sequence[Sequence[int]]) -> FloatArray:
    """Log-probabilities of what comes at every place after the codes [k] before it, [texts, k, 1024]."""
    longest = max(map(len, texts))
    phones = torch.tensor([[*text, *[0] * (longest - len(text))] for text in texts])
    given = torch.from_numpy(np.ascontiguousarray(codes))[None].expand(len(texts), -1)
    sizes = torch.tensor([len(text) for text in texts]), torch.full((len(texts),), len(codes))
    device = gpt.ar_predict_layer.weight.device
    scores = gpt(phones.to(device), sizes[0], given.to(device), sizes[1])[:, :-1, :-1]
    return np.asarray(scores.float().log_softmax(-1).cpu().numpy(), np.float32)


def _read(scores: Tensor, codes: Tensor, temperature: float) -> Foretold:
    """Log-probabilities [k, 1024] of what comes, and the codes [k] that came."""
    logs = (scores / temperature).log_softmax(-1)
    shares = logs.exp()
    own = logs.gather(1, codes[:, None])
    mean = (shares * logs).sum(-1, keepdim=True)
    variance = (shares * (logs - mean).square()).sum(-1)
    return Foretold(
        own[:, 0].numpy(), (logs > own).sum(-1).numpy(), -mean[:, 0].numpy(), variance.numpy(),
        np.arange(len(codes)) >= CONTEXT,
    )  # fmt: skip


def joined(parts: Sequence[Foretold]) -> Foretold:
    """Windows that follow each other as one stretch."""
    return Foretold(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in (
            "log_probability", "rank", "entropy", "variance", "counted"
        ))
    )  # fmt: skip
