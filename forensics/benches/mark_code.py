"""How the code of the payload was chosen: polar with list decoding against tail-biting convolutional with list Viterbi.

    python -m forensics.benches.mark_code [--words 2000]

BPSK over white Gaussian noise, and with half of the coded bits lost; frame errors are counted with the MAC (the sent
payload is anywhere in the list) and without (it is first). The rival is what telephone control channels use: the
tail-biting code of constraint length 7 of LTE (generators 133, 171, 165, 3GPP TS 36.212, 5.1.3.1) and the one of
constraint length 9 of UMTS (557, 663, 711, 3GPP TS 25.212, 4.2.3.1), its 240 bits sent around until there are 512; the
list Viterbi algorithm of Seshadri and Sundberg 1994 on the second of two laps, as in the wrap-around decoder of Shao
et al. 2003. `--forgery N` asks the decoder's MAC about N tampered payloads instead.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.watermark.coding import CODED_BITS, decode, encode
from synth.watermark.keys import WatermarkKey, new_key
from synth.watermark.payload import ID_BITS, PAYLOAD_BITS, TAG_BITS, Payload, authenticate_many, seal

RATE = PAYLOAD_BITS / CODED_BITS
LTE, UMTS = (0o133, 0o171, 0o165), (0o557, 0o663, 0o711)
BATCH = 100

Bits = NDArray[np.uint8]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Code:
    """A code under test."""

    name: str
    encode: Callable[[Bits], Bits]
    """Payloads [n, PAYLOAD_BITS] -> coded bits [n, CODED_BITS]."""
    decode: Callable[[Floats], Bits]
    """LLRs [n, CODED_BITS] -> candidates [n, list, PAYLOAD_BITS], best first."""


class TailBiting:
    """The rival: a tail-biting convolutional code of rate 1/3, repeated up to CODED_BITS."""

    def __init__(self, generators: tuple[int, ...], most: int) -> None:
        self.most = most
        memory = max(generators).bit_length() - 1
        self.states = 1 << memory
        state = np.arange(self.states)
        self.before = np.stack([state >> 1, (state >> 1) | (self.states >> 1)], axis=1)  # [states, 2]
        register = (self.before << 1) | (state & 1)[:, None]
        outputs = [_parity(register & generator) for generator in generators]
        self.signs = 1.0 - 2.0 * np.stack(outputs, axis=-1)  # [states, 2, 3]
        self.out = np.stack(outputs, axis=-1).astype(np.uint8)

    def encode(self, payload: Bits) -> Bits:
        """[n, 80] -> [n, 512]."""
        state = np.zeros(len(payload), np.int64)
        coded = []
        for lap in range(2):  # the first lap finds the state that the second starts and ends in
            for bit in payload.T.astype(np.int64):
                after = ((state << 1) | bit) & (self.states - 1)
                if lap:
                    coded.append(self.out[after, (state >= self.states >> 1).astype(int)])
                state = after
        whole = np.concatenate(coded, axis=1)
        return np.concatenate([whole] * 3, axis=1)[:, :CODED_BITS]

    def decode(self, llr: Floats) -> Bits:
        """[n, 512] -> [n, most, 80]."""
        size = 3 * PAYLOAD_BITS
        folded = np.zeros((len(llr), size))
        for lap in range(0, CODED_BITS, size):
            part = llr[:, lap : lap + size]
            folded[:, : part.shape[1]] += part
        steps = folded.reshape(len(llr), PAYLOAD_BITS, 3)
        begin = np.zeros((len(llr), self.states))
        first, _, _ = self._lap(steps, begin, 1)
        begin = first[..., 0]
        cost, start, back = self._lap(steps, begin, self.most)
        cost = cost - np.take_along_axis(begin, start.reshape(len(llr), -1), axis=1).reshape(cost.shape)
        cost[start != np.arange(self.states)[:, None]] = np.inf
        flat = cost.reshape(len(llr), -1)
        best = np.argsort(flat, axis=1, kind="stable")[:, : self.most]
        return self._traced(best, back)

    def _lap(
        self, steps: Floats, begin: Floats, most: int
    ) -> tuple[Floats, NDArray[np.int64], list[tuple[int, NDArray[np.int64]]]]:
        """The `most` cheapest paths into every state [n, states, most], where each began, and the way back."""
        n = len(steps)
        cost: Floats = begin[..., None]
        start: NDArray[np.int64] = np.broadcast_to(np.arange(self.states)[:, None], cost.shape)
        back: list[tuple[int, NDArray[np.int64]]] = []
        for t in range(PAYLOAD_BITS):
            branch = -0.5 * np.einsum("sjk,nk->nsj", self.signs, steps[:, t])
            both = cost[:, self.before] + branch[..., None]  # [n, states, 2, paths]
            width = both.shape[-1]
            both = both.reshape(n, self.states, -1)
            kept = np.argsort(both, axis=-1, kind="stable")[..., :most]
            cost = np.take_along_axis(both, kept, axis=-1)
            start = np.take_along_axis(start[:, self.before].reshape(n, self.states, -1), kept, axis=-1)
            back.append((width, kept))
        return cost, start, back

    def _traced(self, best: NDArray[np.int64], back: list[tuple[int, NDArray[np.int64]]]) -> Bits:
        last = back[-1][1].shape[-1]
        state, path = best // last, best % last
        rows = np.arange(len(best))[:, None]
        bits = np.empty((*best.shape, PAYLOAD_BITS), np.uint8)
        for t in reversed(range(PAYLOAD_BITS)):
            bits[..., t] = state & 1
            width, kept = back[t][0], back[t][1][rows, state, path]
            state, path = self.before[state, kept // width], kept % width
        return bits


def _parity(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 where a number below 2**16 has an odd count of ones."""
    for shift in (8, 4, 2, 1):
        numbers = numbers ^ (numbers >> shift)
    return numbers & 1


def codes() -> tuple[Code, ...]:
    """Those of the table."""
    rivals = [("LTE", LTE, 32), ("UMTS", UMTS, 32)]
    return (
        *(Code(f"polar, list {n}", encode, lambda llr, n=n: decode(llr, n)) for n in (8, 32, 128)),  # type: ignore[misc]
        *(
            Code(f"tail-biting {name}, list {n}", rival.encode, rival.decode)
            for name, generators, n in rivals
            for rival in (TailBiting(generators, n),)
        ),
    )


def kept_masks() -> dict[str, Floats]:
    """Which coded bits arrive."""
    half = CODED_BITS // 2
    return {
        "all": np.ones(CODED_BITS),
        "first half": np.repeat([1.0, 0.0], half),
        "second half": np.repeat([0.0, 1.0], half),
        "every second": np.tile([1.0, 0.0], half),
    }


def frame_errors(code: Code, eb_n0_db: float, kept: Floats, words: int, seed: int = 1) -> tuple[int, int]:
    """Frames wrong with and without the MAC, of `words`; Eb is what arrives, so losses cost no energy here."""
    rng = np.random.default_rng(seed)
    energy = RATE / kept.mean() * 10 ** (eb_n0_db / 10)
    unlisted = not_first = 0
    for start in range(0, words, BATCH):
        payload = rng.integers(0, 2, (min(BATCH, words - start), PAYLOAD_BITS)).astype(np.uint8)
        sent = 1.0 - 2.0 * code.encode(payload)
        received = (sent + rng.standard_normal(sent.shape) / np.sqrt(2 * energy)) * kept
        right = (code.decode(received) == payload[:, None]).all(axis=-1)
        unlisted += int((~right.any(axis=1)).sum())
        not_first += int((~right[:, 0]).sum())
    return unlisted, not_first


def milliseconds(code: Code, words: int = 20) -> float:
    """Decoding one word of noise, the median of `words`."""
    rng, times = np.random.default_rng(2), []
    for _ in range(words):
        llr = rng.standard_normal((1, CODED_BITS))
        begun = time.perf_counter()
        code.decode(llr)
        times.append(time.perf_counter() - begun)
    return 1e3 * float(np.median(times))


def tampered(key: WatermarkKey, count: int, rng: np.random.Generator) -> tuple[Bits, Bits]:
    """Payloads [count, 80] with bits turned over, from one to about half; every tenth keeps its MAC. -> and before."""
    ids, tags = rng.integers(0, 1 << 32, 256), rng.integers(0, 256, 256)
    pool = np.stack([seal(Payload(int(i), int(t)), key) for i, t in zip(ids, tags, strict=True)])
    sealed = pool[np.arange(count) % len(pool)]
    turned = rng.random((count, PAYLOAD_BITS), np.float32) < rng.uniform(0, 0.5, (count, 1))
    turned[::10, ID_BITS + TAG_BITS :] = False
    turned[np.arange(count), rng.integers(0, ID_BITS + TAG_BITS, count)] = True
    return sealed ^ turned.astype(np.uint8), sealed


def forgeries(count: int, seed: int = 3) -> int:
    """How many of `count` tampered payloads authenticate."""
    key, rng, accepted = new_key(), np.random.default_rng(seed), 0
    for start in range(0, count, 20_000):
        answers = authenticate_many(tampered(key, min(20_000, count - start), rng)[0], key)
        accepted += sum(answer is not None for answer in answers)
    return accepted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=2000)
    parser.add_argument("--rival-words", type=int, default=400)
    parser.add_argument("--forgery", type=int, default=0, metavar="N")
    given = parser.parse_args()
    if given.forgery:
        print(f"{forgeries(given.forgery)} of {given.forgery} tampered payloads authenticate")
        return
    print("frame errors in %: with the MAC / without, by Eb/N0 in dB of what arrives")
    points = [("all", db) for db in (0.0, 0.5, 1.0, 1.5, 2.0)]
    points += [(name, 1.5) for name in kept_masks() if name != "all"]
    print("| code | ms | " + " | ".join(f"{name} {db:g}" for name, db in points) + " |")
    print("|---|---|" + "---|" * len(points))
    for code in codes():
        words = given.words if code.name.startswith("polar") else given.rival_words
        cells = []
        for name, db in points:
            wrong = frame_errors(code, db, kept_masks()[name], words)
            cells.append(" / ".join(f"{100 * count / words:.2g}" for count in wrong))
        print(f"| {code.name} ({words} words) | {milliseconds(code):.0f} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
