"""The code of the payload: what it corrects, and what its decoder promises for every input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from forensics.benches.mark_code import LTE, Code, TailBiting, frame_errors, kept_masks
from synth.watermark.coding import CODED_BITS, decode, encode
from synth.watermark.payload import PAYLOAD_BITS

RNG = np.random.default_rng(4)
POLAR = Code("polar", encode, decode)


def payloads(n: int) -> np.ndarray:
    return RNG.integers(0, 2, (n, PAYLOAD_BITS)).astype(np.uint8)


def test_the_code_never_changes() -> None:
    sent = encode(np.eye(PAYLOAD_BITS, dtype=np.uint8))
    assert sent.shape == (PAYLOAD_BITS, CODED_BITS)
    assert np.packbits(encode(np.arange(PAYLOAD_BITS) % 3 == 0))[:8].tobytes().hex() == "7c7009063702535c"
    assert sent.sum() == 9376


def test_the_code_is_linear_and_its_words_lie_far_apart() -> None:
    one, two = payloads(50), payloads(50)
    assert (encode(one ^ two) == encode(one) ^ encode(two)).all()
    assert encode(payloads(2_000)).sum(axis=1).min() >= 128
    assert encode(np.eye(PAYLOAD_BITS, dtype=np.uint8)).sum(axis=1).min() >= 32


@pytest.mark.parametrize("list_size", [1, 2, 32])
def test_without_noise_the_first_path_is_the_payload_at_any_scale(list_size: int) -> None:
    bits = payloads(5)
    for scale in (1e-200, 1e200):
        found = decode(scale * (1.0 - 2.0 * encode(bits)), list_size)
        assert found.shape == (5, list_size, PAYLOAD_BITS)
        assert (found[:, 0] == bits).all()


def test_every_list_holds_different_payloads_best_first() -> None:
    llr = RNG.standard_normal((10, CODED_BITS))
    found = decode(llr, 64)
    for word, paths in zip(llr, found, strict=True):
        assert len(np.unique(paths, axis=0)) == 64
        fit = (word * (1.0 - 2.0 * encode(paths))).sum(axis=1)
        assert (np.diff(fit) <= 1e-4).all()


def test_one_word_is_decoded_as_in_a_batch() -> None:
    llr = RNG.standard_normal((2, 3, CODED_BITS))
    assert (decode(llr, 16)[1, 2] == decode(llr[1, 2], 16)).all()
    assert decode(llr[:, :0], 16).shape == (2, 0, 16, PAYLOAD_BITS)


@settings(deadline=None, max_examples=8)
@given(arrays(np.float64, CODED_BITS, elements=st.sampled_from([-1.0, 0.0, 1.0])), st.integers(1, 12))
def test_ties_and_silence_give_a_full_list_of_different_payloads(llr: np.ndarray, list_size: int) -> None:
    found = decode(llr, list_size)
    assert found.shape == (list_size, PAYLOAD_BITS)
    assert len(np.unique(found, axis=0)) == list_size


@pytest.mark.parametrize("llr", [np.zeros(511), np.full(CODED_BITS, np.nan), np.full(CODED_BITS, np.inf)])
def test_what_is_no_received_word_is_refused(llr: np.ndarray) -> None:
    with pytest.raises(ValueError, match="512 finite"):
        decode(llr)


@pytest.mark.parametrize("list_size", [0, 1025])
def test_lists_beyond_the_bound_of_candidates_are_refused(list_size: int) -> None:
    with pytest.raises(ValueError, match="1024"):
        decode(np.zeros(CODED_BITS), list_size)


@pytest.mark.parametrize("lost", kept_masks())
def test_noise_and_lost_halves_are_corrected(lost: str) -> None:
    unlisted, not_first = frame_errors(POLAR, 2.5, kept_masks()[lost], 40)
    assert unlisted <= 1
    assert not_first <= 8


def test_far_below_capacity_nothing_is_found() -> None:
    assert frame_errors(POLAR, -10.0, kept_masks()["all"], 20) == (20, 20)


def test_the_rival_works_too() -> None:
    rival = TailBiting(LTE, 4)
    code = Code("rival", rival.encode, rival.decode)
    assert frame_errors(code, 8.0, kept_masks()["all"], 20) == (0, 0)
    assert frame_errors(code, -10.0, kept_masks()["all"], 20)[0] == 20
