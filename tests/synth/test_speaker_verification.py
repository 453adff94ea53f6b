"""The speaker-verification network of v2Pro: the reference's goldens, its tensors, its filter bank."""

import hashlib

import pytest
import torch
from sovits_goldens import ROOT  # noqa: F401  (puts the project's root on the path)

from synth.errors import VoxproofError
from synth.speaker_verification import Block, ERes2NetV2, Fusion, filter_bank
from tests.parity import rest


def test_tensors_are_those_of_the_official_file() -> None:
    with torch.device("meta"):
        network = ERes2NetV2()
    lines = "\n".join(f"{name} {list(value.shape)}" for name, value in sorted(network.state_dict().items()))
    assert len(network.state_dict()) == 1001
    assert (
        hashlib.sha256(lines.encode()).hexdigest() == "36e85c77ff5cc2b81bdd45561d2ae2b61a9896d06c29505d75baab83187e2671"
    )


def test_filter_bank_and_embeddings_are_the_references() -> None:
    figures = dict(rest.speaker())
    assert figures.keys() == {"filter bank", "embedding of 20480", "embedding of 192"}
    assert max(figures.values()) < 1e-4


@pytest.mark.parametrize(("hertz", "band"), [(100.0, 1), (1000.0, 27), (3000.0, 52), (7500.0, 77)])
def test_a_tone_sounds_in_its_band(hertz: float, band: int) -> None:
    """Bands are equally wide in mel, 1127 ln(1 + f / 700), from 20 Hz to 8 kHz."""
    wave = 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(8000) / 16000)
    bands = filter_bank(wave[None])
    assert bands.shape == (1, 48, 80)
    assert abs(int(bands.mean(1).argmax()) - band) <= 1


def test_filter_bank_knows_no_offset_and_squares_the_level() -> None:
    wave = torch.randn(1, 4000, generator=torch.Generator().manual_seed(0)) * 0.1
    assert torch.allclose(filter_bank(wave + 0.25), filter_bank(wave), atol=1e-3)
    assert torch.allclose(filter_bank(10 * wave) - filter_bank(wave), torch.tensor(4.60517), atol=1e-3)
    assert torch.allclose(filter_bank(torch.zeros(1, 4000)), torch.tensor(-15.942385))
    with pytest.raises(VoxproofError, match=r"at least 400 of them, not \[1, 399\]"):
        filter_bank(wave[:, :399])


@torch.no_grad()
def test_fusion_of_a_map_with_itself_is_twice_the_map() -> None:
    torch.manual_seed(0)
    fusion, x = Fusion(8).eval(), torch.randn(1, 8, 4, 6)
    assert torch.allclose(fusion(x, x), 2 * x, atol=1e-6)
    assert not torch.allclose(fusion(x, -x), torch.zeros(()), atol=1e-3)


@torch.no_grad()
@pytest.mark.parametrize("fused", [False, True])
def test_a_block_halves_both_sides_and_stays_between_0_and_20(fused: bool) -> None:
    torch.manual_seed(0)
    out = Block(64, 64, 2, fused).eval()(1000 * torch.randn(2, 64, 10, 12))
    assert out.shape == (2, 256, 5, 6)
    assert (float(out.min()), float(out.max())) == (0.0, 20.0)


@torch.no_grad()
def test_scales_see_those_before_them() -> None:
    """A change of one quarter of the channels inside reaches the later scales and not the earlier ones."""
    torch.manual_seed(0)
    block = Block(96, 64, 1, False).eval()
    block.conv1.weight.copy_(torch.eye(96)[:, :, None, None])
    seen = []
    block.conv3.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.rand(1, 96, 6, 6)
    changed = x.clone()
    changed[:, 24:48] += 1.0  # the second scale
    block(x)
    block(changed)
    moved = [not torch.equal(a, b) for a, b in zip(seen[0].chunk(4, 1), seen[1].chunk(4, 1), strict=True)]
    assert moved == [False, True, True, True]


def test_one_call_from_sound_to_what_v2pro_takes() -> None:
    torch.manual_seed(0)
    network, wave = ERes2NetV2().eval(), torch.randn(1, 4000) * 0.1
    speaker = network.speaker(wave)
    assert speaker.shape == (1, 20480)
    assert not speaker.requires_grad
    assert torch.equal(speaker, network(filter_bank(wave)).detach())
