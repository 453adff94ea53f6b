"""The card beside a set of weights: what they are, what they learnt from, where they hold, and how often they err.

Cards are read without loading any weights, so that `voxproof models` answers at once.
"""

from __future__ import annotations

from pathlib import Path

from synth.card import WeightsCard, checked_weights, read_card
from synth.errors import VoxproofError
from synth.record import Record

WEIGHTS = Path(__file__).with_name("weights")
"""Where the shipped weights and cards lie."""


class Source(Record):
    """One page or collection the weights learnt from."""

    name: str
    """Name of the page or collection in the lists."""
    licence: str
    """As the source states it; "unclear" where its repository states none."""
    human: int
    """Human clips used."""
    machine: int
    """Machine-made clips used."""


class Bounds(Record):
    """A pair of log10 likelihood ratios: nothing below the first or above the second is ever reported."""

    lower: float
    upper: float


class Calibration(Record):
    """From a window's or clip's score to log10 LR; learnt on the calibration part, frozen.

    log10 LR = (slope + slope_per_octave * log2(min(speech, 10) / 4)) * score + intercept, then held inside the bounds.
    """

    slope: float
    """Per unit of the network's logit, at 4 s of speech."""
    slope_per_octave: float
    """Change of the slope per doubling of the speech."""
    intercept: float
    """log10 LR at score 0."""
    covariance: tuple[tuple[float, float, float], ...]
    """Of (slope, slope_per_octave, intercept) over a bootstrap of whole sources: gives the interval of one LR."""
    frame_slope: float
    """Of the frame scores: as if the whole clip sounded like this frame."""
    frame_intercept: float
    """log10 LR of a frame at score 0."""
    cap: float
    """log10 of the number of independent sources in the validation part; |log10 LR| is never larger."""
    elub: Bounds
    """Empirical lower and upper bound (P. Vergeer et al., 2016, library lir) on the calibration part."""
    sources: int
    """Sources (pages and collections) in the calibration part."""
    clips: int
    """Clips in the calibration part, each in several channels."""


class Thresholds(Record):
    """When words are used: the whole interval must lie beyond. Chosen on the calibration part, frozen."""

    machine: float
    """Support for "machine" only if the lower bound lies above this log10 LR."""
    human: float
    """Support for "a person" only if the upper bound lies below this log10 LR."""


class Domain(Record):
    """Where the figures hold; outside, the detector is not to be used."""

    min_speech_seconds: float
    """Least speech in a clip, seconds."""
    min_snr_db: float
    """Least signal-to-noise ratio, dB."""
    min_band_hz: float
    """Least upper band edge, Hz; 3400 is a telephone line."""
    channels: tuple[str, ...]
    """Channels that were in training and validation."""
    languages: tuple[str, ...]
    """Languages with clips in the validation part; elsewhere the error rates are not known."""


class Figure(Record):
    """Error rates in one condition of the validation part, at the frozen thresholds."""

    condition: str
    """Channel, length or other condition."""
    human: int
    """Human clips."""
    human_sources: int
    """Pages and collections they come from."""
    machine: int
    """Machine-made clips."""
    generators: int
    """Generators they come from."""
    eer: float
    """Equal error rate, 0..1."""
    auc: float
    """Area under the receiver operating characteristic, 0..1."""
    cllr: float
    """Cost of the log LRs as reported, bits."""
    cllr_min: float
    """The same after the best monotone recalibration."""
    min_dcf: float
    """ASVspoof 5, normalised."""
    act_dcf: float
    """ASVspoof 5, normalised, at the threshold its costs call for."""
    false_positive_rate: float
    """Share of human clips said to be supported as machine-made."""
    false_positive_interval: tuple[float, float]
    """95 % Wilson interval; clips of one source are not independent, so the truth may lie further out."""
    true_positive_rate: float
    """Share of machine-made clips said to be supported as machine-made."""
    true_positive_interval: tuple[float, float]
    """95 % Wilson interval."""
    false_human_rate: float
    """Share of machine-made clips said to be supported as spoken by a person."""
    inconclusive_rate: float
    """Share of all clips on which nothing is said."""


class Card(WeightsCard):
    """All there is to know about one set of weights; its name is the id of the method that they serve."""

    training: tuple[Source, ...]
    """Everything the weights learnt from."""
    calibration: Calibration
    thresholds: Thresholds
    domain: Domain
    figures: tuple[Figure, ...] = ()
    """Measured once, on the validation part; see docs/validation/detector.md."""
    limits: tuple[str, ...] = ()
    """What is known to fail, in plain words."""

    def intact(self, folder: Path = WEIGHTS) -> bool:
        """Whether the weights in `folder` are there and have the hash of the card."""
        try:
            checked_weights(self, folder)
        except VoxproofError:
            return False
        return True


def shipped_cards() -> list[Card]:
    """The cards of all shipped weights, by name."""
    paths = [p for p in sorted(WEIGHTS.glob("*.yaml")) if p.with_suffix(".safetensors").exists()]
    return [read_card(path, Card) for path in paths]
