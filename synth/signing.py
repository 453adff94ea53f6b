"""Ed25519 keys: made, kept in a file that only its owner can read, used to sign and to verify.

Source: RFC 8032 (Ed25519) through the library `cryptography`; private keys are PKCS #8 PEM, public keys
SubjectPublicKeyInfo PEM, so that `openssl pkeyutl` can verify too. Key material never appears in a text or an error.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from synth.errors import VoxproofError
from synth.private_file import write_new

_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_RAW = serialization.Encoding.Raw, serialization.PublicFormat.Raw


@dataclass(frozen=True)
class PublicKey:
    """The public half, known by its id."""

    raw: bytes
    """The 32 bytes of RFC 8032."""

    @classmethod
    def from_hex(cls, text: str) -> Self:
        """From 64 lower-case hexadecimal digits."""
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            raise VoxproofError("a public key must be 64 lower-case hexadecimal digits")
        return cls(bytes.fromhex(text))

    @classmethod
    def from_pem(cls, data: bytes, path: str | Path | None = None) -> Self:
        """From a SubjectPublicKeyInfo PEM."""
        try:
            key = serialization.load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise VoxproofError("this is no Ed25519 public key in PEM form", path=path)
        return cls(key.public_bytes(*_RAW))

    @property
    def hex(self) -> str:
        """The raw key, 64 hexadecimal digits."""
        return self.raw.hex()

    @property
    def key_id(self) -> str:
        """First 32 hexadecimal digits (128 bits) of the SHA-256 of the raw key."""
        return hashlib.sha256(self.raw).hexdigest()[:32]

    @property
    def pem(self) -> bytes:
        """SubjectPublicKeyInfo PEM."""
        key = Ed25519PublicKey.from_public_bytes(self.raw)
        return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, message: bytes, signature: str) -> bool:
        """Whether `signature` (128 lower-case hexadecimal digits) is this key's signature of `message`."""
        if not _SIGNATURE.fullmatch(signature):
            return False
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(bytes.fromhex(signature), message)
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """The private half; prints as its id only."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = PublicKey(key.public_key().public_bytes(*_RAW))
        """The public half."""

    def __repr__(self) -> str:
        return f"SigningKey(id={self.key_id})"

    @classmethod
    def generate(cls) -> Self:
        """A new key from the system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: str | Path, passphrase: str | None = None) -> Self:
        """Read a key file; refuses one that others can read, and a passphrase that does not open it."""
        path = Path(path)
        try:
            mode = path.stat().st_mode
            data = path.read_bytes()
        except OSError as error:
            raise VoxproofError(f"the signing key cannot be read ({error.strerror})", path=path) from None
        if sys.platform != "win32" and mode & 0o077:
            cause = f"the signing key can be read by others (mode {mode & 0o777:04o})"
            raise VoxproofError(cause, path=path, cure=f"Take their rights away: chmod 600 {path}")
        try:
            key = serialization.load_pem_private_key(data, passphrase.encode() if passphrase else None)
        except TypeError:
            needs = "needs a passphrase" if passphrase is None else "is not encrypted, but a passphrase was given"
            raise VoxproofError(f"the signing key {needs}", path=path) from None
        except (ValueError, UnsupportedAlgorithm):
            cause = "the signing key cannot be opened: wrong passphrase, or not a private key in PEM form"
            raise VoxproofError(cause, path=path) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise VoxproofError("the signing key is not an Ed25519 key", path=path)
        return cls(key)

    def save(self, path: str | Path, passphrase: str | None = None) -> None:
        """Write a new key file, mode 0600, whole or not at all; an existing file is never replaced."""
        path = Path(path)
        lock = (
            serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
        )
        data = self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        try:
            write_new(path, data)
        except FileExistsError:
            raise VoxproofError("there is a file of this name; a key is never replaced", path=path) from None
        except OSError as error:
            raise VoxproofError(f"the signing key cannot be written ({error.strerror})", path=path) from None

    @property
    def key_id(self) -> str:
        """The id of the public half."""
        return self.public.key_id

    def sign(self, message: bytes) -> str:
        """Signature of `message`, 128 hexadecimal digits; the same message always gives the same signature."""
        return self._key.sign(message).hex()
