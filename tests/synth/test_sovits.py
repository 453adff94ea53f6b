"""SoVITS: the reference's goldens, the official checkpoints' tensors, and what must hold whatever the weights are."""

import hashlib
import json
import math
from dataclasses import replace

import pytest
import torch
from sovits_goldens import KIT, difference, fresh_model, golden, model
from torch import Tensor, nn

from synth.errors import VoxproofError
from synth.sovits import Codebook, Quantizer, Sovits, SovitsConfig, Version, version_of
from synth.vits_modules import Attention, WeightNormConv1d, WeightNormUpsampling, fuse_weight_norm

V2, PRO = "sovits-v2-reduced", "sovits-v2pro-reduced"
CLOSE = 1e-4
TINY = SovitsConfig(
    filter_channels=32, n_layers=2, inter_channels=8, upsample_initial_channel=32, gin_channels=512, p_dropout=0.0
)
OFFICIAL: list[tuple[Version, int, str, int, int]] = [  # version, tensors, sha256 of names and shapes, kilo-parameters
    ("v1", 776, "389aa35c1332fd8f1a45c7219fb37e9c4a68f2b61b9c1afd3aa319ae8afb219f", 51270, 40780),
    ("v2", 776, "47c4b0f3b4c38fa3acc497ab54a6bbada75509c97d7ac08255308733aed75871", 51310, 40820),
    ("v2Pro", 781, "6110db08cd0fe6a47eba158e990f8854969b4498cc03d1a9391ba5addda9d282", 79430, 65790),
    ("v2ProPlus", 781, "00e1e3bff42eb240d6ace16c51e65cb1a70675e74316dde13281dc06eb94bcf0", 98340, 84700),
]


def skeleton(version: Version) -> Sovits:
    """The official size without memory for its weights."""
    with torch.device("meta"):
        return Sovits(SovitsConfig.of(version))


def tiny(seed: int = 0, **changes: object) -> Sovits:
    torch.manual_seed(seed)
    return Sovits(replace(TINY, **changes)).eval()  # type: ignore[arg-type]


def sound(sovits: Sovits, **settings: object) -> Tensor:
    """12 tokens and 5 phonemes in the voice of one made-up reference."""
    draw = torch.Generator().manual_seed(1)
    codes, text = torch.randint(1024, (1, 1, 12), generator=draw), torch.randint(700, (1, 5), generator=draw)
    return sovits.decode(codes, text, [torch.rand(1, 1025, 20, generator=draw)], **settings)  # type: ignore[arg-type]


# The official checkpoints


@pytest.mark.parametrize(("version", "tensors", "digest", "kilo", "kilo_inference"), OFFICIAL)
def test_tensors_are_those_of_the_official_checkpoints(
    version: Version, tensors: int, digest: str, kilo: int, kilo_inference: int
) -> None:
    sovits = skeleton(version)
    state = sovits.state_dict()
    lines = "\n".join(f"{name} {list(value.shape)}" for name, value in sorted(state.items()))
    assert len(state) == tensors
    assert hashlib.sha256(lines.encode()).hexdigest() == digest
    sizes = {name: p.numel() for name, p in sovits.named_parameters()}
    assert sum(sizes.values()) == pytest.approx(1000 * kilo, abs=5000)
    rest = sum(n for name, n in sizes.items() if not name.startswith("enc_q."))
    assert rest == pytest.approx(1000 * kilo_inference, abs=5000)
    assert version_of(state) == version


def test_another_models_tensors_have_no_version() -> None:
    state = skeleton("v2").state_dict()
    without_vocoder = {name: value for name, value in state.items() if not name.startswith("dec.")}
    with pytest.raises(VoxproofError, match=r"dec.conv_pre.weight is missing. Versions v3 and v4 are another model"):
        version_of(without_vocoder)


def test_only_the_posterior_encoder_may_be_absent() -> None:
    source, target = tiny(1), tiny(2)
    state = source.state_dict()
    exported = {name: value.half() for name, value in state.items() if not name.startswith("enc_q.")}
    target.load_weights(exported)
    assert target.enc_q is None
    assert torch.equal(target.dec.get_parameter("conv_pre.weight"), exported["dec.conv_pre.weight"].float())

    for name, pattern in (("flow.flows.0.pre.bias", "missing"), ("enc_q.pre.bias", "missing")):
        with pytest.raises(VoxproofError, match=f"1 tensors of the checkpoint are {pattern}, the first is {name}"):
            tiny(3).load_weights({key: value for key, value in state.items() if key != name})
    with pytest.raises(VoxproofError, match="are unknown, the first is cfm"):
        tiny(3).load_weights(state | {"cfm.weight": torch.zeros(1)})
    with pytest.raises(VoxproofError, match=r"of another size, the first is enc_p\.text_embedding.weight"):
        tiny(3, version="v1").load_weights(state | {"ref_enc.spectral.0.fc.weight": torch.zeros(128, 1025)})


def test_configuration_travels_as_plain_values() -> None:
    for version in ("v1", "v2", "v2Pro", "v2ProPlus"):
        config = SovitsConfig.of(version)
        assert SovitsConfig.from_mapping(json.loads(json.dumps(config.to_mapping()))) == config
        assert config.hop == 640
    stored = golden(V2)["config"]
    config = SovitsConfig.from_mapping(stored, "v2")
    assert (config.inter_channels, config.n_layers, config.upsample_kernel_sizes) == (64, 2, (16, 16, 8, 2, 2))
    for changed in ({"semantic_frame_rate": "50hz"}, {"resblock": "2"}):
        with pytest.raises(VoxproofError, match="another vocoder block or token rate"):
            SovitsConfig.from_mapping(stored | changed, "v2")
    with pytest.raises(VoxproofError, match="'v5' is no SoVITS version"):
        SovitsConfig.of("v5")  # type: ignore[arg-type]


# The reference's goldens


def test_codes_are_the_references() -> None:
    case = golden(V2)["cases"]["extract_latent"]
    assert torch.equal(model(V2).codes(case["ssl"]), case["codes"])
    assert model(V2).codes(case["ssl"][..., :100]).shape == model(V2).codes(case["ssl"]).shape == (1, 1, 50)


@torch.no_grad()
def test_style_of_one_reference_and_of_a_masked_batch() -> None:
    case = golden(V2)["cases"]["ref_enc"]
    assert difference(model(V2).style(case["spec"]), case["ge"]) < CLOSE
    assert case["mask_b"].sum((1, 2)).tolist() == [90, 70]
    batch = torch.cat([case["spec"][:, :704], case["spec_b"][-1:]])
    assert difference(model(V2).style(batch, case["mask_b"]), case["ge_b"]) < CLOSE


@torch.no_grad()
def test_speaker_embedding_joins_the_voice_in_pro() -> None:
    cases, pro = golden(PRO)["cases"], model(PRO)
    voice = pro.with_speaker(cases["ref_enc"]["ge"], cases["ge_pro"]["sv_emb"])
    assert difference(voice, cases["ge_pro"]["ge"]) < CLOSE
    assert difference(pro.ge_to512(voice.transpose(1, 2)).transpose(1, 2), cases["ge_pro"]["ge512"]) < CLOSE
    with pytest.raises(VoxproofError, match="v2Pro needs a speaker embedding"):
        pro.with_speaker(voice, None)
    with pytest.raises(VoxproofError, match="v2 has no speaker embedding"):
        model(V2).with_speaker(voice, cases["ge_pro"]["sv_emb"])


@torch.no_grad()
@pytest.mark.parametrize(("speed", "frames"), [("1", 100), ("1.25", 81), ("0.8", 126)])
def test_prior_at_three_speeds(speed: str, frames: int) -> None:
    cases, sovits = golden(V2)["cases"], model(V2)
    case = cases[f"enc_p_speed{speed}"]
    tokens = sovits.quantizer.decode(case["codes"])
    prior = sovits.prior(tokens, case["text"], cases["ref_enc"]["ge"], speed=case["speed"])
    assert prior.mask.shape == (1, 1, frames)
    assert torch.equal(prior.mask, case["y_mask"])
    assert difference(prior.mean, case["m_p"]) < CLOSE
    assert difference(prior.log_scale, case["logs_p"]) < CLOSE


@torch.no_grad()
def test_flow_both_ways() -> None:
    case, mask = golden(V2)["cases"]["flow_reverse"], torch.ones(1, 1, 100)
    z = model(V2).flow(case["z_p"], mask, case["g"], reverse=True)
    assert difference(z, case["z"]) < CLOSE
    assert difference(model(V2).flow(z, mask, case["g"]), case["z_p"]) < CLOSE


DECODES = [(V2, "decode_noise0.5")]
if KIT.exists():
    DECODES += [(V2, "decode_noise0_speed1.25"), (V2, "decode_multi_ref"), (PRO, "decode_multi_ref")]


@pytest.mark.parametrize(("tag", "name"), DECODES)
def test_decoded_sound_is_the_references(tag: str, name: str) -> None:
    cases = golden(tag)["cases"]
    case = cases[name]
    references = case["refer"] if isinstance(case["refer"], list) else [case["refer"]]
    speakers = [cases["ge_pro"]["sv_emb"], case["sv2"]] if tag == PRO else None
    wave = model(tag).decode(
        case["codes"],
        case["text"],
        references,
        speakers,
        speed=case.get("speed", 1.0),
        noise_scale=case["noise_scale"],
        noise=case.get("noise"),
    )
    assert difference(wave, case["wav"]) < CLOSE


def test_training_step_is_the_references() -> None:
    case, sovits = golden(V2)["cases"]["train_forward"], fresh_model(V2)
    noise, places = case["draws"]
    out = sovits.train_forward(
        case["ssl"], case["spec"], case["spec_lens"], case["text"], case["text_lens"], noise=noise, places=places
    )
    assert out.starts.tolist() == case["ids_slice"].tolist() == [31, 23]
    for got, name in (
        (out.wave, "wav"),
        (out.z_p, "z_p"),
        (out.m_p, "m_p"),
        (out.logs_p, "logs_p"),
        (out.m_q, "m_q"),
        (out.kl(), "kl"),
    ):
        assert difference(got, case[name]) < CLOSE, name
    assert out.commitment == 0

    (out.kl() + 10 * out.wave.square().mean()).backward()  # the loss that the stored gradients are of
    gradients = {name: p.grad for name, p in sovits.named_parameters()}
    assert [n for n, g in gradients.items() if g is None] == ["ssl_proj.weight", "ssl_proj.bias"]
    assert case["params_without_grad"] == ["ssl_proj.weight", "ssl_proj.bias"]
    norms = {name: float(g.norm()) for name, g in gradients.items() if g is not None}
    assert norms.keys() == case["grad_norms"].keys()
    large = {name for name, norm in case["grad_norms"].items() if norm > 0.01}  # keys' biases have none but rounding
    assert len(large) > 600
    assert {n: norms[n] for n in large} == pytest.approx({n: case["grad_norms"][n] for n in large}, rel=1e-2)


# What holds whatever the weights are


@pytest.mark.parametrize(("speed", "samples"), [(1.0, 24 * 640), (1.25, 20 * 640), (0.8, 31 * 640), (1.0001, 24 * 640)])
def test_length_follows_tokens_and_speed(speed: float, samples: int) -> None:
    wave = sound(tiny(), speed=speed)
    assert wave.shape == (1, 1, samples)
    assert wave.abs().max() <= 1


def test_given_noise_determines_the_sound() -> None:
    sovits = tiny()
    noise = torch.randn(1, 8, 24, generator=torch.Generator().manual_seed(5))
    assert torch.equal(sound(sovits, noise=noise), sound(sovits, noise=noise))
    assert not torch.equal(sound(sovits, noise=noise), sound(sovits, noise=-noise))
    assert torch.equal(sound(sovits, noise=noise, noise_scale=0.0), sound(sovits, noise=-noise, noise_scale=0.0))
    first, second = (sound(sovits, generator=torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(first, sound(sovits, noise=torch.randn(1, 8, 24, generator=torch.Generator().manual_seed(7))))


def test_voice_of_several_references_is_their_mean() -> None:
    sovits, (a, b) = tiny(), torch.rand(2, 1, 1025, 20)
    with torch.no_grad():
        both, one, other = sovits.voice([a, b]), sovits.voice([a]), sovits.voice([b])
        assert both.shape == (1, 512, 1)
        assert torch.allclose(both, (one + other) / 2, atol=1e-6)
        assert not torch.allclose(one, other, atol=1e-4)
        assert torch.equal(one, sovits.voice([torch.cat([a[:, :704], b[:, 704:]], dim=1)]))  # nothing above 11 kHz
        v1 = tiny(version="v1")
        assert not torch.equal(v1.voice([a]), v1.voice([torch.cat([a[:, :704], b[:, 704:]], dim=1)]))


@torch.no_grad()
def test_padding_of_a_batch_changes_nothing() -> None:
    sovits, draw = tiny(), torch.Generator().manual_seed(2)
    tokens, text = torch.randn(2, 768, 10, generator=draw), torch.randint(700, (2, 9), generator=draw)
    voice = torch.randn(2, 512, 1, generator=draw)
    batch = sovits.prior(tokens, text, voice, lengths=torch.tensor([20, 12]), text_lengths=torch.tensor([9, 4]))
    alone = sovits.prior(tokens[1:, :, :6], text[1:, :4], voice[1:])
    assert torch.allclose(batch.mean[1:, :, :12], alone.mean, atol=1e-5)
    assert (batch.mean[1, :, 12:] == 0).all()


def test_weight_norm_is_pytorchs() -> None:
    """The weight of both kinds is what torch.nn.utils.weight_norm makes of the same g and v."""
    torch.manual_seed(0)
    ours = [WeightNormConv1d(4, 6, 3, padding=1), WeightNormUpsampling(4, 6, 4, 2)]
    theirs: list[nn.Module] = [nn.Conv1d(4, 6, 3, padding=1), nn.ConvTranspose1d(4, 6, 4, 2, padding=1)]
    x = torch.randn(2, 4, 9)
    for mine, plain in zip(ours, theirs, strict=True):
        nn.init.uniform_(mine.weight_g, 0.5, 2.0)
        v, g = mine.weight_v, mine.weight_g
        expected = torch._weight_norm(v, g, 0)
        assert torch.allclose(mine.weight(), expected, atol=1e-6)
        plain.load_state_dict({"weight": expected, "bias": mine.bias})
        assert torch.allclose(mine(x), plain(x), atol=1e-6)
        assert torch.allclose(mine.plain()(x), plain(x), atol=1e-6)
        length = v.detach().flatten(1).norm(dim=1)
        assert torch.allclose(mine.weight().detach().flatten(1).norm(dim=1), g.detach().flatten(), atol=1e-6)
        with torch.no_grad():
            v.mul_(3.0)  # only the direction of v counts
        assert torch.allclose(mine.weight(), expected, atol=1e-6)
        assert not torch.allclose(length, g.detach().flatten())


def test_fresh_weight_norm_starts_from_the_convolution_itself() -> None:
    fresh = WeightNormConv1d(4, 6, 3)
    assert torch.allclose(fresh.weight(), fresh.weight_v, atol=1e-6)


def test_inference_form_sounds_the_same_without_weight_norm() -> None:
    sovits, light = tiny(4), tiny(4).for_inference()
    noise = torch.randn(1, 8, 24)
    assert difference(sound(light, noise=noise), sound(sovits, noise=noise)) < 1e-5
    names = light.state_dict().keys()
    assert not [name for name in names if name.endswith(("weight_g", "weight_v")) or name.startswith("enc_q.")]
    assert len([name for name in sovits.state_dict() if name.endswith("weight_g")]) == 5 + 90 + 4 * 9 + 33
    fuse_weight_norm(light)  # nothing left to do
    assert light.state_dict().keys() == names
    with pytest.raises(VoxproofError, match="without posterior encoder cannot be trained"):
        light.train_forward(*(torch.zeros(1, 768, 40), torch.zeros(1, 1025, 40), torch.tensor([40])), *TEXT)


TEXT = (torch.zeros(1, 3, dtype=torch.long), torch.tensor([3]))


@torch.no_grad()
def test_relative_positions_count_inside_the_window_only() -> None:
    """Against the definition, pair by pair (Shaw et al., equations 3 and 4; nothing outside the window)."""
    torch.manual_seed(0)
    attention, frames, window = Attention(6, 2, window=2), 7, 2
    x = torch.randn(1, 6, frames)
    mask = torch.ones(1, 1, frames, frames)
    q, k, v = (layer(x)[0].view(2, 3, frames) for layer in (attention.conv_q, attention.conv_k, attention.conv_v))
    out = torch.zeros(2, 3, frames)
    for head in range(2):
        for i in range(frames):
            keys = [k[head, :, j].clone() for j in range(frames)]
            values = [v[head, :, j].clone() for j in range(frames)]
            for j in range(max(0, i - window), min(frames, i + window + 1)):
                keys[j] += attention.emb_rel_k[0, j - i + window]
                values[j] += attention.emb_rel_v[0, j - i + window]
            scores = torch.stack([q[head, :, i] @ key / math.sqrt(3) for key in keys]).softmax(0)
            out[head, :, i] = sum(s * value for s, value in zip(scores, values, strict=True))
    assert torch.allclose(attention(x, x, mask), attention.conv_o(out.view(1, 6, frames)), atol=1e-5)


def test_frozen_quantizer_stays_in_evaluation_and_the_other_learns() -> None:
    frozen, free = tiny().train(), tiny(freeze_quantizer=False).train()
    assert not frozen.quantizer.training
    assert free.quantizer.training
    draw = torch.Generator().manual_seed(3)
    ssl, spectrum = torch.randn(2, 768, 40, generator=draw), torch.rand(2, 1025, 40, generator=draw)
    batch = (ssl, spectrum, torch.tensor([40, 36]), torch.randint(700, (2, 5), generator=draw), torch.tensor([5, 3]))
    free.quantizer.codebook.inited.fill_(1.0)  # k-means would give each of so few frames a code of its own
    before = free.quantizer.codebook.embed.clone()
    out = free.train_forward(*batch)
    (out.kl() + out.commitment).backward()
    assert out.commitment > 0
    assert free.ssl_proj.weight.grad is not None
    assert not torch.equal(free.quantizer.codebook.embed, before)

    before = frozen.quantizer.codebook.embed.clone()
    frozen.train_forward(*batch).kl().backward()
    assert frozen.ssl_proj.weight.grad is None
    assert torch.equal(frozen.quantizer.codebook.embed, before)


def test_codebook_finds_clusters_and_restarts_what_is_unused() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    frames = centres.repeat(50, 1) + 0.1 * torch.randn(200, 2)
    book = Codebook(16, 2)
    book.start(frames)
    error = (book.decode(book.encode(frames)) - frames).square().sum(1).mean()
    assert error < 0.02 + 1e-3  # no more than the noise itself
    with torch.no_grad():
        book.embed[3], book.embed_avg[3], book.cluster_size[3] = 1e3, 1e3, 0.0
    book.learn(frames, book.encode(frames))
    assert (frames == book.embed[3]).all(1).any()
    assert book.cluster_size[3] == 2.0
    still = book.embed.clone()
    book.start(frames + 5.0)  # has started already
    assert torch.equal(book.embed, still)


def test_quantizer_passes_gradients_straight_through() -> None:
    torch.manual_seed(0)
    quantizer = Quantizer(8, 4).train()
    x = torch.randn(2, 4, 30, requires_grad=True)
    quantised, commitment = quantizer(x)
    quantised.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones_like(x))
    assert float(commitment.detach()) == pytest.approx(float((x - quantised).detach().square().mean()), rel=1e-4)


@pytest.mark.parametrize(
    ("codes", "text", "pattern"),
    [
        (torch.zeros(1, 1, 0, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long), "no token to decode"),
        (torch.zeros(1, 1, 4, dtype=torch.long), torch.zeros(1, 0, dtype=torch.long), "no phoneme to decode"),
        (torch.full((1, 1, 4), 1024), torch.zeros(1, 2, dtype=torch.long), r"token is outside 0..1023"),
        (torch.zeros(1, 1, 4, dtype=torch.long), torch.full((1, 2), 732), r"phoneme is outside 0..731 of SoVITS v2"),
        (torch.zeros(2, 1, 4, dtype=torch.long), torch.zeros(1, 2, dtype=torch.long), r"must be \[1, 1, k\]"),
    ],
)
def test_impossible_input_is_refused_with_its_reason(codes: Tensor, text: Tensor, pattern: str) -> None:
    with pytest.raises(VoxproofError, match=pattern):
        tiny().decode(codes, text, [torch.rand(1, 1025, 20)])


def test_impossible_settings_are_refused_with_their_reason() -> None:
    sovits = tiny()
    with pytest.raises(VoxproofError, match=r"noise must be \[1, 8, 24\], not \[1, 8, 23\]"):
        sound(sovits, noise=torch.zeros(1, 8, 23))
    with pytest.raises(VoxproofError, match="Speed 0"):
        sound(sovits, speed=0.0)
    with pytest.raises(VoxproofError, match="0 references and 0 speaker embeddings"):
        sovits.voice([])
    with pytest.raises(VoxproofError, match="1 references and 2 speaker embeddings"):
        sovits.voice([torch.rand(1, 1025, 20)], [torch.zeros(1, 20480)] * 2)
    with pytest.raises(VoxproofError, match=r"Features must be \[batch, 768, at least 2\]"):
        sovits.codes(torch.zeros(1, 768, 1))
    with pytest.raises(VoxproofError, match="39 frames of features and 40 of spectrogram"):
        sovits.train_forward(torch.zeros(1, 768, 39), torch.zeros(1, 1025, 40), torch.tensor([40]), *TEXT)


def test_half_precision_is_near_and_takes_the_same_codes() -> None:
    full, half = tiny(4), tiny(4).for_inference(dtype=torch.bfloat16)
    ssl, noise = torch.randn(1, 768, 40, generator=torch.Generator().manual_seed(1)), torch.randn(1, 8, 24)
    assert torch.equal(half.codes(ssl), full.codes(ssl))
    assert torch.equal(half.ssl_proj.weight, full.ssl_proj.weight)  # not even rounded
    assert half.dec.conv_pre.weight.dtype == half.enc_p.proj.weight.dtype == torch.bfloat16
    wave = sound(half, noise=noise)
    assert wave.dtype == torch.float32
    assert difference(wave, sound(full, noise=noise)) < 0.1


def test_nothing_inside_insists_on_single_precision() -> None:
    full, double = tiny(4), tiny(4).for_inference(dtype=torch.float64)
    noise = torch.randn(1, 8, 24)
    assert difference(sound(double, noise=noise), sound(full, noise=noise)) < 1e-4
