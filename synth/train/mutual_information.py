"""How much of the phones the codes know: mutual information, as a share of what there is to know.

The measure is the phone-normalised mutual information of W.-N. Hsu et al., "HuBERT" (2021), with the bias of small
counts taken off (G. Miller, "Note on the bias of information estimates", 1955). The phone of a frame is the one nearest
to it that the phone teacher hears (synth/train/phone_teacher.py).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from synth.code_reader import PHONES
from synth.train.forced_alignment import nearest


def nearest_phones(scores: Tensor) -> NDArray[np.int64]:
    """Scores of phones [time, 733] -> the phone at or nearest to every frame [time]; blanks alone stay blanks."""
    best = scores.argmax(-1).numpy()
    heard = best != PHONES
    return best[nearest(heard)] if heard.any() else best


def phone_normalised_mutual_information(codes: NDArray[np.int64], phones: NDArray[np.int64]) -> float:
    """Mutual information of codes and phones [frames] over the entropy of the phones: 0 to 1 but for the correction."""
    _, code = np.unique(codes, return_inverse=True)
    _, phone = np.unique(phones, return_inverse=True)
    together = np.zeros((code.max() + 1, phone.max() + 1))
    np.add.at(together, (code, phone), 1.0)
    own = _entropy(together.sum(0))
    shared = own + _entropy(together.sum(1)) - _entropy(together.ravel())
    return float(shared / own) if own > 0 else 0.0


def _entropy(counts: NDArray[np.float64]) -> float:
    """Nats, after Miller and Madow."""
    counts = counts[counts > 0]
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum() + (len(counts) - 1) / (2 * counts.sum()))
