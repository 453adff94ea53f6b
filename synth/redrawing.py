"""Sentences drawn again until they say their text, a bounded number of times.

The GPT draws the codes of a piece, the quality control (synth/quality_control.py) reads them, and a piece with a fault
is drawn again from another seed, and so, less often, is one whose words are not heard clearly. The draw with the fewest
faults is kept, and of these the one that is heard best. Seeds follow from the first one, so that the same seed says the
same, re-draws included. Without a reader, nothing is checked and nothing drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from synth.code_reader import PHONES
from synth.gpt import Spoken
from synth.observing import GptRecord
from synth.quality import Quality
from synth.quality_control import Check, Limits, check, checkable, summary, words_of
from synth.sampling import Mark, Race, Sampling
from synth.text.pipeline import Utterance

STRIDE = 1_000_003
"""From the seed of a draw to that of the next; pieces lie one apart."""
FOR_CLARITY = 3
"""A piece without a fault is drawn again so often at most."""
UNMARKED = 12
"""Tokens of a re-draw, from where the fault began, that chance draws and not the key (0.48 s): under the key alone, it
would come out as before. The rest is marked as ever."""
EARLIER = 6
"""So many tokens (0.24 s) before the fault chance begins to draw, and so many earlier with every further re-draw."""
NO_READER = "this engine has no reader of its codes"
OTHER_LANGUAGE = "the reader of the codes knows English only"

Draws = tuple[list[Spoken], list[GptRecord | None]]
Draw = Callable[[Sequence[int], int, Sequence[int]], Draws]
"""Numbers of pieces, for the how manieth time (0: the first), and the tokens at which they went wrong before -> what
was drawn for each."""
Reads = Callable[[Tensor], NDArray[np.float32]]
"""Codes [k] -> log-probabilities of phones [2 k, 733]."""


class Control:
    """Watches over one call of the cloner, all pieces or one at a time."""

    def __init__(self, reads: Reads | None, redraws: int, limits: Limits | None = None) -> None:
        self.reads, self.most, self.limits = reads, redraws, limits or Limits()
        self.redraws = 0
        """Draws thrown away so far."""
        self.checks: list[Check | None] = []
        """Of the pieces so far; None: not checked."""

    @property
    def quality(self) -> Quality:
        """Of all pieces so far."""
        return summary(self.checks, self.redraws, NO_READER if self.reads is None else OTHER_LANGUAGE)

    def drawn(self, draw: Draw, said: Mapping[int, Utterance]) -> Draws:
        """The best draw of every piece, in order."""
        numbers = list(said)
        spoken, records = draw(numbers, 0, [0] * len(numbers))
        checks = [self._check(number, said[number], one) for number, one in zip(numbers, spoken, strict=True)]
        for attempt in range(1, self.most + 1):
            wrong = {
                at: found.wrong_from
                for at, found in enumerate(checks)
                if found is not None and (found.faults or (attempt <= FOR_CLARITY and not found.clear))
            }
            if not wrong:
                break
            self.redraws += len(wrong)
            redrawn = draw([numbers[at] for at in wrong], attempt, list(wrong.values()))
            for at, one, record in zip(wrong, *redrawn, strict=True):
                again, before = self._check(numbers[at], said[numbers[at]], one), checks[at]
                if again is not None and before is not None and again.rank < before.rank:
                    spoken[at], records[at], checks[at] = one, record, again
        self.checks += checks
        return spoken, records

    def passed(self) -> None:
        """A piece that nobody can check."""
        self.checks.append(None)

    def _check(self, number: int, utterance: Utterance, spoken: Spoken) -> Check | None:
        if self.reads is None or not checkable(utterance):
            return None
        scores = self.reads(spoken.tokens)
        return check(scores, words_of(utterance), piece=number, capped=spoken.capped, limits=self.limits)


def seed_of(seed: int, piece: int, attempt: int) -> int:
    """Piece number i draws from `seed + i`, again from `seed + i + STRIDE`, …"""
    return seed + piece + attempt * STRIDE


def sampling_of(sampling: Sampling, attempt: int, wrong_from: int) -> Sampling:
    """How it is drawn; again with a mark that lets chance draw about the token where it went wrong."""
    if attempt == 0 or sampling.mark is None:
        return sampling
    first = max(wrong_from - EARLIER * attempt, 0)
    return replace(sampling, mark=_Pausing(sampling.mark, range(first, wrong_from + UNMARKED)))


@torch.no_grad()
def read(codes: Tensor, reader: torch.nn.Module, features: Callable[[Tensor], Tensor]) -> NDArray[np.float32]:
    """Codes [k] -> log-probabilities of phones [2 k, 733]; `features` of codes [1, 1, k] are [1, width, k]."""
    if not len(codes):
        return np.zeros((0, PHONES + 1), np.float32)
    like = next(reader.parameters())
    scores = reader(features(codes[None, None].to(like.device)).to(like))[1][0]
    return cast(NDArray[np.float32], scores.float().log_softmax(-1).cpu().numpy())


class _Pausing:
    """A mark that leaves some tokens to chance."""

    def __init__(self, mark: Mark, chance: range) -> None:
        self.mark, self.chance = mark, chance

    def begin(self, prompt: Iterable[int]) -> Race:
        return _PausingRace(self.mark.begin(prompt), self.chance)


class _PausingRace:
    def __init__(self, race: Race, chance: range) -> None:
        self.race, self.chance, self.at = race, chance, 0

    def exponentials(self, n: int) -> NDArray[np.float64] | None:
        return None if self.at in self.chance else self.race.exponentials(n)

    def drawn(self, token: int) -> None:
        self.at += 1
        self.race.drawn(token)
