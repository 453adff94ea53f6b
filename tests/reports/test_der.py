"""DER: what a strict encoder writes passes, every other spelling of the same value does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from asn1crypto import cms

from reports.der import is_der
from reports.signing import Signer


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("020101", "02020001"),  # integer 1 with a zero before it
        ("0201ff", "0202ffff"),
        ("02020080", "02810200" + "80"),  # length 2 in the long form
        ("0101ff", "010101"),  # true
        ("0500", "050100"),
        ("06032a0304", "06042a800304"),
        ("030207" + "80", "030207" + "81"),  # spare bits set
        ("170d3236303130323033303430355a", "170b323630313032303330345a"),
        ("3106020101020102", "3106020102020101"),  # a set out of order
        ("3003020101", "3080020101" + "0000"),  # indefinite length
        ("0c02c3a4", "0c02c328"),
        ("0403010203", "2405040301" + "0203"),  # an octet string in pieces
        ("3003020101", "300302010100"),  # a byte too many
    ],
)
def test_only_one_spelling_passes(good: str, bad: str) -> None:
    assert is_der(bytes.fromhex(good))
    assert not is_der(bytes.fromhex(bad))


def test_what_is_cut_off_or_empty_is_no_value() -> None:
    assert not is_der(b"")
    assert not is_der(b"\x30")
    assert not is_der(b"\x30\x05\x02\x01")


def test_a_certificate_passes_and_a_looser_length_in_it_does_not(tmp_path: Path) -> None:
    whole = Signer.self_made(tmp_path).certificate
    assert is_der(whole)
    assert whole[:2] == b"\x30\x82"
    assert not is_der(b"\x30\x83\x00" + whole[2:])
    wrapped = cms.ContentInfo({"content_type": "data", "content": whole}).dump()
    assert is_der(wrapped)
