"""The loss of voices that are unlike: it hears what the voiceprint hears, and it tells voices apart."""

from pathlib import Path

import numpy as np
import pytest
import soxr
import torch
from train_material import made_data, s2_recipe

from synth.audio import read
from synth.train.s2 import S2Config
from synth.train.voice_likeness import VoiceLikeness
from synth.voiceprint import voice_network
from synth.voiceprint_network import mel_powers

ROOT = Path(__file__).parents[3]


def speech(name: str, start_s: float, rate: int = 32_000) -> torch.Tensor:
    recording = read(ROOT / "examples" / name)
    samples = soxr.resample(recording.mono, recording.rate, rate)[int(start_s * rate) :][: int(1.6 * rate)]
    return torch.from_numpy(samples.astype(np.float32))[None]


@pytest.fixture(scope="module")
def likeness() -> VoiceLikeness:
    return VoiceLikeness()


@pytest.mark.parametrize("rate", [16_000, 32_000])
def test_it_hears_what_the_voiceprint_hears(likeness: VoiceLikeness, rate: int) -> None:
    network = voice_network()
    expected = network.windows(mel_powers(speech("human.wav", 1.0, 16_000)[0].numpy(), network.filters)[None])[0]
    heard = likeness.voices(speech("human.wav", 1.0, rate), rate)[0].numpy()
    assert float(heard @ expected) > 0.999


def test_another_voice_costs_more_than_the_same(likeness: VoiceLikeness) -> None:
    here = speech("human.wav", 1.0)[None]
    same, other = (
        float(likeness(here, there[None], 32_000)) for there in (speech("human.wav", 3.0), speech("machine.wav", 1.0))
    )
    assert float(likeness(here, 1.0 * here, 32_000)) == pytest.approx(0.0, abs=1e-5)
    assert same < 0.3
    assert other > same + 0.1


def test_silence_has_no_voice_and_the_loss_a_gradient(likeness: VoiceLikeness) -> None:
    here, made = speech("human.wav", 1.0)[None], speech("machine.wav", 1.0)[None].clone().requires_grad_()
    nothing = torch.zeros_like(here)
    assert float(likeness(nothing, made, 32_000).detach()) == 0.0
    both = likeness(torch.cat([here, nothing]), made.expand(2, 1, -1), 32_000)
    assert float(both.detach()) == pytest.approx(float(likeness(here, made, 32_000).detach()), abs=1e-6)
    both.backward()
    assert made.grad is not None
    assert float(made.grad.abs().max()) > 0.0
    assert not any(parameter.requires_grad for parameter in likeness.parameters())


def test_it_is_part_of_the_loss_where_it_is_asked(tmp_path: Path) -> None:
    data = made_data(tmp_path)
    without, weighted = (s2_recipe(data, S2Config(voice_weight=weight)) for weight in (0.0, 10.0))
    for recipe in (without, weighted):
        recipe.begin_epoch(1)
    plain, more = (recipe.step([recipe.batch([0, 1])], 1) for recipe in (without, weighted))
    assert plain["voice"] == 0.0
    assert 0.0 < more["voice"] <= 20.0
    assert more["mel"] == pytest.approx(plain["mel"], rel=1e-5)
    assert more["generator"] - plain["generator"] == pytest.approx(more["voice"], rel=0.05)
