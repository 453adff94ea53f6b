"""SoVITS v3 and v4: the reference's goldens, the official tensors, and what must hold whatever the weights are."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from sovits_goldens import ROOT, difference, fill  # noqa: F401
from torch import Tensor

from synth import mel
from synth.errors import VoxproofError
from synth.flow_matching import FlowMatching, TransformerConfig, rotated
from synth.sovits_flow import FlowSovits, FlowSovitsConfig, FlowVersion, Spoken
from synth.vits_modules import length_mask
from tests.parity import rest

NET = TransformerConfig(mels=6, features=16, width=32, layers=2, heads=2, head_width=16, feature_blocks=2)
TINY = FlowSovitsConfig(filter_channels=32, n_layers=2, inter_channels=8, p_dropout=0.0, transformer=NET)


def flow() -> FlowMatching:
    """A small mel decoder whose velocity is not 0."""
    matching = FlowMatching(NET)
    fill(matching)
    return matching.eval()


@cache
def tiny(version: FlowVersion = "v4") -> FlowSovits:
    """Shared by tests: leave it as it is."""
    return fresh(version)


def fresh(version: FlowVersion = "v4") -> FlowSovits:
    sovits = FlowSovits(replace(TINY, version=version))
    fill(sovits)
    return sovits.eval()


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def spoken(seed: int, tokens: int, phonemes: int = 5) -> Spoken:
    draw = torch.Generator().manual_seed(seed)
    codes = torch.randint(1024, (1, 1, tokens), generator=draw)
    return Spoken(codes, torch.randint(700, (1, phonemes), generator=draw))


# The official checkpoints and the reference


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_tensors_are_those_of_the_official_checkpoints(version: FlowVersion) -> None:
    with torch.device("meta"):
        sovits = FlowSovits(FlowSovitsConfig.of(version))
    lines = "\n".join(f"{name} {list(value.shape)}" for name, value in sorted(sovits.state_dict().items()))
    assert len(sovits.state_dict()) == 685
    assert (
        hashlib.sha256(lines.encode()).hexdigest() == "6fd54d3624d09825749ead4de1ce24afe0d3bd852d524399257b75484171c773"
    )
    assert sum(p.numel() for p in sovits.parameters()) == 382_821_064


def test_features_are_the_references() -> None:
    model = rest.flow_model(whole=False)
    figures = [*rest.flow_of(model, "v3", whole=False), *rest.flow_of(model, "v4", whole=False)]
    assert {"v3 voice", "v3 fea", "v4 voice", "v4 fea_speed1_25"} <= {name for name, _ in figures}
    assert [(name, error) for name, error in figures if error > 1e-4] == []


def test_configuration_travels_as_plain_values() -> None:
    config = replace(TINY, version="v4")
    assert FlowSovitsConfig.from_mapping(json.loads(json.dumps(config.to_mapping()))) == config
    official = {"inter_channels": 192, "upsample_rates": [10, 8, 2, 2, 2], "semantic_frame_rate": "25hz"}
    assert FlowSovitsConfig.from_mapping(official, "v3") == FlowSovitsConfig.of("v3")
    with pytest.raises(VoxproofError, match=r"'v2' is no SoVITS version that this model covers. Choose one of v3, v4"):
        FlowSovitsConfig.from_mapping(official, "v2")


def test_only_these_tensors_load() -> None:
    state = tiny().state_dict()
    tiny().load_weights(state)
    with pytest.raises(VoxproofError, match=r"1 tensors of the checkpoint are missing, the first is bridge.0.bias"):
        tiny().load_weights({name: value for name, value in state.items() if name != "bridge.0.bias"})


# Features


@pytest.mark.parametrize(
    ("version", "speed", "frames"), [("v3", 1.0, 112), ("v4", 1.0, 120), ("v3", 1.25, 91), ("v4", 1.25, 98)]
)
def test_frames_follow_tokens_and_speed(version: FlowVersion, speed: float, frames: int) -> None:
    assert tiny(version).features(spoken(1, 30), drawn(1, 1, 512, 1), speed=speed).shape == (1, 16, frames)


def test_v4_at_another_speed_has_a_last_frame_of_silence_as_in_the_reference() -> None:
    sovits, voice = tiny(), drawn(1, 1, 512, 1)
    assert (sovits.features(spoken(1, 30), voice, speed=1.25)[..., 97] == 0).all()
    assert (sovits.features(spoken(1, 30), voice)[..., -1] != 0).any()


# The mel decoder


@torch.no_grad()
def test_sampling_is_eulers_method_with_the_prompt_held() -> None:
    matching = flow()
    features, prompt, start = drawn(1, 2, 16, 20), drawn(2, 2, 6, 7), drawn(3, 2, 6, 20)
    padded = torch.cat([prompt, torch.zeros(2, 6, 13)], dim=2)
    condition, x = matching.estimator.condition(features, padded), start.clone()
    for i in range(4):
        x[..., :7] = 0
        x = x + matching.estimator(x, torch.full((2,), i / 4), torch.full((2,), 0.25), condition) / 4
    sampled = matching.sample(features, prompt, 4, start=start)
    assert torch.allclose(sampled[..., 7:], x[..., 7:], atol=1e-6)
    assert (sampled[..., :7] == 0).all()
    assert torch.equal(start, drawn(3, 2, 6, 20))  # left as it was


@torch.no_grad()
def test_prompt_step_and_features_count() -> None:
    matching, features, start = flow(), drawn(1, 1, 16, 20), drawn(3, 1, 6, 20)
    base = matching.sample(features, drawn(2, 1, 6, 7), 2, start=start)
    assert difference(matching.sample(features, drawn(5, 1, 6, 7), 2, start=start), base) > 1e-2
    assert difference(matching.sample(drawn(6, 1, 16, 20), drawn(2, 1, 6, 7), 2, start=start), base) > 1e-2
    condition, time = matching.estimator.condition(features, torch.zeros(1, 6, 20)), torch.zeros(1)
    one, two = (matching.estimator(start, time, torch.full((1,), d), condition) for d in (0.5, 0.25))
    assert difference(one, two) > 1e-3


def test_a_fresh_network_moves_nothing_and_a_generator_repeats_itself() -> None:
    matching, features, prompt = FlowMatching(NET), drawn(1, 1, 16, 20), drawn(2, 1, 6, 7)
    start = drawn(3, 1, 6, 20)
    assert torch.equal(matching.sample(features, prompt, 3, start=start)[..., 7:], start[..., 7:])
    first, second = (matching.sample(features, prompt, 3, generator=torch.Generator().manual_seed(4)) for _ in range(2))
    assert torch.equal(first, second)


@torch.no_grad()
def test_padding_of_a_batch_changes_nothing() -> None:
    net = flow().estimator
    x, features, prompt = drawn(1, 2, 6, 20), drawn(2, 2, 16, 20), drawn(3, 2, 6, 20)
    time, step = torch.tensor([0.25, 0.5]), torch.tensor([0.25, 0.125])
    batch = net(x, time, step, net.condition(features, prompt, torch.tensor([20, 13])))
    alone = net(x[1:, :, :13], time[1:], step[1:], net.condition(features[1:, :, :13], prompt[1:, :, :13]))
    assert torch.allclose(batch[1:, :, :13], alone, atol=1e-5)


def test_rotation_tells_the_distance_and_in_the_first_head_only() -> None:
    turn = flow().estimator.rotary_embed(12)
    assert turn[0].shape == (12, 8)
    query, key = drawn(1, 1, 1, 32).expand(1, 12, 32), drawn(2, 1, 1, 32).expand(1, 12, 32)
    q, k = rotated(query, turn), rotated(key, turn)
    assert torch.equal(q[..., 16:], query[..., 16:])
    scores = q[0, :, :16] @ k[0, :, :16].T
    for distance in range(-11, 12):
        diagonal = scores.diagonal(distance)
        assert torch.allclose(diagonal, diagonal[0].expand_as(diagonal), atol=1e-4)
    assert not torch.allclose(scores[0, 0], scores[0, 5], atol=1e-2)
    turned = torch.polar(torch.ones(8), 3 * flow().estimator.rotary_embed.inv_freq)
    by_hand = torch.view_as_real(torch.view_as_complex(key[0, 3, :16].reshape(8, 2)) * turned)
    assert torch.allclose(k[0, 3, :16], by_hand.flatten(), atol=1e-5)


@pytest.mark.parametrize(
    ("features", "prompt", "steps"),
    [((1, 16, 7), (1, 6, 7), 4), ((1, 16, 9), (1, 5, 7), 4), ((1, 16, 9), (1, 6, 7), 0)],
)
def test_impossible_samples_are_refused(features: tuple[int, ...], prompt: tuple[int, ...], steps: int) -> None:
    with pytest.raises(VoxproofError, match="give no mel in"):
        flow().sample(torch.zeros(features), torch.zeros(prompt), steps)


# Long speech


def test_each_chunk_continues_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """v4: 1600 frames to say after a reference of 300: chunks of 700, 700 and 200, prompts of 300."""
    sovits, calls = tiny(), []

    def sample(features: Tensor, prompt: Tensor, steps: int, **settings: Any) -> Tensor:
        calls.append((features, prompt, steps))
        made = drawn(len(calls), 1, 6, features.shape[2])
        made[..., : prompt.shape[2]] = 0
        return made

    monkeypatch.setattr(sovits.cfm, "sample", sample)
    said, wanted, spectrum = spoken(1, 80), spoken(2, 400), drawn(1, 1, 1025, 30).abs()
    reference = drawn(9, 1, 6, 300)
    whole = sovits.decode(said, wanted, spectrum, reference)
    assert [(f.shape[2], p.shape[2], steps) for f, p, steps in calls] == [(1000, 300, 8), (1000, 300, 8), (500, 300, 8)]
    voice = sovits.style(spectrum)
    past, future = sovits.features(said, voice), sovits.features(wanted, voice)
    assert torch.equal(calls[0][0], torch.cat([past[..., :300], future[..., :700]], dim=2))
    assert torch.equal(calls[1][0], torch.cat([future[..., 400:700], future[..., 700:1400]], dim=2))
    assert torch.allclose(calls[0][1], mel.normalised(reference))
    assert torch.equal(calls[1][1], drawn(1, 1, 6, 1000)[..., -300:])
    assert whole.shape == (1, 6, 1600)
    assert torch.allclose(mel.normalised(whole[..., 700:1400]), drawn(2, 1, 6, 1000)[..., 300:], atol=1e-5)


@pytest.mark.parametrize(("version", "prompt", "chunk", "steps"), [("v3", 468, 466, 32), ("v4", 500, 500, 8)])
def test_a_long_reference_is_cut_to_its_end(
    version: FlowVersion, prompt: int, chunk: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sovits, calls = tiny(version), []

    def sample(features: Tensor, given: Tensor, count: int, **settings: Any) -> Tensor:
        calls.append((features.shape[2], given.shape[2], count))
        return torch.zeros(1, 6, features.shape[2])

    monkeypatch.setattr(sovits.cfm, "sample", sample)
    sovits.decode(spoken(1, 200), spoken(2, 260), drawn(1, 1, 1025, 30).abs(), drawn(9, 1, 6, 700))
    assert calls[0] == (prompt + chunk, prompt, steps)
    assert calls[1][1] == chunk  # never more than was just said
    assert len(calls) == 3


def test_a_mel_of_the_whole_model() -> None:
    sovits = tiny("v3")
    spectrum, reference = drawn(1, 1, 1025, 30).abs(), drawn(9, 1, 6, 60)
    settings = {"steps": 2, "generator": torch.Generator().manual_seed(1)}
    made = sovits.decode(spoken(1, 20), spoken(2, 12), spectrum, reference, **settings)  # type: ignore[arg-type]
    assert made.shape == (1, 6, 45)
    settings["generator"] = torch.Generator().manual_seed(1)
    same = sovits.decode(
        spoken(1, 20), spoken(2, 12), 0 * spectrum, reference, voice=sovits.voice(spectrum), **settings
    )  # type: ignore[arg-type]
    assert torch.equal(same, made)
    with pytest.raises(VoxproofError, match="Speed 0"):
        sovits.decode(spoken(1, 20), spoken(2, 12), spectrum, reference, speed=0.0)
    with pytest.raises(VoxproofError, match=r"phoneme is outside 0..731 of SoVITS v3"):
        sovits.decode(spoken(1, 20), Spoken(spoken(2, 12).codes, torch.tensor([[732]])), spectrum, reference)


def test_half_precision_is_near_and_leaves_codes_and_positions_alone() -> None:
    full, half = tiny(), fresh().for_inference(dtype=torch.bfloat16)
    ssl = drawn(1, 1, 768, 40)
    assert torch.equal(half.codes(ssl), full.codes(ssl))
    for part in ("ssl_proj.weight", "quantizer.vq.layers.0._codebook.embed", "cfm.estimator.rotary_embed.inv_freq"):
        assert torch.equal(half.state_dict()[part], full.state_dict()[part])  # not even rounded
    kept = {name for name, value in half.state_dict().items() if value.dtype == torch.float32}
    assert {name.split(".")[0] for name in kept} == {"ssl_proj", "quantizer", "cfm"}
    assert len(kept) == 2 + 4 + 1
    spectrum, reference = drawn(1, 1, 1025, 30).abs(), drawn(9, 1, 6, 60)
    made = [
        m.decode(spoken(1, 20), spoken(2, 12), spectrum, reference, steps=2, generator=torch.Generator().manual_seed(1))
        for m in (full, half)
    ]
    assert made[1].dtype == torch.float32
    assert difference(made[1], made[0]) < 0.05


# Training


def test_loss_of_the_flow_by_hand() -> None:
    """Of a velocity of 0: the mean square of what it should be, over the frames that are real and not given."""
    matching = FlowMatching(NET)
    x, noise, features = drawn(1, 2, 6, 20), drawn(2, 2, 6, 20), drawn(3, 2, 16, 20)
    lengths, prompts, none = torch.tensor([20, 12]), torch.tensor([5, 0]), torch.zeros(2)
    loss = matching.loss(x, lengths, prompts, features, noise=noise, time=torch.tensor([0.3, 0.6]), shortcut=none)
    wanted = ((x - noise)[0, :, 5:].square().mean() + (x - noise)[1, :, :12].square().mean()) / 2
    assert float(loss.detach()) == pytest.approx(float(wanted), rel=1e-5)
    shortcut = torch.full((2,), 0.25)  # two steps of a velocity of 0 are one of 0
    assert float(matching.loss(x, lengths, prompts, features, noise=noise, shortcut=shortcut).detach()) == 0


def test_a_shortcut_learns_where_two_half_steps_end() -> None:
    matching = flow()
    net = matching.estimator
    x1, noise, features = drawn(1, 1, 6, 20), drawn(2, 1, 6, 20), drawn(3, 1, 16, 20)
    lengths, prompts, time = torch.tensor([20]), torch.tensor([4]), torch.tensor([0.25])
    for half, asked in ((0.125, 0.125), (1 / 128, 0.0)):
        with torch.no_grad():
            free = 1 - length_mask(prompts, 20)
            condition = net.condition(features, x1 * (1 - free))
            x = (noise + 0.25 * (x1 - noise)) * free
            first = net(x, time, torch.tensor([asked]), condition)
            second = net((x + half * first) * free, time + half, torch.tensor([asked]), condition)
            guess = net(x, time, torch.tensor([2 * half]), condition)
            wanted = ((guess - (first + second) / 2)[..., 4:]).square().mean()
        shortcut = torch.tensor([half])
        loss = matching.loss(x1, lengths, prompts, features, noise=noise, time=time, shortcut=shortcut)
        assert float(loss.detach()) == pytest.approx(float(wanted), rel=1e-4)


def test_three_tenths_of_the_steps_are_shortcuts(monkeypatch: pytest.MonkeyPatch) -> None:
    from synth import flow_matching

    torch.manual_seed(0)
    drawn_steps = [flow_matching._half_steps(4, torch.device("cpu")) for _ in range(600)]
    used = [steps for steps in drawn_steps if (steps > 0).all()]
    assert all((steps > 0).all() or (steps == 0).all() for steps in drawn_steps)
    assert len(used) == pytest.approx(180, abs=45)
    assert {float(x) for steps in used for x in steps} == {2.0**-k for k in range(2, 8)}


def training_batch() -> tuple[Tensor, ...]:
    text = torch.randint(700, (2, 5), generator=torch.Generator().manual_seed(3))
    sounds = (drawn(1, 2, 768, 24), drawn(2, 2, 1025, 24).abs(), torch.tensor([24, 18]))
    return *sounds, text, torch.tensor([5, 3]), drawn(4, 2, 6, 48), torch.tensor([48, 36])


def test_mixed_precision_gives_nearly_the_same_loss() -> None:
    losses = []
    for mixed in (False, True):
        torch.manual_seed(1)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            losses.append(tiny().train_forward(*training_batch()))
    assert losses[1].dtype == torch.float32
    assert float(losses[1].detach()) == pytest.approx(float(losses[0].detach()), rel=0.05)


def test_training_leaves_the_text_side_alone_and_fits_a_batch() -> None:
    torch.manual_seed(0)
    sovits, batch = fresh().train(), training_batch()
    assert not sovits.enc_p.training
    sovits.train_forward(*batch).backward()
    without = {name.split(".")[0] for name, p in sovits.named_parameters() if p.grad is None}
    assert without == {"enc_p", "ssl_proj", "linear_mel"}
    assert all(p.grad is not None for part in (sovits.ref_enc, sovits.wns1, sovits.bridge) for p in part.parameters())

    optimiser = torch.optim.AdamW([p for p in sovits.parameters() if p.grad is not None], 1e-2)
    losses = []
    for _ in range(15):
        torch.manual_seed(1)  # the same draws again and again
        loss = sovits.train_forward(*batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
