"""The vocoders of v3 and v4: tensors of the official files, and what holds whatever the weights are."""

import hashlib
import math

import pytest
import torch
from sovits_goldens import ROOT, difference  # noqa: F401

from synth.vits_modules import Generator
from synth.vocoders import BigVgan, BigVganConfig, HifiGan, PeriodicActivation, low_pass

SMALL = BigVganConfig(mels=8, channels=128)


def digest(model: torch.nn.Module) -> str:
    lines = "\n".join(f"{name} {list(value.shape)}" for name, value in sorted(model.state_dict().items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def test_tensors_of_v4s_vocoder_are_those_of_the_official_file() -> None:
    with torch.device("meta"):
        vocoder = HifiGan()
    assert len(vocoder.state_dict()) == 194
    assert digest(vocoder) == "bff952ae7daa4529ec71f19eeebb1495273c7a495ba0e1667ceb4543c0483417"


def test_tensors_of_v3s_vocoder_are_those_of_bigvgan_v2_at_24_khz() -> None:
    """Names and shapes were compared with those of NVIDIA's own code, commit 7d2b454, and so was the sound (4e-6)."""
    with torch.device("meta"):
        vocoder = BigVgan()
    assert sum(p.numel() for p in vocoder.parameters()) == 112_446_289
    assert len(vocoder.state_dict()) == 783
    assert digest(vocoder) == "6fb43a2f4fb80048b033c3b55fee3b4522d43ea77b6d48d92fc0531ea84a6b0a"


@torch.no_grad()
def test_v4s_vocoder_gives_480_samples_a_frame() -> None:
    torch.manual_seed(0)
    wave = HifiGan(channels=32)(torch.randn(2, 100, 5))
    assert wave.shape == (2, 1, 2400)
    assert float(wave.abs().max()) <= 1


@torch.no_grad()
def test_a_generator_without_condition_is_one_whose_condition_says_nothing() -> None:
    torch.manual_seed(0)
    sizes = (32, (4, 2), (8, 4), (3,), ((1, 3),))
    free, bound = Generator(6, None, *sizes), Generator(6, 5, *sizes)
    state = {name: value for name, value in free.state_dict().items() if name != "conv_post.bias"}
    bound.load_state_dict(state | {"cond.weight": torch.zeros(32, 5, 1), "cond.bias": torch.zeros(32)})
    assert free.conv_post.bias is not None
    free.conv_post.bias.zero_()
    x = torch.randn(1, 6, 9)
    assert torch.allclose(free(x), bound(x, torch.randn(1, 5, 1)), atol=1e-6)


def test_low_pass_lets_through_the_lower_half_of_the_band() -> None:
    taps = low_pass(12)
    assert torch.allclose(taps, taps.flip(0))
    response = torch.fft.rfft(taps, 4096).abs()  # 0 to half the doubled rate
    assert float(response[0]) == pytest.approx(1.0, abs=1e-6)
    assert float(response[: 4096 // 10].min()) > 0.98  # up to 0.2 of the rate, a fifth below the edge
    assert float(response[1024]) == pytest.approx(0.5, abs=0.01)  # the edge
    assert float(response[-400:].max()) < 0.01


def tone(cycles_per_sample: float, samples: int = 400) -> torch.Tensor:
    return torch.sin(2 * math.pi * cycles_per_sample * torch.arange(samples)).view(1, 1, -1)


@torch.no_grad()
def test_periodic_activation_is_snake_for_slow_sounds_and_has_no_aliases_of_fast_ones() -> None:
    """Of a tone at 0.3, sin(x)^2 has its overtone at 0.6, which plain sampling folds to 0.4."""
    activation = PeriodicActivation(1)
    slow = tone(0.01)
    inner = slice(20, -20)
    assert torch.allclose(activation(slow)[..., inner], (slow + slow.sin().square())[..., inner], atol=0.02)

    fast = tone(0.3)
    alias = [
        float(torch.fft.rfft(wave[0, 0])[160].abs()) / 200 for wave in (fast + fast.sin().square(), activation(fast))
    ]
    assert alias[0] > 0.3
    assert alias[1] < 0.35 * alias[0]


@torch.no_grad()
def test_snake_has_learnt_frequency_and_size() -> None:
    activation = PeriodicActivation(2).act
    activation.alpha.copy_(torch.tensor([0.0, math.log(3.0)]))
    activation.beta.copy_(torch.tensor([0.0, math.log(0.5)]))
    out = activation(torch.full((1, 2, 1), 0.4)).flatten().tolist()
    assert out == pytest.approx([0.4 + math.sin(0.4) ** 2, 0.4 + 2 * math.sin(1.2) ** 2])


@torch.no_grad()
def test_bigvgan_gives_256_samples_a_frame_and_the_same_with_weight_norm_worked_out() -> None:
    torch.manual_seed(0)
    vocoder, mel = BigVgan(SMALL), torch.randn(1, 8, 6)
    wave = vocoder(mel)
    assert wave.shape == (1, 1, 6 * 256)
    light = BigVgan(SMALL)
    light.load_state_dict(vocoder.state_dict())
    light.for_inference()
    assert not [name for name in light.state_dict() if name.endswith(("weight_g", "weight_v"))]
    assert difference(light(mel), wave) < 1e-5
    assert difference(light.for_inference(dtype=torch.bfloat16)(mel.bfloat16()).float(), wave) < 0.1
    vocoder.conv_post.weight_g.mul_(1e4)
    assert float(vocoder(mel).abs().max()) == 1.0
