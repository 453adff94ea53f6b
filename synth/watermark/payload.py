"""What a mark says: 80 bits that name an issuance and a voice and authenticate themselves.

    issuance id 32 | voiceprint tag 8 | MAC 40

The MAC is the first 40 bits of HMAC-SHA-256 under the issuer's MAC key of the epoch, over id, tag, scheme and epoch.
Scheme and epoch are not sent: who reads tries those of the keys at hand.

**Chance.** A candidate that is not a sealed payload authenticates with probability 2**-40 = 9.1e-13. One detection
tries several (keys x epochs x alignments x paths of the list decoder), and `Attempts` lets it try at most
`MAX_CANDIDATES` = 1,024 different ones, so that anything authenticates by chance with at most 9.3e-10, below 1e-9.
Whoever wants longer lists tries fewer alignments. The bound is for chance: a forger who may ask an authenticating
detector again and again succeeds once in 2**40 asked payloads on average, each of which has to be put in sound first.

Without the MAC key nothing is authenticated: then the best-ranked candidate of the decoder is the answer, to be read as
"says", not as "is"; how often it is the sent one is measured in docs/watermark-code.md.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from synth.errors import VoxproofError
from synth.watermark.keys import WatermarkKey

SCHEME = 1
"""The version of everything that makes a mark; part of what is authenticated."""
ID_BITS, TAG_BITS, MAC_BITS = 32, 8, 40
PAYLOAD_BITS = ID_BITS + TAG_BITS + MAC_BITS
MAX_CANDIDATES = 1024
"""Most candidates that one detection authenticates, over all keys, epochs, alignments and list paths."""
CHANCE = MAX_CANDIDATES * 2.0**-MAC_BITS
"""Most probable that any of them authenticates without having been sealed: 9.3e-10."""

_BODY = (ID_BITS + TAG_BITS) // 8
_WHOLE = PAYLOAD_BITS // 8


@dataclass(frozen=True)
class Payload:
    """What the issuer says with a mark."""

    issuance_id: int
    """Number in the issuance register, 0 to 2**32 - 1."""
    voiceprint_tag: int
    """Keyed hash of the enrolled voiceprint, 0 to 255."""

    def __post_init__(self) -> None:
        if not 0 <= self.issuance_id < 1 << ID_BITS or not 0 <= self.voiceprint_tag < 1 << TAG_BITS:
            raise VoxproofError(f"a payload has an issuance id of {ID_BITS} bits and a tag of {TAG_BITS} bits")

    @property
    def hex(self) -> str:
        """The issuance id, 8 hexadecimal digits."""
        return f"{self.issuance_id:08x}"

    @property
    def body(self) -> bytes:
        """Issuance id and tag, 5 bytes, most significant first."""
        return self.issuance_id.to_bytes(ID_BITS // 8, "big") + bytes([self.voiceprint_tag])


def seal(payload: Payload, key: WatermarkKey) -> NDArray[np.uint8]:
    """The payload and its MAC -> [PAYLOAD_BITS] of 0 and 1; needs a key with the MAC secret."""
    if key.mac_secret is None:
        raise VoxproofError(
            f"key {key.key_id} can read marks but not issue them: the file holds no MAC secret",
            cure="Use the issuer's key file.",
        )
    whole = payload.body + _mac(payload.body, key.mac_secret, key.epoch)
    return np.unpackbits(np.frombuffer(whole, np.uint8))


def unsealed(bits: ArrayLike) -> Payload:
    """What bits [PAYLOAD_BITS] say, whether or not it is true."""
    return _payload(_packed(bits)[0].tobytes())


def authenticate(bits: ArrayLike, key: WatermarkKey) -> Payload | None:
    """The payload if its MAC is right under `key`, else None; compared in constant time."""
    return authenticate_many(np.asarray(bits)[None], key)[0]


def authenticate_many(bits: ArrayLike, key: WatermarkKey) -> list[Payload | None]:
    """`authenticate` for candidates [n, PAYLOAD_BITS]."""
    if key.mac_secret is None:
        raise VoxproofError(f"key {key.key_id} cannot authenticate: the file holds no MAC secret")
    data, secret, epoch = _packed(bits).tobytes(), key.mac_secret, key.epoch
    answers: list[Payload | None] = []
    for start in range(0, len(data), _WHOLE):
        body, mac = data[start : start + _BODY], data[start + _BODY : start + _WHOLE]
        answers.append(_payload(body) if hmac.compare_digest(_mac(body, secret, epoch), mac) else None)
    return answers


class Attempts:
    """The candidates of one detection: counts what was tried, and stops at `MAX_CANDIDATES`.

    The same bits under the same key are one candidate, however often they are met.
    """

    def __init__(self, most: int = MAX_CANDIDATES) -> None:
        self.most = min(most, MAX_CANDIDATES)
        self._tried: set[tuple[WatermarkKey, bytes]] = set()

    @property
    def tried(self) -> int:
        """Different candidates authenticated so far."""
        return len(self._tried)

    @property
    def left(self) -> int:
        return self.most - self.tried

    def authenticate(self, candidates: ArrayLike, key: WatermarkKey) -> Payload | None:
        """The first of candidates [n, PAYLOAD_BITS], best first, that authenticates; those beyond the bound are not
        tried."""
        for row in _packed(candidates):
            candidate = (key, row.tobytes())
            if candidate in self._tried:
                continue
            if not self.left:
                return None
            self._tried.add(candidate)
            payload = authenticate(np.unpackbits(row), key)
            if payload is not None:
                return payload
        return None


def _mac(body: bytes, secret: bytes, epoch: int) -> bytes:
    message = b"voxproof/watermark/payload/" + SCHEME.to_bytes(2, "big") + epoch.to_bytes(2, "big") + body
    return hmac.digest(secret, message, "sha256")[: MAC_BITS // 8]


def _packed(bits: ArrayLike) -> NDArray[np.uint8]:
    """Bits [..., PAYLOAD_BITS] -> [n, 10] bytes."""
    array = np.atleast_2d(np.asarray(bits))
    if array.shape[-1] != PAYLOAD_BITS or not ((array == 0) | (array == 1)).all():
        raise ValueError(f"a payload is {PAYLOAD_BITS} bits of 0 and 1")
    return np.packbits(array.astype(np.uint8), axis=-1)


def _payload(data: bytes) -> Payload:
    return Payload(int.from_bytes(data[: ID_BITS // 8], "big"), data[_BODY - 1])
