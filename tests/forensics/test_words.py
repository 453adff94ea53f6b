"""The ENFSI 2015 bands: edges belong to the lower band, below 1 the propositions swap."""

from __future__ import annotations

import pytest

from forensics.words import strength, support


@pytest.mark.parametrize(
    ("log10_lr", "word"),
    [
        (0.0, "no"),
        (0.01, "weak"),
        (1.0, "weak"),
        (1.001, "moderate"),
        (2.0, "moderate"),
        (2.5, "moderately strong"),
        (3.0, "moderately strong"),
        (3.2, "strong"),
        (4.0, "strong"),
        (4.1, "very strong"),
        (6.0, "very strong"),
        (6.1, "extremely strong"),
    ],
)
def test_bands_and_their_edges(log10_lr: float, word: str) -> None:
    assert strength(log10_lr) == word
    assert strength(-log10_lr) == word


def test_positive_supports_machine_and_negative_a_person() -> None:
    assert support(1.5).startswith("moderate support for the proposition that at least part of the speech was made")
    assert support(-1.5).startswith(
        "moderate support for the proposition that all of the speech was spoken by a person"
    )
    assert support(0.0) == "no support for either proposition over the other"
