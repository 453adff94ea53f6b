"""What the lite voice hears of itself moves what it is told of the speaker."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synth import rehearsal  # noqa: E402
from synth.audio import read  # noqa: E402
from synth.clone import Cloner  # noqa: E402
from synth.reference import Reference  # noqa: E402
from synth.voiceprint import voice_vector  # noqa: E402
from synth.voiceprint_card import voiceprint_card  # noqa: E402
from synth.voicing import Heard, LatentVoicing, Manner, Prompt, voiceprinted  # noqa: E402

ROOT = Path(__file__).parents[2]
LITE = ROOT / "synth" / "weights" / "lite"
TEXT = "They went home along the river in the evening."
SAID = Prompt(torch.zeros(4, dtype=torch.long), torch.zeros(3, dtype=torch.long))


def reference() -> Reference:
    recording = read(ROOT / "examples" / "machine.wav")
    return Reference(torch.from_numpy(np.ascontiguousarray(recording.mono[: 6 * recording.rate])), recording.rate)


class Shy:
    """Says what it is asked for, a third of it missing: a sound of one sample for each dimension."""

    rate = 32_000

    def __init__(self) -> None:
        emb = torch.nn.Linear(256, 256)
        torch.nn.init.eye_(emb.weight)
        config = SimpleNamespace(voiceprint=voiceprint_card().sha256[:8])
        self.sovits = SimpleNamespace(voice_emb=emb, config=config)
        self.times = 0

    def latent(self, codes: Any, ids: Any, voice: Any, manner: Any, seed: int) -> Any:
        assert (seed, manner.noise_scale) == (0, 0.0)
        self.times += 1
        return voice

    def vocoded(self, latent: Any, voice: Any) -> Any:
        return latent[0, :, 0] * 2 / 3


def heard_of(vector: Any) -> Heard:
    return Heard(vector[None, :, None], torch.zeros(1, 2, 3))


@pytest.fixture
def shy(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(rehearsal, "voice_vector", lambda samples, rate: samples)
    return Shy()


def test_what_is_missing_is_asked_for_until_little_is(shy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = torch.linspace(-1, 1, 256)
    monkeypatch.setattr(rehearsal, "voiceprinted", lambda one, network: wanted[None])
    before = heard_of(wanted)
    after = rehearsal.rehearsed(shy, before, [reference()], SAID)
    assert shy.times == rehearsal.ROUNDS
    said = shy.vocoded(after.voice, after.voice)
    assert float((said - wanted).norm() / wanted.norm()) == pytest.approx((1 / 3) ** (rehearsal.ROUNDS + 1), rel=1e-3)
    assert torch.equal(after.spectrum, before.spectrum)


def test_the_mean_of_several_references_is_wanted(shy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = iter([torch.ones(1, 256), 3 * torch.ones(1, 256)])
    monkeypatch.setattr(rehearsal, "voiceprinted", lambda one, network: next(vectors))
    after = rehearsal.rehearsed(shy, heard_of(2 * torch.ones(256)), [reference(), reference()], SAID)
    assert shy.vocoded(after.voice, after.voice).mean().item() == pytest.approx(2, rel=0.05)


def test_without_speech_or_tokens_nothing_changes(shy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = heard_of(torch.ones(256))
    nothing = replace(SAID, codes=SAID.codes[:0])
    assert rehearsal.rehearsed(shy, before, [reference()], nothing) is before
    monkeypatch.setattr(rehearsal, "voiceprinted", lambda one, network: torch.zeros(1, 256))
    assert rehearsal.rehearsed(shy, before, [reference()], SAID) is before
    assert shy.times == 0


def test_the_shipped_voice_comes_nearer_to_its_reference() -> None:
    cloner, one = Cloner.load(LITE), reference()
    voicing, said = cast(LatentVoicing, cloner._voicing), cloner._rehearsal
    plain = voicing.hear([one])
    wanted = voiceprinted(one, voiceprint_card().sha256[:8])[0].numpy()

    @torch.no_grad()
    def distance(heard: Heard) -> float:
        sound = voicing.vocoded(voicing.latent(said.codes, said.ids, heard.voice, Manner(), 7), heard.voice)
        return float(np.linalg.norm(voice_vector(sound.numpy(), voicing.rate) - wanted))

    assert distance(rehearsal.rehearsed(voicing, plain, [one], said)) < 0.97 * distance(plain)


def test_the_rehearsed_voice_is_what_is_spoken_with_and_kept_for_the_next_call() -> None:
    cloner, one = Cloner.load(LITE), reference()
    voice = cloner._prompt([one], "", cloner.settings()).heard.voice
    assert cloner._task(TEXT, reference(), "", cloner.settings()).prompt.heard.voice is voice
    other = Reference(one.samples[: 4 * one.rate], one.rate)
    assert cloner._prompt([other], "", cloner.settings()).heard.voice is not voice
    assert float((voice - cloner._voicing.hear([one]).voice).detach().norm()) > 0.1
