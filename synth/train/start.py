"""What a training starts from: official pretrained files, or fresh weights of a named size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import cast

import torch
from torch import nn

from synth.checkpoint import layouts, read_checkpoint
from synth.checkpoint.container import Container
from synth.checkpoint.pickled import StoredTensor
from synth.checkpoint.reading import Release
from synth.discriminators import PERIODS, Discriminators, PeriodDiscriminator, ScaleDiscriminator
from synth.errors import VoxproofError
from synth.flow_matching import TransformerConfig
from synth.gpt import GPT, GPTConfig
from synth.models.loading import open_gpt, open_sovits
from synth.sovits import Sovits, SovitsConfig, Version
from synth.sovits_flow import FlowSovits, FlowSovitsConfig, FlowVersion
from synth.speaker_verification import ERes2NetV2
from synth.student_content import read_extractor
from synth.vits_modules import WeightNormConv1d, WeightNormConv2d
from synth.vocoders import BigVgan, HifiGan
from synth.voiceprint import MARK_BYTES
from synth.voiceprint_card import voiceprint_card

SIZES = ("full", "lite", "tiny")
"""Official sizes; those of the voice that ships (7 and, with what only training needs, 13 million numbers); sizes for
demonstrations: 0.7 million for S1, 4.6 and (v3, v4) 4.3 for S2."""
_SEED = 1234


def read_gpt(path: str | Path) -> GPT:
    """A pretrained or exported .ckpt, or weights with a card (.safetensors), in float32."""
    if Path(path).suffix == ".safetensors":
        return open_gpt(Path(path))
    found = read_checkpoint(path)
    if found.kind != "gpt":
        raise VoxproofError(f"is no text-to-semantic model but a {found.kind}", path=path, cure="Give a .ckpt of S1.")
    model = GPT(layouts.gpt_config(found.config))
    model.load_state_dict({name.removeprefix("model."): value.float() for name, value in found.weight.items()})
    return model


def read_sovits(path: str | Path, version: str | None = None) -> Sovits | FlowSovits:
    """A pretrained (s2G...) or exported .pth, or weights with a card, in float32; its token extractor stays as it is.

    `version` says whether it is v3 or v4 where the file does not.
    """
    if Path(path).suffix == ".safetensors":
        return open_sovits(Path(path))
    try:
        found = read_checkpoint(path)
    except VoxproofError:
        if version not in FlowSovitsConfig.versions:
            raise
        found = read_checkpoint(path, cast(Release, version))
    model: Sovits | FlowSovits
    if found.kind == "sovits":
        config = layouts.sovits_config(found.config, cast(Version, found.version))
        model = Sovits(replace(config, freeze_quantizer=True))
    elif found.kind == "flow-matching":
        flow = layouts.flow_config(found.config, cast(FlowVersion, found.version))
        model = FlowSovits(replace(flow, freeze_quantizer=True))
    else:
        raise VoxproofError(f"is no SoVITS but a {found.kind}", path=path, cure="Give an s2G file.")
    model.load_weights({name: value.float() for name, value in found.weight.items()})
    return model


def read_speaker(path: str | Path) -> ERes2NetV2:
    """The speaker-verification network of the Pro versions."""
    found = read_checkpoint(path)
    if found.kind != "speaker":
        raise VoxproofError(f"is no speaker-verification network but a {found.kind}", path=path)
    model = ERes2NetV2()
    model.load_state_dict(found.weight)
    return model.eval()


def read_vocoder(path: str | Path, version: str) -> HifiGan | BigVgan:
    """What makes sound of the mels of v3 or v4."""
    found = read_checkpoint(path)
    if (found.kind, found.version) != ("vocoder", version):
        what = f"a {found.kind} of {found.version}"
        raise VoxproofError(f"is no vocoder of {version} but {what}", path=path, cure="Give the official file.")
    model = BigVgan() if version == "v3" else HifiGan()
    model.load_state_dict({name: value.float() for name, value in found.weight.items()})
    return model.for_inference() if isinstance(model, BigVgan) else model


def read_discriminators(path: str | Path, version: str) -> Discriminators:
    """A pretrained s2D file of the same version as the generator, or one of the tiny size."""
    try:
        with Container(path) as container:
            data = container.data
            stored = data.get("weight", data) if isinstance(data, dict) else None
            have = {name: part.shape if isinstance(part, StoredTensor) else () for name, part in (stored or {}).items()}
            small: list[Discriminators] = [SmallDiscriminators(), LiteDiscriminators()]
            fitting = [m for m in small if have == {n: tuple(v.shape) for n, v in m.state_dict().items()}]
            model = fitting[0] if fitting else Discriminators.of(version)
            want = {name: tuple(value.shape) for name, value in model.state_dict().items()}
            wrong = sorted(str(name) for name in want.keys() | have.keys() if want.get(name) != have.get(name))
            if stored is None or wrong:
                first = f", the first is {wrong[0]}" if wrong else ""
                raise VoxproofError(
                    f"has {len(wrong)} tensors that do not fit the discriminators of {version}{first}",
                    cure="Give the s2D file that belongs to the s2G file.",
                )
            model.load_state_dict({name: container.tensor(part).float() for name, part in stored.items()})
    except VoxproofError as error:
        raise VoxproofError(error.cause, path=path, cure=error.cure) from error
    return model


def fresh_gpt(size: str, version: str = "v2", seed: int = _SEED) -> GPT:
    """A GPT that has learnt nothing."""
    torch.manual_seed(seed)
    phonemes = 512 if version == "v1" else 732
    if size == "tiny":
        return GPT(GPTConfig(phonemes=phonemes, width=96, heads=4, layers=3))
    if size == "lite":
        return GPT(GPTConfig(phonemes=phonemes, width=256, heads=4, layers=8, dropout=0.0))
    return GPT(GPTConfig(phonemes=phonemes))


def fresh(size: str, version: str, seed: int = _SEED, student: Path | None = None) -> Sovits | FlowSovits:
    """A SoVITS of any version that has learnt nothing; its codebook is learnt with the rest.

    That of the lite size is the student's, which was learnt before.
    """
    if version in FlowSovitsConfig.versions:
        return fresh_flow(size, cast(FlowVersion, version), seed)
    return fresh_sovits(size, cast(Version, version), seed, student)


def fresh_sovits(size: str, version: Version = "v2", seed: int = _SEED, student: Path | None = None) -> Sovits:
    """One of v1 to v2ProPlus."""
    torch.manual_seed(seed)
    if size == "lite":
        return _lite(version, student)
    official = SovitsConfig.of(version).to_mapping() | {"freeze_quantizer": False}
    if size == "tiny":
        official |= {
            "inter_channels": 32, "hidden_channels": 32, "filter_channels": 64, "n_layers": 2,
            "upsample_initial_channel": 64, "resblock_kernel_sizes": (3,), "resblock_dilation_sizes": ((1, 3),),
            "segment_frames": 16,
        }  # fmt: skip
    return Sovits(SovitsConfig.from_mapping(official, version))


def _lite(version: Version, student: Path | None) -> Sovits:
    """The lite size, with the token extractor of a content student."""
    if version != "v2" or student is None:
        raise VoxproofError("the lite size is of v2 and needs its content student", cure="Say --student FILE.")
    model = Sovits(SovitsConfig.lite(voiceprint_card().sha256[: 2 * MARK_BYTES]))
    extractor, _ = read_extractor(student)
    for part in (model.ssl_proj, model.quantizer):
        name = "ssl_proj." if part is model.ssl_proj else "quantizer."
        part.load_state_dict({n.removeprefix(name): v for n, v in extractor.items() if n.startswith(name)})
    return model


def fresh_flow(size: str, version: FlowVersion, seed: int = _SEED) -> FlowSovits:
    """One of v3 or v4."""
    torch.manual_seed(seed)
    config = replace(FlowSovitsConfig.of(version), freeze_quantizer=False)
    if size == "tiny":
        net = TransformerConfig(features=64, width=64, layers=4, heads=4, head_width=16, feature_blocks=2)
        config = replace(config, inter_channels=32, hidden_channels=32, filter_channels=64, n_layers=2, transformer=net)
    return FlowSovits(config)


def fresh_discriminators(size: str, version: Version = "v2", seed: int = _SEED) -> Discriminators:
    """Discriminators that have learnt nothing."""
    torch.manual_seed(seed)
    if size == "full":
        return Discriminators.of(version)
    return SmallDiscriminators() if size == "tiny" else LiteDiscriminators()


class _SmallPeriod(PeriodDiscriminator):
    """A period discriminator of few channels."""

    def __init__(self, period: int, widths: Sequence[int] = (1, 8, 16, 32)) -> None:
        nn.Module.__init__(self)
        self.period = period
        self.convs = nn.ModuleList(WeightNormConv2d(a, b, 5, stride=3, padding=2) for a, b in pairwise(widths))
        self.conv_post = WeightNormConv2d(widths[-1], 1, 3, padding=1)


class _SmallScale(ScaleDiscriminator):
    """A scale discriminator of few channels."""

    def __init__(self, widths: Sequence[int] = (8, 16, 32)) -> None:
        nn.Module.__init__(self)
        self.convs = nn.ModuleList([WeightNormConv1d(1, widths[0], 15, padding=7)])
        for a, b in pairwise(widths):
            self.convs.append(WeightNormConv1d(a, b, 41, stride=4, padding=20, groups=a // 4))
        self.conv_post = WeightNormConv1d(widths[-1], 1, 3, padding=1)


class SmallDiscriminators(Discriminators):
    """As many as v2 has, with few channels, for demonstrations and tests."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.discriminators = nn.ModuleList([_SmallScale(), *map(_SmallPeriod, PERIODS)])


class LiteDiscriminators(Discriminators):
    """As many as v2 has, with a quarter of the channels of the first layers and less of the last: for the lite size."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        periods = [_SmallPeriod(period, (1, 16, 64, 128, 192)) for period in PERIODS]
        self.discriminators = nn.ModuleList([_SmallScale((16, 32, 64, 128)), *periods])
