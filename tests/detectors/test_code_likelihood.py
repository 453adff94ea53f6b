"""Likelihood of codes against a plain loop over a tiny GPT, and on the voice that ships."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from detectors.codes.likelihood import CONTEXT, WINDOW, Foretold, foretold, joined  # noqa: E402
from synth.errors import VoxproofError  # noqa: E402
from synth.gpt import GPT, GPTConfig  # noqa: E402

ROOT = Path(__file__).parents[2]
TEXTS = ((5, 9, 200), (31,), (7, 8, 9, 10, 11, 12))


@pytest.fixture(scope="module")
def gpt() -> GPT:
    torch.manual_seed(3)
    model = GPT(GPTConfig(width=16, heads=2, layers=2, bert=16)).eval()
    model.ar_predict_layer.weight.data *= 3
    return model


def codes(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 1024, n)


@pytest.mark.parametrize("temperature", [1.0, 0.8])
def test_one_pass_is_the_loop_code_by_code(gpt: GPT, temperature: float) -> None:
    row = codes(12)
    for text, found in zip(TEXTS, foretold(gpt, row, TEXTS, temperature), strict=True):
        for at in range(len(row)):
            before = torch.from_numpy(row[:at])[None]
            with torch.no_grad():
                scores = gpt(torch.tensor([text]), torch.tensor([len(text)]), before, torch.tensor([at]))[0, at]
            p = np.exp(scores[:-1].double().numpy() / temperature)
            p /= p.sum()
            log = np.log(p)
            assert found.log_probability[at] == pytest.approx(log[row[at]], abs=1e-4)
            assert found.rank[at] == (p > p[row[at]]).sum()
            assert found.entropy[at] == pytest.approx(-(p * log).sum(), abs=1e-4)
            assert found.variance[at] == pytest.approx((p * log**2).sum() - (p * log).sum() ** 2, abs=1e-3)


def test_the_models_own_draws_have_no_curvature_and_others_have(gpt: GPT) -> None:
    """Drawn one by one from the same softmax; the excess over the expectation is then nothing but chance."""
    draw = torch.Generator().manual_seed(5)
    row: list[int] = []
    for _ in range(WINDOW):
        before = torch.tensor([row], dtype=torch.long).view(1, -1)
        with torch.no_grad():
            scores = gpt(torch.tensor([TEXTS[0]]), torch.tensor([3]), before, torch.tensor([len(row)]))[0, -1, :-1]
        row.append(int(torch.multinomial(scores.softmax(-1), 1, generator=draw)))
    own = foretold(gpt, np.array(row), TEXTS[:1])[0]
    other = foretold(gpt, codes(WINDOW), TEXTS[:1])[0]
    assert abs(own.curvature()) < 4 / np.sqrt(WINDOW)
    assert other.curvature() < own.curvature() - 0.5
    assert own.measures()["over_entropy"] == pytest.approx(1, abs=0.1)
    assert own.measures()["top_50"] > other.measures()["top_50"]


def test_measures_by_hand() -> None:
    found = Foretold(
        np.array([-9, -1, -3], np.float32), np.array([900, 0, 6]), np.array([2, 2, 2], np.float32),
        np.array([1, 1, 3], np.float32), np.array([False, True, True]),
    )  # fmt: skip
    told = found.measures()
    assert told["log_probability"] == -2
    assert told["log_rank"] == pytest.approx(np.log(7) / 2)
    assert told["over_entropy"] == 1
    assert told["curvature"] == 0
    assert [told[f"top_{n}"] for n in (1, 5, 10, 50)] == [0.5, 0.5, 1, 1]
    assert np.isnan(found.excess()[0])
    assert found.excess()[1] == 1
    only = np.array([False, True, False])
    assert found.curvature(only) == 1
    assert np.isnan(found.measures(np.zeros(3, np.bool_))["entropy"])
    assert joined([found, found]).rank.tolist() == [900, 0, 6, 900, 0, 6]


def test_the_first_codes_of_a_window_do_not_count(gpt: GPT) -> None:
    assert foretold(gpt, codes(20), TEXTS[:1])[0].counted.tolist() == [False] * CONTEXT + [True] * (20 - CONTEXT)


@pytest.mark.parametrize(("count", "texts"), [(0, TEXTS), (WINDOW + 1, TEXTS), (9, ((), (1,)))])
def test_what_cannot_be_foretold_is_refused(gpt: GPT, count: int, texts: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(VoxproofError, match="cannot be foretold"):
        foretold(gpt, codes(count), texts)


def test_the_shipped_voice_finds_its_own_text_likelier_than_a_wrong_one() -> None:
    from detectors.codes.hearing import CodeEar, lite_models
    from detectors.codes.measuring import WRONG, phones_of
    from synth.clone import Cloner, Settings
    from synth.models.lite import lite_folder
    from synth.reference import Reference

    said = "The quick brown fox jumps over the lazy dog."
    voice = Reference.read(ROOT / "examples" / "machine.wav")
    voice = Reference(voice.samples[: 6 * voice.rate], voice.rate)
    clone = Cloner.load(lite_folder())._render(said, voice, settings=Settings(seed=1))
    models = lite_models()
    texts = [phones_of(said), phones_of(WRONG)]
    drawn, drawn_wrong = foretold(models.gpt, clone.codes[0].numpy()[:WINDOW], texts)
    assert drawn.measures()["log_probability"] > drawn_wrong.measures()["log_probability"] + 1
    heard = CodeEar.of(models).hear(Reference(clone.samples, clone.rate).for_content().numpy()).codes[:WINDOW]
    right, wrong = foretold(models.gpt, heard, texts)
    assert right.measures()["log_probability"] > wrong.measures()["log_probability"] + 0.5
    assert right.measures()["log_rank"] < wrong.measures()["log_rank"]
