"""Discriminators and losses of SoVITS: the reference's goldens, the official tensors, and what the losses mean."""

import hashlib
import math
from dataclasses import replace

import pytest
import torch
from sovits_goldens import fill
from torch import Tensor

from synth import mel
from synth.discriminators import Discriminators, Judgement, PeriodDiscriminator
from synth.losses import (
    GeneratorLoss,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    generator_loss,
    kl_divergence,
    mel_distance,
)
from synth.sovits import Sovits, SovitsConfig
from synth.vits_modules import WeightNormConv1d, WeightNormConv2d, fuse_weight_norm, time_slices
from tests.parity import rest

OFFICIAL = [  # version, tensors, sha256 of names and shapes, parameters
    ("v1", 111, "2fab5aea720dbf4082f18ce96879601efb2c54d4e5c028ea1679a21b9bc24a78", 46_747_132),
    ("v2", 111, "2fab5aea720dbf4082f18ce96879601efb2c54d4e5c028ea1679a21b9bc24a78", 46_747_132),
    ("v2Pro", 147, "5dd9363e983aaf3a4fb3d133ce3cb7ad632d75cf7e7749f9745a2b3b206c8a42", 63_189_440),
    ("v2ProPlus", 147, "5dd9363e983aaf3a4fb3d133ce3cb7ad632d75cf7e7749f9745a2b3b206c8a42", 63_189_440),
]
SMALL = replace(
    SovitsConfig(), filter_channels=32, n_layers=2, inter_channels=8, upsample_initial_channel=32, segment_frames=8
)


def judgement(score: list[float], *features: list[float]) -> Judgement:
    return Judgement(torch.tensor([score]), [torch.tensor([[f]]) for f in features])


@pytest.mark.parametrize(("version", "tensors", "digest", "parameters"), OFFICIAL)
def test_tensors_are_those_of_the_official_files(version: str, tensors: int, digest: str, parameters: int) -> None:
    with torch.device("meta"):
        judges = Discriminators.of(version)
    lines = "\n".join(f"{name} {list(value.shape)}" for name, value in sorted(judges.state_dict().items()))
    assert len(judges.state_dict()) == tensors
    assert hashlib.sha256(lines.encode()).hexdigest() == digest
    assert sum(p.numel() for p in judges.parameters()) == parameters


def test_scores_feature_maps_and_losses_are_the_references() -> None:
    figures = dict(rest.discriminators())
    assert len(figures) == 6 + 6 + 6 + 3
    assert {name: error for name, error in figures.items() if error > 1e-4} == {}


@torch.no_grad()
@pytest.mark.parametrize(("samples", "rows"), [(600, 86), (601, 86), (602, 86), (603, 87)])
def test_a_wave_is_mirrored_up_to_a_multiple_of_the_period(samples: int, rows: int) -> None:
    torch.manual_seed(0)
    judge, wave = PeriodDiscriminator(7), torch.randn(1, 1, samples)
    said = judge(wave)
    assert said.features[0].shape == (1, 32, math.ceil(rows / 3), 7)
    mirrored = torch.cat([wave, wave[..., :-1].flip(2)], dim=2)[..., : 7 * rows]
    assert torch.equal(judge(mirrored).score, said.score)


@torch.no_grad()
def test_every_period_looks_at_its_own_columns() -> None:
    """A change of one sample moves the features of its column only."""
    torch.manual_seed(0)
    judge, wave = PeriodDiscriminator(5), torch.randn(1, 1, 500)
    changed = wave.clone()
    changed[..., 5 * 40 + 3] += 1.0
    moved = (judge(changed).features[-2] != judge(wave).features[-2]).any(2).any(1)[0]
    assert moved.tolist() == [False, False, False, True, False]


@torch.no_grad()
def test_one_pass_over_both_is_two_passes() -> None:
    torch.manual_seed(0)
    judges = Discriminators(periods=(3,))
    real, fake = torch.randn(2, 1, 900), torch.randn(2, 1, 900)
    together, apart = judges.compare(real, fake), (judges(real), judges(fake))
    for ours, wanted in zip(together, apart, strict=True):
        for a, b in zip(ours, wanted, strict=True):
            assert torch.allclose(a.score, b.score, atol=1e-6)
            assert all(torch.allclose(x, y, atol=1e-6) for x, y in zip(a.features, b.features, strict=True))


@torch.no_grad()
def test_strided_grouped_and_flat_convolutions_fuse() -> None:
    torch.manual_seed(0)
    layers = torch.nn.ModuleDict(
        {"one": WeightNormConv1d(8, 12, 5, stride=2, padding=2, groups=4), "two": WeightNormConv2d(3, 6, 5, stride=3)}
    )
    inputs = {"one": torch.randn(2, 8, 40), "two": torch.randn(2, 3, 40, 5)}
    before = {name: layers[name](x) for name, x in inputs.items()}
    fuse_weight_norm(layers)
    assert sorted(layers.state_dict()) == ["one.bias", "one.weight", "two.bias", "two.weight"]
    for name, x in inputs.items():
        assert torch.allclose(layers[name](x), before[name], atol=1e-6)


# Losses


def test_adversarial_losses_by_hand() -> None:
    real, fake = [judgement([1.0, 0.5]), judgement([0.0])], [judgement([0.0, 1.0]), judgement([2.0])]
    assert float(discriminator_loss(real, fake)) == pytest.approx(0.125 + 0.5 + 1.0 + 4.0)
    assert float(adversarial_loss(fake)) == pytest.approx(0.5 + 1.0)
    perfect = [judgement([1.0])], [judgement([0.0])]
    assert float(discriminator_loss(*perfect)) == 0
    assert float(adversarial_loss(perfect[0])) == 0


def test_feature_loss_by_hand_teaches_the_synthesised_side_only() -> None:
    real, fake = judgement([0.0], [1.0, 3.0], [0.0]), judgement([0.0], [2.0, 1.0], [0.5])
    for each in (*real.features, *fake.features):
        each.requires_grad_()
    loss = feature_loss([real], [fake])
    assert float(loss.detach()) == pytest.approx(2 * (1.5 + 0.5))
    loss.backward()
    assert all(f.grad is None for f in real.features)
    assert all(f.grad is not None for f in fake.features)


def test_divergence_is_that_of_two_normal_distributions_on_average() -> None:
    torch.manual_seed(0)
    m_q, logs_q, m_p, logs_p = (torch.full((1, 3, 200_000), x) for x in (0.3, -0.5, -0.2, 0.1))
    z = m_q + torch.randn_like(m_q) * logs_q.exp()
    mask = torch.ones(1, 1, 200_000)
    exact = torch.distributions.kl_divergence(
        torch.distributions.Normal(0.3, math.exp(-0.5)), torch.distributions.Normal(-0.2, math.exp(0.1))
    )
    assert float(kl_divergence(z, logs_q, m_p, logs_p, mask)) == pytest.approx(3 * float(exact), rel=0.02)
    mask[..., 100_000:] = 0
    z[..., 100_000:] = 1e6  # padding does not count
    assert float(kl_divergence(z, logs_q, m_p, logs_p, mask)) == pytest.approx(3 * float(exact), rel=0.02)


def test_mel_distance_is_nil_for_the_recording_itself_and_grows_with_level() -> None:
    torch.manual_seed(0)
    samples = torch.randn(2, 640 * 60) * 0.1
    spectrum, starts = mel.spectrogram(samples), torch.tensor([4, 20])
    slices = time_slices(samples.unsqueeze(1), 640 * starts, 640 * 32)
    inner = mel_distance(spectrum, slices, starts)  # the slice's own edges are mirrored: a little distance remains
    assert float(inner) < 0.06
    assert float(mel_distance(spectrum, 2 * slices, starts)) == pytest.approx(math.log(2), abs=0.05)
    assert float(mel_distance(spectrum, slices, starts + 1)) > 3 * float(inner)


def test_slices_start_where_they_are_told() -> None:
    x = torch.arange(20.0).view(2, 1, 10)
    assert time_slices(x, torch.tensor([0, 7]), 3).tolist() == [[[0, 1, 2]], [[17, 18, 19]]]


def training_step(sovits: Sovits, judges: Discriminators, *, autocast: bool = False) -> tuple[GeneratorLoss, Tensor]:
    draw = torch.Generator().manual_seed(3)
    ssl, spectrum = torch.randn(2, 768, 40, generator=draw), torch.rand(2, 1025, 40, generator=draw)
    text, samples = torch.randint(700, (2, 5), generator=draw), torch.randn(2, 1, 640 * 40, generator=draw)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        noise, places = torch.randn(2, 8, 40, generator=draw), torch.tensor([0.5, 0.2])
        lengths = torch.tensor([40, 36])
        out = sovits.train_forward(ssl, spectrum, lengths, text, torch.tensor([5, 3]), noise=noise, places=places)
        wanted = time_slices(samples, 640 * out.starts, 640 * SMALL.segment_frames)
        real, fake = judges.compare(wanted, out.wave.to(wanted))
        judged = discriminator_loss(*judges.compare(wanted, out.wave.detach().to(wanted)))
    return generator_loss(out, spectrum, real, fake), judged


def test_one_step_teaches_both_sides() -> None:
    torch.manual_seed(0)
    sovits, judges = Sovits(SMALL).train(), Discriminators(periods=())
    loss, judged = training_step(sovits, judges)
    assert float(loss.commitment) == 0
    assert float(loss.total.detach()) == pytest.approx(sum(float(part.detach()) for part in loss), rel=1e-6)
    assert min(float(part.detach()) for part in loss[:4]) > 0
    loss.total.backward()
    assert [n for n, p in sovits.named_parameters() if p.grad is None] == ["ssl_proj.weight", "ssl_proj.bias"]
    judges.zero_grad()
    judged.backward()
    assert all(p.grad is not None for p in judges.parameters())


def test_mixed_precision_gives_the_same_losses_nearly_and_in_single_precision() -> None:
    torch.manual_seed(0)
    sovits, judges = Sovits(replace(SMALL, p_dropout=0.0)).eval(), Discriminators(periods=())
    fill(sovits)  # fresh weights hardly make a sound
    full, judged = training_step(sovits, judges)
    mixed, mixed_judged = training_step(sovits, judges, autocast=True)
    assert {part.dtype for part in mixed} == {torch.float32}
    for name in ("adversarial", "mel", "kl"):
        got, want = (float(getattr(loss, name).detach()) for loss in (mixed, full))
        assert got == pytest.approx(want, rel=0.05), name
    assert float(mixed_judged.detach()) == pytest.approx(float(judged.detach()), rel=0.05)
    mixed.total.backward()
    assert all(p.grad.dtype == torch.float32 for p in sovits.parameters() if p.grad is not None)
