"""What a training from nothing leaves for others to start from, and what it writes for TensorBoard."""

import io
import sys
import types
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from train_material import made_data, s2_recipe, small_flow, small_sovits  # noqa: E402

from synth.checkpoint import Checkpoint, read_checkpoint, write_checkpoint  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.sovits import Sovits, SovitsConfig  # noqa: E402
from synth.train.log import Log  # noqa: E402
from synth.train.run import RunConfig, train  # noqa: E402
from synth.train.start import fresh, read_discriminators, read_sovits  # noqa: E402

OFFICIAL = {
    "inter_channels", "hidden_channels", "filter_channels", "n_heads", "n_layers", "kernel_size", "p_dropout",
    "resblock", "resblock_kernel_sizes", "resblock_dilation_sizes", "upsample_rates", "upsample_initial_channel",
    "upsample_kernel_sizes", "gin_channels", "semantic_frame_rate", "freeze_quantizer", "version",
}  # fmt: skip
"""Sizes that the reference's models are built from."""


def test_a_training_from_nothing_leaves_s2g_and_s2d(tmp_path: Path) -> None:
    recipe = s2_recipe(made_data(tmp_path / "data"), frozen=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "picture", lambda index: {})
        config = RunConfig(epochs=1, batch=1, validation=0.0, most_steps=1, beginnings=True)
        summary = train(recipe, tmp_path / "run", config)
    paths = {Path(path).name.split("-")[0]: Path(path) for path in summary.exported}
    assert [path.name for path in paths.values()] == ["sovits-e1-s1.pth", "s2G-e1-s1.pth", "s2D-e1-s1.pth"]

    found = read_checkpoint(paths["s2G"])
    own = recipe.model.state_dict()
    assert found.kind == "sovits"
    assert found.weight.keys() == own.keys()
    assert {name.split(".")[0] for name in own} - {
        name.split(".")[0] for name in read_checkpoint(paths["sovits"]).weight
    } == {"enc_q"}
    assert all(torch.equal(found.weight[name], value.half()) for name, value in own.items())
    again = read_sovits(paths["s2G"])
    assert isinstance(again, Sovits)
    assert again.enc_q is not None
    assert again.config.freeze_quantizer
    judges = read_discriminators(paths["s2D"], "v2").state_dict()
    assert all(
        torch.equal(judges[name], value.half().float()) for name, value in recipe.discriminators.state_dict().items()
    )
    with pytest.raises(VoxproofError, match="is a discriminator, which only training uses"):
        read_checkpoint(paths["s2D"])

    for kind, path in paths.items():  # as the reference opens them
        assert path.read_bytes()[:2] == b"PK"
        with torch.serialization.safe_globals([(types.SimpleNamespace, "utils.HParams")]):
            contents = torch.load(io.BytesIO(path.read_bytes()), weights_only=True)
        assert list(contents) == ["weight", "config", "info"]
        assert {value.dtype for value in contents["weight"].values()} == {torch.float16}
        config = contents["config"]
        assert set(vars(config.model)) >= OFFICIAL, kind
        assert (config.model.resblock, config.model.semantic_frame_rate) == ("1", "25hz")
        assert config.train.segment_size == 12 * 640
        assert (config.data.filter_length, config.data.hop_length, config.data.n_speakers) == (2048, 640, 300)


def test_what_trainings_start_from_bears_no_tag(tmp_path: Path) -> None:
    """The reference's trainer opens it with torch alone, which knows no tags."""
    sizes = {"hidden_channels": 16, "filter_channels": 16, "n_layers": 2, "inter_channels": 8, "gin_channels": 16,
             "upsample_initial_channel": 32}  # fmt: skip
    model = Sovits(SovitsConfig.from_mapping(sizes, "v2Pro"))
    whole = Checkpoint("sovits", "v2Pro", {n: v.half() for n, v in model.state_dict().items()}, {"model": sizes})
    write_checkpoint(whole, tmp_path / "s2G.pth")
    assert (tmp_path / "s2G.pth").read_bytes()[:2] == b"PK"
    assert read_checkpoint(tmp_path / "s2G.pth").version == "v2Pro"


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_tiny_fresh_models_are_of_their_version(version: str) -> None:
    model = fresh("tiny", version)
    assert (model.config.version, model.config.symbols) == (version, {"v1": 322, "v3": 732}[version])
    assert not model.config.freeze_quantizer
    numbers = sum(p.numel() for p in model.parameters())
    assert numbers < 8e6


def test_a_model_of_another_kind_is_no_start(tmp_path: Path) -> None:
    weight = {f"cfm.base_model.model.a.lora_{x}.default.weight": torch.zeros(2, 2) for x in "AB"}
    write_checkpoint(Checkpoint("lora", "v3", weight, {}, lora_rank=2), tmp_path / "lora.pth")
    with pytest.raises(VoxproofError, match="is no SoVITS but a lora"):
        read_sovits(tmp_path / "lora.pth")
    assert small_flow().config.version != small_sovits().config.version


def test_tensorboard_gets_every_loss_and_what_was_undone_is_purged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[object, ...]] = []

    class Writer:
        def __init__(self, folder: str, purge_step: int) -> None:
            calls.append((Path(folder).name, purge_step))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            calls.append((name, value, step))

        def close(self) -> None:
            calls.append(("closed",))

    module = types.ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    log = Log(tmp_path, 4)
    log.add("train", 5, 1, {"flow": 0.5})
    log.add("validation", 5, 1, {"flow": 0.25})
    log.close()
    assert calls == [("tensorboard", 5), ("train/flow", 0.5, 5), ("validation/flow", 0.25, 5), ("closed",)]


def test_the_real_tensorboard_reads_losses_and_pictures(tmp_path: Path) -> None:
    """Of a training that went on from step 4: what was written after it is gone."""
    pytest.importorskip("tensorboard", reason="not tested: tensorboard (extra `clone`) is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for begun, steps in ((0, (4, 5, 6)), (4, (5,))):
        log = Log(tmp_path, begun)
        for step in steps:
            log.add("train", step, 1, {"flow": begun + step / 8})
        log.picture(steps[-1], {"recorded": torch.rand(4, 9), "from its codes": torch.rand(4, 9)})
        log.close()
    seen = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(line.step, line.value) for line in seen.Scalars("train/flow")] == [(4, 0.5), (5, 4.625)]
    (image,) = seen.Images("validation")
    assert image.step == 5
    assert image.encoded_image_string.startswith(b"\x89PNG")
    assert (image.width, image.height) == (800, 440)
