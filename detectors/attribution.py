"""Which generator made the speech: an embedding, an enrolment bank, likelihood ratios and "none of these".

The statistics of a clip (detectors/attribution_sound.py) are standardised and projected to directions in which
generators differ more than pages, speakers and recordings do: linear discriminant analysis with length normalisation
(D. Garcia-Romero, C. Y. Espy-Wilson, "Analysis of i-vector length normalization in speaker recognition systems", 2011),
where the scatter within also holds that of human recordings, which no generator made. The cosine to an enrolled mean is
calibrated by logistic regression on pairs across pages. Constants: weights/attribution.safetensors and its card, learnt
by detectors.train.attribution. NumPy alone.

Every LR has H1 "this generator made it" and H2 "another generator made it"; that a machine made it is taken as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load

from detectors.attribution_bank import DIMENSIONS, Bank, Described, Generator
from detectors.attribution_sound import Statistics
from detectors.calibration import with_interval
from detectors.card import WEIGHTS, Bounds, Source
from synth.card import WeightsCard, checked_weights, read_card
from synth.errors import VoxproofError
from synth.record import Record

FloatArray = npt.NDArray[np.float32]

Outcome = Literal["attributed", "none_of_these", "inconclusive", "not_validated"]
"""Not validated: a name is reached, of a family of which the shipped bank was not validated."""
CARD = WEIGHTS / "attribution_card.yaml"
BANK = WEIGHTS / "attribution_bank.yaml"


class PairCalibration(Record):
    """From the cosine of a clip and an enrolled generator to log10 LR = slope * cosine + intercept, then bounded."""

    slope: float
    """Per unit of the cosine."""
    intercept: float
    """log10 LR at cosine 0."""
    covariance: tuple[tuple[float, float], tuple[float, float]]
    """Of (slope, intercept) over a bootstrap of whole pages."""
    cap: float
    """log10 of the number of generators that occur on more than one page; |log10 LR| is never larger."""
    elub: Bounds
    """Empirical lower and upper bound (P. Vergeer et al., 2016, library lir) on the pairs across pages."""
    generators: int
    """Generators that occur on more than one page."""
    pages: int
    """Pages in the pairs."""


class OpenSet(Record):
    """When a generator is named, and when none is. Chosen on pages left out, frozen."""

    none_below: float
    """"None of these" where the largest cosine is below this."""
    named_above: float | None
    """A generator of the shipped bank is named only if its cosine is at least this; None: it never is."""
    own_named_above: float
    """A generator that the user enrolled is named only if its cosine is at least this."""
    own_slack: float
    """And no further than this below the lower quartile of its own clips' cosines to each other."""
    margin: float
    """And only if no other generator's log10 LR comes as near as this (before bounds)."""


class Heard(Record):
    """Where attribution was validated; outside it is not tried."""

    min_speech_seconds: float
    """Least speech, seconds."""
    min_snr_db: float
    """Least signal-to-noise ratio, dB."""
    min_band_hz: float
    """Least upper band edge, Hz: no telephone was in training."""


class FamilyFigure(Record):
    """What was measured of one family on pages that were left out."""

    family: str
    generators: int
    """Generators of the family."""
    pages: int
    """Pages that they are on."""
    clips: int
    """Clips, every one on a page that its fold left out."""
    precision: float
    """Share of right answers among clips that were put into this family."""
    recall: float
    """Share of this family's clips that were put into it."""
    validated: bool
    """Whether the family may be answered for: at least 3 pages, and the interval of its F1 lies above chance."""


class AttributionCard(WeightsCard):
    """All there is to know about the constants; beside them lies the bank that was enrolled with them."""

    speech_sha256: str
    """Weights of the network whose statistics they were learnt on."""
    bank_sha256: str
    """SHA-256 of the shipped bank."""
    training: tuple[Source, ...]
    """Everything that constants and bank were learnt from."""
    calibration: PairCalibration
    open_set: OpenSet
    domain: Heard
    families: tuple[FamilyFigure, ...]
    limits: tuple[str, ...]
    """What is known to fail, in plain words."""


@dataclass(frozen=True)
class GeneratorScore:
    """What is said of one enrolled generator."""

    name: str
    family: str
    """Empty: of no known family."""
    cosine: float
    """To the enrolled mean, -1..1."""
    log10_lr: float
    """Positive: this generator; bounded."""
    log10_lr_bounds: tuple[float, float]
    """95 % interval of the calibration, bounded alike."""
    own_quartile: float | None = None
    """Lower quartile of the cosines of the clips it was enrolled with, if the user enrolled it."""


@dataclass(frozen=True)
class Answer:
    """Of one clip, generators in the order of their scores, the best first."""

    outcome: Outcome
    scores: tuple[GeneratorScore, ...]


class Attributor:
    """The constants and their card. `load` once, embed and answer as often as you like."""

    def __init__(self, mean: FloatArray, scale: FloatArray, projection: FloatArray, card: AttributionCard) -> None:
        self.mean, self.scale, self.projection, self.card = mean, scale, projection, card

    @classmethod
    def load(cls, path: Path = CARD) -> Attributor:
        """The shipped constants, or those beside another card."""
        card = read_card(path, AttributionCard)
        weights = checked_weights(card, path.parent)
        try:
            state = {name: value.astype(np.float32) for name, value in load(weights.read_bytes()).items()}
            mean, scale, projection = state["mean"], state["scale"], state["projection"]
        except (SafetensorError, KeyError, OSError) as error:
            raise VoxproofError(
                f"not the constants of the attribution ({error})", path=weights, cure="Reinstall voxproof."
            ) from error
        if not mean.shape == scale.shape == projection.shape[:1] or projection.shape[1:] != (DIMENSIONS,):
            raise VoxproofError("constants of other shapes", path=weights, cure="Reinstall voxproof.")
        return cls(mean, scale, projection, card)

    def embed(self, statistics: FloatArray) -> FloatArray:
        """Statistics [..., channels] -> embeddings of unit length [..., DIMENSIONS]."""
        return unit(((statistics - self.mean) / self.scale) @ self.projection)

    def enrol(self, what: Described, heard: list[Statistics]) -> Generator:
        """The mean embedding of a generator's clips, at least one."""
        embeddings = self.embed(np.stack([one.values for one in heard]))
        mean = unit(embeddings.mean(axis=0))
        return Generator(
            **what.model_dump(),
            clips=len(heard),
            seconds=round(sum(one.speech_seconds for one in heard), 1),
            spread=round(float(np.mean(embeddings @ mean)), 3),
            quartile=round(quartile_of(embeddings), 3),
            embedding=Generator.hexadecimal(mean),
        )

    def answer(self, embedding: FloatArray, bank: Bank, own: frozenset[str] = frozenset()) -> Answer:
        """Embedding [DIMENSIONS] of one clip -> scores of every generator of the bank, and what they add up to.

        `own` are the names that the user enrolled.
        """
        if not bank.generators:
            raise VoxproofError("the bank holds no generator", cure="Enrol one: `voxproof attribute enrol`.")
        cosines = bank.matrix @ embedding
        order = np.argsort(-cosines, kind="stable")
        scores = tuple(self._score(bank.generators[i], float(cosines[i]), own) for i in order)
        return Answer(self._outcome(scores), scores)

    def _score(self, generator: Generator, cosine: float, own: frozenset[str]) -> GeneratorScore:
        value, lower, upper = log10_lr(self.card.calibration, cosine)
        name = generator.name
        return GeneratorScore(
            name, generator.family, cosine, value, (lower, upper), generator.quartile if name in own else None
        )

    def _outcome(self, scores: tuple[GeneratorScore, ...]) -> Outcome:
        best, rule = scores[0], self.card.open_set
        if best.cosine < rule.none_below:
            return "none_of_these"
        least = rule.named_above if best.own_quartile is None else own_threshold(rule, best.own_quartile)
        if least is None or best.cosine < least:
            return "inconclusive"
        if len(scores) > 1 and self.card.calibration.slope * (best.cosine - scores[1].cosine) < rule.margin:
            return "inconclusive"
        validated = {one.family for one in self.card.families if one.validated}
        return "attributed" if best.own_quartile is not None or best.family in validated else "not_validated"


def own_threshold(rule: OpenSet, quartile: float) -> float:
    """Cosine from which a generator of the user's is named, whose own clips have this quartile of cosines."""
    return max(rule.own_named_above, quartile - rule.own_slack)


def quartile_of(embeddings: FloatArray) -> float:
    """Lower quartile of the cosines of embeddings [n, DIMENSIONS] to the mean of the others; -1 of one alone."""
    if len(embeddings) < 2:
        return -1.0
    others = unit(embeddings.sum(axis=0) - embeddings)
    return float(np.clip(np.quantile(np.sum(embeddings * others, axis=1), 0.25), -1, 1))


def log10_lr(calibration: PairCalibration, cosine: float) -> tuple[float, float, float]:
    """Bounded log10 LR with the ends of its 95 % interval; more likeness is never less evidence."""
    bounds = max(-calibration.cap, calibration.elub.lower), min(calibration.cap, calibration.elub.upper)
    constants = np.array([max(calibration.slope, 0.0), calibration.intercept])
    value, ends = with_interval(np.array([cosine, 1.0]), constants, np.array(calibration.covariance), bounds)
    return value, *ends


def unit(x: npt.NDArray[np.floating]) -> FloatArray:
    """[..., n] -> the same of length 1; 0 stays 0."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-9), np.float32)


@cache
def attributor() -> Attributor:
    """The shipped constants, read once."""
    return Attributor.load()
