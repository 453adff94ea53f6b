"""The bench of the voice model, with a tiny one: the same tokens as the plain loop, and 8 bits close to it."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from forensics.benches.tts import Work, measure_tts  # noqa: E402
from forensics.benches.tts_plain import plain_decode  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import GPT, GPTConfig, Utterance  # noqa: E402
from synth.quantised import Int8Linear, quantised  # noqa: E402
from synth.sampling import Sampling  # noqa: E402

TINY = GPTConfig(phonemes=40, vocabulary=65, width=64, heads=4, layers=2, bert=8)


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(3)
    return GPT(TINY).eval()


def test_the_plain_loop_says_what_the_model_says(model: GPT) -> None:
    work = Work.of(TINY, 40)
    ours = model.generate([work.utterance], work.sampling)[0].tokens.tolist()
    assert plain_decode(model, work.utterance, work.sampling) == ours
    assert len(ours) == 40
    ending = Sampling(top_k=1, least=0, most=400, repetition_penalty=2.0)
    assert plain_decode(model, work.utterance, ending) == model.generate([work.utterance], ending)[0].tokens.tolist()


def test_every_figure_is_there_and_the_tokens_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.benches.tts._sound", lambda device, rounds: [])
    rows = {row.what: row for row in measure_tts(config=TINY, rounds=1, tokens=8, lengths=(1,))}
    assert rows["same greedy tokens as the plain loop"].value == 1.0
    assert rows["same greedy tokens as the plain loop"].holds
    assert rows["8 bit: same argmax, teacher-forced"].value > 0.9
    layers = 2 * (4 * 64 * 64 + 4 * 64 + 8 * 64 * 64 + 5 * 64 + 4 * 64) + 65 * 64
    assert rows["weights read for a token"].value == pytest.approx(4 * layers / 1e6)
    ratio = rows["ours, of the plain loop"].value
    assert ratio == pytest.approx(rows["ours, float32"].value / rows["plain loop, float32"].value)


def test_eight_bits_round_to_half_a_step() -> None:
    torch.manual_seed(5)
    weight, bias = torch.randn(16, 64), torch.randn(16)
    layer = Int8Linear(weight, bias)
    step = weight.abs().amax(1) / 127
    for column in range(64):
        one = torch.zeros(1, 64)
        one[0, column] = 1.0
        error = (layer(one)[0] - bias - weight[:, column]).abs()
        assert bool((error <= 0.51 * step + 0.005 * weight[:, column].abs()).all())


def test_a_quantised_model_leaves_the_exact_one_alone_and_cannot_be_saved(model: GPT, tmp_path: object) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    small = quantised(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    utterance = Utterance(torch.arange(10), prompt=torch.arange(5))
    assert len(small.generate([utterance], Sampling(top_k=1, least=100, most=12))[0].tokens) == 12
    with pytest.raises(VoxproofError, match="cannot be saved"):
        small.save(f"{tmp_path}/small.safetensors")


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(VoxproofError, match="no GPU"):
        measure_tts("cuda")
