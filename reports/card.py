"""Facts of a trained model's card, for the report; only of the very weights that took part, told by their hash."""

from __future__ import annotations

from functools import cache

from detectors.boundary_card import BoundaryCard
from detectors.card import WEIGHTS, Card, Figure, shipped_cards
from forensics.records import ErrorRate, Examination, Finding
from reports.numerals import number
from synth.card import read_card


@cache
def _shipped() -> dict[str, Card]:
    """The installed cards by the SHA-256 of their weights; they do not change while the program runs."""
    return {card.sha256: card for card in shipped_cards()}


def card_of(weights_sha256: str) -> Card | None:
    """The installed card whose weights have this SHA-256."""
    return _shipped().get(weights_sha256)


def states_rates_of(finding: Finding, examination: Examination) -> bool:
    """Whether the card of a model that took part states these very error rates, condition by condition."""
    for model in examination.tool.models:
        card = card_of(model.sha256)
        if card is not None and finding.error_rates and finding.error_rates == _rates(card):
            return True
    return False


def _rates(card: Card) -> tuple[ErrorRate, ...]:
    return tuple(
        ErrorRate(
            condition=one.condition,
            positives=one.machine,
            hits=round(one.true_positive_rate * one.machine),
            negatives=one.human,
            false_alarms=round(one.false_positive_rate * one.human),
        )
        for one in card.figures
    )


def card_facts(card: Card) -> list[tuple[str, str]]:
    """(label, words) of a card."""
    human, machine = sum(one.human for one in card.training), sum(one.machine for one in card.training)
    calibration, domain = card.calibration, card.domain
    return [
        ("What it is", card.summary),
        ("Origin, licence", card.attribution),
        ("Trained on", f"{human} clips of people and {machine} of machines from {len(card.training)} sources"),
        ("Calibrated on", f"{calibration.clips} clips of {calibration.sources} independent sources"),
        (
            "Largest |log10 LR|",
            f"{number(calibration.cap)} (log10 of the independent validation sources); "
            f"ELUB {number(calibration.elub.lower)} to {number(calibration.elub.upper)}",
        ),
        (
            "Thresholds",
            f"machine above {number(card.thresholds.machine)}, person below {number(card.thresholds.human)} (log10 LR)",
        ),
        (
            "Validity domain",
            f"at least {number(domain.min_speech_seconds)} s of speech; SNR of {number(domain.min_snr_db)} dB or more; band edge "  # noqa: E501
            f"of {number(domain.min_band_hz)} Hz or more; channels: {', '.join(domain.channels)}; "
            f"languages: {', '.join(domain.languages)}",
        ),
        *(("Limit", limit) for limit in card.limits),
    ]


def voice_facts(sha256: str) -> list[tuple[str, str]] | None:
    """(label, words) of the constants by which voices are compared; None where the hash is of something else."""
    from detectors.voices import voice_model  # scipy's transforms, which a report without this method does not need

    model = voice_model()
    if model.sha256 != sha256:
        return None
    return [
        ("What it is", "Constants of a two-covariance model: how far speech scatters within and between speakers."),
        ("Learnt from", model.summary),
        ("Licences", "; ".join(model.licences)),
        (
            "Threshold",
            f"above {number(model.threshold)} (natural-log LR) the network of voiceprints hears a place; another voice "
            f"is named there at a likeness of {number(model.likeness)} or less",
        ),
    ]


def join_facts(sha256: str) -> list[tuple[str, str]] | None:
    """(label, words) of the card of the detector of joins; None where the hash is of something else."""
    card = read_card(WEIGHTS / "boundary_card.yaml", BoundaryCard)
    if card.sha256 != sha256:
        return None
    joins, found = sum(one.joins for one in card.figures), sum(one.found for one in card.figures)
    unedited, alarms = sum(one.unedited for one in card.figures), sum(one.alarms for one in card.figures)
    return [
        ("What it is", card.summary),
        ("Origin, licence", card.attribution),
        ("Trained on", "; ".join(f"{one.human} clips of {one.name} ({one.licence})" for one in card.training)),
        ("Threshold", f"a join is named from {number(card.threshold)} on (natural-log odds)"),
        (
            "Held out",
            f"{found} of {joins} joins found and {alarms} of {unedited} unedited recordings alarmed, over "
            f"{len(card.figures)} conditions; the threshold was chosen on the same sounds. Rates that are independent "
            "of it stand with the method, where they were measured.",
        ),
        *(("Limit", limit) for limit in card.limits),
    ]


def figure_rows(card: Card) -> list[tuple[str, str, str, str, str]]:
    """Condition, n, EER, false positives, true positives: one row per measured condition."""
    return [
        (
            one.condition,
            f"{one.human} + {one.machine} clips of {one.human_sources} + {one.generators} sources",
            f"{number(100 * one.eer, 3)} %",
            _rate(one, "false_positive"),
            _rate(one, "true_positive"),
        )
        for one in card.figures
    ]


def _rate(figure: Figure, which: str) -> str:
    if which == "false_positive":
        rate, (low, high) = figure.false_positive_rate, figure.false_positive_interval
    else:
        rate, (low, high) = figure.true_positive_rate, figure.true_positive_interval
    return f"{number(100 * rate, 3)} % ({number(100 * low, 3)}–{number(100 * high, 3)} %)"
