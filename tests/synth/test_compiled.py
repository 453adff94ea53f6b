"""Decoding by machine code says what the layers say: in ragged batches, in 8 bits, and only where nobody looks."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("numba")

from numba import njit  # noqa: E402

from synth.compiled import Steps, _exp, _in_one_block  # noqa: E402
from synth.gpt import GPT, GPTConfig, Utterance, _Decoding  # noqa: E402
from synth.graphed import GraphedSteps  # noqa: E402
from synth.integer_dots import AVAILABLE, four_dots, levels  # noqa: E402
from synth.quantised import quantised  # noqa: E402
from synth.sampling import Sampling  # noqa: E402

ODD = GPTConfig(phonemes=30, vocabulary=36, width=24, heads=3, layers=3, bert=4)
"""Nothing of it is a multiple of 8 or 16."""


@njit
def _four(weight: np.ndarray, first: int, x: np.ndarray, row: int, out: np.ndarray) -> None:
    four_dots(weight, first, x, row, out)


def model(seed: int = 4) -> GPT:
    torch.manual_seed(seed)
    return GPT(ODD).eval()


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


@pytest.mark.parametrize("rows", [1, 3, 4, 9])
@pytest.mark.parametrize("eight_bits", [False, True])
def test_scores_are_those_of_the_layers(rows: int, eight_bits: bool) -> None:
    gpt = quantised(model()) if eight_bits else model()
    for ours, theirs in zip(walk(gpt, rows, True), walk(gpt, rows, False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-5)


@pytest.mark.skipif(not AVAILABLE, reason="this processor has no instruction for pairs of products")
def test_single_rows_of_eight_bits_are_multiplied_as_integers() -> None:
    torch.manual_seed(6)
    gpt = quantised(GPT(GPTConfig(phonemes=30, vocabulary=38, width=48, heads=3, layers=3, bert=4)).eval())
    steps = gpt._begin(ragged(1), 4, None).quick
    assert isinstance(steps, Steps)
    assert steps._integers
    for ours, theirs in zip(walk(gpt, 1, True), walk(gpt, 1, False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=5e-4)  # of 16 bits, through three layers


@pytest.mark.skipif(not AVAILABLE, reason="this processor has no instruction for pairs of products")
@pytest.mark.parametrize("inputs", [16, 512, 2048, 4096])
def test_integer_sums_are_exact_to_the_largest_numbers(inputs: int) -> None:
    largest = levels(inputs)
    generator = np.random.default_rng(inputs)
    weight = generator.choice(np.array([-127, 127], np.int8), (5, inputs))
    x = generator.choice(np.array([-largest, largest], np.int16), (2, inputs))
    x[1] = np.where(weight[2] > 0, largest, -largest)  # the largest sum that there can be
    out = np.zeros((2, 5), np.float32)
    _four(weight, 1, x, 1, out)
    exact = weight.astype(np.int64) @ x[1].astype(np.int64)
    assert abs(exact[2]) < 2**31
    np.testing.assert_array_equal(out[1, 1:], exact[1:].astype(np.float32))
    assert not out[0].any()
    assert out[1, 0] == 0


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


def test_the_number_of_threads_does_not_matter() -> None:
    gpt, threads = model(), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = walk(gpt, 5, True)
    finally:
        torch.set_num_threads(threads)
    for one, two in zip(alone, walk(gpt, 5, True), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-6)


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
