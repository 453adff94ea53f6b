"""When a generator is asked for in an examination, and what a recording says then."""

import shutil
from pathlib import Path

import pytest

from detectors.attribution import BANK
from detectors.attribution_bank import read_bank
from forensics import attribution
from forensics.attribution import AttributionExamination
from forensics.exhibit import Exhibit
from forensics.records import Verdict, VerdictOutcome, Watermark
from synth.errors import VoxproofError

ROOT = Path(__file__).parents[2]
UNMARKED = Watermark(outcome="not_found")
MARKED = Watermark(outcome="found", authenticated=True, issued="synthesised")


def verdict(outcome: VerdictOutcome) -> Verdict:
    return Verdict(outcome=outcome, log10_lr=0.0, log10_lr_bounds=(0.0, 0.0), words="")


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("supports_human", "a person spoke"), ("inconclusive", "is inconclusive"), ("could_not_test", "not be tested")],
)
def test_no_generator_is_asked_for_unless_a_machine_is_supported(outcome: VerdictOutcome, said: str) -> None:
    with Exhibit.open(ROOT / "examples/machine.wav") as exhibit:
        made = AttributionExamination().examine(exhibit, verdict(outcome), UNMARKED)
        assert (made.outcome, made.best, made.log10_lr) == ("could_not_test", None, {})
        assert said in made.reasons[0]
        marked = AttributionExamination().examine(exhibit, verdict(outcome), MARKED)
        assert marked.outcome != "could_not_test"


def test_a_machine_gets_an_answer_with_bounded_lrs() -> None:
    examination = AttributionExamination()
    with Exhibit.open(ROOT / "examples/machine.wav") as exhibit:
        made = examination.examine(exhibit, verdict("supports_machine"), UNMARKED)
    assert made.outcome in ("attributed", "none_of_these", "inconclusive")
    assert attribution.GIVEN in made.reasons
    cap = examination.card.calibration.cap
    assert len(made.log10_lr) == attribution.MOST_NAMED
    assert all(abs(value) <= cap for value in made.log10_lr.values())
    assert list(made.log10_lr.values()) == sorted(made.log10_lr.values(), reverse=True)
    assert set(made.log10_lr) <= {one.name for one in read_bank(BANK, examination.card.sha256).generators}


def test_a_telephone_is_outside_the_domain() -> None:
    with Exhibit.open(ROOT / "examples/telephone.wav") as exhibit:
        made = AttributionExamination().attribute(exhibit)
    assert made.outcome == "could_not_test"
    assert "Hz" in made.reasons[0] or "signal-to-noise" in made.reasons[0]


def test_a_bank_that_was_changed_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "attribution_bank.yaml"
    changed.write_text(BANK.read_text("utf-8").replace("clips: 1\n", "clips: 2\n").replace("summary: ", "summary: x"))
    monkeypatch.setattr("detectors.attribution.BANK", changed)
    with Exhibit.open(ROOT / "examples/machine.wav") as exhibit:
        made = AttributionExamination().attribute(exhibit)
        assert made.outcome == "could_not_test"
        assert "differs from the card" in made.reasons[0]
        changed.unlink()
        assert AttributionExamination().attribute(exhibit).outcome == "could_not_test"


def test_an_own_bank_of_other_constants_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    shutil.copy(BANK, path)
    model = AttributionExamination().card.sha256
    path.write_text(path.read_text("utf-8").replace(model, "ab" * 32), "utf-8")
    with pytest.raises(VoxproofError, match="other constants"):
        AttributionExamination(path)


def test_the_users_bank_is_among_the_models_that_took_part(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    shutil.copy(BANK, path)
    assert [one.name for one in AttributionExamination().facts()] == ["attribution.generators"]
    assert len(AttributionExamination(path).facts()) == 2
