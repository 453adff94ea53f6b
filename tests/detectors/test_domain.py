"""The domain of the trained lines: distances, percentiles, the limit, and what ships."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from detectors.card import WEIGHTS, Card
from detectors.domain import CARD, SpeechDomain, load_domains
from detectors.domain_card import DomainCard, LineDomain
from detectors.speech import SpeechDetector, raw_scores
from detectors.train.no_speech import sound
from synth.card import read_card
from synth.errors import VoxproofError

RATE = 16_000
EXAMPLES = Path(__file__).parents[2] / "examples"
FACTS = LineDomain(
    line="x", sha256="0", percentiles=(0.0, 50.0, 100.0), distances=(0.5, 1.0, 3.0), limit_percentile=75.0, limit=2.0,
    crops=10, human=5, machine=5, sources=2,
)  # fmt: skip


def test_distance_percentile_and_limit() -> None:
    domain = SpeechDomain(np.array([1.0, 0.0], np.float32), np.diag([1.0, 0.5]).astype(np.float32), FACTS, "")
    found = domain.distance(np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 8.0]], np.float32))
    assert found == pytest.approx([0.0, np.sqrt(0.5), np.sqrt(8.0)])
    shares = [domain.percentile(d) for d in (0.1, 0.5, 0.75, 1.0, 2.0, 3.0, 9.0)]
    assert shares == pytest.approx([0.0, 0.0, 25.0, 50.0, 75.0, 100.0, 100.0])
    assert domain.holds(2.0)
    assert not domain.holds(2.001)


def lines() -> dict[str, str]:
    cards = [read_card(WEIGHTS / f"{name}.yaml", Card) for name in ("speech", "spectral")]
    return {card.name: card.sha256 for card in cards}


def test_shipped_domain_belongs_to_the_shipped_lines() -> None:
    domains = load_domains(lines())
    assert set(domains) == {"detector.speech", "detector.spectral"}
    for domain in domains.values():
        facts = domain.facts
        assert domain.mean.shape == (256,)
        assert domain.whitening.shape[0] == 256
        assert list(facts.distances) == sorted(facts.distances)
        assert domain.percentile(facts.limit) == pytest.approx(facts.limit_percentile, abs=0.5)


def test_other_weights_and_damage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="learnt for other weights"):
        load_domains({"detector.speech": "0" * 64})
    with pytest.raises(VoxproofError, match="learnt for other weights"):
        load_domains({"detector.unknown": "0" * 64})
    shutil.copy(CARD, tmp_path)
    with pytest.raises(VoxproofError, match="missing"):
        load_domains(lines(), tmp_path / CARD.name)
    (tmp_path / read_card(CARD, DomainCard).weights).write_bytes(b"no weights")
    with pytest.raises(VoxproofError, match="differ from their card"):
        load_domains(lines(), tmp_path / CARD.name)


@pytest.mark.parametrize("line", ["speech", "spectral"])
def test_what_is_no_speech_lies_outside_and_people_and_machines_inside(line: str) -> None:
    detector = SpeechDetector.load(WEIGHTS / f"{line}.safetensors")
    domain = load_domains({detector.name: detector.sha256})[detector.name]
    for kind in ("chord", "bursts of noise", "clicks"):
        assert not domain.holds(float(domain.distance(detector.score([sound(kind, 1)]).units)))
    for name in ("human.wav", "machine.wav", "telephone.wav"):
        samples, rate = soundfile.read(EXAMPLES / name, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(1), rate, RATE)[: 10 * RATE].astype(np.float32)
        distance = float(domain.distance(detector.score([mono]).units))
        assert domain.holds(distance), (name, distance, domain.facts.limit)


@pytest.mark.parametrize("line", ["speech", "spectral"])
def test_units_of_a_clip_are_the_mean_of_its_windows(line: str) -> None:
    detector = SpeechDetector.load(WEIGHTS / f"{line}.safetensors")
    noise = (0.1 * np.random.default_rng(2).standard_normal(10 * RATE)).astype(np.float32)
    whole = raw_scores(detector.scorer, [noise])
    halves = [raw_scores(detector.scorer, [half]).units for half in np.split(noise, 2)]
    assert whole.units == pytest.approx(np.mean(halves, 0), abs=1e-3)
    assert detector.score([np.zeros(2 * RATE, np.float32)]).units.size == 0
