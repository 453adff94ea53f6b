"""Every model that ships is listed with its hash, whatever kind of card it has."""

import hashlib
import shutil
from pathlib import Path

import pytest

from detectors.card import WEIGHTS
from detectors.shipped import shipped_models
from synth.errors import VoxproofError
from synth.voiceprint_card import WEIGHTS as OF_SYNTH


def test_every_yaml_file_and_every_file_of_weights_is_listed() -> None:
    models = shipped_models()
    assert len(models) == sum(len(list(folder.glob("*.yaml"))) for folder in (WEIGHTS, OF_SYNTH)) >= 6
    assert {model.file for model in models} >= {*WEIGHTS.glob("*.safetensors"), *OF_SYNTH.glob("*.safetensors")}
    assert len({model.name for model in models}) == len(models)
    for model in models:
        assert model.bytes == model.file.stat().st_size > 0
        assert model.sha256 == hashlib.sha256(model.file.read_bytes()).hexdigest()
        assert model.intact() is (True if model.stated else None)


def test_changed_and_missing_weights_are_not_intact(tmp_path: Path) -> None:
    for name in ("speech.yaml", "speech.safetensors", "voices.yaml"):
        shutil.copy(WEIGHTS / name, tmp_path / name)
    with (tmp_path / "speech.safetensors").open("ab") as stream:
        stream.write(b"x")
    assert [(m.name, m.intact()) for m in shipped_models(tmp_path)] == [("detector.speech", False), ("voices", None)]
    (tmp_path / "speech.safetensors").unlink()
    speech = shipped_models(tmp_path)[0]
    assert (speech.intact(), speech.bytes) == (False, 0)


@pytest.mark.parametrize("text", ["- 1", "a: [", "name: x"])
def test_a_file_that_is_no_card_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(VoxproofError, match="not a valid card"):
        shipped_models(tmp_path)
