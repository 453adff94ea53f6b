"""One step of drawing a semantic token: from the scores of the GPT to a token, in the order GPT-SoVITS uses.

The order is part of what a model sounds like, so it is kept exactly, oddities included:

1. The end token cannot be drawn before `least` tokens: its column is cut away (the softmax is one narrower).
2. Repetition penalty (Keskar et al. 2019, CTRL, arXiv:1909.05858) on every token so far, prompt included, once each.
3. Top-p (Holtzman et al. 2020, arXiv:1904.09751), before the temperature and without the usual shift by one: the token
   that crosses p is removed too, but the likeliest always stays.
4. Temperature.  5. Top-k; ties with the k-th survive.  6. Softmax.
7. Draw by the exponential race argmax(p / Exp(1)), which is a draw from p. With top_k = 1 it is plain argmax. A
   `Mark` lets a key supply the exponential variates (`synth.watermark.tokens`); the draw is from p all the same.
8. The end: the end token was drawn, or is the likeliest after step 2 even if another one was drawn.

Source: behaviour of RVC-Boss/GPT-SoVITS (MIT), commit 48b1a01, described in our own words; the code is ours.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.errors import VoxproofError

_COLDEST = 1e-5
_NEVER = -float("inf")


class Race(Protocol):
    """The races of one utterance under a mark, token by token."""

    def exponentials(self, n: int) -> NDArray[np.float64] | None:
        """Variates for the tokens 0 to n - 1 of the next race; None where chance is to supply them."""

    def drawn(self, token: int) -> None:
        """Which token won."""


class Mark(Protocol):
    """What marks the tokens while they are drawn."""

    def begin(self, prompt: Iterable[int]) -> Race:
        """The races of an utterance that goes on from these codes."""


@dataclass(frozen=True)
class Sampling:
    """How semantic tokens are drawn; the defaults are those of the reference's programming interface."""

    top_k: int | None = 15
    """Only the k likeliest can be drawn (and ties with the k-th); None: all. 1 is greedy decoding."""
    top_p: float | None = 1.0
    """Only the likeliest tokens whose probabilities sum up to at most p; 1 or None: all."""
    temperature: float = 1.0
    """Divides the scores; below 1 sharper, above 1 flatter."""
    repetition_penalty: float = 1.35
    """Divides positive and multiplies negative scores of tokens already seen; 1: none."""
    least: int = 11
    """Tokens before the end token can be drawn (11 tokens = 0.44 s)."""
    most: int = 1500
    """Tokens after which decoding is cut off (1500 tokens = 60 s)."""
    mark: Mark | None = None
    """Marks the tokens; without effect on greedy decoding, which draws nothing."""

    def __post_init__(self) -> None:
        wrong = [
            name
            for name, bad in (
                ("top_k", self.top_k is not None and self.top_k < 1),
                ("top_p", self.top_p is not None and not 0 <= self.top_p <= 1),
                ("temperature", not self.temperature >= 0),
                ("repetition_penalty", not self.repetition_penalty > 0),
                ("least", self.least < 0),
                ("most", self.most < 1),
            )
            if bad
        ]
        if wrong:
            values = ", ".join(f"{name} = {getattr(self, name)}" for name in wrong)
            raise VoxproofError(
                f"these settings of sampling are out of range: {values}",
                cure="top_k and most are at least 1, top_p is between 0 and 1, repetition_penalty is positive.",
            )

    @property
    def greedy(self) -> bool:
        return self.top_k == 1

    def sources(
        self, seeds: Sequence[int] | None, prompts: Sequence[Tensor], device: torch.device
    ) -> "list[Source] | None":
        """What each row draws from: its seed and its mark; None: torch's own generator for all."""
        if seeds is None and self.mark is None:
            return None
        generators = [None] * len(prompts) if seeds is None else [_seeded(seed, device) for seed in seeds]
        races = [None if self.mark is None else self.mark.begin(prompt.tolist()) for prompt in prompts]
        return [Source(*pair) for pair in zip(generators, races, strict=True)]


class Source(NamedTuple):
    """What one row draws from."""

    generator: torch.Generator | None
    """None: torch's own."""
    race: Race | None = None
    """Of its mark."""


class Choice(NamedTuple):
    """One step for a batch."""

    tokens: Tensor  # [batch] int64; meaningless where the row has ended
    ended: Tensor  # [batch] bool


def seen_tokens(previous: Tensor, vocabulary: int) -> Tensor:
    """Which tokens occur in `previous` [batch, time] -> [batch, vocabulary] bool."""
    seen = torch.zeros(previous.shape[0], vocabulary, dtype=torch.bool, device=previous.device)
    return seen.scatter_(1, previous.long(), True)


def penalise(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Step 2: scores [batch, vocabulary] of seen tokens, moved towards unlikely; each token once."""
    if penalty == 1.0:
        return logits
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def keep_top_p(logits: Tensor, p: float | None) -> Tensor:
    """Step 3: scores [batch, vocabulary] with those outside the nucleus at minus infinity."""
    if p is None or p >= 1:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    outside = ordered.softmax(-1).cumsum(-1) > p
    outside[:, 0] = False
    return logits.masked_fill(outside.scatter(1, order, outside), _NEVER)


def keep_top_k(logits: Tensor, k: int | None) -> Tensor:
    """Step 5: scores [batch, vocabulary] below the k-th largest at minus infinity."""
    if k is None or k >= logits.shape[-1]:
        return logits
    least = logits.topk(k, dim=-1).values[:, -1:]
    return logits.masked_fill(logits < least, _NEVER)


def distribution(penalised: Tensor, sampling: Sampling) -> Tensor:
    """Steps 3 to 6: penalised scores [batch, vocabulary] -> probabilities [batch, vocabulary]."""
    kept = keep_top_p(penalised, sampling.top_p) / max(sampling.temperature, _COLDEST)
    return keep_top_k(kept, sampling.top_k).softmax(-1)


def draw(probabilities: Tensor, sources: Sequence[torch.Generator | Source] | None = None) -> Tensor:
    """Step 7: one token per row, [batch, vocabulary] -> [batch].

    With a source per row, what a row draws does not depend on the other rows; without, torch's own generator is used.
    """
    race = torch.empty_like(probabilities)
    if sources is None:
        race.exponential_()
        return _won(probabilities, race)
    rows = [source if isinstance(source, Source) else Source(source) for source in sources]
    for row, source in zip(race, rows, strict=True):
        keyed = None if source.race is None else source.race.exponentials(len(row))
        if keyed is None:
            row.exponential_(generator=source.generator)
        else:
            row.copy_(torch.from_numpy(keyed))
    tokens = _won(probabilities, race)
    if any(source.race for source in rows):
        for token, source in zip(tokens.tolist(), rows, strict=True):
            if source.race is not None:
                source.race.drawn(token)
    return tokens


def _won(probabilities: Tensor, race: Tensor) -> Tensor:
    return (probabilities / race.clamp_(min=torch.finfo(race.dtype).tiny)).argmax(-1)


def _seeded(seed: int, device: torch.device) -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def choose(
    logits: Tensor,
    seen: Tensor,
    step: int,
    sampling: Sampling,
    sources: Sequence[torch.Generator | Source] | None = None,
) -> Choice:
    """Steps 1 to 8 for the scores [batch, vocabulary] of token number `step` (from 0); the last column is the end.

    `seen` [batch, vocabulary] bool marks the tokens so far, prompt included; it is not changed.
    """
    end = logits.shape[-1] - 1
    logits = logits.float()
    if step < sampling.least:
        logits, seen = logits[:, :end], seen[:, :end]
    logits = penalise(logits, seen, sampling.repetition_penalty)
    likeliest = logits.argmax(-1)
    tokens = likeliest if sampling.greedy else draw(distribution(logits, sampling), sources)
    return Choice(tokens, (tokens == end) | (likeliest == end))
