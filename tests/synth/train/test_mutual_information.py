"""Phones and codes: what one says of the other."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from synth.code_reader import PHONES  # noqa: E402
from synth.train.mutual_information import nearest_phones, phone_normalised_mutual_information  # noqa: E402


def drawn(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 8, frames)


def test_codes_that_tell_every_phone_know_all_and_other_codes_nothing() -> None:
    phones = drawn(4000)
    assert phone_normalised_mutual_information(phones * 10 + drawn(4000, 1), phones) == pytest.approx(1.0, abs=0.01)
    assert phone_normalised_mutual_information(drawn(4000, 1), phones) == pytest.approx(0.0, abs=0.01)


def test_small_counts_do_not_look_like_knowledge() -> None:
    phones, codes = drawn(3000), np.random.default_rng(1).integers(0, 200, 3000)
    assert abs(phone_normalised_mutual_information(codes, phones)) < 0.03  # without the correction it would be 0.11


def test_half_of_the_phones_told_is_half_of_the_information() -> None:
    phones = drawn(8000)
    assert phone_normalised_mutual_information(phones // 2, phones) == pytest.approx(2 / 3, abs=0.01)  # of three bits


def test_a_frame_has_the_phone_that_is_nearest() -> None:
    scores = torch.full((7, PHONES + 1), -9.0)
    for frame, phone in enumerate((PHONES, 5, PHONES, PHONES, PHONES, 8, PHONES)):
        scores[frame, phone] = 0.0
    assert nearest_phones(scores).tolist() == [5, 5, 5, 5, 8, 8, 8]
    blank = torch.zeros(3, PHONES + 1)
    blank[:, PHONES] = 1.0
    assert nearest_phones(blank).tolist() == [PHONES] * 3
