"""Error correction of the payload: a polar code of 512 bits, decoded softly into a list that the MAC picks from.

Polar codes: Arikan 2009 (arXiv:0807.3917). List decoding: Tal and Vardy 2015 (arXiv:1206.0050), in the min-sum form of
Balatsoukas-Stimming et al. 2015 (arXiv:1401.3753), which does not need the scale of the LLRs; subtrees of frozen bits
and of one repeated bit are decoded at once (Alamdar-Yazdi and Kschischang 2011; Hashemi et al. 2016). Which bits are
frozen: the polarisation weight of He et al. 2017 (arXiv:1704.05709), one formula for all channels, with beta a little
towards Reed-Muller codes, for a better first path where no MAC key picks. There is no CRC: 40 of the 80 payload bits
are the MAC, and it picks.

The coded bits come in an order that scatters neighbours of the code, so that a lost half is like a thinned channel.
Measured against tail-biting convolutional codes: docs/watermark-code.md, `python -m forensics.benches.mark_code`.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synth.watermark.payload import PAYLOAD_BITS

CODED_BITS = 512
LIST_SIZE = 32
"""Paths kept unless told otherwise; 32 decodings of one detection stay within `payload.MAX_CANDIDATES`."""
MOST_PATHS = 1024

_BETA = 1.16
"""Base of the polarisation weight; He et al. have 2**(1/4) = 1.19. As good with the MAC, better without (measured)."""

Array = NDArray[np.float32]
Bits = NDArray[np.uint8]
_Number = TypeVar("_Number", np.float32, np.uint8)


def encode(bits: ArrayLike) -> Bits:
    """Payload bits [..., PAYLOAD_BITS] -> coded bits [..., CODED_BITS], 0 or 1."""
    payload = np.asarray(bits, np.uint8)
    if payload.shape[-1:] != (PAYLOAD_BITS,):
        raise ValueError(f"a payload has {PAYLOAD_BITS} bits, not {payload.shape}")
    word = np.zeros((*payload.shape[:-1], CODED_BITS), np.uint8)
    word[..., _information()] = payload
    return _transform(word)[..., _order()]


def decode(llr: ArrayLike, list_size: int = LIST_SIZE) -> Bits:
    """LLRs [..., CODED_BITS], positive means 0 -> different payloads [..., list_size, PAYLOAD_BITS], best first.

    Only the ratios of the LLRs matter. A bit that was not received has LLR 0.
    """
    received = np.asarray(llr, np.float64)
    if received.shape[-1:] != (CODED_BITS,) or not np.isfinite(received).all():
        raise ValueError(f"expected {CODED_BITS} finite LLRs, not {received.shape}")
    if not 1 <= list_size <= MOST_PATHS:
        raise ValueError(f"a list has 1 to {MOST_PATHS} paths, not {list_size}")
    lead = received.shape[:-1]
    received = received.reshape(-1, CODED_BITS)
    scale = np.abs(received).max(axis=1, keepdims=True, initial=0.0)
    natural = np.empty(received.shape, np.float32)
    natural[:, _order()] = received / np.where(scale > 0, scale, 1.0)
    tree = _Tree(len(received), list_size)
    words, _ = tree.walk(natural[:, None, :], 0)
    best = np.argsort(tree.cost, axis=1, kind="stable")
    words = np.take_along_axis(words, best[:, :, None], axis=1)
    return _transform(words)[..., _information()].reshape(*lead, list_size, PAYLOAD_BITS)


class _Tree:
    """The decoding tree of `batch` words at once; every path has its cost, the sum of |LLR| it contradicts."""

    def __init__(self, batch: int, most: int) -> None:
        self.cost = np.zeros((batch, 1), np.float32)  # [batch, paths]
        self.most = most

    def walk(self, llr: Array, start: int) -> tuple[Bits, NDArray[np.intp] | None]:
        """Decode the subtree from leaf `start` with LLRs [batch, paths, n].

        -> coded bits of the subtree [batch, paths after, n], and which of the paths before each one goes back to
        [batch, paths after], None if every path goes on as itself.
        """
        n = llr.shape[-1]
        information = _counts()[start + n] - _counts()[start]
        if not information:
            self.cost = self.cost - np.minimum(llr, 0).sum(axis=-1)
            return np.zeros(llr.shape, np.uint8), None
        if information == 1 and _frozen()[start + n - 1] == 0:
            return self._fork(llr)
        half = n // 2
        left, right = llr[..., :half], llr[..., half:]
        # min-sum of the pair, with the sign of the product
        first, origin = self.walk(np.copysign(np.minimum(np.abs(left), np.abs(right)), left * right), start)
        if origin is not None:
            left, right = _taken(left, origin), _taken(right, origin)
        second, again = self.walk(np.where(first, right - left, right + left), start + half)
        if again is not None:
            first = _taken(first, again)
            origin = again if origin is None else np.take_along_axis(origin, again, axis=1)
        return np.concatenate([first ^ second, second], axis=-1), origin

    def _fork(self, llr: Array) -> tuple[Bits, NDArray[np.intp]]:
        """One information bit, repeated n times: both values of every path, the cheapest `most` of them kept."""
        against = np.maximum(llr, 0).sum(axis=-1)
        both = np.concatenate([self.cost + against - llr.sum(axis=-1), self.cost + against], axis=1)
        paths = self.cost.shape[1]
        if 2 * paths > self.most:
            kept = np.argpartition(both, self.most - 1, axis=1)[:, : self.most]
            self.cost = np.take_along_axis(both, kept, axis=1)
        else:
            kept = np.broadcast_to(np.arange(2 * paths), both.shape)
            self.cost = both
        bits = (kept >= paths).astype(np.uint8)
        return np.repeat(bits[..., None], llr.shape[-1], axis=-1), kept % paths


def _taken(values: NDArray[_Number], origin: NDArray[np.intp]) -> NDArray[_Number]:
    """Rows of [batch, paths, n] by path."""
    return values[np.arange(len(values))[:, None], origin]


def _transform(word: Bits) -> Bits:
    """The polar transform over GF(2) of [..., CODED_BITS]; its own inverse."""
    lead, size = word.shape[:-1], 1
    while size < CODED_BITS:
        pairs = word.reshape(*lead, CODED_BITS // (2 * size), 2, size)
        word = np.stack([pairs[..., 0, :] ^ pairs[..., 1, :], pairs[..., 1, :]], axis=-2).reshape(*lead, CODED_BITS)
        size *= 2
    return word


@lru_cache(1)
def _information() -> NDArray[np.intp]:
    """The leaves that carry the payload: those of the largest polarisation weight, in order."""
    leaves = np.arange(CODED_BITS)
    powers = np.arange(CODED_BITS.bit_length() - 1)
    weight = ((leaves[:, None] >> powers & 1) * _BETA**powers).sum(axis=1)
    return np.sort(np.argsort(weight, kind="stable")[-PAYLOAD_BITS:])


@lru_cache(1)
def _frozen() -> NDArray[np.int64]:
    """1 where a leaf is frozen [CODED_BITS]."""
    frozen = np.ones(CODED_BITS, np.int64)
    frozen[_information()] = 0
    return frozen


@lru_cache(1)
def _counts() -> list[int]:
    """How many information leaves lie before each leaf [CODED_BITS + 1]."""
    return [0, *np.cumsum(1 - _frozen()).tolist()]


@lru_cache(1)
def _order() -> NDArray[np.intp]:
    """Which bit of the code is sent as number i: a fixed, public shuffle.

    A regular order fits the tree's symmetry, and then half of the bits can be worth nothing: sent as number
    i * 205 mod 512, every second bit alone was never decoded.
    """
    words = hashlib.shake_256(b"voxproof/watermark/1/order of coded bits").digest(8 * CODED_BITS)
    return np.argsort(np.frombuffer(words, "<u8"), kind="stable")
