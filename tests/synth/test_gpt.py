"""The text-to-semantic model: against the reference's outputs, and against itself in other ways of running it."""

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the clone model is not tested: torch (extra `train`) is not installed")

from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import GPT, GPTConfig, Utterance, sines  # noqa: E402
from synth.sampling import Sampling, penalise, seen_tokens  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
FOLDERS = (SHARED / "parity", ROOT / "tests" / "golden")
fill = runpy.run_path(str(ROOT / "tests" / "golden" / "seeded.py"))["fill"]
parity = runpy.run_path(str(ROOT / "tests" / "parity" / "s1.py"))
TINY = GPTConfig(phonemes=40, vocabulary=33, width=32, heads=4, layers=2, bert=16)
GREEDY_CASES = (
    "greedy_prompt", "greedy_norep", "greedy_reffree", "greedy_long_prompt", "greedy_long_norep",
    "greedy_long_reffree", "greedy_eos",
)  # fmt: skip


def read_golden(tag: str) -> dict[str, Any]:
    for folder in FOLDERS:
        if (file := folder / f"golden-{tag}.pt").exists():
            return torch.load(file, weights_only=True)
    pytest.skip(f"golden-{tag}.pt is neither beside the project nor in tests/golden")


def seeded_model(golden: dict[str, Any], end_scale: float = 1.0) -> GPT:
    model = parity["make_s1"](golden["config"]).eval()
    fill(model, prefix="model.")
    model.ar_predict_layer.weight.data[model.config.end] *= end_scale
    return model


@pytest.fixture(scope="module")
def reduced() -> dict[str, Any]:
    return read_golden("t2s-reduced")


@pytest.fixture(scope="module")
def full() -> tuple[dict[str, Any], GPT]:
    golden = read_golden("t2s-v2-full")
    return golden, seeded_model(golden)


@pytest.fixture
def tiny() -> GPT:
    torch.manual_seed(5)
    model = GPT(TINY).eval()
    model.ar_predict_layer.weight.data *= 3
    return model


def numbers(seed: int, high: int, *shape: int) -> torch.Tensor:
    return torch.randint(high, shape, generator=torch.Generator().manual_seed(seed))


def spoken_to(seed: int, text: int, prompt: int) -> Utterance:
    bert = torch.randn(text, TINY.bert, generator=torch.Generator().manual_seed(seed))
    return Utterance(numbers(seed, TINY.phonemes, text), bert, numbers(seed, TINY.end, prompt))


RAGGED = [(7, 5), (12, 9), (3, 0), (12, 1)]


def ragged() -> list[Utterance]:
    return [spoken_to(i, text, prompt) for i, (text, prompt) in enumerate(RAGGED)]


# --- against the reference --------------------------------------------------------------------------------------------


def check_teacher_forcing(model: GPT, case: dict[str, Any]) -> None:
    with torch.no_grad():
        logits = parity["s1_logits"](
            model, case["phoneme_ids"], case["phoneme_lens"], case["semantic_ids"], case["semantic_lens"], case["bert"]
        )
        score = model.score(logits, case["semantic_ids"], case["semantic_lens"])
    assert float((logits - case["logits"]).abs().max() / case["logits"].abs().max()) < 5e-6
    assert float(score.loss) == pytest.approx(float(case["loss"]), rel=1e-6)
    assert score.positions == case["targets"].numel()
    assert score.top3 == pytest.approx(float(case["top3_acc"]), abs=1e-6)


def check_greedy(model: GPT, case: dict[str, Any]) -> None:
    got = parity["s1_greedy"](
        model, case["phoneme_ids"], case["bert"], case["prompt"],
        case["kwargs"].get("repetition_penalty", 1.35), case["kwargs"]["early_stop_num"],
    )  # fmt: skip
    assert got.tolist() == case["y"].tolist()


def check_batch(model: GPT, case: dict[str, Any]) -> None:
    utterances = [
        Utterance(ids, bert.T, prompt)
        for ids, bert, prompt in zip(case["phoneme_ids"], case["bert"], case["prompt"], strict=True)
    ]
    said = model.generate(utterances, Sampling(top_k=1, most=case["kwargs"]["early_stop_num"]))
    for spoken, utterance, want, count in zip(said, utterances, case["y"], case["idx"], strict=True):
        assert utterance.prompt.tolist() + spoken.tokens.tolist() == want.tolist()
        assert len(spoken.tokens) == int(count)


@pytest.mark.parametrize("name", ["tf_equal", "tf_single"])
def test_teacher_forcing_of_the_reference(reduced: dict[str, Any], name: str) -> None:
    check_teacher_forcing(seeded_model(reduced), reduced["cases"][name])


@pytest.mark.parametrize("name", GREEDY_CASES)
def test_greedy_decoding_of_the_reference(reduced: dict[str, Any], name: str) -> None:
    case = reduced["cases"][name]
    check_greedy(seeded_model(reduced, case.get("eos_row_scale", 1.0)), case)


def test_ragged_batch_of_the_reference(reduced: dict[str, Any]) -> None:
    case = reduced["cases"]["greedy_batch"]
    check_batch(seeded_model(reduced, case["eos_row_scale"]), case)


def test_full_size_against_the_reference(full: tuple[dict[str, Any], GPT]) -> None:
    golden, model = full
    check_teacher_forcing(model, golden["cases"]["tf_single"])
    check_greedy(model, golden["cases"]["greedy_prompt"])
    check_greedy(model, golden["cases"]["greedy_reffree"])


@pytest.mark.parametrize(("version", "phonemes"), [("v1", 512), ("v2", 732)])
def test_keys_and_shapes_are_those_of_the_checkpoints(version: str, phonemes: int) -> None:
    file = SHARED / "design" / "gpt-sovits" / f"keys-{version}.json"
    if not file.exists():
        pytest.skip("the lists of keys are not beside the project")
    listed = json.loads(file.read_text())["s1"]
    with torch.device("meta"):
        model = GPT(GPTConfig(phonemes=phonemes))
    assert {f"model.{k}": list(v.shape) for k, v in model.state_dict().items()} == {k: v[0] for k, v in listed.items()}
    assert len(listed) == 295


def test_the_number_of_parameters_is_the_published_one() -> None:
    with torch.device("meta"):
        counts = [sum(p.numel() for p in GPT(GPTConfig(phonemes=n)).parameters()) for n in (512, 732)]
    assert [round(n / 1e6, 2) for n in counts] == [77.49, 77.61]


def test_at_the_cap_the_first_codes_are_kept_and_only_parity_loses_the_first(reduced: dict[str, Any]) -> None:
    case = reduced["cases"]["greedy_long_prompt"]
    model = seeded_model(reduced, case["eos_row_scale"])
    utterance = Utterance(case["phoneme_ids"][0], case["bert"][0].T, case["prompt"][0])
    raw = case["y"][0, 40:].tolist()  # 61 codes
    sampling = Sampling(top_k=1, most=60)
    ours = model.generate([utterance], sampling)[0]
    assert ours.capped
    assert ours.tokens.tolist() == raw[:60]
    theirs = model.generate([utterance], sampling, reference_cap=True)[0]
    assert theirs.capped
    assert theirs.tokens.tolist() == raw[1:]

    case = reduced["cases"]["greedy_long_reffree"]
    alone = Utterance(case["phoneme_ids"][0], case["bert"][0].T)
    assert model.generate([alone], sampling)[0].tokens.tolist() == case["y"][0, :60].tolist()
    assert model.generate([alone], sampling, reference_cap=True)[0].tokens.tolist() == case["y"][0].tolist()


def test_the_parity_cap_changes_nothing_where_the_model_ends_by_itself(reduced: dict[str, Any]) -> None:
    case = reduced["cases"]["greedy_eos"]
    model = seeded_model(reduced, case["eos_row_scale"])
    utterance = Utterance(case["phoneme_ids"][0], case["bert"][0].T, case["prompt"][0])
    for switch in (False, True):
        spoken = model.generate([utterance], Sampling(top_k=1, most=300), reference_cap=switch)[0]
        assert not spoken.capped
        assert spoken.tokens.tolist() == case["y"][0, 40:].tolist()


# --- decoding ---------------------------------------------------------------------------------------------------------


def test_cached_scores_equal_uncached_ones(tiny: GPT) -> None:
    """Every step's scores against a fresh pass over the whole history."""
    utterance = spoken_to(1, 9, 6)
    state = tiny._begin([utterance], 30, None)
    history = utterance.prompt.tolist()
    for code in numbers(2, TINY.end, 30).tolist():
        with torch.no_grad():
            y = torch.tensor([history])
            fresh = tiny(
                utterance.phonemes[None], torch.tensor([9]), y, torch.tensor([len(history)]), utterance.bert[None]
            )
        torch.testing.assert_close(state.logits, fresh[:, -1], rtol=1e-4, atol=1e-4)
        tiny._advance(state, torch.tensor([code]))
        history.append(code)


def test_greedy_decoding_equals_a_loop_without_cache(tiny: GPT) -> None:
    utterance = spoken_to(3, 8, 4)
    history = utterance.prompt.tolist()
    lens = torch.tensor([8])
    for step in range(25):
        with torch.no_grad():
            y = torch.tensor([history])
            scores = tiny(utterance.phonemes[None], lens, y, torch.tensor([len(history)]), utterance.bert[None])[:, -1]
        scores = penalise(scores, seen_tokens(y, TINY.vocabulary), 1.35)
        token = int(scores[0, : TINY.end if step < 11 else None].argmax())
        if token == TINY.end:
            break
        history.append(token)
    said = tiny.generate([utterance], Sampling(top_k=1, most=25))[0]
    assert said.tokens.tolist() == history[4:]


def test_the_cache_is_allocated_once(tiny: GPT) -> None:
    state = tiny._begin(ragged(), 20, None)
    place, size = state.cache.memory.data_ptr(), state.cache.memory.untyped_storage().nbytes()
    assert state.cache.memory.shape[4] == max(a + b for a, b in RAGGED) + 20
    for step in range(20):
        going, tokens = tiny._choose(state, step, Sampling(top_k=1, least=3))
        if not going:
            break
        tiny._advance(state, tokens)
        assert (state.cache.memory.data_ptr(), state.cache.memory.untyped_storage().nbytes()) == (place, size)


@pytest.mark.parametrize(
    "sampling", [Sampling(top_k=1, least=4, most=40), Sampling(top_p=0.9, temperature=0.9, least=4, most=40)]
)
def test_a_batch_says_what_each_row_says_alone(tiny: GPT, sampling: Sampling) -> None:
    tiny.ar_predict_layer.weight.data[TINY.end] *= 1.5  # rows end at different steps
    seeds = [11, 12, 13, 14]
    together = tiny.generate(ragged(), sampling, seeds)
    alone = [tiny.generate([u], sampling, [s])[0] for u, s in zip(ragged(), seeds, strict=True)]
    assert [s.tokens.tolist() for s in together] == [s.tokens.tolist() for s in alone]
    assert [s.capped for s in together] == [s.capped for s in alone]


def test_rows_that_end_leave_the_others_undisturbed(tiny: GPT) -> None:
    seeds = list(range(8))
    utterances = [spoken_to(i, 4 + i, i % 4) for i in range(8)]
    sampling = Sampling(temperature=1.5, least=2, most=60)
    together = [s.tokens.tolist() for s in tiny.generate(utterances, sampling, seeds)]
    assert len({len(tokens) for tokens in together}) >= 4  # they did end apart
    assert min(map(len, together)) >= 2
    assert together == [
        tiny.generate([u], sampling, [s])[0].tokens.tolist() for u, s in zip(utterances, seeds, strict=True)
    ]


def test_a_seed_repeats_and_another_differs(tiny: GPT) -> None:
    one, again, other = (tiny.generate([spoken_to(0, 9, 5)], Sampling(), [s])[0].tokens.tolist() for s in (1, 1, 2))
    assert one == again
    assert one != other


def test_without_seeds_the_generator_of_torch_draws(tiny: GPT) -> None:
    said = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        said.append(tiny.generate([spoken_to(0, 9, 5)], Sampling(most=40))[0].tokens.tolist())
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize("chunk", [1, 7, 16, 500])
def test_joined_chunks_are_the_whole(tiny: GPT, chunk: int) -> None:
    sampling = Sampling(most=50)
    whole = tiny.generate([spoken_to(4, 9, 5)], sampling, [3])[0].tokens.tolist()
    pieces = [piece.tolist() for piece in tiny.stream(spoken_to(4, 9, 5), sampling, 3, chunk)]
    assert [token for piece in pieces for token in piece] == whole
    assert all(len(piece) == chunk for piece in pieces[:-1])
    assert 0 < len(pieces[-1]) <= chunk


def test_a_stream_decodes_no_further_than_asked(tiny: GPT, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = []
    advance = GPT._advance
    monkeypatch.setattr(GPT, "_advance", lambda *a: (steps.append(1), advance(*a))[1])
    stream = tiny.stream(spoken_to(4, 9, 5), Sampling(least=40), 3, 8)
    next(stream)
    assert len(steps) == 7
    stream.close()


def test_two_streams_of_one_model_do_not_mix(tiny: GPT) -> None:
    sampling = Sampling(least=40, most=40)
    wanted = [tiny.generate([spoken_to(i, 9, 5)], sampling, [i])[0].tokens.tolist() for i in (1, 2)]
    streams = [tiny.stream(spoken_to(i, 9, 5), sampling, i, 8) for i in (1, 2)]
    pieces = list(zip(*streams, strict=True))
    assert [[t for p in pieces for t in p[i].tolist()] for i in (0, 1)] == wanted


def test_a_stream_leaves_gradients_on_for_its_consumer(tiny: GPT) -> None:
    for _ in tiny.stream(spoken_to(4, 9, 5), Sampling(most=20), 3, 8):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()


def test_no_bert_is_zero_bert(tiny: GPT) -> None:
    with_zeros = Utterance(numbers(1, 40, 6), torch.zeros(6, 16), numbers(1, 32, 3))
    without = Utterance(with_zeros.phonemes, None, with_zeros.prompt)
    a, b = (tiny.generate([u], Sampling(most=20), [1])[0].tokens.tolist() for u in (with_zeros, without))
    assert a == b


def test_the_position_table_grows_when_needed_and_serves_training_after(tiny: GPT) -> None:
    sampling = Sampling(top_k=1, least=30, most=30)
    wanted = tiny.generate([spoken_to(0, 9, 5)], sampling)[0].tokens.tolist()
    tiny.sines = sines(4, TINY.width)
    assert tiny.generate([spoken_to(0, 9, 5)], sampling)[0].tokens.tolist() == wanted
    tiny.train()
    y, lens = numbers(1, 32, 1, 5), torch.tensor([5])
    tiny.score(tiny(numbers(1, 40, 1, 4), torch.tensor([4]), y, lens), y, lens).loss.backward()
    assert tiny.ar_audio_position.alpha.grad is not None


def test_sines_by_hand() -> None:
    table = sines(3, 4)
    assert table[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert table[2].tolist() == pytest.approx([0.9092974, -0.4161468, 0.0199987, 0.9998000], abs=1e-6)


# --- training ---------------------------------------------------------------------------------------------------------


def training_batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    bert = torch.randn(3, 8, TINY.bert, generator=torch.Generator().manual_seed(0))
    return numbers(0, 40, 3, 8), torch.tensor([8, 3, 5]), numbers(1, 32, 3, 10), torch.tensor([6, 10, 1]), bert


def test_ragged_training_gives_each_row_what_it_gets_alone(tiny: GPT) -> None:
    """The reference's mask does not (its golden `tf_ragged`)."""
    x, x_lens, y, y_lens, bert = training_batch()
    logits = tiny(x, x_lens, y, y_lens, bert)
    total = tiny.score(logits, y, y_lens)
    alone = 0.0
    for i, (a, b) in enumerate(zip(x_lens.tolist(), y_lens.tolist(), strict=True)):
        single = tiny(x[i : i + 1, :a], x_lens[i : i + 1], y[i : i + 1, :b], y_lens[i : i + 1], bert[i : i + 1, :a])
        torch.testing.assert_close(logits[i : i + 1, : b + 1], single, rtol=1e-4, atol=1e-5)
        alone += float(tiny.score(single, y[i : i + 1, :b], y_lens[i : i + 1]).loss.detach())
    assert float(total.loss.detach()) == pytest.approx(alone, rel=1e-5)
    assert total.positions == 6 + 10 + 1 + 3


def test_what_stands_in_the_padding_does_not_matter(tiny: GPT) -> None:
    x, x_lens, y, y_lens, bert = training_batch()
    before = tiny.score(tiny(x, x_lens, y, y_lens, bert), y, y_lens)
    x, y, bert = x.clone(), y.clone(), bert.clone()
    x[1, 3:], y[2, 1:], bert[1, 3:] = 7, TINY.end, 99.0
    after = tiny.score(tiny(x, x_lens, y, y_lens, bert), y, y_lens)
    assert float(after.loss.detach()) == pytest.approx(float(before.loss.detach()), rel=1e-6)


def test_padding_counts_only_when_the_reference_is_asked_for(tiny: GPT) -> None:
    x, x_lens, y, y_lens, bert = training_batch()
    logits = tiny(x, x_lens, y, y_lens, bert).detach()
    ours, theirs = tiny.score(logits, y, y_lens), tiny.score(logits, y, y_lens, count_padding=True)
    log_p = logits.log_softmax(-1)[..., TINY.end]
    extra = -float(log_p[0, 7:].sum() + log_p[2, 2:].sum())
    assert float(theirs.loss - ours.loss) == pytest.approx(extra, rel=1e-5)
    assert theirs.positions == 33
    assert theirs.top3 == ours.top3


def test_a_code_changes_only_what_comes_after_it_and_a_phoneme_everything(tiny: GPT) -> None:
    x, x_lens, y, y_lens, bert = training_batch()
    before = tiny(x, x_lens, y, y_lens, bert)[1]
    changed = y.clone()
    changed[1, 4] = (changed[1, 4] + 1) % 32
    moved = (tiny(x, x_lens, changed, y_lens, bert)[1] - before).abs().amax(-1) > 1e-5
    assert moved.tolist() == [False] * 5 + [True] * 6
    last = x.clone()
    last[1, 2] = (last[1, 2] + 1) % 40  # the last of three phonemes
    moved = (tiny(last, x_lens, y, y_lens, bert)[1] - before).abs().amax(-1) > 1e-5
    assert bool(moved.all())


def test_cross_entropy_and_top3_by_hand(tiny: GPT) -> None:
    logits = torch.zeros(1, 4, 33)
    logits[0, 0, [1, 2, 3]] = torch.tensor([3.0, 2.0, 1.0])  # code 3 is third: a hit
    logits[0, 1, [1, 2, 3, 4]] = torch.tensor([4.0, 3.0, 2.0, 1.0])  # code 4 is fourth: none
    logits[0, 2, 9] = 5.0  # code 9: a hit; the end token (column 3) is not counted
    codes = torch.tensor([[3, 4, 9]])
    score = tiny.score(logits, codes, torch.tensor([3]))
    assert score.top3 == pytest.approx(2 / 3)
    expected = -sum(float(logits[0, t].log_softmax(-1)[c]) for t, c in enumerate([3, 4, 9, 32]))
    assert float(score.loss) == pytest.approx(expected, rel=1e-6)


def test_every_parameter_learns_and_a_few_steps_fit_a_batch(tiny: GPT) -> None:
    tiny.ar_predict_layer.weight.data /= 3
    tiny.train()
    x, x_lens, y, y_lens, bert = training_batch()
    optimiser = torch.optim.AdamW(tiny.parameters(), 3e-3)
    losses = []
    for _ in range(60):
        score = tiny.score(tiny(x, x_lens, y, y_lens, bert), y, y_lens)
        optimiser.zero_grad()
        score.loss.backward()
        assert all(p.grad is not None and bool(p.grad.any()) for p in tiny.parameters())
        optimiser.step()
        losses.append(float(score.loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


# --- files and mistakes -----------------------------------------------------------------------------------------------


def test_the_configuration_travels_with_the_weights(tiny: GPT, tmp_path: Path) -> None:
    tiny.save(tmp_path / "voice.safetensors")
    again = GPT.load(tmp_path / "voice.safetensors")
    assert again.config == TINY
    assert not again.training
    for name, value in tiny.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_a_reference_checkpoint_loads_from_half_precision(reduced: dict[str, Any]) -> None:
    weights = {f"model.{k}": v.half() for k, v in seeded_model(reduced).state_dict().items()}
    model = GPT.from_reference({"weight": weights, "config": reduced["config"], "info": "GPT-e15"})
    assert model.config == GPTConfig(width=128, heads=4, layers=3)
    assert model.bert_proj.weight.dtype == torch.float32
    assert torch.equal(model.bert_proj.weight, weights["model.bert_proj.weight"].float())


def test_wrong_files_are_refused_with_a_reason(reduced: dict[str, Any], tmp_path: Path) -> None:
    weights = {f"model.{k}": v for k, v in seeded_model(reduced).state_dict().items()}
    fewer = {k: v for k, v in weights.items() if k != "model.bert_proj.bias"}
    with pytest.raises(VoxproofError, match=r"1 weights do not fit .* first bert_proj\.bias: missing in the file"):
        GPT.from_reference({"weight": fewer, "config": reduced["config"]})
    with pytest.raises(VoxproofError, match="lacks 'weight'"):
        GPT.from_reference({"state_dict": weights, "config": reduced["config"]})
    with pytest.raises(VoxproofError, match="lacks 'head'"):
        GPTConfig.from_reference({"model": {"embedding_dim": 8, "hidden_dim": 8, "EOS": 4, "vocab_size": 5,
                                            "phoneme_vocab_size": 3}})  # fmt: skip
    (tmp_path / "voice.ckpt").write_bytes(b"PK\x03\x04 no safetensors")
    with pytest.raises(VoxproofError, match=r"voice\.ckpt: not a text-to-semantic model of ours"):
        GPT.load(tmp_path / "voice.ckpt")
    with pytest.raises(VoxproofError, match="nowhere"):
        GPT.load(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize(
    ("utterance", "words"),
    [
        (Utterance(torch.zeros(0, dtype=torch.long)), "no phonemes"),
        (Utterance(torch.tensor([3, 40])), "phoneme is outside 0 to 39"),
        (Utterance(torch.tensor([3, -1])), "phoneme is outside 0 to 39"),
        (Utterance(torch.tensor([3]), None, torch.tensor([32])), "code is outside 0 to 31"),
        (Utterance(torch.tensor([3, 4]), torch.zeros(16, 2)), r"shape \(16, 2\) for 2 phonemes"),
    ],
)
def test_impossible_utterances_are_refused(tiny: GPT, utterance: Utterance, words: str) -> None:
    with pytest.raises(VoxproofError, match=words):
        tiny.generate([utterance])


def test_other_mistakes_are_named(tiny: GPT) -> None:
    assert tiny.generate([]) == []
    with pytest.raises(VoxproofError, match="1 seeds for 2 utterances"):
        tiny.generate(ragged()[:2], seeds=[1])
    with pytest.raises(VoxproofError, match="chunk of 0"):
        next(tiny.stream(ragged()[0], chunk=0))
    with pytest.raises(VoxproofError, match="set to training"):
        tiny.train().generate(ragged())
