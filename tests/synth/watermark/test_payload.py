"""The payload: sealed, authenticated, and the bound on what one detection may try."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.benches.mark_code import forgeries, tampered
from synth.errors import VoxproofError
from synth.watermark import payload as module
from synth.watermark.coding import LIST_SIZE
from synth.watermark.keys import new_key, rotate
from synth.watermark.payload import (
    CHANCE,
    MAC_BITS,
    MAX_CANDIDATES,
    PAYLOAD_BITS,
    Attempts,
    Payload,
    authenticate,
    authenticate_many,
    seal,
    unsealed,
)

KEY = rotate(new_key())


@given(st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_what_is_sealed_authenticates_and_says_the_same(issuance: int, tag: int) -> None:
    payload = Payload(issuance, tag)
    bits = seal(payload, KEY)
    assert bits.shape == (PAYLOAD_BITS,)
    assert authenticate(bits, KEY) == payload
    assert unsealed(bits) == payload
    assert int(payload.hex, 16) == issuance
    assert len(payload.hex) == 8


@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, PAYLOAD_BITS - 1), min_size=1))
def test_no_change_of_bits_authenticates(issuance: int, turned: set[int]) -> None:
    bits = seal(Payload(issuance, 7), KEY)
    bits[list(turned)] ^= 1
    assert authenticate(bits, KEY) is None


def test_epoch_scheme_and_key_are_authenticated_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bits = seal(Payload(1, 2), KEY)
    assert authenticate(bits, rotate(KEY)) is None
    assert authenticate(bits, new_key()) is None
    monkeypatch.setattr(module, "SCHEME", 2)
    assert authenticate(bits, KEY) is None


def test_a_readers_key_neither_seals_nor_authenticates() -> None:
    with pytest.raises(VoxproofError, match="issuer's key file"):
        seal(Payload(1, 2), KEY.public)
    with pytest.raises(VoxproofError, match="cannot authenticate"):
        authenticate(seal(Payload(1, 2), KEY), KEY.public)


@pytest.mark.parametrize("wrong", [(-1, 0), (2**32, 0), (0, 256), (0, -1)])
def test_numbers_that_do_not_fit_are_refused(wrong: tuple[int, int]) -> None:
    with pytest.raises(VoxproofError):
        Payload(*wrong)


@pytest.mark.parametrize("bits", [np.zeros(79), np.full(80, 2), np.full(80, 0.5), np.zeros((2, 40))])
def test_what_is_no_payload_is_refused(bits: np.ndarray) -> None:
    with pytest.raises(ValueError, match="80 bits"):
        authenticate(bits, KEY)


def test_chance_of_one_detection_is_below_1e_9_and_leaves_room_for_32_lists() -> None:
    assert MAX_CANDIDATES * 2.0**-MAC_BITS == CHANCE
    assert CHANCE < 1e-9
    assert 32 * LIST_SIZE <= MAX_CANDIDATES


def test_a_detection_stops_at_its_bound_even_if_the_right_one_comes_next() -> None:
    rng = np.random.default_rng(0)
    wrong = rng.integers(0, 2, (MAX_CANDIDATES, PAYLOAD_BITS))
    right = seal(Payload(5, 6), KEY)
    attempts = Attempts()
    assert attempts.authenticate(wrong, KEY) is None
    assert (attempts.tried, attempts.left) == (MAX_CANDIDATES, 0)
    assert attempts.authenticate(right[None], KEY) is None
    assert attempts.tried == MAX_CANDIDATES
    assert Attempts().authenticate(np.vstack([wrong[:5], right]), KEY) == Payload(5, 6)
    assert Attempts(most=10**9).most == MAX_CANDIDATES


def test_the_same_candidate_counts_once_under_each_key() -> None:
    attempts = Attempts()
    bits = np.zeros((3, PAYLOAD_BITS))
    for key in (KEY, KEY, rotate(KEY)):
        assert attempts.authenticate(bits, key) is None
    assert attempts.tried == 2


def test_of_5000_tampered_payloads_none_authenticates_and_all_that_were_sealed_do() -> None:
    bits, sealed = tampered(KEY, 5_000, np.random.default_rng(1))
    assert (bits != sealed).any(axis=1).all()
    assert (bits[::10, 40:] == sealed[::10, 40:]).all()
    assert not any(authenticate_many(bits, KEY))
    assert all(authenticate_many(sealed, KEY))
    assert forgeries(200) == 0
