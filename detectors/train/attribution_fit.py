"""The constants of attribution from statistics of clips: standardise, principal components, discriminant analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.linalg

from detectors.attribution import unit
from detectors.attribution_bank import DIMENSIONS

FloatArray = npt.NDArray[np.float32]
Names = npt.NDArray[np.str_]
BoolArray = npt.NDArray[np.bool_]

COMPONENTS = 200
RIDGE = 1.0
"""Share of the mean variance within that is added to every direction."""


@dataclass(frozen=True)
class Clips:
    """Clips and what is known of them, row by row."""

    id: Names
    values: FloatArray
    """Statistics [n, channels]."""
    generator: Names
    page: Names
    licence: Names
    family: Names
    """Empty: of no known family."""
    human: BoolArray
    usable: BoolArray
    """May be learnt from and enrolled; else evaluation only."""

    def at(self, rows: npt.NDArray[np.int_] | BoolArray) -> Clips:
        """Some of them."""
        return Clips(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Constants:
    """What `detectors.attribution` embeds with."""

    mean: FloatArray
    scale: FloatArray
    projection: FloatArray

    def embed(self, values: FloatArray) -> FloatArray:
        """As the product does."""
        return unit(((values - self.mean) / self.scale) @ self.projection)


def learn(clips: Clips, label: Names, blocks: Sequence[int], seed: int) -> Constants:
    """Constants that tell the labels of machine-made clips apart; `blocks` are channels that count alike as groups.

    The scatter within holds that of the labels' clips and that between the pages of human recordings, where what
    differs is no generator. In half precision, as they ship.
    """
    mean = clips.values.mean(0)
    weight = np.concatenate([np.full(n, n**0.5) for n in blocks])
    scale = ((clips.values.std(0) + 1e-3) * weight).astype(np.float16).astype(np.float32)
    mean = mean.astype(np.float16).astype(np.float32)
    standard = (clips.values - mean) / scale
    basis = principal(standard, COMPONENTS, np.random.default_rng(seed))
    reduced = (standard @ basis).astype(np.float64)
    made = ~clips.human
    within, means = scatter(reduced[made], label[made])
    if clips.human.any():
        _, of_people = scatter(reduced[clips.human], clips.page[clips.human])
        within = within + np.cov(of_people.T)
    within += RIDGE * np.trace(within) / len(within) * np.eye(len(within))
    _, directions = scipy.linalg.eigh(np.cov(means.T), within)
    projection = basis @ directions[:, ::-1][:, :DIMENSIONS]
    projection /= np.abs(projection).max()
    return Constants(mean, scale, projection.astype(np.float16).astype(np.float32))


def principal(x: FloatArray, count: int, rng: np.random.Generator) -> FloatArray:
    """Leading right singular vectors [channels, count] by random projection and power iteration.

    N. Halko, P.-G. Martinsson, J. A. Tropp, "Finding structure with randomness", 2011.
    """
    count = min(count, *x.shape)
    found = rng.standard_normal((len(x), min(count + 20, len(x)))).astype(np.float32)
    for _ in range(3):
        found, _ = np.linalg.qr(x @ (x.T @ found))
    _, _, vectors = np.linalg.svd(found.T @ x, full_matrices=False)
    return np.asarray(vectors[:count].T)


def scatter(x: npt.NDArray[np.float64], label: Names) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Covariance within labels, a label counting by the root of its size, and the labels' means [labels, channels]."""
    _, index = np.unique(label, return_inverse=True)
    size = np.bincount(index)
    means = np.zeros((len(size), x.shape[1]))
    np.add.at(means, index, x)
    means /= size[:, None]
    apart, weight = x - means[index], (size**-0.5)[index]
    return (apart * weight[:, None]).T @ apart / weight.sum(), means


def enrolled(embeddings: FloatArray, label: Names, page: Names) -> tuple[Names, FloatArray]:
    """Labels and their means of unit length [labels, DIMENSIONS]: every page of a label counts alike."""
    names = np.unique(label)
    rows = []
    for name in names:
        pages = np.unique(page[label == name])
        rows.append(np.mean([embeddings[(label == name) & (page == p)].mean(0) for p in pages], axis=0))
    return names, unit(np.stack(rows))
