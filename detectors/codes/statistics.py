"""How a clip uses the codes of the voice model: which ones, how long each stays, what follows what, how well they fit.

People's speech and a model's draws fill the same codebook differently: a model that takes likely codes repeats fewer
rare transitions, and sound that came out of codes may lie nearer to them, or farther, than a person's does. What
follows what is measured against two tables of pairs, one of people and one of the generator's own clips (without its
mark), smoothed after R. Kneser, H. Ney, "Improved backing-off for m-gram language modeling" (1995). None of the
measures is evidence by itself; `detectors/codes/card.py` calibrates them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from detectors.codes.hearing import Codes, HeardCodes
from synth.errors import VoxproofError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

SIZE = 1024
"""Codes in the codebook."""
DISCOUNT = 0.75
"""What Kneser-Ney takes off every count; the value that K. Church, W. Gale (1991) found for pairs of words."""
FLOOR = 0.01
"""Share of the uniform distribution in the lower order, so that a code never seen is unlikely and not impossible."""
RARE = 0.05
"""The least used codes that people's speech uses for this share of its time are the rare ones."""
LEAST = 25
"""Codes (1 s of speech) below which nothing is measured."""


class PairModel:
    """Which code follows which, learnt from counts; the same arithmetic for people and for a generator."""

    def __init__(self, pairs: Codes, counts: npt.NDArray[np.int64]) -> None:
        """`pairs` [n] are first * 1024 + second, ascending, and `counts` [n] how often each occurred, at least 1."""
        self.pairs, self.counts = pairs, counts
        first, second = pairs // SIZE, pairs % SIZE
        self.total = np.bincount(first, weights=counts, minlength=SIZE)
        self.followers = np.bincount(first, minlength=SIZE)
        before = np.bincount(second, minlength=SIZE)
        self.lower = (1 - FLOOR) * before / max(int(before.sum()), 1) + FLOOR / SIZE
        self.lower /= self.lower.sum()
        self.usage = np.bincount(second, weights=counts, minlength=SIZE)

    @classmethod
    def learn(cls, rows: Iterable[Codes]) -> PairModel:
        """From rows of codes; no pair spans two rows."""
        keys = [row[:-1] * SIZE + row[1:] for row in rows if len(row) > 1]
        pairs, counts = np.unique(np.concatenate([*keys, np.zeros(0, np.int64)]), return_counts=True)
        return cls(pairs.astype(np.int64), counts.astype(np.int64))

    def surprisal(self, codes: Codes) -> FloatArray:
        """Bits of every code [k] given the one before it; the first, which has none, is nan."""
        bits = np.full(len(codes), np.nan)
        if len(codes) < 2:
            return bits
        first, second = codes[:-1], codes[1:]
        place = np.searchsorted(self.pairs, first * SIZE + second)
        at = np.minimum(place, max(len(self.pairs) - 1, 0))
        known = self.pairs[at] == first * SIZE + second if len(self.pairs) else np.zeros(len(first), np.bool_)
        count = np.where(known, self.counts[at] if len(self.counts) else 0, 0)
        total = self.total[first]
        seen = np.maximum(count - DISCOUNT, 0) / np.maximum(total, 1)
        rest = np.where(total > 0, DISCOUNT * self.followers[first] / np.maximum(total, 1), 1.0)
        bits[1:] = -np.log2(seen + rest * self.lower[second])
        return bits

    def dense(self) -> npt.NDArray[np.float32]:
        """[1024, 1024] probability of the second code after the first."""
        counts = np.zeros((SIZE, SIZE), np.float32)
        counts[self.pairs // SIZE, self.pairs % SIZE] = self.counts
        total = np.maximum(self.total, 1)[:, None]
        rest = np.where(self.total > 0, DISCOUNT * self.followers / np.maximum(self.total, 1), 1.0)[:, None]
        return np.asarray(np.maximum(counts - DISCOUNT, 0) / total + rest * self.lower, np.float32)

    @property
    def rare(self) -> BoolArray:
        """[1024] the codes used least, which together take at most `RARE` of the time."""
        order = np.argsort(self.usage, kind="stable")
        share = np.cumsum(self.usage[order]) / max(float(self.usage.sum()), 1.0)
        chosen = np.zeros(SIZE, np.bool_)
        chosen[order[share <= RARE]] = True
        return chosen

    def tensors(self, name: str) -> dict[str, npt.NDArray[np.int32]]:
        """For a file."""
        return {f"{name}.pairs": self.pairs.astype(np.int32), f"{name}.counts": self.counts.astype(np.int32)}


def save_pairs(
    models: Mapping[str, PairModel], path: Path, more: Mapping[str, npt.NDArray[np.float32]] | None = None
) -> None:
    """Tables of pairs by the name of what they were learnt from, in one safetensors file; `more` tensors beside."""
    pairs = {key: value for name, model in models.items() for key, value in model.tensors(name).items()}
    save_file(pairs | dict(more or {}), path)


def load_pairs(path: Path) -> dict[str, PairModel]:
    """What `save_pairs` wrote."""
    try:
        with safe_open(path, framework="numpy") as file:
            kept = [key for key in file.keys() if key.endswith((".pairs", ".counts"))]  # noqa: SIM118
            found = {key: file.get_tensor(key).astype(np.int64) for key in kept}
        names = sorted({key.rpartition(".")[0] for key in found})
        models = {name: PairModel(found[f"{name}.pairs"], found[f"{name}.counts"]) for name in names}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise VoxproofError(f"holds no tables of codes ({error})", path=path, cure="Reinstall voxproof.") from error
    if not models:
        raise VoxproofError("holds no tables of codes", path=path, cure="Reinstall voxproof.")
    for model in models.values():
        pairs = model.pairs
        if len(pairs) != len(model.counts) or (len(pairs) and not 0 <= pairs.min() <= pairs.max() < SIZE * SIZE):
            raise VoxproofError("holds pairs of codes that there are not", path=path, cure="Reinstall voxproof.")
    return models


@dataclass(frozen=True)
class CodeStatistics:
    """Of one stretch of speech."""

    codes: int
    """Codes in speech that were measured, 25 a second."""
    distinct: float
    """Different codes over codes, 0 to 1; falls with the length."""
    entropy: float
    """Of the usage, bits, corrected for the small number after G. Miller (1955); 0 to about 10, grows with length."""
    mean_run: float
    """Mean number of codes for which one code stays, 1 and more."""
    longest_run: int
    """Most codes for which one code stays."""
    surprisal: float
    """Of a code after the one before, bits, under people's table; 0 to about 17."""
    surprisal_spread: float
    """Standard deviation of the same, bits."""
    own_surprisal: float
    """The same under the generator's table, bits."""
    gain: float
    """`surprisal` less `own_surprisal`: above 0, the generator's table foretells the codes better, bits per code."""
    rare: float
    """Share of codes that people's speech uses rarely, 0 to 1; near 0.05 for people."""
    distance: float
    """Mean distance of the features to their codes, as a share of the feature's length, 0 to about 1."""
    distance_spread: float
    """Standard deviation of the same."""

    def values(self) -> dict[str, float]:
        """Every measure by its name."""
        return {name: float(value) for name, value in asdict(self).items()}


def code_statistics(
    heard: HeardCodes, people: PairModel, generator: PairModel, where: BoolArray | None = None
) -> CodeStatistics | None:
    """Of the codes that lie in speech (`where` [k]); None with fewer than `LEAST` of them.

    Runs and transitions are those of the row as it was heard; one counts where its last code lies in speech.
    """
    kept = np.ones(len(heard), np.bool_) if where is None else where
    codes = heard.codes[kept]
    if len(codes) < LEAST:
        return None
    runs = run_lengths(heard.codes, kept)
    usual, own = people.surprisal(heard.codes), generator.surprisal(heard.codes)
    told = kept & np.isfinite(usual)
    if not told.any():
        return None
    bits, own_bits = usual[told], own[told]
    apart = heard.distances[kept]
    return CodeStatistics(
        codes=len(codes),
        distinct=len(np.unique(codes)) / len(codes),
        entropy=usage_entropy(codes),
        mean_run=float(runs.mean()),
        longest_run=int(runs.max()),
        surprisal=float(bits.mean()),
        surprisal_spread=float(bits.std()),
        own_surprisal=float(own_bits.mean()),
        gain=float((bits - own_bits).mean()),
        rare=float(people.rare[codes].mean()),
        distance=float(apart.mean()),
        distance_spread=float(apart.std()),
    )


def usage_entropy(codes: Codes) -> float:
    """Bits, after Miller and Madow: plug-in entropy plus (distinct - 1) / (2 n) nats."""
    counts = np.unique(codes, return_counts=True)[1]
    share = counts / counts.sum()
    return float((-(share * np.log(share)).sum() + (len(counts) - 1) / (2 * counts.sum())) / np.log(2))


def run_lengths(codes: Codes, kept: BoolArray | None = None) -> npt.NDArray[np.int64]:
    """Lengths of the stretches of one code whose last code is kept: codes [k] -> [runs]."""
    ends = np.flatnonzero(np.append(np.diff(codes) != 0, True))
    lengths = np.diff(ends, prepend=-1)
    return lengths if kept is None else lengths[kept[ends]]
