"""Training of v3 and v4, whole and by low-rank changes: the loss, what learns, and the files that come out."""

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from train_material import flow_recipe, made_data, small_flow  # noqa: E402

from synth import mel  # noqa: E402
from synth.checkpoint import Checkpoint, merged, read_checkpoint, write_checkpoint  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.models.importing import import_checkpoint  # noqa: E402
from synth.sovits_flow import FlowSovits  # noqa: E402
from synth.train.distributed import Team  # noqa: E402
from synth.train.log import read_log  # noqa: E402
from synth.train.low_rank import learn_low_rank  # noqa: E402
from synth.train.run import RunConfig, train  # noqa: E402
from synth.train.s2_flow import CodesToMel, FlowConfig  # noqa: E402
from synth.train.shards import Prepared  # noqa: E402
from synth.train.start import read_sovits  # noqa: E402
from synth.train.state import STATE, Position, frozen_digest, load_state, save_state  # noqa: E402

LORA = {f"to_{part}.lora_{x}.default.weight" for part in ("q", "k", "v", "out.0") for x in "AB"}
FEW = RunConfig(epochs=9, batch=3, validation=0.2, most_steps=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return made_data(tmp_path_factory.mktemp("prepared"))


def weights(recipe: CodesToMel) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in recipe.model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def seed_of(recipe: CodesToMel, kind: str) -> int:
    """The first seed whose step has this kind of loss."""
    return next(seed for seed in range(100) if recipe.kind(seed) == kind)


def base_file(folder: Path, version: str = "v4") -> Path:
    """An s2G file of the small model, as a training exports it."""
    model = small_flow(version)  # type: ignore[arg-type]
    weight = {name: value.half() for name, value in model.state_dict().items()}
    config = {"model": model.config.to_mapping(), "version": version}
    path = folder / f"s2G{version}.pth"
    write_checkpoint(Checkpoint("flow-matching", version, weight, config), path)  # type: ignore[arg-type]
    return path


# What is learnt


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_batches_have_the_mels_of_the_version(version: str, data: Prepared) -> None:
    recipe = flow_recipe(data, version=version)  # type: ignore[arg-type]
    batch = recipe.batch([0, 1])  # 0.7 and 1.3 s
    assert batch.mel_lengths.tolist() == {"v3": [65, 121], "v4": [70, 130]}[version]
    assert batch.lengths.tolist() == [35, 65]
    assert batch.content.shape == (2, 768, 66)
    assert batch.mels.shape == (2, 100, int(batch.mel_lengths[1]))
    if version == "v4":
        alone = mel.mel_spectrogram(data.sound(data.entries[0])[None], mel.V4)
        assert torch.equal(batch.mels[0, :, :70], alone[0])


def test_a_steps_loss_is_the_formula(data: Prepared) -> None:
    """Of two recordings: mean square of (mel - noise) - velocity over the frames beyond each prompt, written out."""
    recipe = flow_recipe(data, dropout=0.0)
    seed = seed_of(recipe, "flow")
    batch = recipe.batch([0, 2])
    draws = recipe._draws(batch, seed, shortcut=False)
    model, wanted = recipe.model, []
    for row in range(2):
        frames, latents = int(batch.mel_lengths[row]), int(batch.lengths[row])
        with torch.no_grad():
            voice = model.voice(batch.spectrum[row : row + 1, :, :latents])
            tokens = model.quantizer.decode(model.codes(batch.content[row : row + 1])).repeat_interleave(2, dim=-1)
            real = (torch.arange(tokens.shape[2]) < latents).float()[None, None]
            text = batch.phonemes[row : row + 1, : int(batch.phoneme_lens[row])]
            prior = model.enc_p(tokens, real, text, torch.ones(1, 1, text.shape[1]), voice)
            wide = model.bridge(prior.features).repeat_interleave(2, dim=-1)[..., :frames]
            features = model.wns1(wide, torch.ones(1, 1, frames), voice)
            x1, x0 = mel.normalised(batch.mels[row : row + 1, :, :frames]), draws.noise[row : row + 1, :, :frames]
            prompt, time = int(draws.shares[row] * frames * 2 / 3), draws.time[row]
            x = (1 - time) * x0 + time * x1
            x[..., :prompt] = 0
            given = torch.cat([x1[..., :prompt], torch.zeros_like(x1[..., prompt:])], dim=-1)
            condition = model.cfm.estimator.condition(features, given)
            velocity = model.cfm.estimator(x, time[None], torch.zeros(1), condition)
            wanted.append(float((velocity - (x1 - x0))[..., prompt:].square().mean()))
    assert 0 < int(draws.shares[0] * 70 * 2 / 3) < 47
    assert recipe.step([batch], seed) == {"flow": pytest.approx(sum(wanted) / 2, rel=2e-5)}


def test_three_steps_in_ten_learn_from_half_steps(data: Prepared) -> None:
    recipe = flow_recipe(data)
    kinds = [recipe.kind(seed) for seed in range(1000)]
    assert kinds.count("shortcut") == pytest.approx(300, abs=45)
    batch = recipe.batch([0, 1, 2])
    halves = [recipe._draws(batch, seed, shortcut=True).shortcut for seed in range(40)]
    assert {float(half) for row in halves for half in row} == {2.0**-k for k in range(2, 8)}
    assert set(recipe.step([batch], seed_of(recipe, "shortcut"))) == {"shortcut"}


def test_draws_belong_to_the_recording(data: Prepared) -> None:
    recipe = flow_recipe(data)
    alone, both = (recipe._draws(recipe.batch(indices), 9, shortcut=True) for indices in ([3], [1, 3]))
    length = int(recipe.batch([3]).mel_lengths[0])
    assert torch.equal(alone.noise[0, :, :length], both.noise[1, :, :length])
    for name in ("shares", "time", "shortcut"):
        assert getattr(alone, name)[0] == getattr(both, name)[1] != getattr(both, name)[0]


def test_accumulation_is_one_big_batch(data: Prepared) -> None:
    """Ragged batches too; with plain gradient steps, since Adam's first are as large where a gradient is rounding."""
    kind = "shortcut"
    ends, values = [], []
    for parts in ([[0, 1, 3]], [[0], [1, 3]]):
        recipe = flow_recipe(data, dropout=0.0)
        recipe.optimisers = {"generator": torch.optim.SGD(recipe.model.parameters(), lr=1e-2)}
        values.append(recipe.step([recipe.batch(part) for part in parts], seed_of(recipe, kind))[kind])
        ends.append(weights(recipe))
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    assert max(float((ends[0][name] - ends[1][name]).abs().max()) for name in ends[0]) < 1e-6


def test_the_text_side_is_frozen_and_the_rest_learns(data: Prepared, tmp_path: Path) -> None:
    recipe = flow_recipe(data, FlowConfig(rate=4e-3))
    before = weights(recipe)
    summary = train(recipe, tmp_path, replace(FEW, most_steps=9))
    flows = [line["flow"] for line in read_log(tmp_path) if line["kind"] == "train" and "flow" in line]
    assert sum(flows[-3:]) < 0.8 * sum(flows[:3])
    assert set(summary.last) == {"flow", "shortcut"} == set(summary.first)
    assert set(summary.validation) == {"flow"}
    still = before.keys() - changed(before, weights(recipe))
    assert {name.split(".")[0] for name in still} == {"enc_p", "ssl_proj", "quantizer", "linear_mel", "cfm"}
    assert {name for name in still if name.startswith("cfm.")} == {"cfm.estimator.rotary_embed.inv_freq"}
    assert len(list((tmp_path / "pictures").glob("*.png"))) >= 1
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".wav", ".flac", ".mp3", ".npy")]  # never sound
    (path,) = summary.exported
    found = read_checkpoint(path)
    assert (found.kind, found.version, found.lora_rank) == ("flow-matching", "v4", None)
    assert Path(path).read_bytes()[:2] == b"PK"  # as the reference writes it
    back = read_sovits(path)
    assert back.config == recipe.model.config
    for name, value in recipe.model.state_dict().items():
        assert torch.equal(back.state_dict()[name], value.half().float()), name


def test_a_free_text_side_is_learnt_from_nothing(data: Prepared) -> None:
    recipe = flow_recipe(data, version="v3", frozen=False)
    before = weights(recipe)
    torch.manual_seed(0)
    recipe.step([recipe.batch([0, 1])], seed_of(recipe, "flow"))
    still = before.keys() - changed(before, weights(recipe))
    assert {name.split(".")[0] for name in still} == {"linear_mel", "cfm"} | {"enc_p"}
    assert {name for name in still if name.startswith("enc_p.")} == {"enc_p.proj.weight", "enc_p.proj.bias"}
    assert float(recipe.model.quantizer.codebook.inited) == 1.0


def test_bfloat16_trains(data: Prepared) -> None:
    """Every weight that learns gets its gradient, also after half steps were made without one."""
    kind = "shortcut"
    exact, recipe = flow_recipe(data, dropout=0.0), flow_recipe(data, FlowConfig(precision="bfloat16"), dropout=0.0)
    seed, batch = seed_of(recipe, kind), recipe.batch([0, 1])
    assert recipe.step([batch], seed)[kind] == pytest.approx(exact.step([batch], seed)[kind], rel=3e-2)
    learns = [p for name, p in recipe.model.named_parameters() if p.requires_grad and "linear_mel" not in name]
    assert all(p.dtype == torch.float32 and p.grad is not None and bool(p.grad.any()) for p in learns)


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("kind", ["flow", "shortcut"])
def test_what_is_computed_again_is_not_kept_and_gives_the_same_gradients(data: Prepared, kind: str, rank: int) -> None:
    kept, gradients = [], []
    for recompute in (False, True):
        recipe = flow_recipe(data, FlowConfig(rank=rank, recompute=recompute))  # with dropout in the voice
        saved: list[int] = []

        def pack(value: torch.Tensor, saved: list[int] = saved) -> torch.Tensor:
            saved.append(value.numel())
            return value

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            recipe.step([recipe.batch([0, 1])], seed_of(recipe, kind))
        kept.append(len(saved))
        gradients.append({name: p.grad for name, p in recipe.model.named_parameters() if p.grad is not None})
        assert "recompute" not in recipe.settings()
    assert kept[1] < kept[0] - 2 * 20  # two layers, of a good twenty tensors at the least
    assert gradients[0].keys() == gradients[1].keys()
    assert any(".transformer_blocks.1." in name for name in gradients[0])
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-5, atol=1e-7, msg=name)


def test_long_recordings_are_left_out(tmp_path: Path) -> None:
    data = made_data(tmp_path, seconds=(0.7, 20.5))
    assert [entry.line for entry in flow_recipe(data).entries] == [1]
    with pytest.raises(VoxproofError, match="no recording of at most 20 s"):
        flow_recipe(made_data(tmp_path / "long", seconds=(21.0,)))


# Low-rank changes


def test_a_fresh_change_changes_nothing() -> None:
    model = small_flow()
    mu, x = torch.randn(1, 16, 12), torch.randn(1, 100, 12)
    condition = model.cfm.estimator.condition(mu, 0 * x)
    before = model.cfm.estimator(x, torch.tensor([0.5]), torch.zeros(1), condition)
    learn_low_rank(model.cfm, 4)
    assert torch.equal(model.cfm.estimator(x, torch.tensor([0.5]), torch.zeros(1), condition), before)
    learns = {name for name, p in model.cfm.named_parameters() if p.requires_grad}
    assert len(learns) == 2 * 8
    assert {name.split(".attn.")[1] for name in learns} == LORA
    with pytest.raises(VoxproofError, match="a rank of 33 is not 1 to 32"):
        learn_low_rank(small_flow().cfm, 33)


def test_low_rank_changes_come_out_in_the_official_container_and_go_into_their_base(
    data: Prepared, tmp_path: Path
) -> None:
    base_path = base_file(tmp_path)
    recipe = CodesToMel(read_sovits(base_path), data, FlowConfig(rate=5e-3, rank=4), Team())  # type: ignore[arg-type]
    before = weights(recipe)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "picture", lambda index: {})
        summary = train(recipe, tmp_path / "run", replace(FEW, most_steps=2))
    moved = changed(before, weights(recipe))
    assert {name.split(".")[0] for name in moved} == {"ref_enc", "bridge", "wns1", "cfm"}
    assert {name.split(".attn.")[-1] for name in moved if name.startswith("cfm.")} == LORA

    (path,) = summary.exported
    assert Path(path).read_bytes()[:4] == b"04\x03\x04"
    lora = read_checkpoint(path)
    assert (lora.kind, lora.version, lora.lora_rank) == ("lora", "v4", 4)
    assert lora.info == f"{int(summary.epochs) + 1}epoch_2iteration"
    assert {value.dtype for value in lora.weight.values()} == {torch.float16}
    roots = {name.split(".")[0] for name in lora.weight}
    assert roots == {"ref_enc", "bridge", "wns1", "linear_mel", "quantizer", "cfm"}  # no enc_p, no ssl_proj
    stem = "cfm.base_model.model.estimator."
    inside = {name.removeprefix(stem) for name in lora.weight if name.startswith("cfm.")}
    pairs = {f"transformer_blocks.{n}.attn.{part}" for n in range(2) for part in LORA}
    assert inside == pairs | {"rotary_embed.inv_freq"}

    base = read_checkpoint(base_path)
    whole = merged(lora, base)
    for block in range(2):
        for part in ("to_q", "to_k", "to_v", "to_out.0"):
            name = f"transformer_blocks.{block}.attn.{part}"
            a, b = (lora.weight[f"{stem}{name}.lora_{x}.default.weight"].float() for x in "AB")
            assert a.any()
            assert b.any()
            wanted = base.weight[f"cfm.estimator.{name}.weight"].float() + b @ a
            assert torch.equal(whole.weight[f"cfm.estimator.{name}.weight"], wanted)
    assert torch.equal(whole.weight["bridge.0.bias"], recipe.model.bridge[0].bias.detach().half())
    assert torch.equal(whole.weight["enc_p.proj.weight"], base.weight["enc_p.proj.weight"])

    import_checkpoint(Path(path), tmp_path / "models", base=base_path, name="anna")  # the importer merges the same
    from safetensors.torch import load_file

    imported = load_file(tmp_path / "models" / "anna.safetensors")
    assert imported.keys() == whole.weight.keys()
    assert all(torch.equal(imported[name], value) for name, value in whole.weight.items())

    together = FlowSovits(replace(recipe.model.config))
    together.load_weights({name: value.float() for name, value in whole.weight.items()})
    batch, values = recipe.batch([0, 3]), []
    for model in (recipe.model.eval(), together.eval()):
        recipe.model = model
        values.append(recipe.validate(batch, 5)["flow"])
    assert values[1] == pytest.approx(values[0], rel=2e-3)  # half precision of the file


def test_the_state_of_low_rank_changes_is_small_and_belongs_to_one_base(data: Prepared, tmp_path: Path) -> None:
    from safetensors import safe_open

    recipe = flow_recipe(data, FlowConfig(rank=2))
    save_state(tmp_path / STATE, Position(), {}, recipe.networks, recipe.optimisers, {})
    with safe_open(tmp_path / STATE, framework="pt") as file:
        kept = {name.removeprefix("network/generator/") for name in file.keys() if name.startswith("network/")}  # noqa: SIM118
    assert not [name for name in kept if "base_layer" in name or name.startswith(("enc_p.", "ssl_proj."))]
    assert len([name for name in kept if "lora_" in name]) == 16
    other = flow_recipe(data, FlowConfig(rank=2))
    other.model.enc_p.proj.bias.data += 1
    kept_of = [{"frozen weights": frozen_digest(made.networks)} for made in (recipe, other)]
    assert kept_of[0] == {"frozen weights": frozen_digest(flow_recipe(data, FlowConfig(rank=2)).networks)}
    save_state(tmp_path / STATE, Position(), kept_of[0], recipe.networks, recipe.optimisers, {})
    with pytest.raises(VoxproofError, match="other settings: frozen weights was"):
        load_state(tmp_path / STATE, kept_of[1], other.networks, other.optimisers)


def test_files_of_v3_and_v4_are_told_apart(tmp_path: Path) -> None:
    """By what the configuration states at its top; the sizes are in it, too."""
    for version in ("v3", "v4"):
        model = read_sovits(base_file(tmp_path, version))
        assert isinstance(model, FlowSovits)
        assert model.config.version == version
        assert model.config.freeze_quantizer
    nameless = tmp_path / "nameless.pth"
    found = read_checkpoint(tmp_path / "s2Gv3.pth")
    config = {"model": found.config["model"]}
    write_checkpoint(replace(found, config=config), nameless)
    with pytest.raises(VoxproofError, match="nothing in the file says which"):
        read_sovits(nameless, "v2")
    assert read_sovits(nameless, "v3").config.version == "v3"
    odd = {"model": found.config["model"] | {"transformer": {"width": 10**9}}, "version": "v3"}
    write_checkpoint(replace(found, config=odd), nameless)
    with pytest.raises(VoxproofError, match="the configuration's width is '1000000000'"):
        read_checkpoint(nameless)
