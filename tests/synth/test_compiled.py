"""Decoding by machine code says what the layers say: in ragged batches, in 8 bits, and only where nobody looks."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from numba import njit  # noqa: E402

from synth import compiled  # noqa: E402
from synth.attending import _exp  # noqa: E402
from synth.compiled import Steps, _in_one_block  # noqa: E402
from synth.dots import AVAILABLE, OUTPUTS, integer_products, levels, split  # noqa: E402
from synth.gpt import GPT, GPTConfig, Utterance, _Decoding  # noqa: E402
from synth.graphed import GraphedSteps  # noqa: E402
from synth.quantised import quantised  # noqa: E402
from synth.sampling import Sampling, choose, seen_tokens  # noqa: E402

ODD = GPTConfig(phonemes=30, vocabulary=36, width=24, heads=3, layers=3, bert=4)
"""Nothing of it is a multiple of 8 or 16."""
EVEN = GPTConfig(phonemes=30, vocabulary=77, width=64, heads=2, layers=3, bert=4)
"""All but the vocabulary is, as in models of full size."""


@njit
def _integers(weight: np.ndarray, x: np.ndarray, numbers: np.ndarray, out: np.ndarray) -> None:
    integer_products(weight, 1, numbers, split(x, np.float32(1), numbers), out)


def model(seed: int = 4, config: GPTConfig = ODD) -> GPT:
    torch.manual_seed(seed)
    return GPT(config).eval()


def ragged(rows: int) -> list[Utterance]:
    generator = torch.Generator().manual_seed(rows)
    return [
        Utterance(
            torch.randint(ODD.phonemes, (3 + 4 * row,), generator=generator),
            prompt=torch.randint(ODD.end, (7 * row % 5,), generator=generator),
        )
        for row in range(rows)
    ]


def walk(gpt: GPT, rows: int, compiled: bool, steps: int = 20) -> list[torch.Tensor]:
    """The scores of given codes, step by step."""
    state: _Decoding = gpt._begin(ragged(rows), steps, None)
    assert state.quick is not None
    if not compiled:
        state.quick = None
    codes = torch.randint(ODD.end, (steps, rows), generator=torch.Generator().manual_seed(9))
    scores = []
    for row in codes:
        gpt._advance(state, row)
        scores.append(state.logits.clone())
    return scores


@pytest.mark.parametrize("config", [ODD, EVEN])
@pytest.mark.parametrize("rows", [1, 3, 4, 9, 13])
@pytest.mark.parametrize("eight_bits", [False, True])
def test_scores_are_those_of_the_layers(rows: int, eight_bits: bool, config: GPTConfig) -> None:
    gpt = quantised(model(config=config)) if eight_bits else model(config=config)
    rounded = eight_bits and rows == 1 and config is EVEN  # to 13 bits or more, through three layers
    for ours, theirs in zip(walk(gpt, rows, True), walk(gpt, rows, False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3 if rounded else 1e-4, atol=5e-4 if rounded else 2e-5)


@pytest.mark.skipif(not AVAILABLE, reason="this processor has no instruction for integers")
def test_single_rows_of_eight_bits_are_multiplied_as_integers() -> None:
    for config in (EVEN, ODD):
        steps = quantised(model(config=config))._begin(ragged(1), 4, None).quick
        assert isinstance(steps, Steps)
        assert steps._integers == (config is EVEN)


@pytest.mark.skipif(not AVAILABLE, reason="this processor has no instruction for integers")
@pytest.mark.parametrize("inputs", [64, 512, 2048, 4096])
def test_integer_sums_are_exact_to_the_largest_numbers(inputs: int) -> None:
    largest = levels(inputs)
    generator = np.random.default_rng(inputs)
    weight = generator.choice(np.array([-127, 127], np.int8), (OUTPUTS + 2, inputs))
    x = np.where(weight[2] > 0, largest, -largest)  # the largest sum that there can be, in the third row
    x[: inputs // 2] = generator.integers(-largest, largest + 1, inputs // 2)
    for numbers in (x, np.where(weight[2] > 0, largest, -largest)):
        out = np.zeros((1, len(weight)), np.float32)
        _integers(weight, numbers.astype(np.float32), np.empty(inputs, np.int16), out)
        exact = weight.astype(np.int64) @ numbers.astype(np.int64)
        assert np.abs(exact).max() < 2**31
        np.testing.assert_array_equal(out[0, 1:-1], exact[1:-1].astype(np.float32))
        assert out[0, 0] == out[0, -1] == 0


@pytest.mark.parametrize("penalty", [1.0, 1.35, 0.8])
def test_the_likeliest_are_chosen_as_ever(penalty: float) -> None:
    generator = torch.Generator().manual_seed(3)
    sampling = Sampling(top_k=1, least=5, repetition_penalty=penalty)
    ended = 0
    for step in range(60):
        scores = torch.randint(-9, 10, (4, 20), generator=generator).float() / 3  # with ties
        seen = seen_tokens(torch.randint(20, (4, step % 7), generator=generator), 20)
        ours, theirs = Steps.choose(scores, seen, step, sampling), choose(scores, seen, step, sampling)
        assert torch.equal(ours.tokens, theirs.tokens)
        assert torch.equal(ours.ended, theirs.ended)
        ended += int(ours.ended.sum())
    assert 0 < ended < 240


def test_what_is_not_greedy_is_drawn_as_ever() -> None:
    scores, seen = torch.randn(2, 20), torch.zeros(2, 20, dtype=torch.bool)
    drawn = [
        chosen(scores, seen, 30, Sampling(), [torch.Generator().manual_seed(row) for row in range(2)]).tokens.tolist()
        for chosen in (choose, Steps.choose)
    ]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("rows", [1, 5])
def test_the_step_of_one_shape_says_the_same(rows: int) -> None:
    """What a GPU records as a graph, run here without one."""
    gpt = model()

    def graphed(memory: torch.Tensor, filled: int) -> GraphedSteps:
        with torch.inference_mode():
            memory[:, :, :, :, filled:] = float("nan")  # whatever was in the memory before
            return GraphedSteps(gpt, memory, filled)

    state = gpt._begin(ragged(rows), 20, None)
    state.quick = graphed(state.cache.memory, state.cache.filled)
    codes = torch.randint(ODD.end, (20, rows), generator=torch.Generator().manual_seed(9))
    for row, theirs in zip(codes, walk(gpt, rows, False), strict=True):
        gpt._advance(state, row)
        torch.testing.assert_close(state.logits, theirs, rtol=1e-4, atol=2e-5)


def test_rows_that_ended_leave_the_others_of_one_shape_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    gpt = model()
    gpt.ar_predict_layer.weight.data[ODD.end] *= 2.0
    sampling = Sampling(top_k=1, least=2, most=30)
    plain = gpt.generate(ragged(6), sampling)
    assert len({len(spoken.tokens) for spoken in plain}) > 2
    monkeypatch.setattr(GPT, "_quick", lambda self, cache: GraphedSteps(self, cache.memory, cache.filled))
    graphed = gpt.generate(ragged(6), sampling)
    assert [spoken.tokens.tolist() for spoken in graphed] == [spoken.tokens.tolist() for spoken in plain]


@pytest.mark.parametrize("config", [ODD, EVEN])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_the_number_of_threads_does_not_matter(
    threads: int, config: GPTConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which there may be more than processors: then some start when all is done."""
    gpt = model(config=config)
    usual = walk(gpt, 5, False)
    monkeypatch.setattr(compiled, "_CORES", 4)
    monkeypatch.setattr(compiled.numba, "set_num_threads", lambda count: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    for one, two in zip(walk(gpt, 5, True), usual, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize("rubbish", [float("nan"), float("inf"), 0.0])
def test_no_number_stops_a_thread(rubbish: float) -> None:
    """One that stopped would be waited for, for ever."""
    gpt = model(config=EVEN)
    with torch.inference_mode():
        gpt.h.layers[0].linear1.weight.fill_(rubbish)
        gpt.h.layers[1].norm1.weight.fill_(rubbish)
    scores = walk(gpt, 2, True, 3)[-1]
    assert bool(scores.isfinite().all()) == (rubbish == 0)


def test_who_listens_or_is_not_exact_gets_the_layers_themselves() -> None:
    gpt = model()
    assert gpt._begin(ragged(1), 3, None).quick is not None
    handle = gpt.h.layers[1].self_attn.out_proj.register_forward_pre_hook(lambda module, args: None)
    assert gpt._begin(ragged(1), 3, None).quick is None
    handle.remove()
    handle = gpt.ar_predict_layer.register_forward_hook(lambda module, args, out: None)
    assert gpt._begin(ragged(1), 3, None).quick is None
    handle.remove()
    assert gpt.to(torch.bfloat16)._begin(ragged(1), 3, None).quick is None


def test_weights_move_together_and_stay_the_same_and_trainable() -> None:
    gpt = model()
    before = {name: value.clone() for name, value in gpt.state_dict().items()}
    walk(gpt, 1, True, steps=2)
    places = {value.untyped_storage().data_ptr() for layer in gpt.h.layers for value in (layer.linear1.weight,)}
    assert len(places) == 1
    assert all(torch.equal(value, before[name]) for name, value in gpt.state_dict().items())
    first = _in_one_block([layer.linear1.weight for layer in gpt.h.layers][:1])
    assert np.shares_memory(first, gpt.h.layers[0].linear1.weight.detach().numpy())
    gpt.train()
    phonemes, codes = torch.zeros(1, 4, dtype=torch.long), torch.ones(1, 3, dtype=torch.long)
    gpt(phonemes, torch.tensor([4]), codes, torch.tensor([3])).sum().backward()
    assert float(gpt.h.layers[2].linear2.weight.grad.abs().sum()) > 0
    with torch.no_grad():  # what training changes, decoding sees
        gpt.h.layers[0].linear1.weight.add_(1.0)
    gpt.eval()
    for ours, theirs in zip(walk(gpt, 2, True, 4), walk(gpt, 2, False, 4), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


def test_the_exponential_is_right_to_the_last_digits() -> None:
    x = np.linspace(-86, 0, 2001).astype(np.float32)
    ours = np.array([_exp(value) for value in x], np.float64)
    assert np.abs(ours / np.exp(x.astype(np.float64)) - 1).max() < 5e-7
    assert 0 <= _exp(np.float32(-1e9)) < 2e-38
