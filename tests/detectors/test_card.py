"""Cards: read without torch, strict, and their hash guards the weights."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from detectors.card import WEIGHTS, Card, shipped_cards
from detectors.speech import SpeechDetector
from synth.card import read_card, write_card
from synth.errors import VoxproofError


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("speech.yaml", "speech.safetensors"):
        shutil.copy(WEIGHTS / name, tmp_path / name)
    return tmp_path


def test_shipped_cards_are_intact() -> None:
    cards = {card.name: card for card in shipped_cards()}
    card = cards["detector.speech"]
    assert card.intact()
    assert card.bytes == (WEIGHTS / card.weights).stat().st_size < 15_000_000
    assert "MIT" in card.attribution


def test_no_training_source_forbids_derivatives() -> None:
    card = read_card(WEIGHTS / "speech.yaml", Card)
    assert sum(source.machine for source in card.training) > 2000
    assert not [s.name for s in card.training if "NC" in s.licence or "ND" in s.licence or s.name == "yourtts"]


def test_cards_come_without_torch() -> None:
    code = "import sys, detectors, detectors.card as c; c.shipped_cards(); print('torch' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=WEIGHTS.parents[1]
    )
    assert out.stdout.strip() == "False"


def test_one_changed_byte_is_refused(copy: Path) -> None:
    path = copy / "speech.safetensors"
    blob = bytearray(path.read_bytes())
    blob[-1] ^= 1
    path.write_bytes(blob)
    assert not read_card(copy / "speech.yaml", Card).intact(copy)
    with pytest.raises(VoxproofError, match="differ from their card"):
        SpeechDetector.load(path)


def test_missing_weights_or_card(copy: Path) -> None:
    (copy / "speech.safetensors").unlink()
    with pytest.raises(VoxproofError, match="weights are missing"):
        SpeechDetector.load(copy / "speech.safetensors")
    with pytest.raises(VoxproofError, match="no such card"):
        SpeechDetector.load(copy / "other.safetensors")


def test_weights_of_something_else(copy: Path) -> None:
    import hashlib

    path = copy / "speech.safetensors"
    path.write_bytes(b"not weights at all")
    card = read_card(copy / "speech.yaml", Card)
    changed = card.model_copy(update={"sha256": hashlib.sha256(path.read_bytes()).hexdigest()})
    write_card(changed, copy / "speech.yaml")
    with pytest.raises(VoxproofError, match="not the weights"):
        SpeechDetector.load(path)


def test_a_card_is_strict(copy: Path) -> None:
    path = copy / "speech.yaml"
    path.write_text(path.read_text("utf-8") + "surprise: 1\n", "utf-8")
    with pytest.raises(VoxproofError, match="not a valid card"):
        read_card(path, Card)
