"""The mark in the semantic tokens: a keyed exponential race instead of a random one, while the GPT draws.

The GPT draws a token as argmax(p / E) with independent exponential variates E (`synth.sampling`, step 7). Here E comes
from the key, the previous `CONTEXT` codes and the token: for whoever lacks the key the draw still follows p (Aaronson
2022; distortion-free in the sense of Kuditipudi et al. 2023, arXiv:2307.15593), and for whoever has it the drawn tokens
have larger uniform numbers U = exp(-E) than chance. A context that the utterance had before is drawn at random, as in
Dathathri et al. 2024 (SynthID-Text, doi:10.1038/s41586-024-08025-4), so that the mark never makes a voice loop. One
text would be said in one way only; the seed therefore picks one of `VARIANTS`, and detection tries them all.

Detection needs no alignment: every code is tested together with the codes just before it, so an inserted, deleted or
changed code costs itself and the `CONTEXT` codes after it, and nothing else moves. Each context counts once.
Without the mark the U of different contexts are independent and uniform for every sequence of codes, whatever its
statistics, so the sum of -ln(1 - U) is a gamma variate and the p-value exact. Figures: docs/watermark-code.md,
`python -m forensics.benches.mark_tokens`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log10

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synth.errors import VoxproofError
from synth.watermark.keys import DetectionKey, WatermarkKey, all_readable

CONTEXT = 2
"""How many codes before a token seed its race."""
VARIANTS = 16
"""Ways to say the same; the seed picks one."""
THRESHOLD_LOG10_P = -6.0
"""Found below this, all variants, keys and epochs of one detection together."""
LEAST_CODES = 25
"""Codes below which nothing is tested: 1 s."""

_BLOCK = 64
_CODES = 1 << 16


@dataclass(frozen=True)
class TokenMark:
    """What marks the tokens of one call: give it to `Sampling`."""

    key: DetectionKey
    variant: int
    """0 to VARIANTS - 1, the same for all pieces of a text."""

    @classmethod
    def of(cls, key: WatermarkKey, seed: int) -> TokenMark:
        """The mark of this key in the variant of this seed."""
        return cls(key.detection, seed % VARIANTS)

    def begin(self, prompt: Iterable[int]) -> TokenRace:
        """The races of one utterance that goes on from the codes of a prompt."""
        return TokenRace(self, prompt)


class TokenRace:
    """The races of one utterance, token by token."""

    def __init__(self, mark: TokenMark, prompt: Iterable[int]) -> None:
        self._mark = mark
        self._last = tuple(prompt)[-CONTEXT:]
        self._met: set[tuple[int, ...]] = set()

    def exponentials(self, n: int) -> NDArray[np.float64] | None:
        """The variates of the next token, for each of `n` tokens; None where chance is to draw."""
        if len(self._last) < CONTEXT or self._last in self._met:
            return None
        uniform = [
            self._mark.key.uniform(_purpose(self._mark.variant, self._last, block), _BLOCK)
            for block in range(-(-n // _BLOCK))
        ]
        return -np.log(np.concatenate(uniform)[:n])

    def drawn(self, token: int) -> None:
        """Go on after this token."""
        self._met.add(self._last)
        self._last = (*self._last, token)[-CONTEXT:]


@dataclass(frozen=True)
class TokenEvidence:
    """What the tokens of a clip say about one key and variant, the best of those tried."""

    codes: int
    """Codes that count: with a whole context, each context once."""
    score: float
    """Sum of -ln(1 - U); without a mark its mean is `codes`."""
    log10_p: float
    """Probability of such a score without a mark, by any of the keys, epochs and variants tried."""
    key_id: str
    epoch: int
    variant: int

    @property
    def found(self) -> bool:
        return self.log10_p <= THRESHOLD_LOG10_P


def detect_tokens(codes: ArrayLike, keys: Sequence[WatermarkKey]) -> TokenEvidence | None:
    """Codes [time] of a clip, as re-encoded from its sound; None when there are too few to test."""
    contexts, tokens = _counted(codes)
    tried = [key.detection for key in all_readable(keys)]
    if not tried:
        raise VoxproofError("no watermark key was given", cure="Name one with --key or VOXPROOF_KEYS.")
    if len(tokens) < LEAST_CODES:
        return None
    tests = len(tried) * VARIANTS
    best: TokenEvidence | None = None
    for key in tried:
        for variant in range(VARIANTS):
            score = _score(key, variant, contexts, tokens)
            if best is None or score > best.score:
                p = log10_of_any(log10_tail(score, len(tokens)), tests)
                best = TokenEvidence(len(tokens), score, p, key.key_id, key.epoch, variant)
    return best


def log10_tail(score: float, codes: int) -> float:
    """log10 of the probability that `codes` unmarked codes score at least this."""
    from scipy.special import gammaincc

    return log10(max(float(gammaincc(codes, score)), 1e-300))


def log10_of_any(log10_p: float, tests: int) -> float:
    """log10 of the probability that any of `tests` independent tests falls below 10 ** log10_p."""
    p = 10.0**log10_p
    return 0.0 if p >= 1 else log10(-np.expm1(tests * np.log1p(-p)))


def _counted(codes: ArrayLike) -> tuple[list[tuple[int, ...]], list[int]]:
    """Every context where it occurs first, and the token after it."""
    sequence = np.asarray(codes)
    if sequence.ndim != 1 or (sequence.size and not np.issubdtype(sequence.dtype, np.integer)):
        raise ValueError(f"codes are whole numbers [time], not {sequence.dtype} {sequence.shape}")
    if sequence.size and not (sequence.min() >= 0 and sequence.max() < _CODES):
        raise ValueError(f"codes are 0 to {_CODES - 1}")
    listed: list[int] = sequence.tolist()
    after: dict[tuple[int, ...], int] = {}
    for at in range(CONTEXT, len(listed)):
        after.setdefault(tuple(listed[at - CONTEXT : at]), listed[at])
    return list(after), list(after.values())


def _score(key: DetectionKey, variant: int, contexts: Sequence[tuple[int, ...]], tokens: Sequence[int]) -> float:
    uniform = [
        key.uniform(_purpose(variant, context, token // _BLOCK), token % _BLOCK + 1)[-1]
        for context, token in zip(contexts, tokens, strict=True)
    ]
    return float(-np.log1p(-np.array(uniform)).sum())


def _purpose(variant: int, context: Sequence[int], block: int) -> bytes:
    numbers = (variant, len(context), *context, block)
    return b"tokens/1/" + b"".join(number.to_bytes(2, "big") for number in numbers)
