"""Keys of the watermark: who holds the detection key can read a mark, who holds the MAC key can issue one.

The root is made once. Every epoch's two secrets are derived from it by HMAC-SHA-256 (as HKDF's expand step, RFC 5869),
so rotation is a step of a number, earlier epochs stay readable for whoever has the root, and a key file of one epoch
tells nothing about another. There are three kinds of key file, by what they hold:

- `root`, `detection` and `mac`: the owner's; every epoch can be issued and read;
- `detection` and `mac`: an issuer's, for one epoch;
- `detection` only: a reader's (`voxproof watermark keygen --public`). It shows that a mark is there and what it says,
  without authentication. Who has it cannot make a payload that authenticates, but knows where the carriers lie, and
  so can remove the mark with less damage than somebody without a key.

Secrets never appear in a `repr`, a log or an error. Everything drawn from a key is versioned by its label and does not
depend on the version of NumPy, except `generator`, which says so.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.canonical import canonical, parse
from synth.errors import VoxproofError
from synth.private_file import write_new

SCHEMA = "voxproof.watermark-key/1"
VARIABLE = "VOXPROOF_KEYS"
SECRET_BYTES = 32
MOST_EPOCHS = 1 << 16
"""Epochs are numbers below this."""
EARLIER_EPOCHS = 3
"""How many epochs before its own a key file with the root stands for when marks are read."""

_HEX = re.compile(rf"[0-9a-f]{{{2 * SECRET_BYTES}}}")
_KEY_ID = re.compile(r"[0-9a-f]{16}")
_LABEL = b"voxproof/watermark/1/"


@dataclass(frozen=True)
class DetectionKey:
    """What places the carriers of one epoch; every draw is a function of the secret and its purpose."""

    key_id: str
    """16 hexadecimal digits, the same in all epochs of a root."""
    epoch: int
    secret: bytes = field(repr=False)

    def stream(self, purpose: str | bytes, n: int) -> bytes:
        """`n` bytes: HMAC-SHA-256 of the purpose under the secret, expanded by SHAKE-256 (FIPS 202)."""
        label = purpose.encode() if isinstance(purpose, str) else purpose
        return hashlib.shake_256(hmac.digest(self.secret, _LABEL + b"stream/" + label, "sha256")).digest(n)

    def bits(self, purpose: str | bytes, n: int) -> NDArray[np.uint8]:
        """`n` fair bits, 0 or 1 -> [n]."""
        return np.unpackbits(np.frombuffer(self.stream(purpose, -(-n // 8)), np.uint8), count=n)

    def uniform(self, purpose: str | bytes, n: int) -> NDArray[np.float64]:
        """`n` numbers evenly spread over the open interval (0, 1), 53 bits each -> [n]."""
        words = np.frombuffer(self.stream(purpose, 8 * n), "<u8") >> np.uint64(11)
        return (words.astype(np.float64) + 0.5) * 2.0**-53

    def permutation(self, purpose: str | bytes, n: int) -> NDArray[np.int64]:
        """0 to n - 1 in an order drawn from the key -> [n]."""
        return np.argsort(np.frombuffer(self.stream(purpose, 8 * n), "<u8"), kind="stable")

    def generator(self, purpose: str | bytes) -> np.random.Generator:
        """A NumPy generator seeded by the key; its distributions may change with NumPy (NEP 19), `bits` never does."""
        return np.random.Generator(np.random.Philox(key=np.frombuffer(self.stream(purpose, 16), "<u8")))


@dataclass(frozen=True)
class WatermarkKey:
    """One epoch of a key, as far as its holder has it."""

    detection: DetectionKey
    mac_secret: bytes | None = field(default=None, repr=False)
    """Authenticates payloads; None for readers."""
    root: bytes | None = field(default=None, repr=False)
    """What all epochs are derived from; the owner's."""

    @property
    def key_id(self) -> str:
        return self.detection.key_id

    @property
    def epoch(self) -> int:
        return self.detection.epoch

    @property
    def can_issue(self) -> bool:
        """Whether payloads can be sealed, and so authenticated."""
        return self.mac_secret is not None

    @property
    def public(self) -> WatermarkKey:
        """The same epoch without what is needed to issue."""
        return WatermarkKey(self.detection)

    @property
    def readable(self) -> tuple[WatermarkKey, ...]:
        """The keys to try when a mark is read: this one, and with the root the epochs before it, newest first."""
        if self.root is None:
            return (self,)
        oldest = max(self.epoch - EARLIER_EPOCHS, 0)
        return (self, *(_of_root(self.root, epoch) for epoch in range(self.epoch - 1, oldest - 1, -1)))


def new_key() -> WatermarkKey:
    """A new root, from the system's random source, at epoch 0."""
    return _of_root(secrets.token_bytes(SECRET_BYTES), 0)


def trial_key(name: str) -> WatermarkKey:
    """The key of a name, which everyone can make: for measurements, never for anybody's sound."""
    secret = hashlib.sha256(name.encode()).digest()
    detection = DetectionKey(secret[:8].hex(), 0, hashlib.sha256(secret + b"detection").digest())
    return WatermarkKey(detection, hashlib.sha256(secret + b"mac").digest())


def rotate(key: WatermarkKey) -> WatermarkKey:
    """The next epoch of a key with its root; what was marked before stays readable."""
    if key.root is None:
        raise VoxproofError(
            f"key {key.key_id} cannot be rotated: this file does not hold its root",
            cure="Rotate the owner's file, the one that `voxproof watermark keygen` wrote first.",
        )
    return _of_root(key.root, key.epoch + 1)


def at_epoch(key: WatermarkKey, epoch: int) -> WatermarkKey:
    """Another epoch of a key with its root."""
    if key.root is None:
        raise VoxproofError(f"epoch {epoch} of key {key.key_id} cannot be derived: this file does not hold its root")
    return _of_root(key.root, epoch)


def read_key(path: str | Path) -> WatermarkKey:
    """Read a key file; refuses one with a secret of the issuer's that others can read."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        cure = "`voxproof watermark keygen -o key.json` makes a key."
        raise VoxproofError(f"the watermark key cannot be read ({error.strerror})", path=path, cure=cure) from None
    key = _parsed(data, path)
    if key.can_issue and sys.platform != "win32" and mode & 0o077:
        cause = f"the watermark key can be read by others (mode {mode & 0o777:04o})"
        raise VoxproofError(cause, path=path, cure=f"Take their rights away: chmod 600 {path}")
    return key


def read_keys(paths: Iterable[str | Path] | None = None) -> tuple[WatermarkKey, ...]:
    """The keys in these files, or without any in those that VOXPROOF_KEYS names (separated as in PATH), each once."""
    named = list(paths or ()) or [part for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part]
    return tuple(dict.fromkeys(read_key(path) for path in named))


def all_readable(keys: Iterable[WatermarkKey]) -> tuple[WatermarkKey, ...]:
    """Every key and epoch to try, each once; of two files of one epoch, the one that can authenticate."""
    best: dict[DetectionKey, WatermarkKey] = {}
    for held in (epoch for key in keys for epoch in key.readable):
        if held.detection not in best or held.can_issue:
            best[held.detection] = held
    return tuple(best.values())


def write_key(key: WatermarkKey, path: str | Path, public: bool = False) -> None:
    """Write a new key file, mode 0600, all of the key or (`public`) its detection half; never over another file."""
    held = key.public if public else key
    members: dict[str, Any] = {"schema": SCHEMA, "key_id": held.key_id, "epoch": held.epoch}
    members["detection"] = held.detection.secret.hex()
    if held.mac_secret is not None:
        members["mac"] = held.mac_secret.hex()
    if held.root is not None:
        members["root"] = held.root.hex()
    try:
        write_new(Path(path), canonical(members).encode() + b"\n")
    except FileExistsError:
        raise VoxproofError("there is a file of this name; a key is never replaced", path=path) from None
    except OSError as error:
        raise VoxproofError(f"the watermark key cannot be written ({error.strerror})", path=path) from None


def _derived(root: bytes, what: str) -> bytes:
    return hmac.digest(root, _LABEL + what.encode(), "sha256")


def _of_root(root: bytes, epoch: int) -> WatermarkKey:
    if not 0 <= epoch < MOST_EPOCHS:
        raise VoxproofError(f"an epoch is a number from 0 to {MOST_EPOCHS - 1}, not {epoch}")
    detection = DetectionKey(_derived(root, "key-id")[:8].hex(), epoch, _derived(root, f"detection/{epoch}"))
    return WatermarkKey(detection, _derived(root, f"mac/{epoch}"), root)


def _parsed(data: bytes, path: Path) -> WatermarkKey:
    """The key in the bytes of a file; an error says what is wrong and never what is in the file."""
    try:
        members = parse(data)
    except VoxproofError:
        members = None
    if not isinstance(members, dict) or members.get("schema") != SCHEMA:
        raise VoxproofError(f"this is no watermark key (schema {SCHEMA})", path=path)
    key_id, epoch = members.get("key_id"), members.get("epoch")
    secret, mac, root = (_secret(members, name, path) for name in ("detection", "mac", "root"))
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise VoxproofError("the key_id of this watermark key is not 16 hexadecimal digits", path=path)
    if isinstance(epoch, bool) or not isinstance(epoch, int) or not 0 <= epoch < MOST_EPOCHS:
        raise VoxproofError(f"the epoch of this watermark key is not a number from 0 to {MOST_EPOCHS - 1}", path=path)
    if secret is None:
        raise VoxproofError("this watermark key holds no detection secret", path=path)
    key = WatermarkKey(DetectionKey(key_id, epoch, secret), mac)
    if root is None:
        return key
    if _of_root(root, epoch) != replace(key, root=root):
        raise VoxproofError("the parts of this watermark key do not belong together", path=path)
    return replace(key, root=root)


def _secret(members: dict[str, Any], name: str, path: Path) -> bytes | None:
    text = members.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or not _HEX.fullmatch(text):
        raise VoxproofError(f"`{name}` of this watermark key is not {2 * SECRET_BYTES} hexadecimal digits", path=path)
    return bytes.fromhex(text)


def key_ids(keys: Sequence[WatermarkKey]) -> str:
    """The keys in words, for messages: ids and epochs, no secrets."""
    return ", ".join(f"{key.key_id} (epoch {key.epoch})" for key in keys)
