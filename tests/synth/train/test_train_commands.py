"""`voxproof train` and `voxproof finetune`, from a list to official containers."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from train_material import made_data, small_flow, small_gpt, small_sovits  # noqa: E402

from forensics.cli.main import voxproof  # noqa: E402
from synth.audio import read, write  # noqa: E402
from synth.checkpoint import Checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.train.curves import differences, write_figure, write_table  # noqa: E402
from synth.train.log import read_log  # noqa: E402

CLIPS = Path(__file__).parents[2] / "data"


def called(*arguments: object) -> dict:
    """Standard output as JSON."""
    result = CliRunner().invoke(voxproof, [str(part) for part in arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return json.loads(result.stdout)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Three recordings of a second, and one that is not there."""
    sound = read(CLIPS / "vm-intro.wav")
    for place in range(3):
        start = place * sound.rate
        write(tmp_path / f"{place}.wav", sound.mono[start : start + sound.rate], sound.rate)
    lines = [f"{place}.wav|allison|en|Please leave a message." for place in range(4)]
    path = tmp_path / "voice.list"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_finetune(listed: Path, tmp_path: Path) -> None:
    """Prepares, codes, trains both and exports; said again, it has nothing left to do."""
    sovits, gpt = small_sovits(), small_gpt()
    config = {"model": json.loads(json.dumps(sovits.config.to_mapping()))}
    write_checkpoint(Checkpoint("sovits", "v2", sovits.state_dict(), config), tmp_path / "s2G.pth")
    sizes = {
        "phoneme_vocab_size": 732, "vocab_size": 1025, "EOS": 1024, "head": 2, "embedding_dim": 16, "hidden_dim": 16,
        "n_layer": 2, "dropout": 0.0,
    }  # fmt: skip
    weight = {f"model.{name}": value for name, value in gpt.state_dict().items()}
    write_checkpoint(Checkpoint("gpt", "v2", weight, {"model": sizes}), tmp_path / "s1.ckpt")
    arguments = [
        "finetune", listed, "--out", tmp_path / "run", "--gpt", tmp_path / "s1.ckpt", "--sovits", tmp_path / "s2G.pth",
        "--stand-in", "--snr", -20, "--batch", 2, "--gpt-epochs", 1, "--sovits-epochs", 1, "--json",
    ]  # fmt: skip
    import synth.train.start as start

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(start, "fresh_discriminators", lambda size, version: start.SmallDiscriminators())
        patch.setattr("synth.train.batches.FEWEST", 3)  # no repetition
        patch.setattr("synth.train.s2.CodesToSound.picture", lambda recipe, index: {})
        report = called(*arguments)
        again = called(*arguments)
    assert [trouble["line"] for trouble in report["prepared"]["troubles"]] == [4]
    assert report["prepared"]["recordings"] == 3
    assert report["s2"]["steps"] == again["s2"]["resumed_from"] == 2
    assert report["s1"]["steps"] == again["s1"]["resumed_from"] == 1  # two batches, accumulated
    kinds = [read_checkpoint(path).kind for part in ("s1", "s2") for path in report[part]["exported"]]
    assert kinds == ["gpt", "sovits"]
    lines = read_log(tmp_path / "run" / "s2")
    assert differences(lines, lines) == (2, 0.0)
    assert differences(lines, [lines[0] | {"mel": lines[0]["mel"] + 0.5}]) == (1, pytest.approx(0.5))
    write_table(lines, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().startswith("kind,step,epoch,discriminators,adversarial,features,mel,kl")
    write_figure(lines, lines, tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_v4_is_trained_by_the_same_command(tmp_path: Path) -> None:
    data, model = made_data(tmp_path / "data"), small_flow("v4")
    config = {"model": model.config.to_mapping(), "version": "v4"}
    start, old = tmp_path / "s2Gv4.pth", tmp_path / "s2G.pth"
    write_checkpoint(Checkpoint("flow-matching", "v4", model.state_dict(), config), start)
    sovits = small_sovits()
    write_checkpoint(Checkpoint("sovits", "v2", sovits.state_dict(), {"model": sovits.config.to_mapping()}), old)
    run = ["train", "s2", data.folder, "--out", tmp_path / "run", "--steps", 1, "--batch", 1, "--json"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("synth.train.s2_flow.CodesToMel.picture", lambda recipe, index: {})
        report = called(*run, "--start", start, "--lora", 2)
    assert [Path(path).name for path in report["exported"]] == ["sovits-e1-s1.pth"]
    assert read_checkpoint(report["exported"][0]).lora_rank == 2
    for options, words in (
        (["--start", start, "--discriminators", old], "v4 is trained without discriminators"),
        (["--start", old, "--lora", 2], "v2 is trained as a whole; --lora is for v3 and v4"),
    ):
        with pytest.raises(VoxproofError, match=words):
            called(*run, *options)


@pytest.mark.parametrize(("said", "rank", "epochs"), [([], 32, 2), (["--lora", 0, "--sovits-epochs", 5], 0, 5)])
def test_finetune_of_v4_learns_low_rank_changes(
    said: list[object], rank: int, epochs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, seen = small_flow("v4"), {}
    config = {"model": model.config.to_mapping()}  # v3 or v4 is not said
    write_checkpoint(Checkpoint("flow-matching", "v4", model.state_dict(), config), tmp_path / "s2G.pth")
    from forensics.cli import finetune

    def second(data, folder, own, model, **options):
        seen.update(options, version=model.config.version)
        raise VoxproofError("far enough")

    monkeypatch.setattr(finetune, "run_preparation", lambda *args, **hearing: None)
    monkeypatch.setattr(finetune, "run_codes", lambda data, model, reader: "")
    monkeypatch.setattr(finetune, "run_s2", second)
    command = ["finetune", "a.list", "--out", tmp_path / "run", "--gpt", "a.ckpt", "--sovits", tmp_path / "s2G.pth"]
    with pytest.raises(VoxproofError, match="far enough"):
        called(*command, "--stand-in", "--version", "v4", *said)
    assert (seen["version"], seen["lora"], seen["epochs"], seen["rate"]) == ("v4", rank, epochs, 1e-4)


def test_what_is_missing_is_said(listed: Path, tmp_path: Path) -> None:
    with pytest.raises(VoxproofError, match="--hubert DIR, --student FILE, or --stand-in"):
        called("train", "prepare", listed, "--out", tmp_path / "data")
    with pytest.raises(VoxproofError, match="needs the phone teacher"):
        called("train", "prepare", listed, "--out", tmp_path / "data", "--stand-in", "--whisper", tmp_path)
    with pytest.raises(VoxproofError, match="does not exist") as caught:
        called("train", "prepare", tmp_path / "no.list", "--out", tmp_path / "data", "--stand-in")
    assert caught.value.path == str(tmp_path / "no.list")
    with pytest.raises(VoxproofError, match="voxproof train prepare"):
        called("train", "s1", tmp_path / "nothing", "--out", tmp_path / "run")


def test_slice(tmp_path: Path) -> None:
    made = called("train", "slice", CLIPS / "vm-intro.wav", "--out", tmp_path / "pieces", "--json")
    assert all(Path(piece).exists() for piece in made["pieces"])
    assert len(made["pieces"]) >= 1
