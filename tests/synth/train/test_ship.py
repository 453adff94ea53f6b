"""The lite voice from trained parts to a folder that loads: small, checked, and the same codes."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402
from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from forensics.cli.main import voxproof  # noqa: E402
from synth.audio import read, write  # noqa: E402
from synth.card import read_card  # noqa: E402
from synth.checkpoint import Checkpoint, exported, write_checkpoint  # noqa: E402
from synth.clone import Cloner  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import GPT, GPTConfig  # noqa: E402
from synth.models.card import ModelCard  # noqa: E402
from synth.models.lite import lite_folder  # noqa: E402
from synth.models.loading import load_models  # noqa: E402
from synth.packing import packed  # noqa: E402
from synth.reference import Reference  # noqa: E402
from synth.sovits import Sovits, SovitsConfig  # noqa: E402
from synth.student import Student, StudentConfig  # noqa: E402
from synth.student_content import EXACT, read_student  # noqa: E402
from synth.text.pipeline import TextPipeline  # noqa: E402
from synth.train.phone_teacher import PhoneTeacher  # noqa: E402
from synth.train.ship import ship  # noqa: E402
from synth.train.start import read_sovits  # noqa: E402
from synth.train.student import tensors_of  # noqa: E402

CLIPS = Path(__file__).parents[2] / "data"
WIDTH = 16
SMALL = replace(
    SovitsConfig.lite(), inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=2, gin_channels=16,
    ssl_width=WIDTH, mrte_width=16, decoder_width=16, decoder_blocks=2, posterior_layers=2, flow_layers=1,
)  # fmt: skip


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student, a GPT and a SoVITS that have learnt nothing, as their trainings write them."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("parts")
    student, teacher = Student(StudentConfig(width=WIDTH, inside=32, inner=64, layers=1, heads=4)), PhoneTeacher(WIDTH)
    config = {name: str(value) for name, value in student.config.to_mapping().items()}
    save_file(packed(tensors_of(student, teacher), EXACT), folder / "student.safetensors", metadata=config)
    sovits = Sovits(SMALL)
    _, extractor, _ = read_student(folder / "student.safetensors")
    sovits.load_state_dict(sovits.state_dict() | extractor)
    pipeline = TextPipeline("en").hash
    settings = {"model": SMALL.to_mapping(), "version": "v2", "text_pipeline": pipeline}
    write_checkpoint(Checkpoint("sovits", "v2", exported(sovits.state_dict()), settings, ""), folder / "sovits.pth")
    gpt = GPT(GPTConfig(width=32, heads=4, layers=2))
    model = {
        "phoneme_vocab_size": 732, "vocab_size": 1025, "EOS": 1024, "embedding_dim": 32, "hidden_dim": 32, "head": 4,
        "n_layer": 2, "dropout": 0.0, "linear_units": 128,
    }  # fmt: skip
    weight = {f"model.{name}": value.half() for name, value in gpt.state_dict().items()}
    write_checkpoint(
        Checkpoint("gpt", "v2", weight, {"model": model, "text_pipeline": pipeline}, ""), folder / "gpt.ckpt"
    )
    return folder


@pytest.fixture(scope="module")
def shipped(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("shipped") / "lite"
    ship(parts / "gpt.ckpt", parts / "sovits.pth", parts / "student.safetensors", "nothing at all", out)
    return out


def test_what_ships_loads_and_hears_the_same_codes(parts: Path, shipped: Path) -> None:
    models = load_models(shipped)
    content, _, _ = read_student(parts / "student.safetensors")
    sound = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(1))
    features = content(sound)[None]
    before = read_sovits(parts / "sovits.pth").codes(features)
    assert models.content is not None
    assert torch.equal(models.sovits.codes(models.content(sound)[None]), before)
    assert models.hashes.keys() == {"gpt", "sovits", "content"}
    assert models.reader is not None
    hidden, scores = models.reader(models.sovits.quantizer.decode(before))
    assert hidden.shape == (1, 2 * before.shape[2], WIDTH)
    assert scores.shape == (1, 2 * before.shape[2], 733)


def test_it_speaks_in_the_manner_of_a_reference(shipped: Path) -> None:
    cloner = Cloner.load(shipped)
    reference = Reference(0.1 * torch.randn(4 * 16_000, generator=torch.Generator().manual_seed(2)), 16_000)
    with_text = cloner._render("A word.", reference, "Some words that it says.")
    assert len(with_text.samples) > 0
    assert cloner.reader is not None


def test_cards_say_what_it_is(shipped: Path) -> None:
    assert lite_folder(shipped) == shipped
    card = read_card(shipped / "sovits.yaml", ModelCard)
    assert (card.kind, card.training_data) == ("sovits", "nothing at all")
    assert {"F16", "F32", "I8"} >= set(card.types) >= {"F16", "F32"}
    with safe_open(shipped / "content.safetensors", framework="pt") as file:
        assert not [name for name in file.keys() if name.startswith(EXACT)]  # noqa: SIM118 (the SoVITS has them)
    with pytest.raises(VoxproofError, match="not part of this version"):
        lite_folder(shipped.parent)


def test_it_is_fine_tuned_without_a_posterior(shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One command from recordings to a folder that loads; codes and places come from its own student."""
    monkeypatch.setattr("synth.models.lite.FOLDER", shipped)
    monkeypatch.setattr("synth.train.batches.FEWEST", 3)  # no repetition
    monkeypatch.setattr("synth.train.s2.CodesToSound.picture", lambda recipe, index: {})
    sound = read(CLIPS / "vm-intro.wav")
    for place in range(3):
        write(tmp_path / f"{place}.wav", sound.mono[place * sound.rate : (place + 1) * sound.rate], sound.rate)
    lines = [f"{place}.wav|allison|en|Please leave." for place in range(3)]
    (tmp_path / "voice.list").write_text("\n".join(lines) + "\n")
    arguments = [
        "finetune", tmp_path / "voice.list", "--out", tmp_path / "run", "--snr", -20, "--batch", 2, "--gpt-epochs", 1,
        "--sovits-epochs", 1, "--rate", 1e-3, "--json",
    ]  # fmt: skip
    result = CliRunner().invoke(voxproof, [str(part) for part in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["s2"]["last"]["attention"] > 0  # it was shown where its phones are
    tuned, before = load_models(report["model"]), load_models(shipped)
    assert tuned.content is not None
    sample = 0.1 * torch.randn(16_000, generator=torch.Generator().manual_seed(1))
    codes = [one.sovits.codes(one.content(sample)[None]) for one in (tuned, before) if one.content]
    assert torch.equal(*codes)
    assert not torch.equal(tuned.sovits.dec.head.weight, before.sovits.dec.head.weight)
    half = tuned.sovits.config.inter_channels  # no posterior has taught the prior its width: it is drawn without noise
    assert (tuned.sovits.enc_p.proj.bias[half:] == -20).all()
    assert not tuned.sovits.enc_p.proj.weight[half:].any()
    texts = zip(tuned.gpt.parameters(), before.gpt.parameters(), strict=True)
    assert any(not torch.equal(one, other) for one, other in texts)
    only_one = CliRunner().invoke(voxproof, ["finetune", "a.list", "--out", str(tmp_path / "x"), "--gpt", "a.ckpt"])
    assert (only_one.exit_code, "neither for the lite voice" in only_one.output) == (2, True)


def test_weights_that_were_changed_are_refused(shipped: Path, tmp_path: Path) -> None:
    for file in shipped.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    damaged = bytearray((tmp_path / "content.safetensors").read_bytes())
    damaged[-1] ^= 1
    (tmp_path / "content.safetensors").write_bytes(damaged)
    with pytest.raises(VoxproofError, match="differ from their card"):
        load_models(tmp_path)
