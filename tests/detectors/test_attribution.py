"""Attribution with constructed generators: what is found, what is none of these, and constants that were changed."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from detectors.attribution import (
    BANK,
    CARD,
    Attributor,
    FamilyFigure,
    OpenSet,
    PairCalibration,
    attributor,
    log10_lr,
    unit,
)
from detectors.attribution_bank import DIMENSIONS, Bank, Described, Generator, read_bank
from detectors.attribution_sound import MOST_WINDOWS, Statistics, statistics_of
from detectors.card import WEIGHTS, Bounds
from detectors.inference import RATE, load_network
from synth.errors import VoxproofError

CALIBRATION = PairCalibration(
    slope=4.0, intercept=-1.0, covariance=((0.01, 0.0), (0.0, 0.0025)), cap=1.2, elub=Bounds(lower=-0.9, upper=1.5),
    generators=16, pages=12,
)  # fmt: skip


def family(name: str, validated: bool) -> FamilyFigure:
    return FamilyFigure(
        family=name, generators=3, pages=4, clips=50, precision=0.8, recall=0.8, validated=validated
    )  # fmt: skip


@pytest.fixture
def made() -> Attributor:
    """Constants that hand the first 64 statistics through, with thresholds at which names are given."""
    card = attributor().card.model_copy(
        update={
            "calibration": CALIBRATION,
            "open_set": OpenSet(none_below=0.3, named_above=0.6, own_named_above=0.8, own_slack=0.1, margin=0.3),
            "families": (family("proven", True), family("unproven", False)),
        }
    )
    zero, one = np.zeros(DIMENSIONS, np.float32), np.ones(DIMENSIONS, np.float32)
    return Attributor(zero, one, np.eye(DIMENSIONS, dtype=np.float32), card)


def direction(n: int) -> np.ndarray:
    return np.eye(DIMENSIONS, dtype=np.float32)[n]


def bank_of(*families: str, quartile: float = 0.7) -> Bank:
    generators = tuple(
        Generator(
            name=f"g{n}", family=name, clips=10, seconds=40.0, spread=0.9, quartile=quartile,
            embedding=Generator.hexadecimal(direction(n)),
        )
        for n, name in enumerate(families)
    )  # fmt: skip
    return Bank(summary="constructed", model="0" * 64, generators=generators)


def clip(n: int, cosine: float) -> np.ndarray:
    """An embedding at so much likeness to direction n, the rest in one that no generator has."""
    return (cosine * direction(n) + np.sqrt(1 - cosine**2) * direction(63)).astype(np.float32)


@pytest.mark.parametrize(
    ("n", "cosine", "outcome"),
    [
        (0, 0.9, "attributed"),
        (0, 0.61, "attributed"),
        (0, 0.59, "inconclusive"),
        (0, 0.29, "none_of_these"),
        (1, 0.9, "not_validated"),
        (2, 0.9, "not_validated"),
    ],
)
def test_what_is_said_at_a_likeness(made: Attributor, n: int, cosine: float, outcome: str) -> None:
    answer = made.answer(clip(n, cosine), bank_of("proven", "unproven", ""))
    assert (answer.scores[0].name, answer.outcome) == (f"g{n}", outcome)
    assert answer.scores[0].cosine == pytest.approx(cosine, abs=1e-3)
    assert [one.cosine for one in answer.scores] == sorted((one.cosine for one in answer.scores), reverse=True)


def test_a_generator_of_the_users_own_needs_more_likeness_and_no_validated_family(made: Attributor) -> None:
    bank = bank_of("proven", "unproven")
    assert made.answer(clip(1, 0.79), bank, frozenset({"g1"})).outcome == "inconclusive"
    assert made.answer(clip(1, 0.81), bank, frozenset({"g1"})).outcome == "attributed"
    alike = bank_of("proven", "unproven", quartile=0.97)
    assert made.answer(clip(1, 0.86), alike, frozenset({"g1"})).outcome == "inconclusive"
    assert made.answer(clip(1, 0.88), alike, frozenset({"g1"})).outcome == "attributed"


def test_two_generators_as_near_as_each_other_are_not_told_apart(made: Attributor) -> None:
    between = unit(direction(0) + 0.95 * direction(1))
    assert made.answer(between, bank_of("proven", "proven")).outcome == "inconclusive"


def test_log10_lr_is_linear_then_bounded_by_cap_and_elub() -> None:
    value, lower, upper = log10_lr(CALIBRATION, 0.4)
    half = 1.959964 * np.sqrt(0.01 * 0.16 + 0.0025)
    assert (value, lower, upper) == pytest.approx((0.6, 0.6 - half, 0.6 + half))
    assert log10_lr(CALIBRATION, 1.0) == pytest.approx((1.2, 1.2, 1.2))
    assert log10_lr(CALIBRATION, -1.0) == pytest.approx((-0.9, -0.9, -0.9))


def test_a_negative_slope_never_turns_likeness_into_evidence_against() -> None:
    turned = CALIBRATION.model_copy(update={"slope": -2.0})
    assert log10_lr(turned, 0.9)[0] == log10_lr(turned, 0.1)[0]


def test_an_enrolled_generator_is_the_mean_of_its_clips(made: Attributor) -> None:
    clips = [Statistics(3 * clip(5, cosine), 4.0) for cosine in (0.9, 0.95, 0.99)]
    generator = made.enrol(Described.checked("new", "proven", "here", "CC0-1.0"), clips)
    assert (generator.clips, generator.seconds) == (3, 12.0)
    assert generator.vector @ direction(5) == pytest.approx(0.953, abs=2e-3)
    assert 0.98 < generator.spread < 1
    assert generator.quartile == pytest.approx((np.cos(np.radians(13.91)) + np.cos(np.radians(12.69))) / 2, abs=2e-3)
    assert made.enrol(Described.checked("new"), clips[:1]).quartile == -1


def test_an_empty_bank_is_refused(made: Attributor) -> None:
    with pytest.raises(VoxproofError, match="no generator"):
        made.answer(clip(0, 0.5), Bank(summary="", model="0" * 64))


def test_the_shipped_constants_bank_and_network_belong_together() -> None:
    card = attributor().card
    assert card.bank_sha256 == hashlib.sha256(BANK.read_bytes()).hexdigest()
    assert card.speech_sha256 == hashlib.sha256((WEIGHTS / "speech.safetensors").read_bytes()).hexdigest()
    assert card.bytes == (WEIGHTS / card.weights).stat().st_size < 1_000_000
    bank = read_bank(BANK, card.sha256)
    assert len(bank.generators) > 50
    assert {"YourTTS"} & {one.name for one in bank.generators if "yourtts" in one.source.split(", ")} == set()
    assert card.open_set.own_named_above > card.open_set.none_below
    assert (
        {one.name for one in bank.generators if one.family == "our own"}
        == {one.name for one in bank.generators if one.name.startswith("voxproof-lite@")}
        != set()
    )
    assert sum(one.machine for one in card.training) == sum(one.clips for one in bank.generators)
    assert all(one.licence for one in card.training)


def test_tampered_constants_are_refused(tmp_path: Path) -> None:
    for path in (CARD, WEIGHTS / "attribution.safetensors"):
        shutil.copy(path, tmp_path / path.name)
    blob = bytearray((tmp_path / "attribution.safetensors").read_bytes())
    blob[-1] ^= 1
    (tmp_path / "attribution.safetensors").write_bytes(bytes(blob))
    with pytest.raises(VoxproofError, match="differ from their card"):
        Attributor.load(tmp_path / CARD.name)
    (tmp_path / "attribution.safetensors").unlink()
    with pytest.raises(VoxproofError, match="missing"):
        Attributor.load(tmp_path / CARD.name)


def test_level_and_what_surrounds_the_speech_change_little_and_silence_is_not_heard() -> None:
    scorer = load_network(WEIGHTS / "speech.safetensors")
    rng = np.random.default_rng(4)
    tone = (0.1 * rng.standard_normal(2 * RATE)).astype(np.float32)
    heard = statistics_of(scorer, [tone])
    assert heard.speech_seconds == pytest.approx(2.0)
    assert heard.values.shape == attributor().mean.shape
    quiet = statistics_of(scorer, [np.concatenate([np.zeros(8000, np.float32), 0.05 * tone])])
    assert np.abs(quiet.values - heard.values).max() < 0.05
    assert statistics_of(scorer, [np.zeros(2 * RATE, np.float32)]).speech_seconds == 0


def test_long_sound_is_heard_for_a_minute() -> None:
    scorer = load_network(WEIGHTS / "speech.safetensors")
    noise = (0.1 * np.random.default_rng(5).standard_normal(5 * RATE)).astype(np.float32)
    heard = statistics_of(scorer, (noise for _ in range(MOST_WINDOWS + 3)))
    assert heard.speech_seconds == pytest.approx(5.0 * MOST_WINDOWS)
