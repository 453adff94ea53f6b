"""Phones that were heard against phones that were said, as they are and without stress and marks."""

import pytest

torch = pytest.importorskip("torch")

from synth.code_reader import PHONES  # noqa: E402
from synth.text.symbols import table_of  # noqa: E402
from synth.train.phone_errors import Heard, plain  # noqa: E402

NAMES = table_of("v2").symbols


def said(*names: str) -> list[int]:
    return [NAMES.index(name) for name in names]


def certain(phones: list[int]) -> torch.Tensor:
    scores = torch.full((2 * len(phones), PHONES + 1), -9.0)
    for place, phone in enumerate(phones):
        scores[2 * place, phone], scores[2 * place + 1, PHONES] = 0.0, 0.0
    return scores


def test_stress_and_marks_count_in_one_figure_only() -> None:
    heard = Heard()
    heard.add(said("HH", "AH0", "L", "OW1", "."), certain(said("HH", "AH1", "L", "OW1")), NAMES)
    assert heard.rates() == {"phone errors": 0.4, "without stress and marks": 0.0}
    heard.add(said("N", "OW1"), certain(said("M", "OW1", "OW1")), NAMES)
    assert (heard.wrong_plain, heard.count_plain) == (2, 6)
    assert plain(said("AA1", ",", "K"), NAMES) == ["AA", "K"]


def test_nothing_heard_is_everything_wrong() -> None:
    heard = Heard()
    heard.add(said("N", "OW1"), certain([]).new_zeros(3, PHONES + 1) + torch.eye(PHONES + 1)[PHONES], NAMES)
    assert heard.rates() == {"phone errors": 1.0, "without stress and marks": 1.0}
