"""A tiny cloner: random models of every kind, and a text side that reads letters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor

from synth.clone import Cloner, Settings
from synth.content import ContentEncoder
from synth.errors import VoxproofError
from synth.flow_matching import TransformerConfig
from synth.gpt import GPT, GPTConfig
from synth.models.loading import ModelSet
from synth.reference import Reference
from synth.sampling import Sampling
from synth.sovits import Sovits, SovitsConfig, Version
from synth.sovits_flow import FlowSovits, FlowSovitsConfig, FlowVersion
from synth.text.frame import Phones
from synth.text.pipeline import Utterance
from synth.text.symbols import table_of
from synth.vocoders import BigVgan, BigVganConfig, HifiGan

QUICK = Settings(sampling=Sampling(least=5, most=8), pause_seconds=0.01)


def quick(**changes: Any) -> Settings:
    return replace(QUICK, **changes)


class Listener:
    """In place of the speaker-verification network, which is large."""

    def speaker(self, samples: Tensor) -> Tensor:
        assert samples.shape == (1, 50_000)
        return samples[:, :20_480]


class Letters:
    """Every letter is a phone; capitals are Mandarin of two phones each."""

    hash = "ab" * 32

    def utterances(self, text: str) -> Iterable[Utterance]:
        return [self.read(piece) for piece in text.split(".") if piece.strip()]

    def read(self, piece: str) -> Utterance:
        table = table_of("v2")
        parts = []
        for word in piece.split():
            if word.isupper():
                phones = [phone for letter in word for phone in (letter.lower(), "a1")]
                parts.append(Phones.of("zh", table, word, phones, [2] * len(word)))
            else:
                parts.append(Phones.of("en", table, word, list(word)))
        return Utterance(piece, tuple(parts))

    def require(self, recorded: str) -> None:
        if recorded != self.hash:
            raise VoxproofError("other front ends")


@cache
def models(version: Version = "v2") -> ModelSet:
    """GPT and SoVITS; shared by tests, leave them as they are."""
    torch.manual_seed(4)
    gpt = GPT(GPTConfig(width=16, heads=2, layers=2, bert=16)).eval()
    gpt.ar_predict_layer.weight.data *= 3
    sizes: dict[str, Any] = {
        "hidden_channels": 16, "filter_channels": 16, "n_layers": 2, "inter_channels": 8, "p_dropout": 0.0,
        "upsample_initial_channel": 32, "gin_channels": 16 if version.startswith("v2Pro") else 512,
    }  # fmt: skip
    sovits = Sovits(SovitsConfig.from_mapping(sizes, version))
    for name, value in sovits.flow.named_parameters():  # the flow starts as the identity otherwise
        if ".post." in name:
            torch.nn.init.normal_(value, std=0.3)
    speaker = cast(Any, Listener()) if version.startswith("v2Pro") else None
    hashes = {"gpt": "g", "sovits": "s"}
    return ModelSet(gpt, sovits.for_inference(), version, hashes, None, speaker, sampling=QUICK.sampling)


@cache
def flow_models(version: FlowVersion) -> ModelSet:
    """The same with a SoVITS of v3 or v4."""
    torch.manual_seed(6)
    net = TransformerConfig(features=16, width=32, layers=1, heads=2, head_width=16, feature_blocks=1)
    config = FlowSovitsConfig(version, hidden_channels=16, filter_channels=16, n_layers=2, transformer=net)
    vocoder = BigVgan(BigVganConfig(channels=64)).for_inference() if version == "v3" else HifiGan(32).eval()
    sovits = FlowSovits(config)
    for value in sovits.cfm.parameters():  # it starts as one that changes nothing otherwise
        torch.nn.init.normal_(value, std=0.2)
    return replace(models(), sovits=sovits.for_inference(), version=version, vocoder=vocoder)


@cache
def content() -> ContentEncoder:
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(5)
    config = HubertConfig(
        hidden_size=768, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4, num_conv_pos_embedding_groups=4,
    )  # fmt: skip
    return ContentEncoder(HubertModel(config))


@cache
def voice(seed: int = 1) -> Reference:
    """Three seconds and a bit of shaped noise."""
    draw = torch.Generator().manual_seed(seed)
    return Reference(0.1 * torch.randn(100_000, generator=draw).cumsum(0).sin(), 32_000)


def cloner(**changes: Any) -> Cloner:
    given: dict[str, Any] = {"models": models(), "text_side": lambda mode, settings: Letters()} | changes
    return Cloner(**given)
