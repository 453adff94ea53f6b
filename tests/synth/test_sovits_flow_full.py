"""A mel of the full-size v3 against the reference's golden; only where the parity kit lies beside the repository.

v4 has the same 383 million weights; python -m tests.parity.rest sovits-v4-full draws its sample, too.
"""

import pytest
from sovits_goldens import KIT

from tests.parity import rest


@pytest.mark.skipif(not KIT.exists(), reason="full-size goldens are not part of the repository")
def test_a_mel_of_v3_is_the_references() -> None:
    figures = dict(rest.flow_of(rest.flow_model(whole=True), "v3", whole=True))
    assert figures.keys() == {"v3 voice", "v3 fea", "v3 fea_speed1_25", "v3 mel after 4 steps"}
    assert max(figures.values()) < 1e-4
