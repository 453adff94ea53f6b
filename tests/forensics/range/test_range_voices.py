"""Whose voice our model takes in the range: a machine's, or one that the gate lets it take; nobody else's."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from range_material import DATA, MACHINES, PEOPLE, folders, indexed, material, refused

sys.path.append(str(Path(__file__).parents[2] / "synth"))

from consent_material import Tones, consented, recorded

from forensics.range.base import RATE, Item
from forensics.range.engines import installed, spoken
from forensics.range.kinds import KINDS
from forensics.range.rights import Rights
from forensics.range.sources import Material, gather
from forensics.range.studio import Studio
from synth.consent import revoke_consent
from synth.errors import VoxproofError
from synth.register import Register

READER = "sense_and_sensibility_01_austen_64kb-0890.wav"


def test_only_a_machines_own_voice_or_a_consented_one_is_cloned(tmp_path: Path) -> None:
    people, machines = folders(tmp_path)
    asked: list[tuple[str, str]] = []

    def gate(recording: Path, consent: Path) -> str:
        asked.append((recording.name, consent.name))
        return "it was revoked" if consent.name == "old.json" else ""

    consents = {READER: {"consent": "ada.json", **PEOPLE[READER]}, "vm-intro.wav": {"consent": "old.json"}}
    references = indexed(tmp_path / "references", {**consents, "005.wav": {"voice": "machine"}, **MACHINES})
    found, out = gather([people], [machines], [references], gate)
    assert {one.label for one in found.voices} == {
        f"references/{READER}", "references/flite-slt.wav", "machines/flite-slt.wav",
    }  # fmt: skip
    assert asked == [(READER, "ada.json"), ("vm-intro.wav", "old.json")]
    assert {one.label for one in found.humans} == {f"people/{name}" for name in PEOPLE}
    assert [(one.generator, one.nobodys) for one in found.machines] == [
        ("flite", True), ("hibari", False), ("imitator", False),
    ]  # fmt: skip
    assert out["references: not cloned: it was revoked"] == 1
    assert out["references: not cloned: a person's voice, and there is no consent"] == 1  # whatever the column says


def test_labels_in_the_transcripts_are_not_words_to_be_said(tmp_path: Path) -> None:
    said = {one.path.name: one.text for one in material(tmp_path).humans}
    assert said == {name: "" if "{" in facts["transcript"] else facts["transcript"] for name, facts in PEOPLE.items()}


def test_an_index_without_its_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("file,rate\na.wav,16000\n")
    with pytest.raises(VoxproofError, match="the index has no column path"):
        gather([tmp_path], [], [], refused)
    with pytest.raises(VoxproofError, match="the index cannot be read"):
        gather([tmp_path / "nowhere"], [], [], refused)


def test_the_gate_is_asked_with_the_very_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    place, consent, reader = tmp_path / "register.jsonl", tmp_path / "ada.json", recorded(tmp_path / "ada.wav")
    rights = Rights(place, None, Tones())
    register = Register.continued(tmp_path / "elsewhere.jsonl")
    made = consented(register, reader, until=datetime.now(UTC) + timedelta(days=30), languages=["en"])
    consent.write_text(made.text)
    assert "no register" in rights(reader, consent)
    rights = Rights(register.path, None, Tones())
    assert rights(reader, consent) == ""
    assert rights(recorded(tmp_path / "eve.wav", 2600), consent).startswith("eve.wav is not the voice of the consent")
    revoke_consent(register, made.consent_id)
    assert "was revoked" in rights(reader, consent)
    consent.write_text(made.text.replace("Ada", "Eve"))
    assert "changed after it was signed" in rights(reader, consent)
    assert "cannot be read" in rights(reader, tmp_path / "none.json")


@pytest.mark.skipif(not installed(), reason="neither espeak-ng nor flite is installed")
def test_a_program_says_the_text_and_nothing_in_it_is_an_option() -> None:
    for engine in {name.split("/")[0]: name for name in installed()}.values():
        sound, steps = spoken(engine, "--version of a small boat", np.random.default_rng(1))
        assert 0.8 < sound.size / RATE < 4
        assert float(np.abs(sound).max()) > 0.05
        assert (steps[0]["step"], steps[0]["voice"]) == tuple(engine.split("/"))
        assert any(digit.isdigit() for digit in str(steps[0]["version"]))


class Frames:
    """In place of HuBERT, which is large: 50 frames a second that depend on the sound."""

    def features(self, samples: Any, *, bounded: bool = True) -> Any:
        import torch

        frames = (len(samples) + 9600) // 320
        drawn = torch.Generator().manual_seed(int(samples.abs().sum()))
        return torch.randn(1, 768, frames, generator=drawn)


@pytest.fixture(scope="module")
def studio() -> Studio:
    pytest.importorskip("torch", reason="clones are not tested: torch (extra `train`) is not installed")
    from clone_models import cloner, quick

    from synth.sampling import Sampling

    settings = quick(sampling=Sampling(least=12, most=14))
    return Studio(3, lambda recording, consent: "", cloner(content=Frames()), "voxproof-tiny@12345678", settings)


@pytest.fixture(scope="module")
def voiced(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return replace(material(tmp_path_factory.mktemp("voiced")), texts=("a small boat lay there",), model="tiny")


def items(kind: str, voiced: Material, count: int) -> list[Item]:
    recipes = islice(KINDS[kind].recipes(voiced, np.random.default_rng(2)), count)
    return [Item(f"{kind}/{number}", kind, 7, -26.0, "none", recipe) for number, recipe in enumerate(recipes)]


def test_clones_are_a_machines_throughout_and_some_have_marked_tokens(studio: Studio, voiced: Material) -> None:
    made = [KINDS["clone"].make(item, studio) for item in items("clone", voiced, 3)]
    assert [one.steps[0]["tokens"] for one in made] == ["by chance", "marked", "other"]
    assert len({one.samples.tobytes() for one in made}) == 3
    for one in made:
        assert one.segments == ((0, one.samples.size),)
        assert (one.generator, one.voice_right, one.text) == (studio.generator, "machine", "a small boat lay there")
        assert one.voice == "machines/flite-slt.wav"


def test_a_conversion_keeps_the_timing_and_takes_the_voice(studio: Studio, voiced: Material) -> None:
    short = replace(voiced.humans[0], path=DATA / "003.wav", seconds=1.538, text="nine of clubs")
    voiced = replace(voiced, humans=(short,))
    (item,) = items("conversion", voiced, 1)
    content, voice = item.recipe.source("content"), item.recipe.source("voice")
    assert (content, voice) == (short, voiced.voices[0])
    first, steps = studio.converted(content, voice, 5)
    assert steps[0]["codes"] == round(content.seconds * 25)
    assert first.size == pytest.approx(content.seconds * RATE, abs=0.05 * RATE)
    other, _ = studio.converted(content, replace(voice, path=DATA / "espeak.wav"), 5)
    assert other.size == first.size
    assert not np.array_equal(other, first)
    made = KINDS["conversion"].make(item, studio)
    assert (made.segments, made.text) == (((0, made.samples.size),), "nine of clubs")
    assert 0.9 * first.size < made.samples.size <= first.size
    untold = replace(voiced, humans=tuple(replace(one, text="") for one in voiced.humans))
    assert "transcribed" in KINDS["conversion"].lacks(untold)


def test_our_model_takes_no_voice_that_it_has_no_right_to(studio: Studio, voiced: Material) -> None:
    person = voiced.humans[0]
    with pytest.raises(VoxproofError, match="the voice is not cloned: no right to it"):
        studio.said("a boat", person, 1)
    gated = Studio(3, lambda recording, consent: "revoked since", studio.cloner)
    with pytest.raises(VoxproofError, match="the voice is not cloned: revoked since"):
        gated.said("a boat", replace(person, consent=Path("ada.json")), 1)


def test_a_partial_edit_of_ours_has_a_voice_of_nobodys_or_the_hosts_own(studio: Studio, voiced: Material) -> None:
    ours = [item for item in items("partial", voiced, 6) if item.recipe.engine == "clone"]
    assert len(ours) == 3
    assert {item.recipe.source("voice").label for item in ours} == {"machines/flite-slt.wav"}
    made = KINDS["partial"].make(ours[0], studio)
    assert (made.generator, made.voice_right) == (studio.generator, "machine")
    assert 0 < made.segments[0][0] < made.segments[0][1] < made.samples.size
    host = ours[0].recipe.source("host")
    own = replace(voiced, voices=(*voiced.voices, replace(host, consent=Path("ada.json"))))
    named = {item.recipe.source("voice").label for item in items("partial", own, 12) if item.recipe.engine == "clone"
             and item.recipe.source("host").speaker == host.speaker}  # fmt: skip
    assert named == {host.label}
