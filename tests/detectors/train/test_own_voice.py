"""Clips of the voice that ships, for the bank of generators: whose voices they take, and what they are called."""

from pathlib import Path

import numpy as np
import pytest

from detectors.codes.hearing import lite_models, model_name
from detectors.train.own_voice import VOICES, spoken, voices
from synth.clone import Cloner
from synth.models.lite import FOLDER

ROOT = Path(__file__).parents[3]


def row(source: str, speaker: str, seconds: float = 5.0, path: str = "x.wav") -> dict[str, str]:
    return {"source": source, "speaker": speaker, "seconds": str(seconds), "path": path}


def test_every_voice_is_another_reader_and_nobody_of_a_page() -> None:
    rows = [row(VOICES, f"libri:{n % 5}") for n in range(20)]
    rows += [row("vits", "page:vits"), row(VOICES, "libri:short", 1.0)]
    chosen = voices(rows, 10, np.random.default_rng(0))
    assert sorted(one["speaker"] for one in chosen) == [f"libri:{n}" for n in range(5)]
    assert len(voices(rows, 3, np.random.default_rng(0))) == 3


@pytest.mark.skipif(not (FOLDER / "sovits.yaml").exists(), reason="no voice ships")
def test_a_clip_is_named_after_its_checkpoint_and_what_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "no.wav").write_bytes(b"no sound")
    chosen = [row(VOICES, "a", path=str(tmp_path / "no.wav")), row(VOICES, "b", path=str(ROOT / "examples/human.wav"))]
    made = list(spoken(Cloner(lite_models()), chosen, ["She counted the coins."], 1))
    assert [one["speaker"] for one, _ in made] == ["b"]
    facts, samples = made[0]
    assert facts["generator"] == model_name(lite_models())
    assert (facts["label"], facts["part"], facts["source"]) == ("machine", "train", "generated")
    assert samples.size / 16_000 == pytest.approx(float(facts["seconds"]), abs=1e-3)
    assert 0.5 < samples.size / 16_000 < 10
