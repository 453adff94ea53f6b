"""Signing and checking: intact reports pass, every sampled change is found and named."""

from __future__ import annotations

import hashlib
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import report_samples as samples
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from forensics.records import Examination
from reports.check import check
from reports.pdf import pdf_bytes, write_pdf
from reports.signing import Signer
from reports.twin import twin_bytes
from synth.errors import VoxproofError


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer.self_made(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def questioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exhibit") / "clip.wav"
    path.write_bytes(b"exhibit")
    return path


@pytest.fixture(scope="module")
def small() -> Examination:
    return samples.undecodable()


@pytest.fixture(scope="module")
def signed(small: Examination, signer: Signer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pdf(small, tmp_path_factory.mktemp("report") / "r.pdf", signer=signer)


def test_an_untouched_report_passes(signed: Path, questioned: Path) -> None:
    found = check(signed, questioned)
    assert found.problems == ()
    assert (found.signature, found.covers_whole_file, found.certificate) == ("intact", True, "self-made")
    assert (found.twin, found.exhibit) == ("intact", "matches")
    assert found.exhibit_sha256 == hashlib.sha256(b"exhibit").hexdigest()
    assert any("self-made" in line for line in found.lines())


def test_signing_appends_and_changes_nothing(signed: Path, small: Examination) -> None:
    unsigned = pdf_bytes(small)
    assert signed.read_bytes().startswith(unsigned)
    assert len(signed.read_bytes()) > len(unsigned)


def test_every_sampled_byte_counts(signed: Path, tmp_path: Path) -> None:
    """150 single bytes over the whole file, more closely in the signature's container and in the embedded twin."""
    data, path = signed.read_bytes(), tmp_path / "m.pdf"
    gap = data.index(b"/Contents <3", data.rindex(b"/ByteRange") - 5000) + 11
    twin = data.index(b"stream", data.index(b"/EmbeddedFile")) + 8
    length = data.index(b"endstream", twin) - twin
    places = [
        *range(3, len(data), len(data) // 90),
        *range(gap, gap + 2400, 64),
        *range(twin, twin + length, length // 19),
    ]
    assert len(places) >= 147
    missed = []
    for index, place in enumerate([*places, len(data) - 2]):
        changed = bytearray(data)
        if gap < place < gap + 2400:  # hexadecimal digits stay hexadecimal digits
            changed[place] = ord("5") if changed[place] != ord("5") else ord("6")
        else:
            changed[place] ^= 1 << index % 8
        path.write_bytes(changed)
        found = check(path)
        if not found.problems or found.signature != "broken":
            missed.append((place, found.signature, found.problems))
    assert missed == []


def test_bytes_added_at_the_end_are_found(signed: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.pdf"
    path.write_bytes(signed.read_bytes() + b"\n% more\n")
    found = check(path)
    assert not found.covers_whole_file
    assert found.problems


def test_a_replaced_twin_is_found_without_a_signature(
    small: Examination, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = small.model_copy(update={"contradictions": ("another",)})
    honest = twin_bytes(small)
    path = write_pdf(small, tmp_path / "r.pdf")
    assert check(path).problems == ("the report is not signed: changes cannot be found by a signature",)
    monkeypatch.setattr("reports.examiner.sha256", lambda _data: hashlib.sha256(honest).hexdigest())
    found = check(write_pdf(other, tmp_path / "o.pdf"))
    assert found.twin == "differs"
    assert any("the machine twin has SHA-256" in problem for problem in found.problems)


def test_another_exhibit_is_found(signed: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.wav"
    other.write_bytes(b"exhibiT")
    found = check(signed, other)
    assert found.exhibit == "differs"
    assert found.signature == "intact"
    assert hashlib.sha256(b"exhibiT").hexdigest() in found.problems[0]


def test_the_self_made_key_is_private_and_kept(tmp_path: Path) -> None:
    first, again = Signer.self_made(tmp_path / "a"), Signer.self_made(tmp_path / "a")
    (path,) = (tmp_path / "a").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first.certificate == again.certificate
    assert first.is_self_made


def test_a_certificate_of_an_issuer(small: Examination, tmp_path: Path) -> None:
    def name(words: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, words)])

    now = datetime.now(UTC)
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    made = []
    for key, subject in zip(keys, ("Example Root", "Dr. Ada Exemplar"), strict=True):
        root = subject == "Example Root"
        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name("Example Root"))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9))
        builder = builder.add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        usage = x509.KeyUsage(not root, not root, False, False, False, root, root, False, False)
        made.append(builder.add_extension(usage, critical=True).sign(keys[0], hashes.SHA256()))
    p12, root_file = tmp_path / "s.p12", tmp_path / "root.pem"
    p12.write_bytes(
        pkcs12.serialize_key_and_certificates(b"x", keys[1], made[1], [made[0]], BestAvailableEncryption(b"pw"))
    )
    root_file.write_bytes(made[0].public_bytes(Encoding.PEM))
    path = write_pdf(small, tmp_path / "r.pdf", signer=Signer.from_pkcs12(p12, "pw"))
    assert check(path).certificate == "unknown"
    found = check(path, trust=[root_file])
    assert (found.certificate, found.signer, found.signature, found.problems) == (
        "trusted",
        "Dr. Ada Exemplar",
        "intact",
        (),
    )
    with pytest.raises(VoxproofError, match="passphrase"):
        Signer.from_pkcs12(p12, "wrong")


def test_what_is_no_report_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(b"%PDF-1.4 nothing")
    found = check(path)
    assert found.signature == "none"
    assert found.problems
    with pytest.raises(VoxproofError, match="cannot be read"):
        check(tmp_path / "absent.pdf")
