"""The light head: exact overlap, how far a frame is heard, and the lite voice that it is part of."""

import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional

from dataclasses import replace  # noqa: E402

from synth.checkpoint import layouts  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.fourier_decoder import RATE, FourierDecoder, Pitch, overlapped, pulses, told  # noqa: E402
from synth.losses import guided_attention_loss  # noqa: E402
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


def source(hertz: float, frames: int) -> Pitch:
    return Pitch(torch.full((1, frames), 20.0), torch.full((1, frames), hertz))


@pytest.mark.parametrize("hertz", [62.5, 125.0, 440.0])
def test_pulses_are_all_harmonics_and_nothing_else(hertz: float) -> None:
    made = pulses(source(hertz, 100), 320)[0].double()
    assert made.square().mean() == pytest.approx(1, abs=0.02)
    spectrum = torch.fft.rfft(made).abs() / len(made) * 2  # 1 s: a bin is 1 Hz
    partials = [round(hertz * k) for k in range(1, int(0.49 * RATE / hertz))]
    if hertz.is_integer():
        strength = spectrum[partials]
        assert float(strength.max() / strength.min()) < 1.01
        rest = spectrum.clone()
        rest[partials] = 0
        assert float(rest[: partials[-1]].max()) < 0.01 * float(strength.mean())


def test_there_are_no_pulses_without_a_voice() -> None:
    silent = told(source(200.0, 50), torch.zeros(1, 50))
    assert float(pulses(silent, 320).abs().max()) < 1e-4


def test_the_given_pitch_is_what_is_heard() -> None:
    torch.manual_seed(0)
    decoder = FourierDecoder(8, 16, 16, 2, 640).eval()
    torch.nn.init.constant_(decoder.head.bias[513:1026], -20.0)  # no breath
    made = decoder(torch.zeros(1, 8, 50), torch.zeros(1, 16, 1), source(125.0, 100))[0, 0].detach()
    spectrum = torch.fft.rfft(made.double()).abs()
    harmonics = spectrum[125::125].square().sum()
    assert float(harmonics / spectrum.square().sum()) > 0.95


def test_a_frame_is_heard_as_far_as_the_stream_reckons() -> None:
    torch.manual_seed(0)
    model = Sovits(SMALL).eval()
    latent, voice = torch.randn(1, 8, 80), torch.randn(1, 16, 1)
    changed = latent.clone()
    changed[:, :, 40] += 1.0
    given = source(150.0, 160)
    with torch.no_grad():
        difference = (model.dec(latent, voice, given) - model.dec(changed, voice, given)).abs().view(80, 640).amax(1)
    heard = torch.nonzero(difference).flatten()
    far = reach(SMALL)
    assert 40 - far <= int(heard[0]) <= 41 - far
    assert 39 + far <= int(heard[-1]) <= 40 + far


def test_more_frames_do_not_change_the_first() -> None:
    torch.manual_seed(0)
    model = Sovits(SMALL).eval()
    latent, voice = torch.randn(1, 8, 120), torch.randn(1, 16, 1)
    with torch.no_grad():
        whole, part = model.dec(latent, voice), model.dec(latent[:, :, :80], voice)
    same = (80 - reach(SMALL)) * 640
    torch.testing.assert_close(whole[:, :, :same], part[:, :, :same], atol=2e-5, rtol=0)


def test_sound_stays_within_full_scale_whatever_the_head_says() -> None:
    torch.manual_seed(0)
    decoder = FourierDecoder(8, 16, 16, 2, 640)
    torch.nn.init.constant_(decoder.head.bias, 9.0)
    sound = decoder(torch.randn(1, 8, 10), torch.randn(1, 16, 1))
    assert sound.shape == (1, 1, 6400)
    assert 0 < sound.abs().max() <= 1


def test_the_lite_voice_decodes_and_is_trained_like_every_other() -> None:
    torch.manual_seed(0)
    model = Sovits(SMALL)
    spectrum, content = torch.rand(2, 1025, 40), torch.randn(2, 12, 40)
    text = torch.randint(0, 700, (2, 9))
    pitch = torch.cat([torch.full((2, 40), 140.0), torch.zeros(2, 40)], 1)
    made = model.train_forward(content, spectrum, torch.tensor([40, 36]), text, torch.tensor([9, 7]), pitch=pitch)
    assert made.wave.shape == (2, 1, 32 * 640)
    assert float(made.pitch.detach()) > 0
    (made.wave.square().mean() + made.kl() + made.pitch).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert {name.split(".")[0] for name in without} == {"ssl_proj"}  # learnt before, with the student
    codes = model.codes(content[:1])
    assert codes.shape == (1, 1, 20)
    sound = model.for_inference().decode(codes, text[:1], [spectrum[:1]])
    assert sound.shape == (1, 1, 20 * 1280)


def test_a_window_of_a_recording_is_what_the_whole_says_there() -> None:
    torch.manual_seed(0)
    model = Sovits(replace(SMALL, segment_frames=8)).eval()
    spectrum, content, pitch = torch.rand(1, 1025, 60), torch.randn(1, 12, 60), torch.full((1, 120), 140.0)
    text, lengths, noise = torch.randint(0, 700, (1, 9)), torch.tensor([60]), torch.randn(1, 8, 60)
    made = model.train_forward(
        content, spectrum, lengths, text, torch.tensor([9]), noise=noise, places=torch.tensor([0.5]), pitch=pitch,
        window=20,
    )  # fmt: skip
    assert made.z.shape == (1, 8, 20)
    begin = 20
    assert begin <= int(made.starts) <= begin + 12
    voice = model.style(spectrum)
    mean, _ = model.enc_q(spectrum, torch.ones(1, 1, 60), voice)
    middle = slice(begin + 8, begin + 12)  # away from the edges of the window
    torch.testing.assert_close(made.m_q[:, :, 8:12], mean[:, :, middle], atol=1e-4, rtol=0)
    with pytest.raises(VoxproofError, match="trained with the pitch"):
        model.train_forward(content, spectrum, lengths, text, torch.tensor([9]))


@pytest.mark.parametrize("length", [10, 21, 59, 60])
@pytest.mark.parametrize("place", [0.0, 0.37, 0.5, 0.999])
def test_every_slice_lies_in_its_window(length: int, place: float) -> None:
    torch.manual_seed(0)
    model = Sovits(replace(SMALL, segment_frames=8)).eval()
    spectrum, content, pitch = torch.rand(1, 1025, 60), torch.randn(1, 12, 60), torch.full((1, 120), 140.0)
    inputs = content, spectrum, torch.tensor([length]), torch.randint(0, 700, (1, 9)), torch.tensor([9])
    draws = {"noise": torch.randn(1, 8, 60), "places": torch.tensor([place]), "pitch": pitch}
    whole, part = model.train_forward(*inputs, **draws), model.train_forward(*inputs, **draws, window=20)
    assert torch.equal(whole.starts, part.starts)  # where the slice is does not depend on the window
    assert part.wave.shape == whole.wave.shape == (1, 1, 8 * 640)
    assert min(20, length) - int(part.mask.sum()) in (0, length % 2)  # an odd clip may end a frame before its window


def test_what_the_prior_expects_is_heard_beside_the_posterior() -> None:
    torch.manual_seed(0)
    model = Sovits(replace(SMALL, segment_frames=8)).eval()
    spectrum, content, pitch = torch.rand(1, 1025, 20), torch.randn(1, 12, 20), torch.full((1, 40), 140.0)
    text, lengths = torch.randint(0, 700, (1, 9)), torch.tensor([20])
    inputs = content, spectrum, lengths, text, torch.tensor([9])
    made = model.train_forward(*inputs, places=torch.tensor([0.5]), pitch=pitch)
    voice, first = model.style(spectrum), int(made.starts)
    with torch.no_grad():
        expected = model.flow(made.m_p, made.mask, voice, reverse=True)[:, :, first : first + 8]
        source = Pitch(torch.full((1, 16), 20.0), torch.full((1, 16), 140.0))
        torch.testing.assert_close(made.prior_wave, model.dec(expected, voice, source), atol=1e-5, rtol=0)
    assert (made.prior_wave - made.wave).abs().max() > 1e-5


def test_what_is_expected_can_be_learnt_alone() -> None:
    torch.manual_seed(0)
    model = Sovits(replace(SMALL, segment_frames=8))
    spectrum, content, pitch = torch.rand(1, 1025, 60), torch.randn(1, 12, 60), torch.full((1, 120), 140.0)
    text, lengths = torch.randint(0, 700, (1, 9)), torch.tensor([60])
    made = model.train_forward(
        content, spectrum, lengths, text, torch.tensor([9]), pitch=pitch, window=20, prior_only=True
    )
    assert made.wave.shape == (1, 1, 20 * 640)  # the whole window
    assert made.prior_wave is None
    assert float(made.kl().detach()) == pytest.approx(0.0, abs=1e-5)
    (made.wave.square().mean() + made.kl() + made.pitch).backward()
    idle = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is None}
    assert idle == {"enc_q", "ssl_proj"}


def test_a_look_at_the_right_phoneme_or_beside_it_costs_nothing() -> None:
    said = torch.tensor([[0, 0, 2, 3, -1]])
    looks = F.one_hot(torch.tensor([[0, 1, 1, 3, 0]]), 5).float()
    assert guided_attention_loss(looks, said) == 0.0
    even = torch.full((1, 5, 5), 0.2)
    expected = -(torch.tensor([0.4, 0.4, 0.6, 0.6]).log()).mean()
    torch.testing.assert_close(guided_attention_loss(even, said), expected)
    assert guided_attention_loss(even, torch.full((1, 5), -1)) == 0.0


def test_the_look_up_of_phonemes_learns_from_their_places() -> None:
    torch.manual_seed(0)
    model = Sovits(replace(SMALL, segment_frames=8))
    spectrum, content, pitch = torch.rand(1, 1025, 60), torch.randn(1, 12, 60), torch.full((1, 120), 140.0)
    text, said = torch.randint(0, 700, (1, 9)), (torch.arange(60) // 7)[None]
    optimiser = torch.optim.Adam(model.enc_p.parameters(), 3e-3)
    loss = []
    for _ in range(30):
        made = model.train_forward(
            content, spectrum, torch.tensor([60]), text, torch.tensor([9]), pitch=pitch, window=20,
            places=torch.tensor([0.5]), alignment=said, prior_only=True,
        )  # fmt: skip
        optimiser.zero_grad()
        made.attention.backward()
        optimiser.step()
        loss.append(float(made.attention.detach()))
    assert loss[-1] < 0.3 * loss[0]
    weights = model.enc_p.mrte.cross_attention.weights(
        torch.randn(1, 16, 4), torch.randn(1, 16, 9), torch.ones(1, 1, 4, 9)
    )
    torch.testing.assert_close(weights.sum(-1), torch.ones(1, 4, 4))


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
