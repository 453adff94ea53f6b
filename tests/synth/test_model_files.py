"""Import to safetensors and cards, and loading of a whole set."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="models are not tested: torch (extra `train`) is not installed")

from checkpoint_files import (  # noqa: E402
    flow_matching_base,
    gpt_checkpoint,
    lora_checkpoint,
    put,
    sovits_checkpoint,
)
from safetensors.torch import load_file, save_file  # noqa: E402

from synth.card import read_card, sha256_of  # noqa: E402
from synth.checkpoint import Checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from synth.checkpoint.layouts import flow_matching_shapes, speaker_shapes, vocoder_shapes  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.flow_matching import TransformerConfig  # noqa: E402
from synth.gpt import GPT  # noqa: E402
from synth.models import importing as importing_module  # noqa: E402
from synth.models.card import ModelCard  # noqa: E402
from synth.models.importing import STEPS, import_checkpoint, models_folder  # noqa: E402
from synth.models.loading import load_models  # noqa: E402
from synth.sovits import Sovits  # noqa: E402
from synth.sovits_flow import FlowSovits, FlowSovitsConfig  # noqa: E402
from synth.vocoders import HifiGan  # noqa: E402


def file_of(checkpoint: Checkpoint, folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    write_checkpoint(checkpoint, folder / name)
    return folder / name


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder with an S1 and an S2 of v2."""
    folder = tmp_path / "official"
    file_of(gpt_checkpoint(), folder, "speaker-e15.ckpt")
    file_of(sovits_checkpoint(), folder, "speaker_e8_s104.pth")
    return folder


# Import


@pytest.mark.parametrize("name", ["speaker-e15.ckpt", "speaker_e8_s104.pth"])
def test_an_import_keeps_every_bit_and_says_where_it_comes_from(name: str, official: Path, tmp_path: Path) -> None:
    steps: list[str] = []
    card = import_checkpoint(official / name, tmp_path / "made", licence="MIT", progress=steps.append)
    checkpoint = read_checkpoint(official / name)
    stem = Path(name).stem
    weights = load_file(tmp_path / "made" / f"{stem}.safetensors")
    assert len(weights) == len(checkpoint.weight)
    for key, value in checkpoint.weight.items():
        got = weights[key.removeprefix("model.")]
        assert got.dtype == value.dtype
        assert torch.equal(got, value)
    assert read_card(tmp_path / "made" / f"{stem}.yaml", ModelCard) == card
    assert card.sha256 == sha256_of(tmp_path / "made" / f"{stem}.safetensors")
    assert card.sources[0].sha256 == sha256_of(official / name)
    assert card.sources[0].bytes == (official / name).stat().st_size
    assert card.parameters == sum(value.numel() for value in weights.values())
    assert (card.kind, card.version, card.types) == (checkpoint.kind, "v2", ("float16",))
    assert (card.licence, card.training_data, card.text_pipeline) == ("MIT", "unknown", None)
    assert tuple(steps) == STEPS
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == [f"{stem}.safetensors", f"{stem}.yaml"]


def test_an_import_gives_the_same_bytes_again_and_overwrites_only_when_told(official: Path, tmp_path: Path) -> None:
    source = official / "speaker-e15.ckpt"
    first = import_checkpoint(source, tmp_path / "made", name="a")
    assert import_checkpoint(source, tmp_path / "made", name="b").sha256 == first.sha256
    with pytest.raises(VoxproofError, match=r"a\.safetensors: is there already"):
        import_checkpoint(source, tmp_path / "made", name="a")
    assert import_checkpoint(source, tmp_path / "made", name="a", replace=True) == first
    for name in ("../a", ".a", "a/b"):
        with pytest.raises(VoxproofError, match="is no name for a file"):
            import_checkpoint(source, tmp_path / "made", name=name)


def test_an_imported_gpt_is_one_of_ours(official: Path, tmp_path: Path) -> None:
    import_checkpoint(official / "speaker-e15.ckpt", tmp_path / "made", name="gpt")
    model = GPT.load(tmp_path / "made" / "gpt.safetensors")
    assert torch.equal(model.bert_proj.bias, gpt_checkpoint().weight["model.bert_proj.bias"].float())


def test_the_hash_of_the_text_front_ends_travels(tmp_path: Path) -> None:
    trained = replace(gpt_checkpoint(), config={**gpt_checkpoint().config, "text_pipeline": "ab" * 32})
    path = file_of(trained, tmp_path / "o", "a.ckpt")
    assert import_checkpoint(path, tmp_path / "made").text_pipeline == "ab" * 32


def test_a_lora_is_imported_together_with_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(lora_checkpoint(), tmp_path / "o", "l.pth")
    with pytest.raises(VoxproofError, match=r"is a LoRA, .* Name it: --base s2Gv3\.pth"):
        import_checkpoint(path, tmp_path / "made")
    changed = ("bridge.0.bias", "cfm.estimator.transformer_blocks.0.attn.to_q.weight")
    small = replace(flow_matching_base(), weight={name: flow_matching_base().weight[name] for name in changed})
    base = put(tmp_path / "o", b"base", "s2Gv3.pth")
    real = read_checkpoint
    monkeypatch.setattr(importing_module, "read_checkpoint", lambda p, v=None: small if p == base else real(p, v))
    card = import_checkpoint(path, tmp_path / "made", base=base)
    assert (card.kind, card.version, [source.name for source in card.sources]) == (
        "flow-matching", "v3", ["l.pth", "s2Gv3.pth"],
    )  # fmt: skip
    assert card.types == ("float16", "float32")


def test_a_base_is_only_for_a_lora(official: Path, tmp_path: Path) -> None:
    path = official / "speaker-e15.ckpt"
    with pytest.raises(VoxproofError, match="is no LoRA, and has no base"):
        import_checkpoint(path, tmp_path / "made", base=path)


def test_a_refused_file_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="is no checkpoint"):
        import_checkpoint(put(tmp_path, b"<html>", "a.pth"), tmp_path / "made")
    with pytest.raises(VoxproofError, match="cannot be read"):
        import_checkpoint(tmp_path / "absent.pth", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_models_are_kept_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("VOXPROOF_MODELS", raising=False)
    assert models_folder() == tmp_path / "data" / "voxproof" / "models"
    monkeypatch.setenv("VOXPROOF_MODELS", str(tmp_path / "mine"))
    assert models_folder() == tmp_path / "mine"


# Loading


def imported(official: Path, folder: Path) -> Path:
    for path in sorted(official.iterdir()):
        import_checkpoint(path, folder)
    return folder


def test_a_set_loads_from_imported_and_from_official_files_alike(official: Path, tmp_path: Path) -> None:
    first, second = load_models(official), load_models(imported(official, tmp_path / "made"))
    for a, b in ((first.gpt, second.gpt), (first.sovits, second.sovits)):
        one, other = a.state_dict(), b.state_dict()
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one)
        assert not a.training
        assert not b.training
    assert first.version == second.version == "v2"
    assert second.hashes == {
        "gpt": sha256_of(tmp_path / "made" / "speaker-e15.safetensors"),
        "sovits": sha256_of(tmp_path / "made" / "speaker_e8_s104.safetensors"),
    }
    assert second.text_pipeline is None
    assert str(second.device) == "cpu"


def test_weight_norm_is_worked_out_and_changes_no_sound(official: Path) -> None:
    loaded = load_models(official).sovits
    assert not any(name.endswith(("weight_g", "weight_v")) for name in loaded.state_dict())
    assert loaded.enc_q is None
    plain = Sovits(loaded.config).eval()
    plain.load_weights({name: value.float() for name, value in sovits_checkpoint().weight.items()})
    draw = torch.Generator().manual_seed(1)
    codes, text = torch.randint(1024, (1, 1, 6), generator=draw), torch.randint(700, (1, 5), generator=draw)
    spectrum = torch.rand(1, 1025, 20, generator=draw)
    a, b = (m.decode(codes, text, [spectrum], noise_scale=0.0) for m in (plain, loaded))
    assert float((a - b).abs().max()) < 1e-5 * float(a.abs().max())


def test_weights_that_differ_from_their_card_are_refused(official: Path, tmp_path: Path) -> None:
    folder = imported(official, tmp_path / "made")
    path = folder / "speaker-e15.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(VoxproofError, match="the weights differ from their card"):
        load_models(folder)


def test_foreign_safetensors_under_a_right_card_are_refused(official: Path, tmp_path: Path) -> None:
    folder = imported(official, tmp_path / "made")
    path = folder / "speaker-e15.safetensors"
    for metadata, words in (
        (None, "holds no gpt"),
        ({"gpt": "{"}, "holds no gpt"),
        ({"gpt": '{"layers": 1000000000}'}, "has odd settings"),
        ({"gpt": '{"colour": 3}'}, "has odd settings"),
        ({"gpt": "{}"}, "tensors are missing"),
    ):
        save_file({"a": torch.zeros(1)}, path, metadata=metadata)
        card = read_card(folder / "speaker-e15.yaml", ModelCard)
        text = (folder / "speaker-e15.yaml").read_text("utf-8").replace(card.sha256, sha256_of(path))
        (folder / "speaker-e15.yaml").write_text(text, "utf-8")
        with pytest.raises(VoxproofError, match=words):
            load_models(folder)


def test_several_models_have_to_be_named(official: Path) -> None:
    shutil.copy(official / "speaker-e15.ckpt", official / "other.ckpt")
    with pytest.raises(VoxproofError, match=r"holds 2 models of the kind gpt: other, speaker-e15\. Name the one"):
        load_models(official)
    assert load_models(official, gpt="other").version == "v2"
    with pytest.raises(VoxproofError, match="holds no gpt called third"):
        load_models(official, gpt="third")


def test_what_does_not_go_together_is_refused(official: Path, tmp_path: Path) -> None:
    file_of(gpt_checkpoint(512), official, "speaker-e15.ckpt")
    with pytest.raises(VoxproofError, match=r"has the phoneme table v1, the SoVITS .* is v2"):
        load_models(official)
    for name, checkpoint in (("g.ckpt", gpt_checkpoint()), ("s.pth", sovits_checkpoint())):
        config = {**checkpoint.config, "text_pipeline": name}
        file_of(replace(checkpoint, config=config), tmp_path / "mixed", name)
    with pytest.raises(VoxproofError, match=r"was trained with other text front ends than s\.pth"):
        load_models(tmp_path / "mixed")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_needs_an_accelerator(dtype: Any, official: Path) -> None:
    with pytest.raises(VoxproofError, match=r"a CPU does not work in torch\.b?float16"):
        load_models(official, "cpu", dtype)


def test_a_folder_without_models_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match=r"holds no gpt\. Import one: voxproof models import FILE"):
        load_models(tmp_path)
    with pytest.raises(VoxproofError, match="is no folder of models"):
        load_models(tmp_path / "absent")


def test_v4_loads_with_its_vocoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = TransformerConfig(features=16, width=32, layers=1, heads=2, head_width=16, feature_blocks=1)
    small = FlowSovitsConfig("v4", hidden_channels=16, filter_channels=16, n_layers=2, transformer=net)
    monkeypatch.setattr(FlowSovitsConfig, "of", classmethod(lambda cls, version: replace(small, version=version)))
    sized = HifiGan.__init__
    monkeypatch.setattr(HifiGan, "__init__", lambda self: sized(self, 32))
    flow_matching_shapes.cache_clear()
    vocoder_shapes.cache_clear()
    try:
        torch.manual_seed(7)
        state = {name: value.half() for name, value in FlowSovits(small).state_dict().items()}
        vocoder = {name: value.half() for name, value in HifiGan().state_dict().items()}
        official, made = tmp_path / "official", tmp_path / "made"
        path = file_of(Checkpoint("flow-matching", "v4", state, {"model": {}}), official, "s.pth")
        with pytest.raises(VoxproofError, match="nothing in the file says which"):
            import_checkpoint(path, made)
        import_checkpoint(path, made, version="v4")
        import_checkpoint(file_of(gpt_checkpoint(), official, "g.ckpt"), made)
        with pytest.raises(VoxproofError, match="holds no vocoder"):
            load_models(made)
        import_checkpoint(file_of(Checkpoint("vocoder", "v4", vocoder), official, "vocoder.pth"), made)
        loaded = load_models(made)
        assert isinstance(loaded.sovits, FlowSovits)
        assert isinstance(loaded.vocoder, HifiGan)
        assert (loaded.version, set(loaded.hashes)) == ("v4", {"gpt", "sovits", "vocoder"})
        assert torch.equal(loaded.sovits.state_dict()["bridge.0.bias"], state["bridge.0.bias"].float())
        assert torch.equal(loaded.vocoder.state_dict()["conv_pre.bias"], vocoder["conv_pre.bias"].float())
    finally:
        flow_matching_shapes.cache_clear()
        vocoder_shapes.cache_clear()


def test_a_pro_version_asks_for_its_speaker_network(tmp_path: Path) -> None:
    folder = tmp_path / "pro"
    file_of(gpt_checkpoint(), folder, "g.ckpt")
    file_of(sovits_checkpoint("v2Pro"), folder, "s.pth")
    with pytest.raises(VoxproofError, match="holds no speaker"):
        load_models(folder)
    assert len(speaker_shapes()) == 1001
