"""Official containers: what is written comes back bit-exact, and files made by torch itself are understood."""

import io
import sys
import types
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="checkpoints are not tested: torch (extra `train`) is not installed")

from checkpoint_files import (  # noqa: E402
    GPT_CONFIG,
    flow_matching_base,
    gpt_checkpoint,
    lora_checkpoint,
    put,
    sovits_checkpoint,
    tagged,
)

from synth.checkpoint import Checkpoint, exported, merged, read_checkpoint, write_checkpoint  # noqa: E402
from synth.checkpoint import reading as reading_module  # noqa: E402
from synth.checkpoint.layouts import flow_matching_shapes, vocoder_shapes  # noqa: E402
from synth.checkpoint.reading import kind_of  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402

ALL = {
    "gpt v1": (lambda: gpt_checkpoint(512), b"PK"),
    "gpt v2": (gpt_checkpoint, b"PK"),
    "sovits v1": (lambda: sovits_checkpoint("v1"), b"PK"),
    "sovits v2": (sovits_checkpoint, b"PK"),
    "sovits v2Pro": (lambda: sovits_checkpoint("v2Pro"), b"05"),
    "sovits v2ProPlus": (lambda: sovits_checkpoint("v2ProPlus"), b"06"),
    "lora v3": (lora_checkpoint, b"03"),
    "lora v4": (lambda: replace(lora_checkpoint(), version="v4"), b"04"),
}


def assert_same(read: Checkpoint, written: Checkpoint) -> None:
    assert (read.kind, read.version, read.info, read.lora_rank) == (
        written.kind, written.version, written.info, written.lora_rank,
    )  # fmt: skip
    assert read.config == written.config
    assert list(read.weight) == list(written.weight)
    for name, value in written.weight.items():
        assert read.weight[name].dtype == value.dtype
        assert torch.equal(read.weight[name], value), name


@pytest.mark.parametrize("name", ALL)
def test_what_is_written_comes_back_bit_for_bit(name: str, tmp_path: Path) -> None:
    make, tag = ALL[name]
    path = tmp_path / "model.pth"
    write_checkpoint(make(), path)
    assert path.read_bytes()[:4] == tag + b"\x03\x04"
    assert_same(read_checkpoint(path), make())
    assert [p.name for p in tmp_path.iterdir()] == ["model.pth"]


def test_torch_reads_what_is_written_as_it_reads_an_official_file(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    write_checkpoint(sovits_checkpoint("v2Pro"), path)
    restored = io.BytesIO(tagged(path.read_bytes(), b"PK"))
    with torch.serialization.safe_globals([(types.SimpleNamespace, "utils.HParams")]):
        contents = torch.load(restored, weights_only=True)
    assert list(contents) == ["weight", "config", "info"]
    assert contents["config"].model.version == "v2Pro"
    assert contents["config"].train.betas == [0.8, 0.99]
    assert torch.equal(contents["weight"]["sv_emb.bias"], sovits_checkpoint("v2Pro").weight["sv_emb.bias"])


class HParams:
    """As the reference's configuration object looks to pickle."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update({n: HParams(**v) if isinstance(v, dict) else v for n, v in fields.items()})


def trainers_file(monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint, **settings: Any) -> bytes:
    """The bytes that the reference's own way of saving gives."""
    module = types.ModuleType("utils")
    module.HParams = HParams  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "utils", module)
    monkeypatch.setattr(HParams, "__module__", "utils")
    made = io.BytesIO()
    config = HParams(**checkpoint.config) if checkpoint.kind != "gpt" else checkpoint.config
    contents = OrderedDict(weight=OrderedDict(checkpoint.weight), config=config, info=checkpoint.info)
    torch.save(contents, made, **settings)
    return made.getvalue()


@pytest.mark.parametrize("new", [True, False], ids=["zip", "stream"])
@pytest.mark.parametrize("make", [gpt_checkpoint, sovits_checkpoint])
def test_files_saved_by_torch_with_the_trainers_own_class_are_read(
    make: Any, new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = trainers_file(monkeypatch, make(), _use_new_zipfile_serialization=new)
    assert_same(read_checkpoint(put(tmp_path, data)), make())


def test_tensors_that_share_or_stride_their_storage_come_out_right(tmp_path: Path) -> None:
    checkpoint = gpt_checkpoint()
    big = torch.randn(64, 32).half()
    weight = dict(checkpoint.weight)
    weight["model.h.layers.0.linear1.weight"] = big[:, :16]
    weight["model.h.layers.0.linear2.weight"] = big[:, 16:].t()
    made = io.BytesIO()
    torch.save({"weight": weight, "config": checkpoint.config, "info": ""}, made)
    read = read_checkpoint(put(tmp_path, made.getvalue())).weight
    assert torch.equal(read["model.h.layers.0.linear1.weight"], big[:, :16])
    assert torch.equal(read["model.h.layers.0.linear2.weight"], big[:, 16:].t())
    assert read["model.h.layers.0.linear1.weight"].is_contiguous()


def test_the_exported_form_is_half_precision_without_the_posterior_encoder() -> None:
    weight = exported({"enc_q.pre.weight": torch.zeros(2), "dec.a": torch.full((1,), 1 / 3)})
    assert list(weight) == ["dec.a"]
    assert weight["dec.a"].dtype == torch.float16


# Versions


def save(checkpoint: Checkpoint, folder: Path, tag: bytes | None = None) -> Path:
    path = folder / "model.pth"
    write_checkpoint(checkpoint, path)
    if tag is not None:
        path.write_bytes(tagged(path.read_bytes(), tag))
    return path


def test_tensors_decide_where_the_configuration_says_something_else(tmp_path: Path) -> None:
    pro = sovits_checkpoint("v2Pro")
    config = {"model": pro.config["model"] | {"version": "v2"}}
    assert read_checkpoint(save(replace(pro, config=config), tmp_path)).version == "v2Pro"
    one = sovits_checkpoint("v1")
    assert read_checkpoint(save(one, tmp_path, b"00")).version == "v1"


@pytest.mark.parametrize(
    ("version", "tag", "words"),
    [
        ("v2", b"00", "begins with 00, which stands for v1, but its tensors are those of v2"),
        ("v1", b"05", "begins with 05, which stands for v2Pro, but its tensors are those of v1"),
        ("v2", b"03", "begins with 03, which stands for lora, but its tensors are those of sovits"),
        ("v2", b"77", "begins with 77, a version that is not known here. Look for a newer Voxproof"),
    ],
)
def test_a_tag_that_contradicts_the_tensors_is_an_error(version: Any, tag: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match=words):
        read_checkpoint(save(sovits_checkpoint(version), tmp_path, tag))


def test_v3_or_v4_is_asked_for_where_nothing_in_the_file_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(lora_checkpoint(), tmp_path, b"PK")
    with pytest.raises(VoxproofError, match=r"nothing in the file says which\. Say it: --version v3 or --version v4"):
        read_checkpoint(path)
    assert read_checkpoint(path, "v4").version == "v4"
    with pytest.raises(VoxproofError, match="is v3, not v4"):
        read_checkpoint(save(lora_checkpoint(), tmp_path), "v4")
    path = save(lora_checkpoint(), tmp_path, b"PK")
    import hashlib

    beginning = hashlib.md5(path.read_bytes()[:8192], usedforsecurity=False).hexdigest()
    monkeypatch.setitem(reading_module._BEGINNINGS, beginning, "v4")
    assert read_checkpoint(path).version == "v4"


def test_a_gpt_with_another_phoneme_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="knows 700 phonemes; the tables have 512 or 732"):
        read_checkpoint(save(gpt_checkpoint(700), tmp_path))
    assert read_checkpoint(save(gpt_checkpoint(), tmp_path), "v2ProPlus").version == "v2"
    with pytest.raises(VoxproofError, match="is v2, not v1"):
        read_checkpoint(save(gpt_checkpoint(), tmp_path), "v1")


def test_shapes_of_v3_v4_and_the_vocoder_tell_their_kind() -> None:
    assert len(flow_matching_shapes()) == 685
    assert kind_of(flow_matching_shapes()) == "flow-matching"
    assert len(vocoder_shapes("v4")) == 194
    assert kind_of(vocoder_shapes("v4")) == kind_of({"activation_post.act.alpha": (24,)}) == "vocoder"


def test_shapes_of_v3_and_of_the_vocoder_are_those_of_the_official_files() -> None:
    keys = Path(__file__).resolve().parents[3] / "shared" / "design" / "gpt-sovits"
    if not keys.exists():
        pytest.skip("the list of official tensors is not beside the project")
    import json

    want = json.loads((keys / "keys-v3.json").read_text("utf-8"))["s2"]
    assert flow_matching_shapes() == {name: tuple(entry[0]) for name, entry in want.items()}
    want = json.loads((keys / "keys-v4-vocoder.json").read_text("utf-8"))
    assert vocoder_shapes("v4") == {name: tuple(entry[0]) for name, entry in want.items()}


# Keys


def without(checkpoint: Checkpoint, name: str) -> Checkpoint:
    return replace(checkpoint, weight={n: v for n, v in checkpoint.weight.items() if n != name})


def with_more(checkpoint: Checkpoint, more: Mapping[str, Any]) -> Checkpoint:
    return replace(checkpoint, weight={**checkpoint.weight, **more})


@pytest.mark.parametrize(
    ("checkpoint", "words"),
    [
        (without(gpt_checkpoint(), "model.bert_proj.bias"), "1 tensors are missing, the first is model.bert_proj.bias"),
        (with_more(gpt_checkpoint(), {"model.pe": torch.zeros(3)}), "1 tensors are unknown, the first is model.pe"),
        (without(sovits_checkpoint(), "flow.flows.0.pre.bias"), "missing, the first is flow.flows.0.pre.bias"),
        (with_more(sovits_checkpoint(), {"dec.x": torch.zeros(3)}), "1 tensors are unknown, the first is dec.x"),
        (with_more(sovits_checkpoint(), {"enc_q.x": torch.zeros(3)}), "tensors are missing, the first is enc_q."),
        (
            with_more(sovits_checkpoint(), {"ref_enc.fc.fc.bias": torch.zeros(3)}),
            r"1 tensors are of another shape, the first is ref_enc.fc.fc.bias \(\[3\], not \[512\]\)",
        ),
        (replace(gpt_checkpoint(), config={}), "the checkpoint's configuration has no section 'model'"),
        (
            replace(gpt_checkpoint(), config={"model": GPT_CONFIG["model"] | {"n_layer": 2}}),
            "12 tensors are missing, the first is model.h.layers.1",
        ),
    ],
)
def test_missing_and_unknown_tensors_are_errors(checkpoint: Checkpoint, words: str, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match=words) as caught:
        read_checkpoint(save(checkpoint, tmp_path))
    assert caught.value.path == str(tmp_path / "model.pth")
    assert caught.value.cure


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"state_dict": {}, "optimizer_states": []}, "is a state of a training, to be resumed. Give the exported file"),
        ({"model": {}, "optimizer": {}, "iteration": 3}, "is a state of a training"),
        ({"weight": {}}, "holds no weights"),
        ({"weight": {"a": 3}}, "holds no weights"),
        ([1, 2], "holds no weights"),
        ({"weight": {"a": torch.zeros(1)}}, "holds weights of an unknown kind of model"),
        ({"weight": {"discriminators.0.convs.0.bias": torch.zeros(1)}}, "is a discriminator, which only training uses"),
        ({"layer3_ds.weight": torch.zeros(1)}, "1000 tensors are missing, the first is bn1.bias"),
    ],
)
def test_other_files_of_torch_are_told_apart(contents: Any, words: str, tmp_path: Path) -> None:
    made = io.BytesIO()
    torch.save(contents, made)
    with pytest.raises(VoxproofError, match=words):
        read_checkpoint(put(tmp_path, made.getvalue()))


# LoRA


def test_a_lora_is_worked_into_its_base() -> None:
    lora, base = lora_checkpoint(), flow_matching_base()
    made = merged(lora, base)
    assert made.weight.keys() == base.weight.keys()
    assert torch.equal(made.weight["bridge.0.bias"], lora.weight["bridge.0.bias"])
    stem = "cfm.base_model.model.estimator.transformer_blocks.0.attn.to_q"
    a, b = (lora.weight[f"{stem}.lora_{x}.default.weight"].double() for x in "AB")
    got = made.weight["cfm.estimator.transformer_blocks.0.attn.to_q.weight"]
    assert got.dtype == torch.float32
    assert torch.allclose(got.double(), 1 + b @ a, atol=1e-5)


def test_a_lora_goes_only_with_its_own_base_and_in_pairs() -> None:
    base, lora = flow_matching_base(), lora_checkpoint()
    with pytest.raises(VoxproofError, match="a lora of v3 cannot be worked into a flow-matching of v4"):
        merged(lora, replace(base, version="v4"))
    stem = "cfm.base_model.model.estimator.transformer_blocks.0.attn.to_q"
    for left_out in "AB":
        with pytest.raises(VoxproofError, match=r"does not go together|has no partner"):
            merged(without(lora, f"{stem}.lora_{left_out}.default.weight"), base)
    with pytest.raises(VoxproofError, match=r"the base has no other\.bias of this shape"):
        merged(with_more(lora, {"other.bias": torch.zeros(1)}), base)
    with pytest.raises(VoxproofError, match="does not go together"):
        merged(replace(lora, lora_rank=32), base)


# Writing


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="could not be written"):
        write_checkpoint(gpt_checkpoint(), tmp_path / "absent" / "model.ckpt")
