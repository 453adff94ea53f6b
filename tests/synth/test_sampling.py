"""One step of sampling, by hand and against the reference's distributions."""

import math
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the clone model is not tested: torch (extra `train`) is not installed")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from synth.errors import VoxproofError  # noqa: E402
from synth.sampling import (  # noqa: E402
    Sampling,
    Source,
    choose,
    distribution,
    draw,
    keep_top_k,
    keep_top_p,
    penalise,
    seen_tokens,
)

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [f for f in (ROOT.parent / "shared" / "parity", ROOT / "tests" / "golden") if f.is_dir()]
PLAIN = Sampling(top_k=None, repetition_penalty=1.0)


def row(*probabilities: float) -> torch.Tensor:
    """Scores [1, vocabulary] of these probabilities."""
    return torch.tensor([probabilities]).log()


def none_seen(logits: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(logits, dtype=torch.bool)


def allowed(kept: torch.Tensor) -> list[int]:
    return kept[0].isfinite().nonzero()[:, 0].tolist()


@pytest.mark.skipif(not FOLDERS, reason="goldens are neither beside the project nor in tests/golden")
@pytest.mark.parametrize("case", range(6))
def test_distributions_of_the_reference(case: int) -> None:
    golden = torch.load(FOLDERS[0] / "golden-sampling.pt", weights_only=True)[case]
    sampling = Sampling(**golden["kwargs"])
    seen = seen_tokens(golden["prev"], golden["logits"].shape[-1])
    got = distribution(penalise(golden["logits"], seen, sampling.repetition_penalty), sampling)
    torch.testing.assert_close(got, golden["probs"], rtol=1e-6, atol=1e-9)


def test_each_token_seen_is_penalised_once_whatever_its_sign() -> None:
    logits = torch.tensor([[2.0, -2.0, 3.0, -1.0]])
    seen = seen_tokens(torch.tensor([[0, 1, 1, 0, 1]]), 4)
    assert penalise(logits, seen, 2.0).tolist() == [[1.0, -4.0, 3.0, -1.0]]
    assert penalise(logits, seen, 1.0).tolist() == logits.tolist()


@pytest.mark.parametrize(
    ("p", "kept"),
    [(0.1, [1]), (0.5, [1]), (0.7, [1]), (0.81, [1, 0]), (0.96, [1, 0, 3]), (1.0, [0, 1, 2, 3]), (0.0, [1])],
)
def test_top_p_drops_the_token_that_crosses_p_and_keeps_the_likeliest(p: float, kept: list[int]) -> None:
    assert allowed(keep_top_p(row(0.3, 0.5, 0.05, 0.15), p)) == sorted(kept)


def test_top_p_comes_before_the_temperature() -> None:
    # At temperature 10 the four are nearly equal, so p = 0.81 afterwards would keep three of them.
    flat = distribution(row(0.3, 0.5, 0.05, 0.15), Sampling(top_k=None, top_p=0.81, temperature=10.0))
    assert (flat[0] > 0).tolist() == [True, True, False, False]
    ratio = float(flat[0, 1] / flat[0, 0])
    assert ratio == pytest.approx((0.5 / 0.3) ** 0.1, rel=1e-5)


@pytest.mark.parametrize(
    ("k", "kept"), [(1, [1]), (2, [0, 1, 3]), (3, [0, 1, 3]), (4, [0, 1, 2, 3]), (9, [0, 1, 2, 3])]
)
def test_ties_with_the_kth_survive(k: int, kept: list[int]) -> None:
    assert allowed(keep_top_k(torch.tensor([[1.0, 2.0, 0.5, 1.0]]), k)) == kept


def test_temperature_zero_leaves_the_likeliest() -> None:
    assert distribution(row(0.3, 0.5, 0.2), Sampling(temperature=0.0))[0].tolist() == [0.0, 1.0, 0.0]


def test_the_end_cannot_be_drawn_before_least_tokens() -> None:
    logits = row(1e-6, 2e-6, 1.0)
    for step in range(11):
        choice = choose(logits, none_seen(logits), step, Sampling())
        assert not bool(choice.ended)
        assert int(choice.tokens) in (0, 1)
    assert bool(choose(logits, none_seen(logits), 11, Sampling()).ended)
    assert bool(choose(logits, none_seen(logits), 0, Sampling(least=0)).ended)


def test_without_the_end_column_the_rest_share_all_probability() -> None:
    logits = row(0.1, 0.1, 0.8)
    generator = torch.Generator().manual_seed(1)
    drawn = [int(choose(logits, none_seen(logits), 0, PLAIN, [generator]).tokens) for _ in range(400)]
    assert 150 < sum(drawn) < 250  # 200 expected, standard deviation 10


def test_the_end_is_reached_when_it_is_likeliest_even_if_another_token_is_drawn() -> None:
    logits = row(0.3, 0.3, 0.4)
    generators = [torch.Generator().manual_seed(seed) for seed in range(50)]
    choice = choose(logits.expand(50, 3), none_seen(logits).expand(50, 3), 20, PLAIN, generators)
    assert (choice.tokens != 2).sum() > 20
    assert bool(choice.ended.all())


def test_the_end_is_reached_when_it_is_drawn_though_not_likeliest() -> None:
    logits = row(0.5, 0.1, 0.4)
    generators = [torch.Generator().manual_seed(seed) for seed in range(50)]
    choice = choose(logits.expand(50, 3), none_seen(logits).expand(50, 3), 20, PLAIN, generators)
    assert choice.ended.tolist() == (choice.tokens == 2).tolist()
    assert 8 < int(choice.ended.sum()) < 32  # 20 expected, standard deviation 3.5


def test_penalised_scores_decide_whether_the_end_is_likeliest() -> None:
    logits = torch.tensor([[5.0, 0.0, 4.0]])
    greedy = Sampling(top_k=1, repetition_penalty=1.35)
    assert not bool(choose(logits, none_seen(logits), 20, greedy).ended)
    assert bool(choose(logits, seen_tokens(torch.tensor([[0]]), 3), 20, greedy).ended)


def test_draws_follow_the_distribution() -> None:
    p = torch.tensor([0.5, 0.3, 0.2, 0.0])
    drawn = draw(p.expand(4000, 4), [torch.Generator().manual_seed(0)] * 4000)
    count = torch.bincount(drawn, minlength=4)
    for share, got in zip(p.tolist(), count.tolist(), strict=True):
        assert abs(got - 4000 * share) <= 4 * math.sqrt(4000 * share * (1 - share))


def test_a_row_with_a_generator_of_its_own_does_not_depend_on_the_others() -> None:
    p = torch.rand(5, 300, generator=torch.Generator().manual_seed(3)).softmax(-1)
    together = draw(p, [torch.Generator().manual_seed(s) for s in range(5)])
    alone = [int(draw(p[s : s + 1], [torch.Generator().manual_seed(s)])) for s in range(5)]
    assert together.tolist() == alone
    assert len(set(alone)) > 1


def test_greedy_takes_the_likeliest_and_uses_no_randomness() -> None:
    state = torch.get_rng_state()
    logits = row(0.3, 0.5, 0.2)
    assert choose(logits, none_seen(logits), 20, Sampling(top_k=1)).tokens.tolist() == [1]
    assert bool((torch.get_rng_state() == state).all())


def test_half_precision_scores_are_sampled_in_single() -> None:
    logits = torch.tensor([[8.0, -60.0, 3.0]], dtype=torch.float16)
    choice = choose(logits, none_seen(logits), 20, PLAIN, [torch.Generator().manual_seed(0)])
    assert choice.tokens.tolist() == [0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("top_k", 0), ("top_p", 1.5), ("top_p", -0.1), ("temperature", -1.0), ("temperature", math.nan),
     ("repetition_penalty", 0.0), ("least", -1), ("most", 0)],
)  # fmt: skip
def test_settings_out_of_range_are_named(name: str, value: float) -> None:
    with pytest.raises(VoxproofError, match=f"out of range: {name} ="):
        Sampling(**{name: value})


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.floats(-8, 8, width=32), min_size=2, max_size=30),
    k=st.integers(1, 40),
    p=st.floats(0, 1),
    temperature=st.floats(0.1, 3),
)
def test_a_distribution_is_a_nucleus_cut_to_k(scores: list[float], k: int, p: float, temperature: float) -> None:
    got = distribution(torch.tensor([scores]), Sampling(top_k=k, top_p=p, temperature=temperature))[0]
    assert float(got.sum()) == pytest.approx(1, abs=1e-5)
    best = max(scores)
    kept = [s for s, q in zip(scores, got.tolist(), strict=True) if q > 0]
    dropped = [s for s, q in zip(scores, got.tolist(), strict=True) if q == 0]
    assert max(kept) == best  # of equal scores any may stand for the rest
    assert len(kept) <= k + scores.count(min(kept)) - 1  # only ties go beyond k
    total = sum(math.exp(s - best) for s in scores)
    nucleus = sum(math.exp(s - best) for s in kept) / total
    if p < 1:
        assert nucleus <= p + 1e-4 or len(set(kept)) == 1
    if p == 1 and len(kept) < min(k, len(scores)):
        assert max(dropped) < min(kept)


class Fixed:
    """A mark whose every race is won by one token, except where it leaves the draw to chance."""

    def __init__(self, winner: int, left_to_chance: int = 0) -> None:
        self.winner, self.left, self.told = winner, left_to_chance, []

    def begin(self, prompt):
        self.prompt = list(prompt)
        return self

    def exponentials(self, n: int):
        if len(self.told) < self.left:
            return None
        variates = np.ones(n)
        variates[self.winner] = 1e-9
        return variates

    def drawn(self, token: int) -> None:
        self.told.append(token)


def test_a_mark_supplies_the_variates_of_its_row_and_hears_what_was_drawn() -> None:
    probabilities = torch.full((3, 5), 0.2)
    marks = [Fixed(3), Fixed(1, left_to_chance=1)]
    plain = torch.Generator().manual_seed(5)
    sources = [Source(None, marks[0]), Source(torch.Generator().manual_seed(6), marks[1]), plain]
    first, second = draw(probabilities, sources), draw(probabilities, sources)
    again = [torch.Generator().manual_seed(seed) for seed in (0, 6, 5)]
    chance = draw(probabilities, again)
    assert first.tolist() == [3, chance[1], chance[2]]
    assert second.tolist()[:2] == [3, 1]
    assert marks[0].told == [3, 3]
    assert marks[1].told == [chance[1].item(), 1]


def test_what_cannot_be_drawn_does_not_win_under_a_mark() -> None:
    probabilities = torch.tensor([[0.5, 0.5, 0.0]])
    assert draw(probabilities, [Source(None, Fixed(2))]).item() in (0, 1)


def test_sources_of_rows_are_their_seeds_and_marks() -> None:
    prompts, cpu = [torch.tensor([4, 5]), torch.tensor([], dtype=torch.long)], torch.device("cpu")
    assert Sampling().sources(None, prompts, cpu) is None
    seeded = Sampling().sources([1, 2], prompts, cpu)
    assert seeded is not None
    assert [source.race for source in seeded] == [None, None]
    assert [source.generator.initial_seed() for source in seeded] == [1, 2]
    mark = Fixed(0)
    marked = Sampling(mark=mark).sources(None, prompts[:1], cpu)
    assert marked == [Source(None, mark)]
    assert mark.prompt == [4, 5]
