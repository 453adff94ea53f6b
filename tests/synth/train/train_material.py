"""Small models and prepared data for the tests of training; nothing is decoded or read aloud."""

from pathlib import Path

import torch

from synth.flow_matching import TransformerConfig
from synth.gpt import GPT, GPTConfig
from synth.sovits import Sovits, SovitsConfig
from synth.sovits_flow import FlowSovits, FlowSovitsConfig, FlowVersion
from synth.train.distributed import Team
from synth.train.s1 import S1Config, TextToCodes
from synth.train.s2 import CodesToSound, S2Config
from synth.train.s2_flow import CodesToMel, FlowConfig
from synth.train.shards import PREPARATION, Entry, Prepared, shard_path, write_json, write_shard, write_tensors
from synth.train.start import SmallDiscriminators

SECONDS = (0.7, 1.3, 0.9, 0.66, 1.1, 0.8, 1.0, 0.72, 0.94, 1.24)


def made_data(folder: Path, seconds: tuple[float, ...] = SECONDS, mark: str = "material") -> Prepared:
    """Tones with features and codes that follow them, so that there is something to learn."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(7)
    matrix = torch.randn(768, 4, generator=generator)
    made, codes = [], {}
    for line, length in enumerate(seconds, start=1):
        frames = int(length * 50)
        pitch = torch.rand(frames, generator=generator).cumsum(0).sin()
        wave = 0.3 * (torch.arange(frames * 640) * (0.02 + 0.01 * (line % 3))).sin()
        phones = torch.randint(5, 90, (int(length * 10),), generator=generator, dtype=torch.int32)
        features = matrix @ torch.stack([pitch, pitch**2, pitch.roll(1), torch.ones(frames)])
        tokens = phones.long().repeat_interleave(3)[: frames // 2] * 3
        entry = Entry(line, f"{line}.wav", "anna", "en", "la", frames / 50, len(phones), 40.0)
        made.append((entry, {"phones": phones, "sound": (wave * 32767).to(torch.int16), "content": features}))
        codes[f"{line}/codes"] = tokens.to(torch.int16)
    write_shard(folder, 0, made, [], mark)
    write_tensors(shard_path(folder, 0, "codes"), codes, {"tokeniser": "material"})
    facts = {"model": "v2", "content": "material", "text_pipeline": "0" * 64, "fingerprint": mark, "shards": 1}
    write_json(folder / PREPARATION, facts | {"complete": True})
    return Prepared(folder)


def small_gpt(dropout: float = 0.1) -> GPT:
    torch.manual_seed(3)
    return GPT(GPTConfig(width=16, heads=2, layers=2, dropout=dropout))


def small_sovits(frozen: bool = True, dropout: float = 0.1) -> Sovits:
    torch.manual_seed(3)
    model = Sovits(
        SovitsConfig(
            inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=2, upsample_initial_channel=32,
            resblock_kernel_sizes=(3,), resblock_dilation_sizes=((1,),), segment_frames=12, freeze_quantizer=frozen,
            p_dropout=dropout,
        )
    )  # fmt: skip
    if not dropout:
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
    return model


def s1_recipe(data: Prepared, config: S1Config | None = None, dropout: float = 0.1, team: Team | None = None):
    return TextToCodes(small_gpt(dropout), data, config or S1Config(rate=0.02), team or Team())


def s2_recipe(data: Prepared, config: S2Config | None = None, frozen: bool = True, dropout: float = 0.1):
    torch.manual_seed(4)
    return CodesToSound(small_sovits(frozen, dropout), SmallDiscriminators(), data, config or S2Config(), Team())


def small_flow(version: FlowVersion = "v4", frozen: bool = True) -> FlowSovits:
    """A model whose velocity is not 0; without dropout but for the voice's."""
    torch.manual_seed(3)
    net = TransformerConfig(features=16, width=32, layers=2, heads=2, head_width=16, feature_blocks=1)
    model = FlowSovits(
        FlowSovitsConfig(
            version, inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=2, p_dropout=0.0,
            transformer=net, freeze_quantizer=frozen,
        )
    )  # fmt: skip
    for parameter in model.cfm.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return model


def flow_recipe(
    data: Prepared, config: FlowConfig | None = None, version: FlowVersion = "v4", frozen: bool = True,
    dropout: float = 0.1,
) -> CodesToMel:  # fmt: skip
    model = small_flow(version, frozen)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = dropout
    return CodesToMel(model, data, config or FlowConfig(), Team())
