"""How far a clip lies from the speech that a trained line learnt from, and whether that is too far to be judged.

The head's hidden units, before their activation, of the training crops are described by one Gaussian; a clip's distance
is the Mahalanobis distance from its mean (K. Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution
Samples and Adversarial Attacks", 2018, with one mean for both classes). Held-out clips turn it into a percentile;
detectors.train.domain learns both and freezes them in the card.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from detectors.card import WEIGHTS
from detectors.domain_card import DomainCard, LineDomain
from synth.card import checked_weights, read_card
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float32]
CARD = WEIGHTS / "domain_card.yaml"


@dataclass(frozen=True)
class SpeechDomain:
    """Of one trained line."""

    mean: FloatArray
    """[units], of the training crops."""
    whitening: FloatArray
    """[units, k]: (units - mean) @ whitening has covariance 1 on the training crops."""
    facts: LineDomain
    """Percentiles and limit."""
    sha256: str
    """Of the file that mean and whitening come from."""

    def distance(self, units: FloatArray) -> npt.NDArray[np.float64]:
        """Hidden units [..., units] -> root mean squared whitened coordinate [...]; about 1 for the training crops."""
        return distances(units, self.mean, self.whitening)

    def percentile(self, distance: float) -> float:
        """Share of held-out clips that lie nearer, %: 0 to 100, linear between those of the card."""
        found = np.interp(distance, self.facts.distances, self.facts.percentiles, left=0.0, right=100.0)
        return float(found)

    def holds(self, distance: float) -> bool:
        """Whether a clip at this distance may be judged."""
        return distance <= self.facts.limit


def distances(units: FloatArray, mean: FloatArray, whitening: FloatArray) -> npt.NDArray[np.float64]:
    """Hidden units [..., units] -> root mean squared whitened coordinate [...]."""
    white = (np.asarray(units, np.float32) - mean) @ whitening
    return np.asarray(np.sqrt(np.mean(np.square(white, dtype=np.float64), axis=-1)))


def load_domains(lines: Mapping[str, str], card_path: Path = CARD) -> dict[str, SpeechDomain]:
    """The domain of each line; `lines` maps method ids to the hashes of the weights that are to be used.

    Raises `VoxproofError` if the card, its weights or a line are missing, or belong to other weights of the line.
    """
    card = read_card(card_path, DomainCard)
    path = checked_weights(card, card_path.parent)
    try:
        state = {key: value.astype(np.float32) for key, value in load_file(path).items()}
    except (SafetensorError, ValueError, OSError) as error:
        raise VoxproofError(f"not the weights of a speech domain ({error})", path=path) from error
    found = {}
    for name, sha256 in lines.items():
        facts = next((line for line in card.lines if line.line == name), None)
        if facts is None or facts.sha256 != sha256:
            raise VoxproofError(
                f"the domain of {name} was learnt for other weights",
                path=card_path,
                cure="Reinstall voxproof, or learn it again by python -m detectors.train.domain.",
            )
        found[name] = SpeechDomain(state[f"{name}.mean"], state[f"{name}.whitening"], facts, card.sha256)
    return found
