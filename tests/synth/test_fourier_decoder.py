"""The light head: exact overlap, how far a frame is heard, and the lite voice that it is part of."""

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from dataclasses import replace  # noqa: E402

from synth.checkpoint import layouts  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.fourier_decoder import FourierDecoder, overlapped  # noqa: E402
from synth.sovits import Sovits, SovitsConfig  # noqa: E402
from synth.streaming import reach  # noqa: E402

SMALL = replace(
    SovitsConfig.lite(), inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=2, gin_channels=16,
    ssl_width=12, mrte_width=16, decoder_width=16, decoder_blocks=3, posterior_layers=2, flow_layers=1,
)  # fmt: skip


@pytest.mark.parametrize("frames", [1, 7, 40])
def test_spectra_of_a_sound_give_the_sound_again(frames: int) -> None:
    hop, window = 320, 1280
    sound = torch.randn(2, frames * hop, generator=torch.Generator().manual_seed(frames))
    edge = (window - hop) // 2
    pieces = F.pad(sound, (edge, edge)).unfold(1, window, hop) * torch.hann_window(window)
    again = overlapped(torch.fft.rfft(pieces), hop)
    torch.testing.assert_close(again, sound, atol=1e-5, rtol=0)


def test_a_frame_is_heard_as_far_as_the_stream_reckons() -> None:
    torch.manual_seed(0)
    model = Sovits(SMALL).eval()
    latent, voice = torch.randn(1, 8, 80), torch.randn(1, 16, 1)
    changed = latent.clone()
    changed[:, :, 40] += 1.0
    with torch.no_grad():
        difference = (model.dec(latent, voice) - model.dec(changed, voice)).abs().view(80, 640).amax(1)
    heard = torch.nonzero(difference).flatten()
    far = reach(SMALL)
    assert 40 - far <= int(heard[0]) <= 41 - far
    assert 39 + far <= int(heard[-1]) <= 40 + far


def test_sound_stays_within_full_scale_whatever_the_head_says() -> None:
    torch.manual_seed(0)
    decoder = FourierDecoder(8, 16, 16, 2, 640)
    torch.nn.init.constant_(decoder.head.bias, 50.0)
    sound = decoder(torch.randn(1, 8, 10), torch.randn(1, 16, 1))
    assert sound.shape == (1, 1, 6400)
    assert 0 < sound.abs().max() <= 1


def test_the_lite_voice_decodes_and_is_trained_like_every_other() -> None:
    torch.manual_seed(0)
    model = Sovits(SMALL)
    spectrum, content = torch.rand(2, 1025, 40), torch.randn(2, 12, 40)
    text = torch.randint(0, 700, (2, 9))
    made = model.train_forward(content, spectrum, torch.tensor([40, 36]), text, torch.tensor([9, 7]))
    assert made.wave.shape == (2, 1, 32 * 640)
    (made.wave.square().mean() + made.kl()).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert {name.split(".")[0] for name in without} == {"ssl_proj"}  # learnt before, with the student
    codes = model.codes(content[:1])
    assert codes.shape == (1, 1, 20)
    sound = model.for_inference().decode(codes, text[:1], [spectrum[:1]])
    assert sound.shape == (1, 1, 20 * 1280)


def test_its_configuration_travels_and_is_checked() -> None:
    config = SovitsConfig.lite()
    assert layouts.sovits_config({"model": config.to_mapping()}, "v2") == config
    with pytest.raises(VoxproofError, match="decoder is 'wavenet'"):
        layouts.sovits_config({"model": config.to_mapping() | {"decoder": "wavenet"}}, "v2")
    with pytest.raises(VoxproofError, match="ssl_width"):
        layouts.sovits_config({"model": config.to_mapping() | {"ssl_width": 0}}, "v2")


def test_features_of_another_width_are_refused() -> None:
    with pytest.raises(VoxproofError, match=r"\[batch, 12, at least 2\]"):
        Sovits(SMALL).codes(torch.zeros(1, 768, 40))
