"""`check`: is this report whole, is its signature intact, does its machine twin agree, is this the exhibit?

Any changed byte of a signed report is found: the signature covers the file, and what no signature can cover (its own
container) must be written exactly as this program writes it.
"""

from __future__ import annotations

import binascii
import hashlib
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from forensics.records import Examination, Record
from reports.der import is_der
from reports.twin import FILE_NAME, sha256
from synth.errors import VoxproofError


class ReportCheck(Record):
    """What the check of a report found."""

    pdf: str
    """The file checked."""
    signature: Literal["intact", "broken", "none"]
    """Whether the signature is mathematically valid over the bytes that it covers."""
    covers_whole_file: bool
    """Whether nothing was added after signing."""
    certificate: Literal["trusted", "self-made", "unknown", "none"]
    """Trusted: chains to a root that was given. Self-made: nobody vouches for the holder. Unknown: no such chain."""
    signer: str | None = None
    """Name in the certificate."""
    certificate_sha256: str | None = None
    """SHA-256 of the certificate (DER): compare it with one that you know."""
    twin: Literal["intact", "differs", "unreadable", "missing"]
    """Whether the embedded examination parses and has the SHA-256 printed in the report."""
    twin_sha256: str | None = None
    exhibit: Literal["matches", "differs", "not_given"]
    """Whether the file given is the exhibit of the report."""
    exhibit_sha256: str | None = None
    """SHA-256 of the exhibit according to the report."""
    problems: tuple[str, ...] = ()
    """Everything that does not hold, in words; empty if all does."""

    def lines(self) -> tuple[str, ...]:
        """The result for a terminal."""
        worth = {
            "trusted": "trusted (chains to a given root)",
            "self-made": "self-made: shows that nothing changed since signing, not who signed",
            "unknown": "issuer not among the trusted roots",
            "none": "none",
        }[self.certificate]
        exhibit = {"matches": "is this file", "differs": "is NOT this file", "not_given": "not given, not compared"}[
            self.exhibit
        ]
        head = (
            f"Signature    {self.signature}" + (", covers the whole file" if self.covers_whole_file else ""),
            f"Certificate  {worth}" + (f"; {self.signer}" if self.signer else ""),
            f"Twin         {self.twin}",
            f"Exhibit      {exhibit}",
        )
        return (
            head
            + tuple(f"Problem: {one}" for one in self.problems)
            + (() if self.problems else ("All checks passed.",))
        )


def check(pdf: Path, exhibit: Path | None = None, *, trust: Iterable[Path] = ()) -> ReportCheck:
    """Check a report; `trust` are certificates (PEM or DER) of issuers that are to be believed."""
    try:
        data = Path(pdf).read_bytes()
    except OSError as error:
        raise VoxproofError(f"the report cannot be read ({error.strerror or error})", path=pdf) from error
    problems: list[str] = []
    found = _signature(data, [_certificate(path) for path in trust], problems)
    twin, digest, examination = _twin(data, problems)
    expected = examination.exhibit.sha256 if examination else None
    compared: Literal["matches", "differs", "not_given"] = "not_given"
    if exhibit is not None:
        try:
            with Path(exhibit).open("rb") as stream:
                actual = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise VoxproofError(f"the exhibit cannot be read ({error.strerror or error})", path=exhibit) from error
        compared = "matches" if actual == expected else "differs"
        if actual != expected:
            problems.append(
                f"{exhibit} has SHA-256 {actual}; the report is about {expected or 'a file whose hash is not known'}"
            )
    return ReportCheck(
        pdf=str(pdf),
        twin=twin,
        twin_sha256=digest,
        exhibit=compared,
        exhibit_sha256=expected,
        problems=tuple(problems),
        **found,
    )


def _certificate(path: Path) -> Any:
    from asn1crypto import pem, x509

    data = Path(path).read_bytes()
    return x509.Certificate.load(pem.unarmor(data)[2] if pem.detect(data) else data)


def _signature(data: bytes, roots: list[Any], problems: list[str]) -> dict[str, Any]:
    """State of the one signature that a report carries."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    none: dict[str, Any] = {"signature": "none", "covers_whole_file": False, "certificate": "none"}
    try:
        signatures = list(PdfFileReader(io.BytesIO(data)).embedded_regular_signatures)
    except Exception as error:  # a damaged file can fail anywhere in the parser
        problems.append(f"the file cannot be read as a PDF with a signature ({type(error).__name__}: {error})")
        return none | {"signature": "broken" if b"/ByteRange" in data else "none"}
    if not signatures:
        if b"/ByteRange" in data or b"ETSI.CAdES.detached" in data:
            problems.append("the file contains a signature that its tables no longer lead to: it was changed")
            return none | {"signature": "broken"}
        problems.append("the report is not signed: changes cannot be found by a signature")
        return none
    if len(signatures) > 1:
        problems.append(f"{len(signatures)} signatures; a report carries one")
    try:
        return _validate(data, signatures[0], roots, problems)
    except Exception as error:
        problems.append(f"the signature cannot be evaluated ({type(error).__name__}: {error})")
        return none | {"signature": "broken"}


def _validate(data: bytes, embedded: Any, roots: list[Any], problems: list[str]) -> dict[str, Any]:
    import logging

    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    certificate = embedded.signer_cert
    self_made = certificate.issuer.hashable == certificate.subject.hashable
    anchors = [*roots, *([certificate] if self_made else [])]
    context = ValidationContext(trust_roots=anchors, allow_fetching=False, weak_hash_algos=frozenset({"md5", "sha1"}))
    logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)
    status = validate_pdf_signature(embedded, context)
    before = len(problems)
    if not status.intact:
        problems.append("the file was changed after it was signed: its hash is not the signed one")
    elif not status.valid:
        problems.append("the signature does not belong to this certificate")
    whole = _container(data, embedded, problems)
    if not whole:
        problems.append("the signature does not cover the whole file: something was added after signing")
    listed = any(one.sha256 == certificate.sha256 for one in roots)
    trust = "trusted" if listed or (status.trusted and not self_made) else "self-made" if self_made else "unknown"
    return {
        "signature": "intact" if len(problems) == before else "broken",
        "covers_whole_file": whole,
        "certificate": trust,
        "signer": certificate.subject.native.get("common_name") or certificate.subject.human_friendly,
        "certificate_sha256": certificate.sha256.hex(),
    }


def _container(data: bytes, embedded: Any, problems: list[str]) -> bool:
    """Byte range and container of the signature, to the letter; returns whether everything else is covered."""
    from asn1crypto import cms

    start, first, second, length = (int(value) for value in embedded.byte_range)
    gap = data[first:second]
    der = embedded.pkcs7_content
    parsed = cms.ContentInfo.load(der, strict=False)
    exact = parsed.dump()
    expected = b"<" + binascii.hexlify(exact).upper().ljust(max(len(gap) - 2, 0), b"0") + b">"
    signed = parsed["content"]
    held = [one.dump() for one in signed["certificates"]]
    if gap != expected or not is_der(exact) or held != sorted(held):
        problems.append("the container of the signature was changed")
    signer = signed["signer_infos"][0]
    attributes = {one["type"].native for one in signer["unsigned_attrs"]} if signer["unsigned_attrs"].native else set()
    named = {one["algorithm"].native for one in signed["digest_algorithms"]}
    identifier = signer["sid"].chosen
    shape = (
        parsed["content_type"].native == "signed_data"
        and signed["version"].native == "v1"
        and signer["version"].native == "v1"
        and named == {"sha256"} == {signer["digest_algorithm"]["algorithm"].native}
        and signed["encap_content_info"]["content_type"].native == "data"
        and len(signed["signer_infos"]) == 1
        and attributes <= {"signature_time_stamp_token"}
        and identifier.native
        == {"issuer": embedded.signer_cert.issuer.native, "serial_number": embedded.signer_cert.serial_number}
        and _only_null(signer["digest_algorithm"])
        and all(_only_null(one) for one in signed["digest_algorithms"])
    )
    if not shape:
        problems.append("the container of the signature is not one that this program writes")
    return start == 0 and second + length == len(data)


def _only_null(algorithm: Any) -> bool:
    return algorithm["parameters"].dump() in (b"", b"\x05\x00")


def _twin(
    data: bytes, problems: list[str]
) -> tuple[Literal["intact", "differs", "unreadable", "missing"], str | None, Examination | None]:
    """The embedded examination against its schema and the SHA-256 printed in the report."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader: Any = PdfFileReader(io.BytesIO(data))
        names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
        held = {str(names[at]): names[at + 1].get_object() for at in range(0, len(names), 2)}
        if FILE_NAME not in held:
            raise KeyError(FILE_NAME)
        twin = bytes(held[FILE_NAME]["/EF"]["/F"].data)
    except KeyError:
        problems.append(f"the machine twin ({FILE_NAME}) is missing")
        return "missing", None, None
    except Exception as error:
        problems.append(f"the machine twin cannot be read ({type(error).__name__}: {error})")
        return "unreadable", None, None
    digest = sha256(twin)
    state: Literal["intact", "differs"] = "intact"
    printed = _printed(reader)
    if printed.get("TwinSHA256") != digest:
        problems.append(
            f"the machine twin has SHA-256 {digest}; the report prints {printed.get('TwinSHA256') or 'none'}"
        )
        state = "differs"
    try:
        examination = Examination.model_validate_json(twin)
    except ValidationError as error:
        problems.append(f"the machine twin does not follow the schema ({error.error_count()} errors)")
        return "unreadable", digest, None
    said = printed.get("ExhibitSHA256")
    if said != (examination.exhibit.sha256 or "not known"):
        problems.append("the exhibit's hash printed in the report is not the one in the machine twin")
        state = "differs"
    return state, digest, examination


def _printed(reader: Any) -> dict[str, str]:
    """The hashes that the pages print, found by their marks in the page streams."""
    out: dict[str, str] = {}
    try:
        pages: list[Any] = []
        stack = [reader.root["/Pages"]]
        while stack:
            node = stack.pop(0)
            if node["/Type"] == "/Pages":
                stack = [kid.get_object() for kid in node["/Kids"]] + stack
            else:
                pages.append(node)
        for page in pages:
            content = bytes(page["/Contents"].data)
            for name, block in re.findall(rb"/(TwinSHA256|ExhibitSHA256) BMC(.*?)EMC", content, re.S):
                words = b"".join(re.findall(rb"\((.*?)\) Tj", block, re.S))
                out[name.decode()] = words.decode("latin-1").strip()
    except Exception:  # what cannot be found is reported as not printed
        return out
    return out
