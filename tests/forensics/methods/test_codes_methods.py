"""The methods that read codes: without a card, with one of another voice, and with one made for the test."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from detectors.card import Bounds
from detectors.codes import card as cards
from detectors.codes.card import CodeLine, CodesCard, Distribution
from detectors.codes.hearing import CodeEar, lite_models, model_name
from detectors.codes.statistics import PairModel, save_pairs
from detectors.codes.tuned import plain
from forensics.battery import load_battery
from forensics.exhibit import Exhibit
from forensics.methods import _code_line
from forensics.methods.codes_likelihood import CodesLikelihood
from forensics.methods.codes_statistics import CodesStatistics
from synth.card import sha256_of, write_card

CLIP = Path(__file__).parents[3] / "tests" / "data" / "flite-slt.wav"
KINDS = {
    "codes.statistics": ("gain", "rare"),
    "codes.likelihood": ("heard.above_usage", "plain.wrong.above_usage", "pairs"),
}


def made_card(folder: Path, **changes: object) -> None:
    """Constants that give +0.5 whatever is heard."""
    path = folder / "codes.safetensors"
    table = PairModel.learn([np.arange(1024)])
    tuning = plain(CodeEar.of(lite_models()))
    save_pairs(dict.fromkeys(("people", "generator", "people_tuned", "drawn"), table), path, tuning.tensors())
    lines = tuple(
        CodeLine(
            method=method, against=("human",), measures=names, means=(0,) * len(names), deviations=(1,) * len(names),
            weights=(0,) * len(names), intercept=0.5, covariance=((0,) * (len(names) + 1),) * (len(names) + 1),
            bounds=Bounds(lower=-1, upper=1),
        )
        for method, names in KINDS.items()
    )  # fmt: skip
    grid = (-6.0, -4.0, -2.0, 0.0, 2.0, 4.0, 6.0)
    models = lite_models()
    card = CodesCard(
        name="codes", version="0", summary="For a test.", attribution="None.", weights=path.name,
        sha256=sha256_of(path), bytes=path.stat().st_size, checkpoint=model_name(models), models=dict(models.hashes),
        temperatures=(0.8,), voices=1, left_out=(), channels=("5 s",), languages=("en",), min_speech_seconds=1.0,
        min_band_hz=3000.0, min_snr_db=5.0, lines=lines,
        distributions=tuple(Distribution(measure=m, people=grid, clones=grid) for ms in KINDS.values() for m in ms),
    )  # fmt: skip
    write_card(card.model_copy(update=changes), folder / "codes.yaml")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cards, "CARD", tmp_path / "codes.yaml")
    _code_line.loaded.cache_clear()
    return tmp_path


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("method", [CodesStatistics, CodesLikelihood])
def test_without_a_card_it_could_not_test_and_says_how_to_make_one(method: type[CodesStatistics]) -> None:
    with Exhibit.open(CLIP) as exhibit:
        found = method().run(exhibit)
    assert found.outcome == "could_not_test"
    assert found.log10_lr is None
    assert "detectors.codes.train" in found.reasons[0]


@pytest.mark.parametrize("method", [CodesStatistics, CodesLikelihood])
def test_with_a_card(place: Path, method: type[CodesStatistics]) -> None:
    made_card(place)
    with Exhibit.open(CLIP) as exhibit:
        found = method("The birch canoe slid on the smooth planks.").run(exhibit)
    assert found.outcome == "inconsistent", found.reasons
    assert found.log10_lr == 0.5
    assert found.measurements["checkpoint_log10_lr"] == 0.5
    assert found.figures
    for name in KINDS[found.method]:
        assert 0 <= found.measurements[f"{name}.people_below"] <= 1  # type: ignore[operator]
    if found.method == "codes.likelihood":
        assert found.figures[0].kind == "time"
        assert 0 <= found.measurements["given.top_1"] <= found.measurements["given.top_50"] <= 1  # type: ignore[operator]


def test_what_is_unlike_the_checkpoint_says_nothing_of_other_machines(place: Path) -> None:
    made_card(place)
    card = cards.codes_card()
    against = tuple(line.model_copy(update={"intercept": -0.7}) for line in card.lines)
    write_card(card.model_copy(update={"lines": against}), place / "codes.yaml")
    with Exhibit.open(CLIP) as exhibit:
        found = CodesStatistics().run(exhibit)
    assert found.outcome == "inconclusive"
    assert found.measurements["checkpoint_log10_lr"] == -0.7
    assert (found.log10_lr, found.log10_lr_bounds) == (0, (0, 0))
    assert "of other generators this says nothing" in found.reasons[0]


def test_the_card_of_another_voice_could_not_test(place: Path) -> None:
    made_card(place, models={"gpt": "0" * 64})
    with Exhibit.open(CLIP) as exhibit:
        found = CodesStatistics().run(exhibit)
    assert found.outcome == "could_not_test"
    assert "not the voice model installed" in found.reasons[0]


def test_they_run_on_request_only() -> None:
    usual = {method.id for method in load_battery()}
    asked = {method.id for method in load_battery(internals=True)}
    assert asked - usual == {"codes.statistics", "codes.likelihood"}
    assert {method.id for method in load_battery(["codes"])} == {"codes.statistics", "codes.likelihood"}


def test_the_methods_themselves_load_no_pytorch() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from forensics.battery import load_battery; "
        "load_battery(internals=True); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
