"""Signing a report: PAdES (B-B, or B-T with a time-stamp service), with the user's certificate or a self-made one.

A self-made certificate shows that a report was not changed after it was signed and that two reports come from the same
key; it does not show who holds the key, and the signature says so. Everything works offline; only a time stamp, which
is never required, asks a service.
"""

from __future__ import annotations

import datetime
import io
import os
from pathlib import Path
from typing import Any, Self

from synth.errors import VoxproofError

FIELD = "VoxproofSignature"
_NAME = "report-signer.pem"
_SELF_MADE = "Voxproof self-made certificate"


def prepare() -> None:
    """Import now what the first signature would otherwise wait for."""
    from pyhanko import sign, stamp  # noqa: F401
    from pyhanko.pdf_utils import incremental_writer  # noqa: F401


class Signer:
    """A private key with its certificate."""

    def __init__(self, key_der: bytes, certificate_der: bytes, chain_der: tuple[bytes, ...], self_made: bool) -> None:
        self._key = key_der
        self.certificate = certificate_der
        """The signer's certificate, DER."""
        self.chain = chain_der
        """Further certificates up to the issuer, DER."""
        self.is_self_made = self_made
        """Whether nobody but this program vouches for the certificate."""

    @classmethod
    def from_pkcs12(cls, path: str | Path, passphrase: str | bytes | None = None) -> Self:
        """The certificate and key of a PKCS#12 file (.p12, .pfx)."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.serialization import pkcs12

        secret = passphrase.encode() if isinstance(passphrase, str) else passphrase
        try:
            key, certificate, others = pkcs12.load_key_and_certificates(Path(path).read_bytes(), secret or None)
        except OSError as error:
            raise VoxproofError(f"the certificate cannot be read ({error.strerror or error})", path=path) from error
        except ValueError as error:
            cure = "Check the passphrase, and that the file is PKCS#12."
            raise VoxproofError("the certificate cannot be opened", path=path, cure=cure) from error
        if key is None or certificate is None:
            cure = "Export certificate and private key together."
            raise VoxproofError("the file holds no private key with its certificate", path=path, cure=cure)
        der, pkcs8, plain = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return cls(
            key.private_bytes(der, pkcs8, plain),
            certificate.public_bytes(der),
            tuple(one.public_bytes(der) for one in others),
            certificate.issuer == certificate.subject,
        )

    @classmethod
    def self_made(cls, directory: str | Path) -> Self:
        """The self-made certificate kept in a directory (mode 0600); it is made on first use."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        path = Path(directory) / _NAME
        try:
            if not path.exists():
                _make(path)
            data = path.read_bytes()
            key = serialization.load_pem_private_key(data, None)
            certificate = x509.load_pem_x509_certificate(data)
        except (OSError, ValueError) as error:
            cure = "Remove the file to have a new certificate made, or give another folder."
            raise VoxproofError(f"the self-made certificate cannot be used ({error})", path=path, cure=cure) from error
        der, pkcs8, plain = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return cls(key.private_bytes(der, pkcs8, plain), certificate.public_bytes(der), (), True)

    @property
    def name(self) -> str:
        """Common name in the certificate."""
        from cryptography import x509

        subject = x509.load_der_x509_certificate(self.certificate).subject
        names = subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
        return str(names[0].value) if names else subject.rfc4514_string()

    def sign(self, pdf: bytes, *, timestamp_url: str | None = None) -> bytes:
        """The PDF with the signature appended as an incremental update; the bytes given stay as they are."""
        from asn1crypto import keys, x509
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import PdfSignatureMetadata, fields, signers, timestamps
        from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
        from pyhanko_certvalidator.registry import SimpleCertificateStore

        store = SimpleCertificateStore()
        store.register_multiple([x509.Certificate.load(one) for one in self.chain])
        simple = signers.SimpleSigner(
            signing_cert=x509.Certificate.load(self.certificate),
            signing_key=keys.PrivateKeyInfo.load(self._key),
            cert_registry=store,
        )
        note = "Signed with a self-made certificate" if self.is_self_made else "Signed with the examiner's certificate"
        meta = PdfSignatureMetadata(
            field_name=FIELD, md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES, reason=note, certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        )  # fmt: skip
        writer: Any = IncrementalPdfFileWriter(io.BytesIO(pdf))
        box, page = signature_box(pdf)
        stamp = timestamps.HTTPTimeStamper(timestamp_url) if timestamp_url else None
        fields.append_signature_field(writer, fields.SigFieldSpec(FIELD, on_page=page, box=box))
        signer = signers.PdfSigner(meta, simple, timestamper=stamp, stamp_style=self._style(box))
        out = io.BytesIO()
        signer.sign_pdf(writer, output=out)
        return out.getvalue()

    def _style(self, box: tuple[float, float, float, float]) -> Any:
        """The visible signature: who signed, and what the certificate is worth."""
        from pyhanko.pdf_utils.layout import AxisAlignment, Margins, SimpleBoxLayoutRule
        from pyhanko.pdf_utils.text import TextBoxStyle
        from pyhanko.stamp import TextStampStyle

        worth = (
            "Self-made certificate: nobody vouches for the holder's name."
            if self.is_self_made
            else "Certificate of the signer."
        )
        name = self.name.encode("latin-1", "replace").decode("latin-1").replace("%", "%%")
        layout = SimpleBoxLayoutRule(
            x_align=AxisAlignment.ALIGN_MIN, y_align=AxisAlignment.ALIGN_MID, margins=Margins(8, 8, 4, 4)
        )
        return TextStampStyle(
            stamp_text=f"Signed electronically (PAdES) by {name}\n%(ts)s\n{worth}",
            text_box_style=TextBoxStyle(font_size=8, leading=11),
            inner_content_layout=layout,
            border_width=0,
            background_opacity=0,
        )


def signature_box(pdf: bytes) -> tuple[tuple[float, float, float, float], int]:
    """Where the visible signature goes (lower left, upper right, points) and on which page, counted from 0."""
    from pyhanko.pdf_utils.generic import NameObject
    from pyhanko.pdf_utils.reader import PdfFileReader

    reader: Any = PdfFileReader(io.BytesIO(pdf))
    info = reader.trailer["/Info"]
    place = info.get(NameObject("/VoxproofSignatureBox"))
    if place is None:
        return (0.0, 0.0, 0.0, 0.0), 0
    values = [float(value) for value in place]
    return (values[1], values[2], values[3], values[4]), int(values[0])


def _make(path: Path) -> None:
    """A new P-256 key and a certificate of its own, in one file that only its owner can read."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _SELF_MADE)])
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + certificate.public_bytes(serialization.Encoding.PEM)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(pem)
        try:
            os.link(scratch, path)  # whoever comes second uses the first one's key
        except FileExistsError:
            return
    finally:
        scratch.unlink(missing_ok=True)
