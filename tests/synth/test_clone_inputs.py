"""What goes into the cloner: reference recordings, HuBERT, BERT, and models of `transformers` in folders."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the cloner is not tested: torch (extra `train`) is not installed")
transformers = pytest.importorskip(
    "transformers", reason="HuBERT and BERT are not tested: transformers (extra `clone`) is not installed"
)

from safetensors.torch import save_file  # noqa: E402
from torch import nn  # noqa: E402

from synth.audio import write  # noqa: E402
from synth.bert import BertFeatures  # noqa: E402
from synth.content import ContentEncoder  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.pretrained import local_folder  # noqa: E402
from synth.reference import Reference, sinc_resampled  # noqa: E402

HUBERT = {
    "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 8, "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 4, "model_type": "hubert",
}  # fmt: skip
BERT = {
    "vocab_size": 9, "hidden_size": 16, "num_hidden_layers": 4, "num_attention_heads": 2, "intermediate_size": 8,
    "model_type": "bert",
}  # fmt: skip
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "你", "好", ",", ".", "a"]


def noise(count: int, seed: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(count, generator=torch.Generator().manual_seed(seed))


# Folders


def folder_of(model: nn.Module, config: dict[str, Any], folder: Path, pickled: bool = False, prefix: str = "") -> Path:
    """As the hub has it; `pickled`: with the older names of weight norm."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    state = {prefix + name: value.clone() for name, value in model.state_dict().items()}
    if pickled:
        old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
        for new, name in old.items():
            state = {key.replace(new, name): value for key, value in state.items()}
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors")
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", "utf-8")
    return folder


@pytest.fixture(scope="module")
def hubert() -> Any:
    torch.manual_seed(1)
    return transformers.HubertModel(transformers.HubertConfig(**HUBERT)).eval()


@pytest.fixture(scope="module")
def bert() -> Any:
    torch.manual_seed(2)
    return transformers.BertForMaskedLM(transformers.BertConfig(**BERT)).eval()


@pytest.mark.parametrize("pickled", [False, True])
def test_features_are_the_last_hidden_state_of_the_raw_wave_and_its_silence(
    pickled: bool, hubert: Any, tmp_path: Path
) -> None:
    folder = folder_of(hubert, HUBERT, tmp_path / "hubert", pickled, "hubert." if pickled else "")
    wave = noise(48_000)
    got = ContentEncoder.load(folder).features(wave)
    with torch.no_grad():
        want = hubert(torch.cat([wave, torch.zeros(9600)])[None]).last_hidden_state
    assert got.shape == (1, 24, 179)
    assert torch.equal(got, want.transpose(1, 2))


def test_a_reference_has_three_to_ten_seconds(hubert: Any) -> None:
    encoder = ContentEncoder(hubert)
    for count, words in ((47_999, "3.0 s"), (160_001, "10.0 s"), (0, "0.0 s")):
        with pytest.raises(VoxproofError, match=f"a reference of {words} cannot be used. Give 3 to 10 seconds"):
            encoder.features(torch.zeros(count))
    assert encoder.features(torch.zeros(1600), bounded=False).shape == (1, 24, 34)


def test_a_program_in_a_models_folder_does_not_run(tmp_path: Path, hubert: Any, monkeypatch: Any) -> None:
    class Payload:
        def __reduce__(self) -> Any:
            return Path.mkdir, (Path("it-ran"),)

    monkeypatch.chdir(tmp_path)
    folder = folder_of(hubert, HUBERT, tmp_path / "hubert")
    (folder / "model.safetensors").unlink()
    torch.save({"a": Payload()}, folder / "pytorch_model.bin")
    with pytest.raises(VoxproofError, match=r"the checkpoint asks for '\S+', which no checkpoint"):
        ContentEncoder.load(folder)
    assert not Path("it-ran").exists()
    pickle.loads(pickle.dumps(Payload()))  # noqa: S301 (shows that the payload works)
    assert Path("it-ran").exists()


def test_folders_that_lack_something_say_what(tmp_path: Path, hubert: Any) -> None:
    folder = tmp_path / "hubert"
    folder.mkdir()
    with pytest.raises(VoxproofError, match=r"has no usable config\.json"):
        ContentEncoder.load(folder)
    (folder / "config.json").write_text("{", "utf-8")
    with pytest.raises(VoxproofError, match="not valid JSON"):
        ContentEncoder.load(folder)
    (folder / "config.json").write_text(json.dumps(HUBERT), "utf-8")
    with pytest.raises(VoxproofError, match=r"has neither model\.safetensors nor pytorch_model\.bin"):
        ContentEncoder.load(folder)
    (folder / "model.safetensors").write_bytes(b"no")
    with pytest.raises(VoxproofError, match="cannot be read"):
        ContentEncoder.load(folder)
    state = hubert.state_dict()
    for changed, words in (
        ({k: v for k, v in state.items() if k != "encoder.layer_norm.bias"}, "1 tensors are missing"),
        (state | {"x": torch.zeros(1)}, "1 tensors are unknown, the first is x"),
        (state | {"encoder.layer_norm.bias": torch.zeros(1)}, "1 tensors are of another shape"),
    ):
        save_file(changed, folder / "model.safetensors")
        with pytest.raises(VoxproofError, match=words):
            ContentEncoder.load(folder)
    save_file({k: v for k, v in state.items() if k != "masked_spec_embed"}, folder / "model.safetensors")
    assert ContentEncoder.load(folder).features(noise(48_000)).shape[1] == 24


def test_a_name_of_the_hub_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: Any) -> None:
    import huggingface_hub

    def offline(*args: Any, **settings: Any) -> str:
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(VoxproofError, match=r"the model a/b is not on this machine and could not be fetched"):
        ContentEncoder.load("a/b")
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *args, **settings: str(tmp_path))
    assert local_folder("a/b") == tmp_path
    for name in (tmp_path / "absent", "no-such-folder", "./a/b"):
        with pytest.raises(VoxproofError, match="is no folder of a model"):
            local_folder(name)


def test_bert_gives_the_third_last_layer_for_every_phone_of_a_character(bert: Any, tmp_path: Path) -> None:
    features = BertFeatures.load(folder_of(bert, BERT, tmp_path / "bert"))
    got = features.features("你龘A.", [2, 2, 3, 1])
    with torch.no_grad():
        hidden = bert(torch.tensor([[2, 4, 1, 8, 7, 3]]), output_hidden_states=True).hidden_states
    assert len(hidden) == 5
    assert torch.equal(got, hidden[2][0, 1:-1][[0, 0, 1, 1, 2, 2, 2, 3]])
    for text, counts in (("你好", [2]), ("", []), ("你" * 511, [1] * 511)):
        with pytest.raises(VoxproofError, match="have no BERT features"):
            features.features(text, counts)


def test_bert_needs_its_vocabulary(bert: Any, tmp_path: Path) -> None:
    folder = folder_of(bert, BERT, tmp_path / "bert")
    (folder / "vocab.txt").write_text("你\n", "utf-8")
    with pytest.raises(VoxproofError, match=r"the vocabulary has no \[CLS\]"):
        BertFeatures.load(folder)
    (folder / "vocab.txt").unlink()
    with pytest.raises(VoxproofError, match=r"has no vocab\.txt"):
        BertFeatures.load(folder)


# The reference recording


@pytest.mark.parametrize(("rate", "new"), [(44_100, 32_000), (16_000, 32_000), (32_000, 16_000), (48_000, 32_000)])
def test_the_sinc_resampler_is_torchaudios(rate: int, new: int) -> None:
    torchaudio = pytest.importorskip("torchaudio", reason="torchaudio, which is compared with, is not installed")
    wave = noise(5_001)
    got, want = sinc_resampled(wave, rate, new), torchaudio.transforms.Resample(rate, new)(wave)
    assert got.shape == want.shape
    assert torch.allclose(got, want, atol=1e-6)


def test_the_sinc_resampler_keeps_a_tone() -> None:
    time = torch.arange(16_000) / 16_000
    got = sinc_resampled((440 * 2 * torch.pi * time).sin(), 16_000, 32_000)
    want = (440 * 2 * torch.pi * torch.arange(32_000) / 32_000).sin()
    assert got.shape == (32_000,)
    assert float((got - want)[100:-100].abs().max()) < 2e-3
    assert sinc_resampled(time, 16_000, 16_000) is time


def test_a_reference_is_read_as_the_mean_of_its_channels(tmp_path: Path) -> None:
    left, right = noise(20_000, 1).numpy(), noise(20_000, 2).numpy()
    write(tmp_path / "a.wav", np.stack([left, right], 1), 22_050, "FLOAT")
    reference = Reference.read(tmp_path / "a.wav")
    assert reference.rate == 22_050
    assert np.allclose(reference.samples.numpy(), (left + right) / 2, atol=1e-7)
    assert len(reference.for_content()) == round(20_000 * 16_000 / 22_050)
    assert len(reference.for_voice()) == -(-20_000 * 640 // 441)
    assert len(reference.for_speaker()) == -(-len(reference.for_voice()) // 2)


def test_a_peak_above_full_scale_is_divided_away_but_by_two_at_most() -> None:
    wave = torch.tensor([0.5, -1.5, 0.25])
    assert Reference(wave, 32_000).for_voice().tolist() == pytest.approx([1 / 3, -1.0, 1 / 6])
    assert Reference(4 * wave, 32_000).for_voice().tolist() == pytest.approx([1.0, -3.0, 0.5])
    assert torch.equal(Reference(wave / 2, 32_000).for_voice(), wave / 2)
    assert torch.equal(Reference(4 * wave, 16_000).for_content(), 4 * wave)


@pytest.mark.parametrize("samples", [torch.zeros(0), torch.zeros(2, 9), torch.full((3,), torch.nan)])
def test_what_is_no_sound_is_no_reference(samples: Any) -> None:
    with pytest.raises(VoxproofError, match="is no sound"):
        Reference(samples, 16_000)
