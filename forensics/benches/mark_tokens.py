"""How the mark in the semantic tokens was chosen, on sequences of codes with the errors of re-encoding.

    python -m forensics.benches.mark_tokens [--clips 100]

The source stands in for a GPT until one is trained: at 25 codes a second, scores that depend on the code before (a
fixed table), on how frequent a code is (Zipf) and on a text (new numbers at each step), the 15 likeliest kept, as sharp
as it takes for a given entropy. Re-encoding changes, drops and inserts codes at random. Compared: the exponential race
with one or two codes of context, and green lists (Kirchenbauer et al. 2023, arXiv:2301.10226) of half of the codes with
a bias of 1 or 2 nats, which distort. Counted: clips whose p-value, corrected for the 16 variants of the shipped mark,
is at most the shipped threshold of 1e-6.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc

from synth.watermark.keys import DetectionKey
from synth.watermark.tokens import THRESHOLD_LOG10_P, VARIANTS, log10_of_any, log10_tail

CODES, TOP_K, BLOCK = 1024, 15, 64
GREEN = 0.5
ERRORS = {  # changed, dropped, inserted
    "none": (0.0, 0.0, 0.0),
    "10 % changed": (0.1, 0.01, 0.01),
    "20 % changed": (0.2, 0.02, 0.02),
    "30 % changed": (0.3, 0.03, 0.03),
    "40 % changed": (0.4, 0.05, 0.05),
    "10 % dropped": (0.1, 0.1, 0.0),
    "10 % inserted": (0.1, 0.0, 0.1),
}
Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scheme:
    """A way to mark tokens."""

    name: str
    context: int
    bias: float | None = None
    """Nats on green codes; None: the exponential race."""
    lags: tuple[int, ...] = (0,)
    """Also tested: contexts this many codes further back, in case one was inserted."""
    pairs: bool = False
    """Whether each context with its token counts once, rather than each context."""


SCHEMES = (
    Scheme("race, context 1", 1),
    Scheme("race, context 2", 2),
    Scheme("race, context 1, pairs counted", 1, pairs=True),
    Scheme("race, context 1, one further back too", 1, lags=(0, 1)),
    Scheme("green list, 1 nat, context 1", 1, 1.0),
    Scheme("green list, 2 nats, context 1", 1, 2.0),
)


class Source:
    """A GPT for measurements: probabilities of the next code."""

    def __init__(self, bits: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.bigram = self.rng.standard_normal((CODES, CODES)).astype(np.float32)
        self.zipf = -np.log(1.0 + self.rng.permutation(CODES) / 50.0)
        self.sharpness = self._tuned(bits)

    def probabilities(self, last: int) -> Floats:
        """[CODES] of the code after `last`."""
        return self._at(self.sharpness, last)

    def _at(self, sharpness: float, last: int) -> Floats:
        scores: Floats = sharpness * (self.zipf + self.bigram[last] + self.rng.standard_normal(CODES))
        least = np.partition(scores, CODES - TOP_K)[CODES - TOP_K]
        p: Floats = np.where(scores >= least, np.exp(scores - scores.max()), 0.0)
        p /= p.sum()
        return p

    def _tuned(self, bits: float) -> float:
        low, high = 0.0, 30.0
        for _ in range(12):
            middle = (low + high) / 2
            entropies = [entropy(self._at(middle, int(self.rng.integers(CODES)))) for _ in range(200)]
            low, high = (middle, high) if np.mean(entropies) > bits else (low, middle)
        return (low + high) / 2


def entropy(p: Floats) -> float:
    """Bits."""
    p = p[p > 0]
    return float(-(p * np.log2(p)).sum())


def keyed(key: DetectionKey, context: tuple[int, ...], tokens: Codes) -> Floats:
    """The uniform number of each of some tokens after a context."""
    found = np.empty(len(tokens))
    for block in np.unique(tokens // BLOCK):
        inside = tokens // BLOCK == block
        label = b"bench/" + b"".join(int(n).to_bytes(2, "big") for n in (*context, block))
        found[inside] = key.uniform(label, BLOCK)[tokens[inside] % BLOCK]
    return found


def said(scheme: Scheme, source: Source, key: DetectionKey, length: int) -> tuple[Codes, float, float]:
    """Marked codes [length], mean divergence of their probabilities from the source's in bits, contexts repeated."""
    codes = list(source.rng.integers(0, CODES, 2))
    met: set[tuple[int, ...]] = set()
    divergence, repeated = 0.0, 0
    for _ in range(length):
        p = source.probabilities(int(codes[-1]))
        context = tuple(int(c) for c in codes[-scheme.context :])
        live = np.flatnonzero(p)
        race = source.rng.standard_exponential(len(live))
        if context in met:
            repeated += 1
        else:
            uniform = keyed(key, context, live)
            if scheme.bias is None:
                race = -np.log(uniform)
            else:
                q = p[live] * np.exp(scheme.bias * (uniform < GREEN))
                q /= q.sum()
                divergence += float((q * np.log2(q / p[live])).sum())
                p[live] = q
        met.add(context)
        codes.append(int(live[np.argmax(p[live] / race)]))
    return np.array(codes[2:]), divergence / length, repeated / length


def heard(codes: Codes, errors: tuple[float, float, float], rng: np.random.Generator) -> Codes:
    """The codes after re-encoding."""
    changed, dropped, inserted = errors
    out = np.where(rng.random(len(codes)) < changed, rng.integers(0, CODES, len(codes)), codes)
    out = out[rng.random(len(out)) >= dropped]
    before = np.flatnonzero(rng.random(len(out)) < inserted)
    return np.insert(out, before, rng.integers(0, CODES, len(before)))


def log10_p(scheme: Scheme, codes: Codes, key: DetectionKey) -> float:
    """What the scheme's detector says, corrected for the variants."""
    tested: dict[tuple[int, ...], tuple[tuple[int, ...], int]] = {}
    for lag in scheme.lags:
        for at in range(scheme.context + lag, len(codes)):
            context, token = tuple(codes[at - scheme.context - lag : at - lag].tolist()), int(codes[at])
            tested.setdefault((*context, token) if scheme.pairs or lag else context, (context, token))
    uniform = np.array([keyed(key, context, np.array([token]))[0] for context, token in tested.values()])
    if scheme.bias is None:
        tail = log10_tail(float(-np.log1p(-uniform).sum()), len(uniform))
    else:
        green = int((uniform < GREEN).sum())
        tail = float(np.log10(max(bdtrc(green - 1, len(uniform), GREEN), 1e-300))) if green else 0.0
    return log10_of_any(tail, VARIANTS)


def measured(scheme: Scheme, bits: float, clips: int, progress: Callable[[str], None]) -> None:
    """Print the rows of one scheme at one entropy: 5 s and 10 s."""
    source, rng = Source(bits, 1), np.random.default_rng(2)
    keys = [DetectionKey("0" * 16, 0, rng.bytes(32)) for _ in range(clips)]
    made = [said(scheme, source, key, 250) for key in keys]
    cost, repeated = np.mean([one[1] for one in made]), np.mean([one[2] for one in made])
    for seconds in (5, 10):
        cells = []
        for errors in ERRORS.values():
            sequences = [heard(codes[: 25 * seconds], errors, rng) for codes, _, _ in made]
            p = [log10_p(scheme, codes, key) for codes, key in zip(sequences, keys, strict=True)]
            cells.append(f"{100 * np.mean(np.array(p) <= THRESHOLD_LOG10_P):.0f} ({np.median(p):.0f})")
        progress(f"| {scheme.name} | {bits:g} | {seconds} | {cost:.2f} | {100 * repeated:.0f} | {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100)
    clips = parser.parse_args().clips
    print(f"clips of {clips} found at p <= 1e-6, in % (median log10 p)")
    print("| scheme | entropy, bits | s | divergence, bits | contexts repeated, % | " + " | ".join(ERRORS) + " |")
    print("|---|---|---|---|---|" + "---|" * len(ERRORS))
    for bits in (1.0, 2.0, 3.0):
        for scheme in SCHEMES:
            measured(scheme, bits, clips, lambda row: print(row, flush=True))


if __name__ == "__main__":
    main()
