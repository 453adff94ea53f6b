"""Training of both models on a toy task: losses, accumulation, ragged batches, what is exported."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training is not tested: torch (extra `train`) is not installed")

from train_material import made_data, s1_recipe, s2_recipe, small_gpt, small_sovits  # noqa: E402

from synth.checkpoint import read_checkpoint  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import GPT  # noqa: E402
from synth.sovits import SovitsConfig  # noqa: E402
from synth.train.distributed import Team  # noqa: E402
from synth.train.dpo import log_probabilities, preference_loss, rejected  # noqa: E402
from synth.train.log import read_log  # noqa: E402
from synth.train.precision import Mixed  # noqa: E402
from synth.train.run import RunConfig, train  # noqa: E402
from synth.train.s1 import S1Config, TextToCodes, misheard  # noqa: E402
from synth.train.s2 import CodesToSound, S2Config  # noqa: E402
from synth.train.shards import Prepared  # noqa: E402
from synth.train.start import SmallDiscriminators, read_gpt, read_sovits  # noqa: E402


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return made_data(tmp_path_factory.mktemp("prepared"))


def weights(recipe, name: str) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in recipe.networks[name].state_dict().items()}


def furthest(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    return max(float((a[name].float() - b[name].float()).abs().max()) for name in a)


def apart(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> float:
    """Euclidean distance of all weights."""
    return float(torch.stack([(a[name].double() - b[name].double()).square().sum() for name in a]).sum().sqrt())


def test_s1_learns_and_its_export_is_an_official_checkpoint(data: Prepared, tmp_path: Path) -> None:
    recipe = s1_recipe(data, dropout=0.0)
    summary = train(recipe, tmp_path, RunConfig(epochs=4, batch=10, validation=0.0))
    losses = [line["loss"] for line in read_log(tmp_path)]
    assert len(losses) == summary.steps == 40
    assert losses[0] == pytest.approx(6.9, abs=0.4)  # of 1025 codes all are as likely
    assert losses[-1] < 0.8 * losses[0]
    assert summary.last["top3"] > summary.first["top3"]
    (path,) = summary.exported
    assert Path(path).name == "gpt-e4-s40.ckpt"
    found = read_checkpoint(path)
    assert (found.kind, found.version, found.info) == ("gpt", "v2", "GPT-e4")
    assert found.text_pipeline == data.text_pipeline
    back = read_gpt(path)
    assert back.config.layers == 2
    assert furthest(back.state_dict(), recipe.model.state_dict()) < 2e-3  # half precision


def test_s2_learns_and_its_export_is_an_official_checkpoint(data: Prepared, tmp_path: Path) -> None:
    recipe = s2_recipe(data, S2Config(rate=2e-3))
    before = weights(recipe, "generator")
    config = RunConfig(epochs=9, batch=3, validation=0.2, most_steps=10)
    summary = train(recipe, tmp_path, config)
    lines = read_log(tmp_path)
    mels = [line["mel"] for line in lines if line["kind"] == "train"]
    assert sum(mels[-3:]) < 0.9 * sum(mels[:3])
    assert summary.last["discriminators"] < summary.first["discriminators"]
    assert summary.last["commitment"] == 0.0  # the token extractor is frozen
    assert set(summary.validation) == {"mel", "kl"}
    assert {line["kind"] for line in lines} == {"train", "validation"}
    after = weights(recipe, "generator")
    still = {name for name in before if torch.equal(before[name], after[name])}
    assert {name.split(".")[0] for name in still} == {"ssl_proj", "quantizer"}
    (path,) = summary.exported
    found = read_checkpoint(path)
    assert (found.kind, found.version, found.info) == ("sovits", "v2", f"{int(summary.epochs) + 1}epoch_10iteration")
    assert not any(name.startswith("enc_q.") for name in found.weight)
    assert read_sovits(path).config == recipe.model.config
    assert len(list((tmp_path / "pictures").glob("*.png"))) >= 1
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".wav", ".flac", ".mp3", ".npy")]  # never sound


def test_a_free_codebook_is_learnt(data: Prepared) -> None:
    recipe = s2_recipe(data, frozen=False)
    before = weights(recipe, "generator")
    torch.manual_seed(0)
    values = recipe.step([recipe.batch([0, 1, 2])], 5)
    after = weights(recipe, "generator")
    assert values["commitment"] > 0
    assert float(after["quantizer.vq.layers.0._codebook.inited"]) == 1.0
    assert not torch.equal(before["ssl_proj.weight"], after["ssl_proj.weight"])


def test_s1_accumulation_is_one_big_batch(data: Prepared) -> None:
    """Ragged rows too: padding counts for nothing."""
    ends, values = [], []
    for parts in ([[0, 1, 2, 3, 4, 5]], [[0, 1], [2, 3, 4], [5]]):
        recipe = s1_recipe(data, dropout=0.0)
        values.append([recipe.step([recipe.batch(part) for part in parts], 3) for _ in range(3)][-1])
        ends.append(weights(recipe, "gpt"))
    assert values[0]["loss"] == pytest.approx(values[1]["loss"], rel=1e-5)
    assert values[0]["top3"] == pytest.approx(values[1]["top3"])
    assert furthest(*ends) < 2e-5


def test_s2_accumulation_is_one_big_batch(tmp_path: Path) -> None:
    """Of equally long recordings: what each draws is its own, and the discriminators change before the generator.

    With plain gradient steps, since Adam's first steps are as large where a gradient is mere rounding.
    """
    data = made_data(tmp_path, seconds=(0.48,) * 4)
    ends, values = [], []
    for parts in ([[0, 1, 2, 3]], [[0, 1], [2, 3]]):
        recipe = s2_recipe(data, dropout=0.0)
        recipe.optimisers = {
            name: torch.optim.SGD(network.parameters(), lr=1e-3) for name, network in recipe.networks.items()
        }
        values.append([recipe.step([recipe.batch(part) for part in parts], 3) for _ in range(2)][-1])
        ends.append({name: weights(recipe, name) for name in recipe.networks})
    for name in values[0]:
        assert values[0][name] == pytest.approx(values[1][name], rel=1e-4, abs=1e-6)
    begun = s2_recipe(data, dropout=0.0)
    for name in begun.networks:
        assert apart(ends[0][name], ends[1][name]) < 1e-3 * apart(ends[0][name], weights(begun, name))


def test_rows_of_a_ragged_batch_are_those_alone(data: Prepared) -> None:
    recipe = s1_recipe(data, dropout=0.0)
    together = recipe.batch([1, 3])
    assert together.phoneme_lens[0] != together.phoneme_lens[1]
    alone = [recipe.validate(recipe.batch([index]), 0)["loss"] for index in (1, 3)]
    counts = [int(length) + 1 for length in together.code_lens]
    joined = recipe.validate(together, 0)["loss"]
    assert joined == pytest.approx(sum(a * c for a, c in zip(alone, counts, strict=True)) / sum(counts), rel=1e-5)


def test_s2_batch_is_padded_to_even_frames_and_at_least_one_slice(data: Prepared) -> None:
    recipe = s2_recipe(data)
    batch = recipe.batch([0, 1])
    assert batch.lengths.tolist() == [35, 65]
    assert batch.spectrum.shape == (2, 1025, 66)
    assert batch.content.shape == (2, 768, 66)
    assert batch.wave.shape == (2, 1, 66 * 640)
    recipe.model.config = SovitsConfig(**recipe.model.config.to_mapping() | {"segment_frames": 80})
    assert recipe.batch([0]).spectrum.shape[2] == 80


def test_draws_belong_to_the_recording(data: Prepared) -> None:
    recipe = s2_recipe(data)
    alone, places = recipe._draws(recipe.batch([3]), 9)
    batch = recipe.batch([1, 3])
    noise, both = recipe._draws(batch, 9)
    length = int(batch.lengths[1])
    assert torch.equal(noise[1, :, :length], alone[0, :, :length])
    assert float(both[1]) == float(places[0]) != float(both[0])
    assert not torch.equal(recipe._draws(batch, 10)[0], noise)


@given(st.lists(st.integers(0, 1023), min_size=1, max_size=40), st.integers(0, 10_000))
def test_rejected_codes_repeat_or_leave_out_one_span(codes: list[int], seed: int) -> None:
    other = rejected(torch.tensor(codes), torch.Generator().manual_seed(seed)).tolist()
    assert len(other) > 0
    assert len(other) != len(codes)
    change = abs(len(other) - len(codes))
    shorter, longer = sorted((codes, other), key=len)
    assert any(longer[:at] + longer[at + change :] == shorter for at in range(len(shorter) + 1))


def test_preference_falls_when_it_is_trained(data: Prepared) -> None:
    recipe = s1_recipe(data, S1Config(rate=0.02, dpo=True), dropout=0.0)
    batch = recipe.batch(range(10))
    values = [recipe.step([batch], seed) for seed in range(25)]
    assert sum(v["preference"] for v in values[-5:]) < sum(v["preference"] for v in values[:5])


def test_log_probabilities_are_the_cross_entropy() -> None:
    torch.manual_seed(1)
    logits, codes, lens = torch.randn(2, 6, 1025), torch.randint(0, 1024, (2, 5)), torch.tensor([5, 3])
    loss = GPT(small_gpt().config).score(logits, codes, lens).loss
    each = log_probabilities(logits, codes, lens)
    assert float(-each.sum()) == pytest.approx(float(loss), rel=1e-6)
    assert float(preference_loss(each, each)) == pytest.approx(0.6931, abs=1e-4)


def test_a_share_of_the_history_is_replaced_by_codes_of_the_batch() -> None:
    codes = torch.arange(1, 2001).reshape(2, 1000)
    lengths = torch.tensor([1000, 400])
    other = misheard(codes, lengths, 0.2, torch.Generator().manual_seed(3))
    changed = other != codes
    assert float(changed.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert not ((other[changed] > 1400) | (other[changed] < 1)).any()
    assert torch.equal(misheard(codes, lengths, 0.0, torch.Generator().manual_seed(3)), codes)


def test_noise_of_the_history_leaves_what_is_to_be_foretold(data: Prepared) -> None:
    plain, noisy = (s1_recipe(data, S1Config(history_noise=share), dropout=0.0) for share in (0.0, 0.9))
    noisy.model.load_state_dict(plain.model.state_dict())
    batch = plain.batch(range(4))
    with torch.no_grad():
        scored, other = (recipe._losses(batch, 1)[0] for recipe in (plain, noisy))
    assert float(other.loss) != pytest.approx(float(scored.loss), rel=1e-4)
    assert other.positions == scored.positions
    assert float(noisy.validate(batch, 1)["loss"]) == pytest.approx(plain.validate(batch, 1)["loss"], rel=1e-5)


def test_rates_of_s2(data: Prepared) -> None:
    recipe = s2_recipe(data, S2Config(rate=1e-4, text_rate=0.4))
    recipe.begin_epoch(3)
    rest, text = recipe.optimisers["generator"].param_groups
    assert rest["lr"] == pytest.approx(1e-4 * 0.999875**3)
    assert text["lr"] == pytest.approx(0.4e-4 * 0.999875**3)
    readers = sum(p.numel() for n, p in recipe.model.enc_p.named_parameters() if n.split(".")[0] in
                  ("text_embedding", "encoder_text", "mrte"))  # fmt: skip
    assert sum(p.numel() for p in text["params"]) == readers
    assert text["betas"] == (0.8, 0.99)
    assert text["eps"] == 1e-9


def test_a_loss_that_is_no_number_stops_the_training(data: Prepared, tmp_path: Path) -> None:
    recipe = s1_recipe(data)
    recipe.model.ar_predict_layer.weight.data[5] = torch.nan
    with pytest.raises(VoxproofError, match="no number at step 1"):
        train(recipe, tmp_path, RunConfig(epochs=1, batch=4))


def test_what_cannot_be_trained_is_refused(data: Prepared, tmp_path: Path) -> None:
    without = small_sovits()
    without.enc_q = None
    with pytest.raises(VoxproofError, match="posterior encoder"):
        CodesToSound(without, SmallDiscriminators(), data, S2Config(), Team())
    v1 = small_gpt().config.__class__(phonemes=40, width=16, heads=2, layers=1)
    with pytest.raises(VoxproofError, match="beyond the model's 40"):
        TextToCodes(GPT(v1), data, S1Config(), Team())
    with pytest.raises(VoxproofError, match="float16"):
        Mixed("float16", torch.device("cpu"))
    bare = made_data(tmp_path / "bare")
    (tmp_path / "bare" / "codes-00000.safetensors").unlink()
    with pytest.raises(VoxproofError, match="no semantic codes"):
        s1_recipe(bare)


def test_bfloat16_trains(data: Prepared) -> None:
    recipe = s1_recipe(data, S1Config(rate=0.02, precision="bfloat16"), dropout=0.0)
    exact = s1_recipe(data, dropout=0.0)
    batch = recipe.batch([0, 1])
    assert recipe.step([batch], 1)["loss"] == pytest.approx(exact.step([batch], 1)["loss"], rel=2e-2)
    assert all(p.dtype == torch.float32 for p in recipe.model.parameters())
